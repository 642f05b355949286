package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// restAttacks use what REST and /api/v1 make of a project's schema: their names, operators, descriptions and headers.
func restAttacks() []attack {
	var all []attack
	for _, path := range []string{
		"/api/v1/tables/vault", "/api/v1/tables/{B.public}.vault", "/api/v1/tables/%22{B.public}%22.%22vault%22", "/api/v1/tables/{B.public}%2Fvault",
		"/api/v1/rpc/reveal", "/api/v1/rpc/{B.public}.reveal", "/api/v1/tables/own?select=note,vault(*)", "/api/v1/tables/own?select={B.public}.vault(*)",
		"/rest/v1/own?select=reveal", "/rest/v1/own?select=%22{B.public}.reveal%22", "/rest/v1/own?select=note,vault(*)", "/rest/v1/own?select=note,...%22{B.public}.vault%22(*)",
		"/rest/v1/own?select=note::%22{B.public}.vault%22", "/rest/v1/own?note=fts(%22{B.public}%22.english).x", "/rest/v1/own?order=%22{B.public}.vault%22(secret)",
	} {
		all = append(all, byRequest("GET "+path, func(s *scene) request { return request{path: path, key: s.attacker.secret} }, 400, 404))
	}
	for _, body := range []string{
		`[{"op":"select","table":"{B.public}.vault"}]`,
		`[{"op":"insert","table":"{B.public}.vault","data":{"id":3,"secret":"x"}}]`,
		`[{"id":"a","op":"select","table":"own"},{"op":"rpc","fn":"{B.public}.reveal","args":{"x":{"$ref":"a.0.note"}}}]`,
	} {
		all = append(all, byRequest("transaction "+body, func(s *scene) request {
			return request{method: http.MethodPost, path: "/api/v1/transaction", key: s.attacker.secret, body: body}
		}, 400, 404))
	}
	return append(all,
		attack{"read the descriptions of the API", readDescriptions},
		attack{"be told similar names", readHints},
		attack{"in an operator of a plain read: set role to the victim's authenticator", func(t *testing.T, s *scene) string {
			got := s.readByOperator(t, `execute 'set role "{B}_authenticator"';`)
			require.Contains(t, []string{denied, noSuchValue}, got.code(), got.body)
			return fmt.Sprint(got.status, " ", got.code())
		}},
		attack{"in an operator of a plain read: leave the victim's schema in the session", func(t *testing.T, s *scene) string {
			got := s.readByOperator(t, `perform set_config('search_path', '{B.public}', false), set_config('app.left', 'left', false);`)
			require.Equal(t, http.StatusOK, got.status, got.body)
			for range 20 { // whichever connection it is
				after := s.send(t, request{method: http.MethodPost, path: "/rest/v1/rpc/left_behind", key: s.attacker.publishable, body: "{}"})
				require.Equal(t, http.StatusOK, after.status, after.body)
				require.Equal(t, `""`, after.body)
			}
			return "nothing is left"
		}},
		attack{"set cookies for the victim's host, and be a page", setHeaders},
	)
}

// readDescriptions looks for the victim in what the APIs say of themselves, to the attacker's strongest key.
func readDescriptions(t *testing.T, s *scene) string {
	for _, path := range []string{"/rest/v1/", "/api/v1/openapi.json"} {
		got := s.send(t, request{path: path, key: s.attacker.secret})
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Contains(t, got.body, "own")
		for _, word := range []string{s.victim.ref, "vault", "reveal", s.mark} {
			require.NotContains(t, got.body, word)
		}
	}
	return "tells nothing"
}

// readHints asks for what is named almost like the victim's.
func readHints(t *testing.T, s *scene) string {
	for _, path := range []string{"/rest/v1/vaul", "/rest/v1/rpc/revea", "/rest/v1/own?select=vaul(*)", "/api/v1/tables/vaul", "/api/v1/rpc/revea"} {
		got := s.send(t, request{path: path, key: s.attacker.secret})
		require.Contains(t, []int{400, 404}, got.status, got.body)
		for _, word := range []string{s.victim.ref, "vault", "reveal"} {
			require.NotContains(t, got.body, word)
		}
	}
	return "tells nothing"
}

// readByOperator reads a table of built-in types by a filter that Postgres has no operator for, but the attacker.
func (s *scene) readByOperator(t *testing.T, body string) answer {
	t.Helper()
	s.asOwner(t, s.attacker, func(conn *pgx.Conn) {
		_, err := conn.PgConn().Exec(t.Context(), s.fill(`drop table if exists bare; drop domain if exists doc cascade; create table bare (j json); insert into bare values ('{}');
			grant select on bare to "{A.anon}"; create domain doc as json;
			create function taken(doc, doc) returns boolean language plpgsql as $$ begin `+body+` return true; end $$;
			create operator = (leftarg = doc, rightarg = doc, function = taken); grant execute on function taken(doc, doc) to "{A.anon}";
			create or replace function left_behind() returns text language sql as $$ select coalesce(current_setting('app.left', true), '') $$;
			grant execute on function left_behind() to "{A.anon}"; notify pgrst, 'reload schema'`)).ReadAll()
		require.NoError(t, err)
	})
	s.callWhenKnown(t, "left_behind")
	return s.send(t, request{path: "/rest/v1/bare?j=eq.{}", key: s.attacker.publishable})
}

// setHeaders has the attacker's database choose what browsers would keep for all hosts of the domain, and take for a page.
func setHeaders(t *testing.T, s *scene) string {
	s.asOwner(t, s.attacker, func(conn *pgx.Conn) {
		_, err := conn.PgConn().Exec(t.Context(), s.fill(`create or replace function heads() returns text language sql as $$ select set_config('response.headers',
			'[{"Set-Cookie": "planted=1; Domain=localhost"}, {"Clear-Site-Data": "*"}, {"Content-Type": "application/json, text/html"},
			{"Content-Security-Policy": "script-src *"}, {"Transfer-Encoding": "chunked"}, {"X-A": "a\r\nX-B: b"}]', true) $$;
			grant execute on function heads() to "{A.anon}"; notify pgrst, 'reload schema'`)).ReadAll()
		require.NoError(t, err)
	})
	got := s.callWhenKnown(t, "heads")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Empty(t, got.header["Set-Cookie"])
	require.Empty(t, got.header["Clear-Site-Data"])
	require.Empty(t, got.header["X-B"])
	require.Contains(t, got.header.Get("Content-Security-Policy"), "sandbox")
	return "kept from browsers"
}
