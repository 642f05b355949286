package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/pg"
)

// ownerSQL puts names into SQL of the attacker's: {storage} is its own schema, {theirs} the victim's.
func (s *fileScene) ownerSQL(text string) string {
	theirs := s.victim.ref + "_storage"
	roles := []string{}
	for _, role := range []string{"anon", "authenticated", "service_role"} {
		roles = append(roles, "{"+role+"}", pg.Ident(s.role(s.attacker, role)))
	}
	return strings.NewReplacer(append(roles, "{theirs}", theirs, "{A}", s.attacker.ref, "{B}", s.victim.ref)...).Replace(s.attacker.physical(text))
}

// byOwner is SQL that the attacker's owner is refused with one of the codes.
func byOwner(name, sql string, codes ...string) fileAttack {
	return fileAttack{"as the owner: " + name, func(t *testing.T, s *fileScene) (outcome string) {
		s.asOwner(t, s.attacker, func(conn *pgx.Conn) {
			_, err := conn.Exec(t.Context(), s.ownerSQL(sql))
			require.Error(t, err)
			require.Contains(t, codes, code(err), err.Error())
			outcome = code(err)
		})
		return outcome
	}}
}

// run runs SQL of the attacker's owner, and returns what undoes it.
func (s *fileScene) run(t *testing.T, sql, undo string) func() {
	t.Helper()
	do := func(sql string) {
		s.asOwner(t, s.attacker, func(conn *pgx.Conn) {
			_, err := conn.Exec(t.Context(), s.ownerSQL(sql))
			require.NoError(t, err)
		})
	}
	do(sql)
	return func() { do(undo) }
}

// anyAnswer sends a request whose answer may break off, and returns its status, 0 for none.
func (s *fileScene) anyAnswer(t *testing.T, method, path string) (status int, header http.Header, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, s.attacker.url+path, nil)
	require.NoError(t, err)
	r.Header.Set("apikey", s.attacker.secret)
	got, err := s.signer.Do(r)
	if err != nil {
		return 0, nil, ""
	}
	defer func() { _ = got.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(got.Body, 1<<20)) // it may break off
	if got.StatusCode == http.StatusTooManyRequests {
		wait(t, got.Header)
		return s.anyAnswer(t, method, path)
	}
	return got.StatusCode, got.Header, string(text)
}

// ownerFileAttacks are by who writes the SQL of the attacker's project: its tables, policies, triggers and functions.
func ownerFileAttacks() []fileAttack {
	var all []fileAttack
	for _, table := range []string{"blobs", "usage_shards", "removals", "leases", "resumable_uploads", "renditions", "outbox", "s3_access_keys"} {
		all = append(all, byOwner("empty "+table, "delete from {storage}."+table, "42501"))
	}
	for _, c := range [][2]string{
		{"read the secrets of access keys", "select secret_sealed from {storage}.s3_access_keys"},
		{"count less than there is", "update {storage}.usage_shards set bytes = 0"},
		{"have a job done", "insert into {storage}.outbox (id, kind, payload) values (gen_random_uuid(), 'remove', '{}')"},
		{"have other bytes removed", "insert into {storage}.removals (version) values ('x/y')"},
		{"make a blob smaller", "update {storage}.blobs set size = 0"},
		{"count what is not there", "insert into {storage}.usage_shards (shard, bytes) values (32, 7)"},
		{"replace a function of the service", "create or replace function {storage}.keep_blob(blob_version text, blob_size bigint) returns void language sql as 'select'"},
		{"change a table of the service", "alter table {storage}.blobs add column x int"},
		{"put a trigger on a table of the service", "create trigger x after insert on {storage}.blobs for each row execute function {storage}.objects_gone()"},
		{"give limits of one's own", "create or replace function {storage}.bucket_rules(bucket text) returns table (public boolean, file_size_limit bigint, allowed_mime_types text[], type text) language sql as 'select true, 9000000000000000000, null::text[], null'"},
		{"tell other versions to be in use", "create or replace function {storage}.versions_in_use(asked text[]) returns setof text language sql as 'select null::text where false'"},
		{"make a table in the service's schema", "create table {storage}.x (a int)"},
		{"become storage", `set role "{A}_storage"`},
		{"be given storage's role", `grant "{A}_storage" to current_user`},
		{"change where storage looks for names", `alter role "{A}_storage" set search_path = public`},
		{"have storage's tables granted from now on", `alter default privileges for role "{A}_storage" grant all on tables to public`},
		{"count an upload before it is whole", "select {storage}.keep_blob('x/y', 0)"},
		{"count an upload by a view", "create view counted as select * from {storage}.keep_blob('x/y', 0); table counted"},
		{"keep uploads from being counted", "select from {storage}.usage_shards for update"},
		{"leave the service work of its own kinds", "select {storage}.tell(gen_random_uuid(), 'lease_ended', '{}')"},
		{"make storage's functions run as the caller", "alter function {storage}.used() security invoker"},
		{"disable what guards a table of the service", "alter table {storage}.usage_shards disable trigger all"},
	} {
		all = append(all, byOwner(c[0], c[1], "42501"))
	}
	for _, c := range [][2]string{
		{"read the victim's objects", "select * from {theirs}.objects"}, {"read the victim's blobs", "select * from {theirs}.blobs"},
		{"change the victim's objects", "update {theirs}.objects set version = 'x/y'"}, {"open the victim's buckets", "update {theirs}.buckets set public = true"},
		{"call the victim's functions", "select {theirs}.share_blob('x')"},
	} {
		all = append(all, byOwner(c[0], c[1], "42501", "3F000", "42P01", "42883"))
	}
	for _, version := range []string{"{THEIRS}", "../{BUCKET}/objects/{THEIRS}", "../../{BUCKET}/objects/{THEIRS}", "..%2f..%2f{BUCKET}", "/etc/passwd", "", "x", "a/../b", "http://169.254.169.254/a", "\u202e/x", strings.Repeat("a/", 2000), "a/b\n/c"} {
		name := version
		if len(name) > 40 {
			name = name[:40] + "…"
		}
		all = append(all, fileAttack{fmt.Sprintf("as the owner: a row whose version is %q", name), func(t *testing.T, s *fileScene) string { return s.foreignVersion(t, version) }})
	}
	return all
}

