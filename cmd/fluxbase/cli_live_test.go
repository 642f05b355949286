package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCommandLine walks through every command against a real "fluxbase dev".
func TestCommandLine(t *testing.T) {
	t.Parallel()
	url := startDev(t, devFolder(t), "--listen", "localhost:0").url
	require.NotEmpty(t, url)
	ada := newPerson(t, url)
	t.Run("accounts", func(t *testing.T) { testAccounts(t, url, ada) })
	var org orgJSON
	ada.must(&org, "orgs", "create", "Acme Ltd", "--slug", "acme")
	require.Equal(t, "acme", org.Slug)
	require.Equal(t, "owner", org.Role)
	ada.refused(exitConflict, "SLUG_TAKEN", "orgs", "create", "Acme Two", "--slug", "acme")
	var orgs []orgJSON
	ada.must(&orgs, "orgs", "list")
	require.Len(t, orgs, 1)

	t.Run("projects in their own database", func(t *testing.T) {
		t.Parallel()
		testProject(t, ada, "database")
	})
	t.Run("projects in schemas", func(t *testing.T) {
		t.Parallel()
		testProject(t, ada, "schema")
	})
	t.Run("strangers", func(t *testing.T) {
		t.Parallel()
		testStranger(t, url, ada)
	})
}

func testAccounts(t *testing.T, url string, ada *person) {
	ada.refused(exitSignedOut, "NOT_SIGNED_IN", "whoami")
	ada.refused(exitSignedOut, "TOKEN_INVALID", "whoami", "--token", "fbt_wrong")
	got := ada.run("correct horse battery\n", "signup", "--email", "ada@example.com", "--password-stdin")
	require.Zero(t, got.code, got.err)
	require.Equal(t, "Signed in to "+url+" as ada@example.com.\n", got.out)
	require.NotContains(t, got.out+got.err, "fbt_")
	info, err := os.Stat(filepath.Join(ada.home, "fluxbase", "profiles.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	var me struct {
		Email    string
		Operator bool
	}
	ada.must(&me, "whoami")
	require.Equal(t, "ada@example.com", me.Email)
	require.True(t, me.Operator, "the first account is the operator")

	other := newPerson(t, url)
	other.refused(exitConflict, "USER_ALREADY_EXISTS", "signup", "--email", "ada@example.com", "--password", "something else")
	other.refused(exitSignedOut, "INVALID_CREDENTIALS", "login", "--email", "ada@example.com", "--password", "something else")
	require.Zero(t, other.run("", "login", "--email", "ada@example.com", "--password", "correct horse battery").code)
	var made tokenJSON
	other.must(&made, "tokens", "create", "ci", "--expires", "1h")
	require.True(t, strings.HasPrefix(made.Value, "fbt_"))
	third := newPerson(t, url)
	require.Zero(t, third.run("", "login", "--token", made.Value).code)
	var tokens []tokenJSON
	other.must(&tokens, "tokens", "list")
	require.Len(t, tokens, 3, "two logins and one made by hand")
	other.must(&struct{}{}, "tokens", "revoke", made.ID)
	third.refused(exitSignedOut, "TOKEN_INVALID", "whoami")

	var saved profileFile
	raw, err := os.ReadFile(filepath.Join(other.home, "fluxbase", "profiles.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &saved))
	require.Zero(t, other.run("", "logout").code)
	other.refused(exitSignedOut, "NOT_SIGNED_IN", "whoami")
	other.refused(exitSignedOut, "TOKEN_INVALID", "whoami", "--token", saved.Profiles[url].Token)
	other.refused(exitSignedOut, "NOT_SIGNED_IN", "logout")
}

// testProject takes one project through its life.
func testProject(t *testing.T, who *person, isolation string) {
	ada := who.in(t)
	raw := ada.run("", "projects", "create", "shop "+isolation, "--org", "acme", "--isolation", isolation, "--wait", "--output", "json")
	require.Zero(t, raw.code, raw.err)
	var fields map[string]string
	require.NoError(t, json.Unmarshal([]byte(raw.out), &fields))
	for _, name := range []string{"ref", "url", "path_url", "publishable_key", "secret_key", "anon_key", "service_role_key", "jwt_secret"} {
		require.NotEmpty(t, fields[name], name)
	}
	require.Len(t, fields, 10)
	require.Equal(t, "ACTIVE", fields["status"])
	require.Equal(t, isolation == "database", fields["database_url"] != "")
	require.Equal(t, ada.url+"/p/"+fields["ref"], fields["path_url"])
	ref := fields["ref"]

	t.Run("sql", func(t *testing.T) { testSQL(ada.in(t), ref, fields) })
	t.Run("settings", func(t *testing.T) { testSettings(ada.in(t), ref) })
	t.Run("secret settings", func(t *testing.T) { testSecretSettings(ada.in(t), ref) })
	t.Run("users", func(t *testing.T) { testUsers(ada.in(t), ref, fields) })
	t.Run("keys", func(t *testing.T) { testKeys(ada.in(t), ref) })
	t.Run("bounded keys", func(t *testing.T) { testBoundedKeys(ada.in(t), ref) })
	t.Run("storage keys", func(t *testing.T) { testStorageKeys(ada.in(t), ref) })
	t.Run("signing keys", func(t *testing.T) { testSigningKeys(ada.in(t), ref, fields["publishable_key"]) })

	var p projectJSON
	ada.must(&p, "projects", "pause", ref, "--wait")
	require.Equal(t, "PAUSED", p.Status)
	ada.refused(exitConflict, "PROJECT_NOT_ACTIVE", "sql", "--project", ref, "-c", "select 1")
	ada.must(&p, "projects", "resume", ref, "--wait")
	require.Equal(t, "ACTIVE", p.Status)
	status, body := get(t, fields["path_url"]+"/rest/v1/notes?select=id", "apikey", fields["publishable_key"])
	require.Equal(t, http.StatusOK, status, "it answers when the waiting is over: %s", body)
	ada.refused(exitConflict, "PROJECT_STATE", "projects", "retry", ref)
	p = projectJSON{}
	ada.must(&p, "projects", "delete", ref)
	require.NotNil(t, p.PurgeTime)
	require.Empty(t, p.Steps, "the steps of another job are not this one's")
	ada.must(&p, "projects", "restore", ref, "--wait")
	require.Equal(t, "ACTIVE", p.Status)
	status, body = get(t, fields["path_url"]+"/rest/v1/notes?select=id", "apikey", fields["publishable_key"])
	require.Equal(t, http.StatusOK, status, "it answers when the waiting is over: %s", body)
	ada.must(&p, "projects", "get", ref)
	require.Equal(t, isolation, p.Isolation)
	require.NotEmpty(t, p.Steps)
	var found []projectJSON
	ada.must(&found, "projects", "list", "--org", "acme", "--search", "shop "+isolation)
	require.Len(t, found, 1)
	table := ada.run("", "projects", "list")
	require.Contains(t, table.out, ref)
	require.True(t, strings.HasPrefix(table.out, "REF "), table.out)
}

func testSQL(ada *person, ref string, fields map[string]string) {
	t := ada.t
	file := filepath.Join(t.TempDir(), "schema.sql")
	require.NoError(t, os.WriteFile(file, []byte(`create table notes (id int primary key, text text);
		alter table notes enable row level security;
		create policy "everyone reads" on notes for select using (true);
		grant select on notes to anon;
		insert into notes values (1, 'Hello');`), 0o600))
	got := ada.run("", "sql", "--project", ref, file)
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, "CREATE TABLE")
	got = ada.run("select id, text, null as nothing from notes", "sql", "--project", ref, "-")
	require.Zero(t, got.code, got.err)
	require.Equal(t, "id  text   nothing\n1   Hello\n(1 row)\n", got.out)
	var results []resultJSON
	ada.must(&results, "sql", "--project", ref, "-c", "select count(*) as n from notes")
	require.Len(t, results, 1)
	status, body := get(t, fields["path_url"]+"/rest/v1/notes?select=id,text", "apikey", fields["publishable_key"])
	require.Equal(t, http.StatusOK, status, body)
	require.JSONEq(t, `[{"id":1,"text":"Hello"}]`, body)

	got = ada.run("select 1;\nselect nothing frm nowhere", "sql", "--project", ref, "-")
	require.Equal(t, exitFailure, got.code)
	require.Contains(t, got.err, "(42601)")
	require.Contains(t, got.err, "LINE 2: select nothing frm nowhere\n")
	ada.refused(exitNotFound, "PROJECT_NOT_FOUND", "sql", "--project", "zzzzzzzzzzzzzzzzzzzz", "-c", "select 1")
}

func testSettings(ada *person, ref string) {
	t := ada.t
	var settings []settingJSON
	ada.must(&settings, "projects", "settings", "get", ref)
	require.Greater(t, len(settings), 5)
	ada.must(&settings, "projects", "settings", "set", ref, "rest.max_rows=500", "rest.schemas=public,extensions", "auth.site_url=https://app.example.com", "auth.autoconfirm=false")
	require.Len(t, settings, 4)
	for key, want := range map[string]string{"rest.max_rows": "500", "rest.schemas": `["public","extensions"]`, "auth.site_url": `"https://app.example.com"`, "auth.autoconfirm": "false"} {
		ada.must(&settings, "projects", "settings", "get", ref, key)
		require.Len(t, settings, 1)
		require.JSONEq(t, want, string(settings[0].Value))
	}
	ada.must(&settings, "projects", "settings", "set", ref, "rest.max_rows=", "rest.schemas=")
	ada.must(&settings, "projects", "settings", "get", ref, "rest.max_rows")
	require.JSONEq(t, string(settings[0].Default), string(settings[0].Value))
	ada.refused(exitUsage, "UNKNOWN_SETTING", "projects", "settings", "set", ref, "no.such=1")
	ada.refused(exitUsage, "UNKNOWN_SETTING", "projects", "settings", "get", ref, "no.such")
	ada.refused(exitUsage, "SETTING_INVALID", "projects", "settings", "set", ref, "rest.max_rows=many", "auth.disable_signup=true")
	ada.must(&settings, "projects", "settings", "get", ref, "auth.disable_signup")
	require.JSONEq(t, "false", string(settings[0].Value), "all or none are changed")
}

func testSecretSettings(ada *person, ref string) {
	t := ada.t
	got := ada.run("s3cret\n", "projects", "settings", "set", ref, "auth.captcha.secret=-", "auth.captcha.enabled=true")
	require.Zero(t, got.code, got.err)
	require.NotContains(t, got.out+got.err, "s3cret")
	var settings []settingJSON
	ada.must(&settings, "projects", "settings", "get", ref, "auth.captcha")
	require.Len(t, settings, 3)
	for _, s := range settings {
		require.Equal(t, s.Key != "auth.captcha.provider", s.Set, s.Key)
		require.NotContains(t, string(s.Value), "s3cret")
	}
	ada.refused(exitUsage, "SETTING_INVALID", "projects", "settings", "set", ref, "auth.captcha.secret=")
	ada.must(&settings, "projects", "settings", "set", ref, "auth.captcha.secret=", "auth.captcha.enabled=")
}

func testUsers(ada *person, ref string, fields map[string]string) {
	t := ada.t
	got := ada.run("correct horse battery\n", "projects", "users", "create", ref, "--email", "grace@example.com", "--password-stdin", "--confirm", "--app-metadata", `{"role":"editor"}`)
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, "confirmed")
	ada.refused(exitConflict, "EMAIL_EXISTS", "projects", "users", "create", ref, "--email", "grace@example.com")
	var users []map[string]any
	ada.must(&users, "projects", "users", "list", ref, "--filter", "grace")
	require.Len(t, users, 1)
	require.Equal(t, "editor", users[0]["app_metadata"].(map[string]any)["role"])

	body := strings.NewReader(`{"email":"grace@example.com","password":"correct horse battery"}`)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fields["path_url"]+"/auth/v1/token?grant_type=password", body)
	require.NoError(t, err)
	request.Header.Set("apikey", fields["publishable_key"])
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	var sessions struct{ Sessions []struct{ ID string } }
	ada.must(&sessions, "projects", "users", "sessions", ref, "grace@example.com")
	require.Len(t, sessions.Sessions, 1)
	require.Zero(t, ada.run("", "projects", "users", "sign-out", ref, "grace@example.com", "--session", sessions.Sessions[0].ID).code)
	ada.must(&sessions, "projects", "users", "sessions", ref, "grace@example.com")
	require.Empty(t, sessions.Sessions)

	require.Contains(t, ada.run("", "projects", "users", "ban", ref, "grace@example.com", "--for", "1h").out, "banned until")
	require.Contains(t, ada.run("", "projects", "users", "unban", ref, "grace@example.com").out, "confirmed")
	require.Contains(t, ada.run("", "projects", "users", "update", ref, "grace@example.com", "--email", "hopper@example.com", "--confirm").out, "hopper@example.com")
	require.Contains(t, ada.run("", "projects", "users", "invite", ref, "lin@example.com").out, "invited")
	for _, email := range []string{"hopper@example.com", "lin@example.com"} {
		require.Zero(t, ada.run("", "projects", "users", "delete", ref, email).code)
		ada.refused(exitNotFound, "USER_NOT_FOUND", "projects", "users", "get", ref, email)
	}
}

