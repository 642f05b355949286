package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

const (
	adaID = "0198c1f0-0000-7000-8000-00000000000a"
	eveID = "0198c1f0-0000-7000-8000-00000000000e"
)

// fakeAuth is a project whose auth service writes down what it is asked.
type fakeAuth struct {
	controlplanev1connect.UnimplementedProjectServiceHandler
	url   string
	users []string
	asked []string
}

func (f *fakeAuth) GetProject(_ context.Context, r *controlplanev1.GetProjectRequest) (*controlplanev1.GetProjectResponse, error) {
	return &controlplanev1.GetProjectResponse{Project: &controlplanev1.Project{Ref: r.GetRef(), PathUrl: f.url + "/p/" + r.GetRef()}}, nil
}

func (f *fakeAuth) CreateDeveloperToken(context.Context, *controlplanev1.CreateDeveloperTokenRequest) (*controlplanev1.CreateDeveloperTokenResponse, error) {
	return &controlplanev1.CreateDeveloperTokenResponse{Token: "developer"}, nil
}

func (f *fakeAuth) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.asked = append(f.asked, strings.TrimSpace(r.Method+" "+strings.TrimPrefix(r.URL.Path, "/p/abc/auth/v1")+" "+string(body)))
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Header.Get("Authorization") != "Bearer developer":
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"code":"no_authorization","message":"This endpoint requires a valid Bearer token"}`)
	case strings.HasSuffix(r.URL.Path, "/sessions") && r.Method == http.MethodGet:
		_, _ = io.WriteString(w, `{"sessions":[{"id":"s1","aal":"aal1","ip":"192.0.2.1","user_agent":"curl"}]}`)
	case strings.Contains(r.URL.Path, eveID):
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"code":"user_not_found","message":"User not found"}`)
	case strings.HasSuffix(r.URL.Path, "/admin/users") && r.Method == http.MethodGet:
		query := r.URL.Query()
		page, _ := strconv.Atoi(query.Get("page"))
		size, _ := strconv.Atoi(query.Get("per_page"))
		var found []string
		for _, user := range f.users {
			if strings.Contains(user, query.Get("filter")) {
				found = append(found, user)
			}
		}
		from := min((page-1)*size, len(found))
		_, _ = io.WriteString(w, `{"users":[`+strings.Join(found[from:min(from+size, len(found))], ",")+`],"aud":"authenticated"}`)
	case r.Method == http.MethodDelete:
		_, _ = io.WriteString(w, `{}`)
	default:
		_, _ = io.WriteString(w, f.users[0])
	}
}

func newFakeAuth(t *testing.T, users ...string) (*fakeAuth, func(stdin string, args ...string) terminalRun) {
	t.Helper()
	f := &fakeAuth{users: append([]string{fmt.Sprintf(`{"id":%q,"email":"ada@example.com","confirmed_at":"2026-01-02T03:04:05Z","app_metadata":{"providers":["email"]},"x":"kept"}`, adaID)}, users...)}
	mux := http.NewServeMux()
	mux.Handle(controlplanev1connect.NewProjectServiceHandler(f))
	mux.Handle("/p/", f)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f, commandLine(t, map[string]string{"FLUXBASE_ACCESS_TOKEN": "fbt_x", "FLUXBASE_URL": server.URL})
}