// foreignVersion has a row of the attacker's name a version, and reads, copies and removes it by the project's own keys.
func (s *fileScene) foreignVersion(t *testing.T, version string) string {
	t.Helper()
	version = strings.NewReplacer("{THEIRS}", s.theirVersion(t), "{BUCKET}", s.in.store.prefix+s.victim.ref).Replace(version)
	s.asOwner(t, s.attacker, func(conn *pgx.Conn) {
		_, err := conn.Exec(t.Context(), s.ownerSQL(`insert into {storage}.objects (bucket_id, name, version, metadata) values ('vault', 'foreign.png', $1, '{"size": 10, "mimetype": "image/png", "contentLength": 10}')
			on conflict (bucket_id, name) do update set version = excluded.version`), version)
		require.NoError(t, err)
	})
	r := request{key: s.attacker.secret}
	var last string
	for _, path := range []string{"/storage/v1/object/vault/foreign.png", "/storage/v1/render/image/authenticated/vault/foreign.png?width=5", "/api/v1/storage/buckets/vault/objects/foreign.png"} {
		r.path = path
		last = s.refused(t, r, 400, 404)
	}
	s.refused(t, request{method: "POST", path: "/storage/v1/object/copy", key: s.attacker.secret, body: `{"bucketId":"vault","sourceKey":"foreign.png","destinationKey":"copied.png"}`}, 400, 404, 409)
	s.done(t, request{method: "DELETE", path: "/storage/v1/object/vault", key: s.attacker.secret, body: `{"prefixes":["foreign.png"]}`})
	return last
}

// theirVersion is the version of Vic's file.
func (s *fileScene) theirVersion(t *testing.T) (version string) {
	t.Helper()
	s.asOwner(t, s.victim, func(conn *pgx.Conn) {
		require.NoError(t, conn.QueryRow(t.Context(), s.victim.physical("select version from {storage}.objects where name like '%secret.txt'")).Scan(&version))
	})
	return version
}

