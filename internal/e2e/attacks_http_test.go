package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// schemaAttacks leave the exposed schemas by REST, with the attacker's strongest key.
func schemaAttacks() []attack {
	var all []attack
	for _, schema := range []string{"{B}_public", "{B}", "auth", "{A.auth}", "storage", "pg_catalog", "information_schema", "fluxbase", "extensions",
		"public,auth", `public", "auth`, "pg_temp"} {
		all = append(all, byRequest("read by Accept-Profile "+schema, func(s *scene) request {
			return request{path: "/rest/v1/users?select=*", key: s.attacker.secret, headers: []string{"Accept-Profile: " + schema}}
		}, 406))
	}
	all = append(all, byRequest("write by Content-Profile {B}_public", func(s *scene) request {
		return request{method: "POST", path: "/rest/v1/vault", key: s.attacker.secret, headers: []string{"Content-Profile: {B}_public"}, body: `{"id":3,"secret":"x"}`}
	}, 406))
	for _, table := range []string{"{B}_public.vault", "{B.public}.vault", "%22{B.public}%22.vault", "vault", "pg_authid", "pg_catalog.pg_authid", "auth.users",
		"pg_stat_activity", "..%2F..%2Fvault", "own%00", "own;select%201"} {
		all = append(all, byRequest("read the table "+table, func(s *scene) request {
			return request{path: "/rest/v1/" + table + "?select=*", key: s.attacker.secret}
		}, 400, 404))
	}
	for _, function := range []string{"pg_read_file", "pg_sleep", "set_config", "pg_terminate_backend", "pg_catalog.pg_ls_dir", "dblink", "reveal",
		"{B}_public.reveal", "query_to_xml", "lo_import", "note_schema_change", "pg_notify"} {
		all = append(all, byRequest("call the function "+function, func(s *scene) request {
			return request{method: "POST", path: "/rest/v1/rpc/" + function, key: s.attacker.secret, body: `{}`}
		}, 400, 404))
	}
	for _, c := range []struct{ name, query string }{
		{"select a subquery", "select=note,(select%20secret%20from%20vault)"},
		{"select a cast that is SQL", "select=note::text;drop%20table%20own"},
		{"select rows of a catalog", "select=pg_authid(*)"},
		{"filter by SQL", "note=eq.x')%20or%20true--&id=is.true;select"},
		{"order by SQL", "order=(select%201)"},
	} {
		all = append(all, byRequest(c.name, func(s *scene) request {
			return request{path: "/rest/v1/own?" + c.query, key: s.attacker.secret}
		}, 400, 404))
	}
	return all
}

