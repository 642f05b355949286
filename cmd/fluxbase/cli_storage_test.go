package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

// fakeStorage is a project whose storage gives its answers one after the other.
type fakeStorage struct {
	controlplanev1connect.UnimplementedProjectServiceHandler
	url     string
	status  int
	answers []string
	asked   []string
}

func (f *fakeStorage) GetProject(_ context.Context, r *controlplanev1.GetProjectRequest) (*controlplanev1.GetProjectResponse, error) {
	return &controlplanev1.GetProjectResponse{Project: &controlplanev1.Project{Ref: r.GetRef(), PathUrl: f.url + "/p/" + r.GetRef()}}, nil
}

func (*fakeStorage) CreateDeveloperToken(context.Context, *controlplanev1.CreateDeveloperTokenRequest) (*controlplanev1.CreateDeveloperTokenResponse, error) {
	return &controlplanev1.CreateDeveloperTokenResponse{Token: "developer"}, nil
}

func (f *fakeStorage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.asked = append(f.asked, r.Method+" "+strings.TrimPrefix(r.URL.EscapedPath(), "/p/abc")+" "+r.Header.Get("Authorization")+" "+string(body))
	w.WriteHeader(f.status)
	_, _ = io.WriteString(w, f.answers[0])
	f.answers = f.answers[1:]
}

func newFakeStorage(t *testing.T, status int, answers ...string) (*fakeStorage, func(stdin string, args ...string) terminalRun) {
	t.Helper()
	f := &fakeStorage{status: status, answers: answers}
	mux := http.NewServeMux()
	mux.Handle(controlplanev1connect.NewProjectServiceHandler(f))
	mux.Handle("/p/", f)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f, commandLine(t, map[string]string{"FLUXBASE_ACCESS_TOKEN": "fbt_x", "FLUXBASE_URL": server.URL})
}

func TestStorageReconcile(t *testing.T) {
	t.Parallel()
	const (
		clean    = `{"dry_run":true,"checked":{"keys":3,"bytes":30,"versions":2},"problems":[]}`
		first    = `{"dry_run":true,"checked":{"keys":2,"bytes":10},"problems":[{"kind":"stray_bytes","means":"Bytes.","count":2,"bytes":5,"examples":["a","b"]}],"next":"on"}`
		second   = `{"dry_run":true,"checked":{"keys":1,"bytes":1},"problems":[{"kind":"stray_bytes","means":"Bytes.","count":1,"bytes":1,"examples":["c"]},{"kind":"missing_bytes","means":"Files.","count":1,"examples":["files/x"]}]}`
		repaired = `{"dry_run":false,"checked":{"keys":2},"problems":[{"kind":"stray_bytes","means":"Bytes.","count":2,"repaired":2}]}`
		asked    = `POST /storage/v1/reconcile Bearer developer `
	)
	t.Run("agreement", func(t *testing.T) {
		t.Parallel()
		f, run := newFakeStorage(t, 200, clean)
		got := run("", "projects", "storage", "reconcile", "abc")
		require.Zero(t, got.code, got.err)
		require.Contains(t, got.out, "Rows and bytes agree: 2 versions of files, 30 bytes.")
		require.Equal(t, []string{asked + `{"cursor":"","drop_rows":false,"dry_run":true}`}, f.asked, "nothing is changed unless it is asked for")
		_, run = newFakeStorage(t, 200, `{"dry_run":true,"checked":{"keys":3,"bytes":30,"versions":2,"renditions":1,"rendition_bytes":7},"problems":[]}`)
		require.Contains(t, run("", "projects", "storage", "reconcile", "abc").out, "2 versions of files, 30 bytes; 1 images made of others, 7 bytes.")
	})
	t.Run("problems in several parts", func(t *testing.T) {
		t.Parallel()
		f, run := newFakeStorage(t, 200, first, second)
		got := run("", "projects", "storage", "reconcile", "abc", "-o", "json")
		require.Equal(t, exitFailure, got.code)
		require.Contains(t, got.err, "STORAGE_DISAGREES")
		require.Contains(t, got.err, "3 stray bytes, 1 missing bytes")
		require.Equal(t, asked+`{"cursor":"on","drop_rows":false,"dry_run":true}`, f.asked[1])
		var out reconcileJSON
		require.NoError(t, json.Unmarshal([]byte(got.out), &out))
		require.Equal(t, int64(3), out.Checked["keys"])
		require.Equal(t, problemJSON{Kind: "stray_bytes", Means: "Bytes.", Count: 3, Bytes: 6, Examples: []string{"a", "b", "c"}}, out.Problems[0])
	})
	t.Run("repair", func(t *testing.T) {
		t.Parallel()
		f, run := newFakeStorage(t, 200, repaired)
		got := run("", "projects", "storage", "reconcile", "abc", "--repair", "--drop-rows")
		require.Zero(t, got.code, got.err)
		require.Contains(t, got.out, "stray_bytes")
		require.Equal(t, []string{asked + `{"cursor":"","drop_rows":true,"dry_run":false}`}, f.asked)
	})
}

func TestStorageReconcileRefuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status int
		answer string
		args   []string
		code   int
		says   string
		asks   bool
	}{
		"rows are not dropped dry": {200, `{}`, []string{"abc", "--drop-rows"}, exitUsage, "give --repair with it", false},
		"no project":               {200, `{}`, nil, exitUsage, "REF is missing", false},
		"not allowed":              {400, `{"statusCode":"403","code":"AccessDenied","message":"Only developers."}`, []string{"abc"}, exitDenied, "Only developers.", true},
		"an empty bucket":          {400, `{"statusCode":"400","code":"BucketEmpty","message":"The bucket holds no files at all."}`, []string{"abc"}, exitUsage, "no files at all", true},
		"a store that is away":     {503, `{"statusCode":"503","code":"ObjectStoreUnreachable","message":"Try again."}`, []string{"abc"}, exitUnavailable, "Try again. (OBJECT_STORE_UNREACHABLE)", true},
		"no JSON":                  {502, `<html>`, []string{"abc"}, exitUnavailable, "status 502", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, run := newFakeStorage(t, row.status, row.answer)
			got := run("", append([]string{"projects", "storage", "reconcile"}, row.args...)...)
			require.Equal(t, row.code, got.code, got.err)
			require.Contains(t, got.err, row.says)
			require.Equal(t, row.asks, len(f.asked) > 0)
		})
	}
}
