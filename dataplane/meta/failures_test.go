package meta_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/failure"
	"github.com/wayli-app/fluxbase/dataplane/meta"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func TestFailuresOfTheProjectAreListed(t *testing.T) {
	t.Parallel()
	client, prefix := testkit.Redis(t)
	journal := failure.New(failure.Deps{Redis: client, Prefix: prefix, Log: testkit.Logger(t)})
	service := meta.New(meta.Deps{Log: testkit.Logger(t), Failures: journal})
	const mine, other = "aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"
	now := time.Now()
	for i, f := range []failure.Failure{{Service: "rest", Status: 404, Path: "/a"}, {Service: "auth", Status: 500, Path: "/b"}, {Service: "none", Status: 404, Path: "/c"}} {
		f.Time = now.Add(time.Duration(i) * time.Second)
		journal.Note(mine, f)
		f.Path = "/theirs"
		journal.Note(other, f)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- journal.Run(ctx) }()
	stop() // it writes what is left
	require.NoError(t, <-done)

	get := func(developer, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		session := &projectdb.Session{Project: &directory.Project{Ref: mine}, Caller: projectdb.Caller{Developer: developer}}
		service.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil).WithContext(projectdb.NewContext(t.Context(), session)))
		return w
	}
	paths := func(path string) []string {
		w := get("ada", path)
		require.Equal(t, 200, w.Code, w.Body)
		var list []failure.Failure
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
		out := []string{}
		for _, f := range list {
			out = append(out, f.Path)
		}
		return out
	}
	require.Equal(t, []string{"/c", "/b", "/a"}, paths("/errors"))
	require.Equal(t, []string{"/c", "/a"}, paths("/errors?status=4xx"))
	require.Equal(t, []string{"/b"}, paths("/errors?status=500&service=auth"))
	require.Equal(t, []string{"/b"}, paths("/errors?search=B"))
	require.Empty(t, paths("/errors?status=418"))
	first := get("ada", "/errors?limit=1")
	before := first.Header().Get("X-Next-Before")
	require.Equal(t, []string{"/b", "/a"}, paths("/errors?before="+before))
	require.Empty(t, get("ada", "/errors").Header().Get("X-Next-Before"))

	require.Equal(t, 401, get("", "/errors").Code, "for developers only")
	for query, reason := range map[string]string{
		"limit=0": "PAGE_INVALID", "limit=501": "PAGE_INVALID", "status=200": "STATUS_INVALID", "status=all": "STATUS_INVALID",
		"service=mining": "SERVICE_INVALID", "before=x": "BEFORE_INVALID",
	} {
		w := get("ada", "/errors?"+query)
		require.Equal(t, 400, w.Code, query)
		require.Contains(t, w.Body.String(), reason, query)
	}
	away := redis.NewClient(client.Options())
	require.NoError(t, away.Close())
	service = meta.New(meta.Deps{Log: testkit.Logger(t), Failures: failure.New(failure.Deps{Redis: away, Log: testkit.Logger(t)})})
	gone := get("ada", "/errors")
	require.Equal(t, 503, gone.Code)
	require.NotContains(t, gone.Body.String(), "redis")
}