// hostAttacks name the victim's host in ways that two parts of a server could read differently, with the attacker's key; or
// the attacker's host and the victim elsewhere.
func hostAttacks() []attack {
	toVictim := func(name, host string, statuses ...int) attack {
		return byRequest("host "+name, func(s *scene) request {
			return request{host: host, path: "/rest/v1/vault?select=secret", key: s.attacker.secret}
		}, statuses...)
	}
	// forwarding names the victim beside the attacker's own host: the answer must be the attacker's, which has no such table.
	forwarding := func(header string) attack {
		return byRequest("header "+header, func(s *scene) request {
			return request{path: "/rest/v1/vault?select=secret", key: s.attacker.secret, headers: []string{header}}
		}, 404)
	}
	return []attack{
		toVictim("in capitals", "{B}.LOCALHOST", 401),
		toVictim("with a trailing dot", "{B}.localhost.", 400, 401, 404),
		toVictim("with another port", "{B}.localhost:1", 401),
		toVictim("that ends in another domain", "{B}.localhost.evil.example", 404),
		toVictim("below the victim's", "x.{B}.localhost", 404),
		toVictim("above the attacker's", "{A}.{B}.localhost", 404),
		toVictim("with user information", "{A}@{B}.localhost", 400, 404),
		toVictim("with a space", "{A}.localhost {B}.localhost", 400),
		toVictim("with an encoded dot", "{B}%2elocalhost", 400, 404),
		toVictim("without a ref", ".localhost", 400, 404),
		toVictim("of the domain itself", "localhost", 404),
		toVictim("of a database", "fluxbase_control.localhost", 404),
		forwarding("X-Forwarded-Host: {B}.localhost"),
		forwarding("X-Host: {B}.localhost"),
		forwarding("Forwarded: host={B}.localhost"),
		forwarding("X-Original-URL: /p/{B}/rest/v1/vault"),
		forwarding("X-Rewrite-URL: /p/{B}/rest/v1/vault"),
		forwarding("X-HTTP-Method-Override: DELETE"),
		byRequest("two Host headers", func(s *scene) request {
			return request{path: "/rest/v1/vault", key: s.attacker.secret, headers: []string{"Host: {B}.localhost"}}
		}, 400),
		byRequest("an absolute URL in the request line", func(s *scene) request {
			return request{path: "http://{B}.localhost/rest/v1/vault?select=secret", key: s.attacker.secret}
		}, 400, 401, 404),
		{"forwarded from a trusted proxy's chain", func(t *testing.T, s *scene) string {
			got := s.send(t, request{path: "/rest/v1/own?select=note", key: s.attacker.secret, headers: []string{"X-Forwarded-Host: {B}.localhost", "X-Forwarded-For: 203.0.113.9"}})
			require.Equal(t, http.StatusOK, got.status, got.body)
			require.JSONEq(t, `[{"note":"mine"}]`, got.body)
			return "the attacker's own rows"
		}},
	}
}

// pathAttacks walk from the attacker's path to the victim's, with the attacker's key, on the workers' own address.
func pathAttacks() []attack {
	var all []attack
	for _, path := range []string{
		"/p/{B}/rest/v1/vault",
		"/p/{A}/../{B}/rest/v1/vault",
		"/p/{A}/%2e%2e/{B}/rest/v1/vault",
		"/p/{A}/%252e%252e/{B}/rest/v1/vault",
		"/p/{A}%2f..%2f{B}/rest/v1/vault",
		"/p/{A}/rest/v1/..%2f..%2f..%2f{B}%2frest%2fv1%2fvault",
		"/p/{A}/rest/v1/../../../{B}/rest/v1/vault",
		"/p//{B}/rest/v1/vault",
		"//p/{B}/rest/v1/vault",
		"/p/{A}//p/{B}/rest/v1/vault",
		"/p/{B};{A}/rest/v1/vault",
		"/p/{B}%00{A}/rest/v1/vault",
		"/p/{A}%5c..%5c{B}/rest/v1/vault",
		"/p/{A}/rest/v1/vault?/p/{B}/",
		"/p/.../rest/v1/vault",
		"/p//rest/v1/vault",
		"/p/{B}/meta/v1/query",
		"/p/{B}/auth/v1/admin/users",
		"/p/platform/rest/v1/users",
		"/p/platform/meta/v1/query",
	} {
		all = append(all, byRequest("path "+path, func(s *scene) request {
			return request{host: "127.0.0.1", path: path, key: s.attacker.secret}
		}, 301, 307, 308, 400, 401, 403, 404, 405))
	}
	return append(all,
		attack{"the victim's path at the attacker's host", func(t *testing.T, s *scene) string {
			got := s.send(t, request{path: "/p/{B}/rest/v1/vault", key: s.attacker.secret})
			require.NotContains(t, got.body, s.mark)
			require.Contains(t, []int{401, 404}, got.status, got.body)
			return fmt.Sprint(got.status, " ", got.code())
		}},
		attack{"the attacker's path at the victim's host", func(t *testing.T, s *scene) string {
			got := s.send(t, request{host: s.hostOf(s.victim), path: "/p/{A}/rest/v1/vault", key: s.attacker.secret})
			require.NotContains(t, got.body, s.mark)
			require.Contains(t, []int{401, 404}, got.status, got.body)
			return fmt.Sprint(got.status, " ", got.code())
		}},
	)
}
