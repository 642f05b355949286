package standalone_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/standalone"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// site is a database that is nobody's project, with a login that may become two roles.
type site struct {
	t           *testing.T
	admin, name string
}

// newSite makes a database. Other tests close those of their cluster to the public: hence the grant. In sql, $db, $anon, $user and $login stand for its names.
func newSite(t *testing.T, sql string) *site {
	t.Helper()
	s := &site{t: t, admin: testkit.AdminURL(t), name: "rest" + strings.ToLower(id.NewRef())}
	s.on("", `create role $login login noinherit password 'pass'; create role $anon; create role $user; grant $anon, $user to $login; create database $db; grant connect on database $db to $login`)
	t.Cleanup(func() {
		s.on("", `drop database $db with (force); drop role $login, $anon, $user`)
	})
	s.do(`create schema api; grant usage on schema api to $anon, $user; create table api.notes (id int primary key, body text);
		insert into api.notes values (1, 'one'); grant select on api.notes to $anon, $user; ` + sql)
	return s
}

func (s *site) names(sql string) string {
	return strings.NewReplacer("$login", s.name+"_login", "$anon", s.name+"_anon", "$user", s.name+"_user", "$db", s.name).Replace(sql)
}

// on runs statements in a database as a superuser; "" is the server's own.
func (s *site) on(database, sql string) {
	s.t.Helper()
	cfg, err := pgx.ParseConfig(s.admin)
	require.NoError(s.t, err)
	if database != "" {
		cfg.Database = database
	}
	ctx := context.Background()
	conn, err := pgx.ConnectConfig(ctx, cfg)
	require.NoError(s.t, err)
	defer func() { _ = conn.Close(ctx) }()
	for _, one := range strings.Split(s.names(sql), ";") {
		if strings.TrimSpace(one) == "" {
			continue
		}
		_, err := conn.Exec(ctx, one)
		require.NoError(s.t, err, one)
	}
}

func (s *site) do(sql string) { s.t.Helper(); s.on(s.name, sql) }

func (s *site) uri() string {
	u, err := url.Parse(s.admin)
	require.NoError(s.t, err)
	u.User, u.Path = url.UserPassword(s.name+"_login", "pass"), "/"+s.name
	return u.String()
}

const secret = "reallyreallyreallyreallyverysafe"

func (s *site) source(settings ...string) standalone.Source {
	out := []string{"PGRST_DB_URI=" + s.uri(), "PGRST_DB_SCHEMAS=api", "PGRST_DB_ANON_ROLE=" + s.name + "_anon", "PGRST_JWT_SECRET=" + secret, "PGRST_DB_POOL=2"}
	for _, setting := range settings {
		out = append(out, s.names(setting))
	}
	return standalone.Source{Environ: out}
}

// running is a server, and a client of it.
type running struct {
	*standalone.Server
	t    *testing.T
	url  string
	stop func()
}

func (s *site) start(settings ...string) *running {
	s.t.Helper()
	src := s.source(settings...)
	c, err := standalone.Load(src)
	require.NoError(s.t, err)
	server, err := standalone.New(c, src, standalone.Deps{Log: testkit.Logger(s.t), Version: "test"})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	front := httptest.NewServer(server)
	out := &running{Server: server, t: s.t, url: front.URL, stop: func() {
		front.Close()
		cancel()
		require.NoError(s.t, <-done)
	}}
	s.t.Cleanup(out.stop)
	select {
	case <-server.Started():
	case <-time.After(40 * time.Second):
		s.t.Fatal("the server does not start")
	}
	return out
}

func (r *running) get(path string, headers ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, r.url+path, nil)
	require.NoError(r.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(r.t, err)
	return res, string(body)
}

// becomes waits until a path answers with a status.
func (r *running) becomes(path string, status int) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { res, _ := r.get(path); return res.StatusCode == status }, 40*time.Second, 10*time.Millisecond, "%s %d", path, status)
}

func TestReloadByNotification(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	r := s.start()
	res, body := r.get("/notes")
	require.Equal(t, 200, res.StatusCode, body)
	require.JSONEq(t, `[{"id":1,"body":"one"}]`, body)
	require.Equal(t, "fluxbase/test", res.Header.Get("Server"))
	s.do("create table api.more (id int); grant select on api.more to $anon")
	res, body = r.get("/more")
	require.Equal(t, 404, res.StatusCode, "the schema cache is loaded when it is asked for: %s", body)
	s.do("notify pgrst, 'reload schema'")
	r.becomes("/more", 200)
	s.do("alter role $login in database $db set pgrst.db_schemas = 'other'; create schema other; grant usage on schema other to $anon; create view other.seen as select 1 as id; grant select on other.seen to $anon")
	res, _ = r.get("/seen")
	require.Equal(t, 404, res.StatusCode)
	s.do("notify pgrst, 'reload config'")
	r.becomes("/seen", 200)
	r.becomes("/notes", 404)
	s.do("alter role $login in database $db set pgrst.db_max_rows = 'many'; notify pgrst, 'reload config'; drop view other.seen; notify pgrst")
	r.becomes("/seen", 404) // by what came after the reload, which kept the configuration as it was
	require.NoError(t, r.Ready())
}