func testKeys(ada *person, ref string) {
	t := ada.t
	var keys []keyJSON
	ada.must(&keys, "keys", "list", "--project", ref)
	require.Len(t, keys, 2)
	for _, k := range keys {
		if k.Type == "secret" {
			require.False(t, k.Revealable, "creating with --wait revealed it")
			ada.refused(exitConflict, "KEY_ALREADY_REVEALED", "keys", "reveal", k.ID, "--project", ref)
		} else {
			var shown keyJSON
			ada.must(&shown, "keys", "reveal", ref, k.ID)
			require.Equal(t, k.Display, shown.Value)
		}
	}
	for range 50 {
		var fresh keyJSON
		ada.must(&fresh, "keys", "create", "fresh", "--project", ref)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ada.url+"/p/"+ref+"/auth/v1/settings", nil)
		require.NoError(t, err)
		request.Header.Set("apikey", fresh.Value)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode, "a key works at once")
	}
	var made, gone keyJSON
	ada.must(&made, "keys", "create", "backend", "--project", ref, "--type", "secret", "--expires", "1h")
	require.True(t, strings.HasPrefix(made.Value, "fbk_sec_"))
	require.NotNil(t, made.ExpireTime)
	ada.must(&gone, "keys", "revoke", made.ID, "--project", ref)
	require.NotNil(t, gone.RevokeTime)
	ada.refused(exitNotFound, "KEY_NOT_FOUND", "keys", "revoke", "00000000-0000-4000-8000-000000000000", "--project", ref)
}

// testStranger: another account learns nothing of what is not its own.
func testStranger(t *testing.T, url string, ada *person) {
	eve := newPerson(t, url)
	require.Zero(t, eve.run("", "signup", "--email", "eve@example.com", "--password", "correct horse battery").code)
	var p projectJSON
	ada.in(t).must(&p, "projects", "create", "hers", "--org", "acme")
	require.Equal(t, "PROVISIONING", p.Status)
	for _, args := range [][]string{
		{"projects", "get", p.Ref}, {"projects", "pause", p.Ref}, {"projects", "delete", p.Ref}, {"keys", "list", p.Ref},
		{"projects", "settings", "get", p.Ref}, {"sql", "--project", p.Ref, "-c", "select 1"},
	} {
		eve.refused(exitNotFound, "PROJECT_NOT_FOUND", args...)
	}
	eve.refused(exitNotFound, "ORGANIZATION_NOT_FOUND", "projects", "create", "mine", "--org", "acme")
	var list []projectJSON
	eve.must(&list, "projects", "list")
	require.Empty(t, list)
}