// brokenPolicyAttacks have a policy of the attacker's misbehave. The worker and the victim must not feel it.
func brokenPolicyAttacks() []fileAttack {
	own := func(s *fileScene, t *testing.T, method, name, body string) answer {
		return s.request(t, request{method: method, path: "/storage/v1/object/vault/" + name, key: s.attacker.publishable, bearer: s.attackerUser, kind: "text/plain", body: body, headers: []string{"x-upsert: true"}})
	}
	policy := func(name, function string, then func(t *testing.T, s *fileScene) string) fileAttack {
		return fileAttack{"a policy that " + name, func(t *testing.T, s *fileScene) string {
			defer s.run(t, `create function public_misbehave() returns bool language plpgsql volatile as $f$ begin `+function+` end $f$;
				grant execute on function public_misbehave() to {anon}, {authenticated}, {service_role};
				create policy misbehave on {storage}.objects to {anon}, {authenticated} using (public_misbehave()) with check (public_misbehave())`,
				`drop policy misbehave on {storage}.objects; drop function public_misbehave()`)()
			return then(t, s)
		}}
	}
	return []fileAttack{
		policy("never ends", "loop perform 1; end loop; return true;", func(t *testing.T, s *fileScene) string {
			began := time.Now()
			got := s.request(t, request{path: "/storage/v1/object/vault/own.txt", key: s.attacker.publishable})
			require.GreaterOrEqual(t, got.status, 400, got.body)
			require.Less(t, time.Since(began), 20*time.Second)
			s.done(t, s.asVic(request{path: "/storage/v1/object/vault/{V}/secret.txt"}))
			return fmt.Sprint(got.status, " ", got.code())
		}),
		policy("raises an error", "raise exception 'mischief %', current_setting('role');", func(t *testing.T, s *fileScene) string {
			before := s.keysOf(t, s.attacker)
			got := own(s, t, "POST", "raised.txt", "x")
			require.Equal(t, 400, got.status, got.body)
			require.NotContains(t, got.body, s.attacker.ref+"_storage")
			require.Equal(t, before, s.keysOf(t, s.attacker), "bytes of a refused upload stay")
			return fmt.Sprint(got.status, " ", got.code())
		}),
		policy("becomes the service role, for good", "perform set_config('role', '{service_role}', false); return true;", func(t *testing.T, s *fileScene) string {
			for range 3 {
				_ = own(s, t, "GET", "own.txt", "")
			}
			defer s.run(t, "drop policy misbehave on {storage}.objects", "create policy misbehave on {storage}.objects using (true)")()
			for range 10 { // by whichever connection
				require.Equal(t, 400, own(s, t, "GET", "own.txt", "").status, "the role outlives the request")
			}
			return "for the one request only"
		}),
		policy("changes settings for good", "perform set_config('search_path', 'pg_temp', false), set_config('statement_timeout', '0', false), set_config('request.jwt.claims', '{\"role\":\"service_role\"}', false); return true;", func(t *testing.T, s *fileScene) string {
			for range 3 {
				_ = own(s, t, "GET", "own.txt", "")
			}
			defer s.run(t, "drop policy misbehave on {storage}.objects", "create policy misbehave on {storage}.objects using (true)")()
			for range 10 {
				require.Equal(t, 400, own(s, t, "GET", "own.txt", "").status)
				s.done(t, request{path: "/storage/v1/object/vault/own.txt", key: s.attacker.secret})
			}
			return "for the one request only"
		}),
	}
}

// brokenProjectAttacks have the rest of the attacker's project misbehave.
func brokenProjectAttacks() []fileAttack {
	return []fileAttack{
		{"a trigger that changes the version that is written", func(t *testing.T, s *fileScene) string {
			defer s.run(t, `create function twist() returns trigger language plpgsql as $f$ begin new.version := '../../x'; return new; end $f$;
				grant execute on function twist() to {service_role}; create trigger twist before insert or update on {storage}.objects for each row execute function twist()`,
				`drop trigger twist on {storage}.objects; drop function twist()`)()
			got := s.request(t, request{method: "POST", path: "/storage/v1/object/vault/twisted.txt", key: s.attacker.secret, kind: "text/plain", body: "x", headers: []string{"x-upsert: true"}})
			require.Less(t, got.status, 500, got.body)
			return s.refused(t, request{path: "/storage/v1/object/vault/twisted.txt", key: s.attacker.secret}, 400)
		}},
		{"no triggers, no row security", func(t *testing.T, s *fileScene) string {
			defer s.run(t, `alter table {storage}.objects disable trigger user; alter table {storage}.objects disable row level security`,
				`alter table {storage}.objects enable trigger user; alter table {storage}.objects enable row level security`)()
			s.done(t, request{method: "POST", path: "/storage/v1/object/vault/untracked.txt", key: s.attacker.secret, kind: "text/plain", body: "x", headers: []string{"x-upsert: true"}})
			s.done(t, request{method: "DELETE", path: "/storage/v1/object/vault/untracked.txt", key: s.attacker.secret})
			return "the attacker's own loss"
		}},
		{"a table whose column has another name", func(t *testing.T, s *fileScene) string {
			defer s.run(t, `alter table {storage}.objects rename column version to v`, `alter table {storage}.objects rename column v to version`)()
			return s.brokenButOurs(t)
		}},
		{"sizes that the owner wrote", func(t *testing.T, s *fileScene) string {
			s.done(t, request{method: "POST", path: "/storage/v1/object/vault/sizes.txt", key: s.attacker.secret, kind: "text/plain", body: "0123456789", headers: []string{"x-upsert: true"}})
			used := s.usedBy(t, s.attacker)
			for _, metadata := range []string{`{"size":0}`, `{"size":-5,"contentLength":-5}`, `{"size":1000000000000000000}`, `{"size":"many"}`, `[]`, `{}`, `null`, `{"size":5,"mimetype":"text/html\r\nX-Injected: 1","cacheControl":"a\r\nSet-Cookie: x=1","eTag":"\"a\r\nX-Injected: 2\"","contentDisposition":"inline\r\nX-Injected: 3"}`} {
				s.asOwner(t, s.attacker, func(conn *pgx.Conn) {
					_, err := conn.Exec(t.Context(), s.ownerSQL("update {storage}.objects set metadata = $1::jsonb where name = 'sizes.txt'"), metadata)
					require.NoError(t, err)
				})
				for _, path := range []string{"/storage/v1/object/vault/sizes.txt", "/storage/v1/object/info/vault/sizes.txt", "/api/v1/storage/buckets/vault/objects/sizes.txt", "/storage/v1/render/image/authenticated/vault/sizes.txt?width=1"} {
					status, header, body := s.anyAnswer(t, http.MethodGet, path)
					require.NotEqual(t, 500, status, "%s with %s: %s", path, metadata, body)
					require.LessOrEqual(t, len(body), 1000, "%s with %s", path, metadata)
					require.Empty(t, header.Get("X-Injected"), "%s with %s", path, metadata)
					require.Empty(t, header.Get("Set-Cookie"))
				}
				require.Equal(t, used, s.usedBy(t, s.attacker), "what is stored counts, whatever %s says", metadata)
			}
			s.done(t, request{method: "DELETE", path: "/storage/v1/object/vault/sizes.txt", key: s.attacker.secret})
			return "what is counted stays"
		}},
		fileRequest("secrets of access keys by a developer's SQL", func(s *fileScene) request {
			return request{method: "POST", path: "/meta/v1/query", bearer: s.developer, body: `{"query":"select secret_sealed from ` + s.attacker.physical("{storage}") + `.s3_access_keys"}`}
		}, 400, 403),
		{"functions and tables that the owner dropped", func(t *testing.T, s *fileScene) string { // the last: it cannot be undone
			s.run(t, `drop function {storage}.bucket_rules(text), {storage}.versions_in_use(text[]); drop table {storage}.s3_multipart_uploads_parts, {storage}.s3_multipart_uploads; drop trigger objects_gone on {storage}.objects`, "")
			return s.brokenButOurs(t)
		}},
	}
}