func TestLostConnections(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	r := s.start()
	s.do("create table api.more (id int); grant select on api.more to $anon")
	s.on("", "select pg_terminate_backend(pid) from pg_stat_activity where usename = '$login'")
	r.becomes("/more", 200) // what changed while nobody listened is seen
	require.NoError(t, r.Ready())
	s.on("", "alter database $db allow_connections false; select pg_terminate_backend(pid) from pg_stat_activity where usename = '$login'")
	require.Eventually(t, func() bool { return r.Ready() != nil }, 40*time.Second, 10*time.Millisecond)
	res, body := r.get("/notes")
	require.Equal(t, 503, res.StatusCode, body)
	require.Contains(t, body, "PGRST00")
	s.on("", "alter database $db allow_connections true")
	require.Eventually(t, func() bool { return r.Ready() == nil }, 40*time.Second, 10*time.Millisecond)
	r.becomes("/notes", 200)
}

func TestRoleSettings(t *testing.T) {
	t.Parallel()
	s := newSite(t, `alter role $user set statement_timeout = '900ms'; alter role $user in database $db set default_transaction_isolation = 'serializable'; alter role $anon set work_mem = '7MB';
		alter role $anon set search_path = 'nowhere'; alter role $login set statement_timeout = '50s';
		create function api.setting(name text) returns text language sql as 'select current_setting(name, true)';
		create function api.sleep(s float8) returns void language sql as 'select pg_sleep(s)'; alter function api.sleep owner to $user`)
	r := s.start("PGRST_APP_SETTINGS_COLOR=blue")
	user := "Bearer " + token(t, fmt.Sprintf(`{"role":%q}`, s.names("$user")))
	for setting, want := range map[string]string{"work_mem": `"7MB"`, "statement_timeout": `"50s"`, "app.settings.color": `"blue"`, "transaction_isolation": `"read committed"`,
		"search_path": `"api, public"`, "role": fmt.Sprintf("%q", s.names("$anon")), "request.jwt.claims": `"{\"role\":\"` + s.names("$anon") + `\"}"`} {
		_, body := r.get("/rpc/setting?name=" + setting)
		require.Equal(t, want, strings.ReplaceAll(body, `\"api\", \"public\"`, "api, public"), setting)
	}
	for setting, want := range map[string]string{"statement_timeout": `"900ms"`, "transaction_isolation": `"serializable"`, "role": fmt.Sprintf("%q", s.names("$user"))} {
		_, body := r.get("/rpc/setting?name="+setting, "Authorization", user)
		require.Equal(t, want, body, setting)
	}
	res, body := r.get("/rpc/sleep?s=5", "Authorization", user)
	require.Equal(t, 500, res.StatusCode, body)
	require.Contains(t, body, "57014")
}

func TestDatabaseConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t, `create schema hidden; grant usage on schema hidden to $login; create view hidden.secret as select 7 as id; grant select on hidden.secret to $anon; grant usage on schema hidden to $anon;
		create function hidden.settings() returns void language sql as 'select set_config(''pgrst.db_schemas'', ''hidden, api'', true), set_config(''pgrst.db_max_rows'', ''1'', true)';
		insert into api.notes values (2, 'two'); alter role $login set pgrst.db_max_rows = '5'; alter role $login set pgrst.nonsense = '1'`)
	r := s.start("PGRST_DB_PRE_CONFIG=hidden.settings")
	_, body := r.get("/secret")
	require.JSONEq(t, `[{"id":7}]`, body)
	_, body = r.get("/notes?order=id", "Accept-Profile", "api")
	require.JSONEq(t, `[{"id":1,"body":"one"}]`, body)
	c, err := standalone.LoadAll(t.Context(), s.source("PGRST_DB_PRE_CONFIG=hidden.settings"))
	require.NoError(t, err)
	require.Contains(t, c.Dump(), `db-schemas = "hidden, api"`)
	require.Contains(t, strings.Join(c.Warnings, "\n"), "pgrst.nonsense")
	off := s.start("PGRST_DB_PRE_CONFIG=hidden.settings", "PGRST_DB_CONFIG=false")
	res, _ := off.get("/secret")
	require.Equal(t, 404, res.StatusCode)
}

func TestPooled(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	r := s.start("PGRST_DB_PREPARED_STATEMENTS=false", "PGRST_DB_PRE_REQUEST=api.check", "PGRST_DB_CHANNEL_ENABLED=false", "PGRST_DB_POOL=1")
	res, body := r.get("/notes")
	require.Equal(t, 404, res.StatusCode, body) // there is no such function
	s.do("create function api.check() returns void language sql as ''")
	for range 3 {
		res, body = r.get("/notes")
		require.Equal(t, 200, res.StatusCode, body)
	}
	cfg, err := pgx.ParseConfig(s.admin)
	require.NoError(t, err)
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	var open int
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from pg_stat_activity where usename = $1", s.names("$login")).Scan(&open))
	require.Equal(t, 1, open, "a pool of one, and nobody listens")
}