func TestUsers(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, in string
		args     []string
		// asked are the requests after the one that finds the user by address.
		asked []string
	}{
		{"get by id", "", []string{"get", "abc", adaID}, []string{"GET /admin/users/" + adaID}},
		{"get by address", "", []string{"get", "abc", "ada@example.com"}, []string{"GET /admin/users", "GET /admin/users/" + adaID}},
		{"create", "hunter2\n", []string{"create", "abc", "--email", "a@b.c", "--password-stdin", "--confirm", "--user-metadata", `{"a":1}`}, []string{`POST /admin/users {"email":"a@b.c","email_confirm":true,"password":"hunter2","user_metadata":{"a":1}}`}},
		{"update", "", []string{"update", "abc", adaID, "--phone", "15551234567"}, []string{"PUT /admin/users/" + adaID + ` {"phone":"15551234567"}`}},
		{"confirm", "", []string{"update", "abc", adaID, "--confirm"}, []string{"PUT /admin/users/" + adaID + ` {"email_confirm":true}`}},
		{"delete", "", []string{"delete", "abc", adaID}, []string{"DELETE /admin/users/" + adaID + ` {"should_soft_delete":false}`}},
		{"delete softly", "", []string{"delete", "abc", adaID, "--soft"}, []string{"DELETE /admin/users/" + adaID + ` {"should_soft_delete":true}`}},
		{"ban", "", []string{"ban", "abc", adaID, "--for", "24h"}, []string{"PUT /admin/users/" + adaID + ` {"ban_duration":"24h0m0s"}`}},
		{"unban", "", []string{"unban", "abc", adaID}, []string{"PUT /admin/users/" + adaID + ` {"ban_duration":"none"}`}},
		{"invite", "", []string{"invite", "abc", "a@b.c"}, []string{`POST /invite {"email":"a@b.c"}`}},
		{"sessions", "", []string{"sessions", "abc", adaID}, []string{"GET /admin/users/" + adaID + "/sessions"}},
		{"sign out", "", []string{"sign-out", "abc", adaID}, []string{"DELETE /admin/users/" + adaID + "/sessions"}},
		{"sign out of one", "", []string{"sign-out", "abc", adaID, "--session", "s1"}, []string{"DELETE /admin/users/" + adaID + "/sessions/s1"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f, run := newFakeAuth(t)
			got := run(row.in, append([]string{"projects", "users"}, row.args...)...)
			require.Zero(t, got.code, got.err)
			require.Equal(t, row.asked, f.asked)
			require.NotEmpty(t, got.out)
			require.NotContains(t, got.out+got.err, "hunter2")
		})
	}
}

func TestUsersAreListedPageByPage(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 449 {
		many = append(many, fmt.Sprintf(`{"id":"%d","email":"user%d@example.org"}`, i, i))
	}
	f, run := newFakeAuth(t, many...)
	got := run("", "projects", "users", "list", "abc", "-o", "json")
	require.Zero(t, got.code, got.err)
	var users []map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.out), &users))
	require.Len(t, users, 450)
	require.Equal(t, "kept", users[0]["x"], "what the command line does not know is passed on")
	require.Len(t, f.asked, 3)
	got = run("", "projects", "users", "list", "abc", "--limit", "5", "--filter", "example.org")
	require.Equal(t, 6, strings.Count(got.out, "\n"), got.out)
	require.Contains(t, got.out, "unconfirmed")
}

func TestUsersRefuse(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name string
		args []string
		code int
		says string
	}{
		{"a user that is not there", []string{"get", "abc", eveID}, exitNotFound, "USER_NOT_FOUND"},
		{"an address that nobody has", []string{"get", "abc", "eve@example.com"}, exitNotFound, "No user of the project"},
		{"an address that two have", []string{"delete", "abc", "twin@example.com"}, exitConflict, "Name the user by id"},
		{"what is no user", []string{"delete", "abc", "ada"}, exitUsage, "neither the id"},
		{"nobody to create", []string{"create", "abc"}, exitUsage, "--email or --phone"},
		{"nothing to change", []string{"update", "abc", adaID}, exitUsage, "nothing to change"},
		{"metadata that is no object", []string{"update", "abc", adaID, "--app-metadata", "[]"}, exitUsage, "no JSON object"},
		{"no password", []string{"update", "abc", adaID, "--password-stdin"}, exitUsage, "no password"},
		{"a ban of no length", []string{"ban", "abc", adaID, "--for", "0s"}, exitUsage, "a second at least"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f, run := newFakeAuth(t, `{"id":"1","email":"twin@example.com"}`, `{"id":"2","email":"twin@example.com"}`)
			got := run("", append([]string{"projects", "users"}, row.args...)...)
			require.Equal(t, row.code, got.code, got.err)
			require.Contains(t, got.err, row.says)
			for _, asked := range f.asked {
				require.True(t, strings.HasPrefix(asked, "GET "), asked)
			}
		})
	}
}