// brokenButOurs asks a project whose tables are broken for everything: it is told that they are, and it is no error of ours.
func (s *fileScene) brokenButOurs(t *testing.T) string {
	t.Helper()
	told := map[string]bool{}
	for _, r := range []request{
		{path: "/storage/v1/object/vault/own.txt"}, {method: "POST", path: "/storage/v1/object/list/vault", body: `{"prefix":""}`}, {method: "POST", path: "/storage/v1/object/list-v2/vault", body: `{}`},
		{method: "POST", path: "/storage/v1/object/vault/broken.txt", kind: "text/plain", body: "x"}, {method: "DELETE", path: "/storage/v1/object/vault", body: `{"prefixes":["own.txt"]}`}, {path: "/storage/v1/bucket"},
		{method: "POST", path: "/storage/v1/object/copy", body: `{"bucketId":"vault","sourceKey":"own.txt","destinationKey":"b.txt"}`}, {path: "/storage/v1/object/public/open/own.txt"}, {path: "/api/v1/storage/buckets/vault/objects"},
		tus(request{}, "POST", "/storage/v1/upload/resumable", "", "Upload-Length: 1", "Upload-Metadata: bucketName "+b64("vault")+",objectName "+b64("broken.txt")),
	} {
		r.key = s.attacker.secret
		got := s.request(t, r)
		require.Less(t, got.status, 500, "%s %s\n%s", r.method, r.path, got.body)
		require.NotContains(t, got.body, s.attacker.ref+"_storage")
		told[got.code()] = true
	}
	status, _, body := s.sendSigned(t, signedRequest{method: "GET", target: "vault", base: s.attacker.url, key: s.key, secret: s.secret})
	require.Less(t, status, 500, body)
	s.done(t, s.asVic(request{path: "/storage/v1/object/vault/{V}/secret.txt"}))
	return strings.Join(slices.Sorted(maps.Keys(told)), " ")
}

// usedBy is what a project's files take.
func (s *fileScene) usedBy(t *testing.T, p *project) (out string) {
	t.Helper()
	s.asOwner(t, p, func(conn *pgx.Conn) {
		require.NoError(t, conn.QueryRow(t.Context(), p.physical("select u::text from {storage}.used() u")).Scan(&out))
	})
	return out
}

// keysOf is how many keys a project's bucket holds.
func (s *fileScene) keysOf(t *testing.T, p *project) int {
	t.Helper()
	stored, err := s.in.store.stored(t.Context(), p)
	require.NoError(t, err)
	return len(stored)
}