// TestExhaustedPool checks that a request that waits too long for a connection is told so in PostgREST's words.
func TestExhaustedPool(t *testing.T) {
	t.Parallel()
	s := newSite(t, "create function api.wait() returns void language sql as 'select pg_advisory_xact_lock(1)'")
	cfg, err := pgx.ParseConfig(s.admin)
	require.NoError(t, err)
	cfg.Database = s.name
	holder, err := pgx.ConnectConfig(t.Context(), cfg)
	require.NoError(t, err)
	_, err = holder.Exec(t.Context(), "select pg_advisory_lock(1)")
	require.NoError(t, err)
	r := s.start("PGRST_DB_POOL=1", "PGRST_DB_POOL_ACQUISITION_TIMEOUT=1", "PGRST_CLIENT_ERROR_VERBOSITY=minimal")
	t.Cleanup(func() { _ = holder.Close(context.Background()) })
	slow := make(chan int, 1)
	go func() {
		res, _ := r.get("/rpc/wait")
		slow <- res.StatusCode
	}()
	require.Eventually(t, func() bool {
		res, body := r.get("/notes")
		return res.StatusCode == http.StatusGatewayTimeout && body == `{"code":"PGRST003","message":"Timed out acquiring connection from connection pool."}`
	}, 30*time.Second, time.Millisecond)
	require.NoError(t, holder.Close(t.Context()))
	require.Equal(t, 204, <-slow)
}

// TestClientsThatDoNotRead checks that they cannot keep the connections to the database.
func TestClientsThatDoNotRead(t *testing.T) {
	t.Parallel()
	s := newSite(t, "create function api.many() returns table (filling text) language sql as 'select repeat(md5(i::text), 100) from generate_series(1, 20000) i'")
	r := s.start("PGRST_DB_POOL=1")
	r.SetPatience(100 * time.Millisecond)
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET /rpc/many HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadFull(conn, make([]byte, 1000))
	require.NoError(t, err, "it has begun")
	res, body := r.get("/notes")
	require.Equal(t, 200, res.StatusCode, body)
	r.SetPatience(time.Minute)
	res, body = r.get("/rpc/many")
	require.Equal(t, 200, res.StatusCode)
	require.Len(t, body, 20000*(len(`{"filling":""},`)+3201)-1+2-1, "who reads gets all")
}

func TestRefusedByTheDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	src := s.source("PGRST_DB_URI=" + strings.Replace(s.uri(), ":pass@", ":hunter2@", 1))
	c, err := standalone.Load(src)
	require.NoError(t, err)
	err = standalone.Serve(t.Context(), c, standalone.Source{Environ: append(src.Environ, "PGRST_SERVER_PORT=0")}, testkit.Logger(t), "test")
	require.Error(t, err)
	require.Regexp(t, "^the database refuses: .*SQLSTATE 28", err.Error())
	require.NotContains(t, err.Error(), "hunter2")
}

func TestServe(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	dir, err := os.MkdirTemp("", "rest") //nolint:usetesting // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket, admin := filepath.Join(dir, "s"), filepath.Join(dir, "a")
	src := s.source("PGRST_SERVER_UNIX_SOCKET="+socket, "PGRST_SERVER_UNIX_SOCKET_MODE=600", "PGRST_ADMIN_SERVER_UNIX_SOCKET="+admin, "PGRST_SERVER_TRACE_HEADER=X-Trace", "PGRST_LOG_LEVEL=info")
	c, err := standalone.Load(src)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- standalone.Serve(ctx, c, src, testkit.Logger(t), "test") }()
	get := func(socket, path string) (int, http.Header, string) {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}}}
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://rest"+path, nil)
		require.NoError(t, err)
		req.Header.Set("X-Trace", "me")
		res, err := client.Do(req)
		if err != nil {
			return 0, nil, ""
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, res.Header, string(body)
	}
	require.Eventually(t, func() bool { status, _, _ := get(admin, "/ready"); return status == 200 }, 40*time.Second, 10*time.Millisecond)
	status, header, body := get(socket, "/notes")
	require.Equal(t, 200, status, body)
	require.Equal(t, "me", header.Get("X-Trace"))
	status, _, _ = get(admin, "/live")
	require.Equal(t, 200, status)
	_, _, body = get(admin, "/config")
	require.Contains(t, body, `db-schemas = "api"`)
	require.NotContains(t, body, "pass")
	_, _, body = get(admin, "/metrics")
	require.Contains(t, body, "go_goroutines")
	info, err := os.Stat(socket)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.ErrorContains(t, standalone.Serve(ctx, c, src, testkit.Logger(t), "test"), "another program listens on "+socket)
	cancel()
	require.NoError(t, <-done)
}
