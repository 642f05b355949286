package projectdb

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

var ctx = context.Background()

func requireFault(t *testing.T, err error, kind fault.Kind, reason string) {
	t.Helper()
	require.Error(t, err)
	f := fault.From(err)
	require.Equal(t, kind, f.Kind, "%v", err)
	require.Equal(t, reason, f.Reason, "%v", err)
}

func TestQueryRunsAsTheCaller(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		d, p := newDoor(t, Deps{}), newProject(t, shared)
		s := d.Bind(p, Caller{Role: "authenticated", Claims: []byte(`{"sub":"5a3f6a3e-1e0a-4a4e-8a55-0d6b0b6c5b11","role":"authenticated"}`)})
		o := Options{ReadOnly: true, SearchPath: []string{"public", "extensions"}, Method: "GET", Path: "/notes", Headers: []byte(`{"x":"y"}`), StatementTimeout: 1500 * time.Millisecond}
		got, err := one(ctx, s, o, `select concat_ws(' ', current_user, auth.uid(), current_setting('request.method'), current_setting('request.path'),
			current_setting('request.headers'), current_setting('search_path'), current_setting('statement_timeout'), current_setting('transaction_read_only'))`)
		require.NoError(t, err)
		require.Equal(t, p.Role("authenticated")+` 5a3f6a3e-1e0a-4a4e-8a55-0d6b0b6c5b11 GET /notes {"x":"y"} "`+p.Schema("public")+`", "`+
			p.Schema("extensions")+`" 1500ms on`, got)

		got, err = one(ctx, anon(d, p), Options{}, `select current_setting('request.jwt.claims') || current_user || current_setting('statement_timeout') || coalesce($1, '') || $2::int`, nil, "7")
		require.NoError(t, err)
		require.Equal(t, `{"role":"anon"}`+p.Role("anon")+"3s7", got)

		_, err = one(ctx, d.Bind(p, Caller{Role: p.Owner.User}), Options{}, "select 1")
		requireFault(t, err, fault.Denied, "UNKNOWN_ROLE")
	})
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		d, p := newDoor(t, Deps{}), newProject(t, shared)
		ownerSQL(t, d, p, `create table notes (id int primary key deferrable initially deferred, body text); grant all on notes to {anon}`)
		s := anon(d, p)
		count := func() string {
			got, err := one(ctx, s, Options{ReadOnly: true}, "select count(*) from notes")
			require.NoError(t, err)
			return got
		}
		_, err := one(ctx, s, Options{}, "insert into notes values (1, 'a')")
		require.NoError(t, err)
		_, err = one(ctx, s, Options{ReadOnly: true}, "insert into notes values (2, 'a')")
		require.Equal(t, "25006", pg.Code(err))
		_, err = one(ctx, s, Options{}, "insert into notes values (1, 'b')")
		require.Equal(t, "23505", pg.Code(err), "an error at commit is told")
		require.Equal(t, "1", count())

		refuse := fault.New(fault.Invalid, "NO", "no")
		err = s.Query(ctx, Options{SearchPath: []string{"public"}}, Statement{SQL: "insert into notes values (3, 'held')", Hold: true}, func(pgx.Rows) error { return refuse })
		require.ErrorIs(t, err, refuse)
		require.Equal(t, "1", count(), "a held statement is rolled back")
		err = s.Query(ctx, Options{SearchPath: []string{"public"}}, Statement{SQL: "insert into notes values (3, 'held')", Hold: true}, func(pgx.Rows) error { return nil })
		require.NoError(t, err)
		require.Equal(t, "2", count())

		err = s.InTx(ctx, Options{SearchPath: []string{"public"}}, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "insert into notes values ($1, $2)", 4, "tx")
			require.NoError(t, err)
			require.Error(t, tx.Commit(ctx))
			var user string
			require.NoError(t, tx.QueryRow(ctx, "select current_user").Scan(&user))
			require.Equal(t, p.Role("anon"), user)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, "3", count())
		require.ErrorIs(t, s.InTx(ctx, Options{SearchPath: []string{"public"}}, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "insert into notes values ($1, $2)", 5, "tx")
			require.NoError(t, err)
			return refuse
		}), refuse)
		require.Equal(t, "3", count())
		require.Panics(t, func() { _ = s.InTx(ctx, Options{}, func(pgx.Tx) error { panic("x") }) })

		err = s.InService(ctx, "auth", func(tx pgx.Tx) error {
			var user, path string
			require.NoError(t, tx.QueryRow(ctx, "select current_user, current_setting('search_path')").Scan(&user, &path))
			require.Equal(t, p.Admin.User, user)
			require.Equal(t, `"`+p.Schema("auth")+`", "`+p.Schema("extensions")+`", pg_temp`, path)
			return tx.QueryRow(ctx, "select count(*)::text from users where email = $1", "a@b.c").Scan(&user)
		})
		require.NoError(t, err)
		requireFault(t, s.InService(ctx, "public", func(pgx.Tx) error { return nil }), fault.Internal, "UNKNOWN_SERVICE")
		requireFault(t, s.AsOwner(ctx, func(*pgx.Conn) error { return nil }), fault.Denied, "DEVELOPERS_ONLY")
	})
}

func TestStatementTimeoutIsTheLeast(t *testing.T) {
	t.Parallel()
	p := &directory.Project{}
	require.Equal(t, 3*time.Second, statementTimeout(p, "anon", 0))
	p.Limits.StatementTimeout = time.Second
	require.Equal(t, time.Second, statementTimeout(p, "anon", 0))
	p.Settings = map[string]any{"rest.statement_timeout_ms": int64(200)}
	require.Equal(t, 200*time.Millisecond, statementTimeout(p, "anon", 0))
	require.Equal(t, 100*time.Millisecond, statementTimeout(p, "anon", 100*time.Millisecond))
	p.Settings = map[string]any{"rest.statement_timeout_ms": int64(60000)}
	require.Equal(t, time.Second, statementTimeout(p, "anon", time.Hour), "the plan's limit cannot be exceeded")
}

func TestSlowStatements(t *testing.T) {
	t.Parallel()
	d, p := newDoor(t, Deps{}), newProject(t, false)
	s := anon(d, p)
	_, err := one(ctx, s, Options{StatementTimeout: 50 * time.Millisecond}, "select pg_sleep(30)")
	require.Equal(t, "57014", pg.Code(err))

	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err = one(short, s, Options{}, "select pg_sleep(30)")
	requireFault(t, err, fault.DeadlineExceeded, "REQUEST_TIMEOUT")
	canceled, cancel2 := context.WithCancel(ctx)
	time.AfterFunc(50*time.Millisecond, cancel2)
	_, err = one(canceled, s, Options{}, "select pg_sleep(30)")
	requireFault(t, err, fault.Canceled, "CANCELED")
	require.Eventually(t, func() bool {
		n, err := one(ctx, s, Options{}, "select count(*) from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid() and state = 'active'")
		require.NoError(t, err)
		return n == "0"
	}, 20*time.Second, 20*time.Millisecond, "the server must have stopped")

	// SQL can catch the cancel request: then its backend is ended.
	ownerSQL(t, d, p, `create function stubborn() returns void language plpgsql as $$ begin
		loop begin perform pg_sleep(1); exception when query_canceled then null; end; end loop; end $$`)
	short, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err = one(short, s, Options{}, "select stubborn()")
	requireFault(t, err, fault.DeadlineExceeded, "REQUEST_TIMEOUT")
	require.Eventually(t, func() bool {
		n, err := one(ctx, s, Options{}, "select count(*) from pg_stat_activity where query like '%stubborn()%' and pid <> pg_backend_pid()")
		require.NoError(t, err)
		return n == "0"
	}, 20*time.Second, 50*time.Millisecond)

	// So it is when SQL has the session look like another's, and not look after its client.
	short, cancel = context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err = one(short, s, Options{}, `with disguised as materialized (select set_config('application_name', 'mine', false), set_config('client_connection_check_interval', '0', false))
		select stubborn() from disguised where num_nulls(disguised.*) = 0`)
	requireFault(t, err, fault.DeadlineExceeded, "REQUEST_TIMEOUT")
	require.Eventually(t, func() bool {
		n, err := one(ctx, s, Options{}, "select count(*) from pg_stat_activity where query like '%disguised%' and pid <> pg_backend_pid()")
		require.NoError(t, err)
		return n == "0"
	}, 30*time.Second, 50*time.Millisecond)
}

func TestBudget(t *testing.T) {
	t.Parallel()
	d := newDoor(t, Deps{MaxConnections: 8, AcquireTimeout: time.Minute})
	a, b, c := newProject(t, true), newProject(t, true), newProject(t, true)
	require.Equal(t, 2, d.perPool)
	hold := func(p *directory.Project) (release func()) {
		entered, leave := make(chan struct{}), make(chan struct{})
		var done sync.WaitGroup
		done.Go(func() {
			require.NoError(t, anon(d, p).InTx(ctx, Options{}, func(pgx.Tx) error { close(entered); <-leave; return nil }))
		})
		<-entered
		return sync.OnceFunc(func() { close(leave); done.Wait() })
	}
	r1, r2 := hold(a), hold(a)
	defer r1()
	defer r2()
	d.acquireTimeout = 300 * time.Millisecond
	_, err := one(ctx, anon(d, a), Options{}, "select 1")
	requireFault(t, err, fault.Unavailable, "CONNECTIONS_EXHAUSTED")
	d.acquireTimeout = time.Minute
	got, err := one(ctx, anon(d, b), Options{}, "select 2")
	require.NoError(t, err)
	require.Equal(t, "2", got, "one project cannot take another's share")
	d.mu.Lock()
	d.max = 3 // a holds 2, b has an idle one
	d.mu.Unlock()
	got, err = one(ctx, anon(d, c), Options{}, "select 3")
	require.NoError(t, err)
	require.Equal(t, "3", got, "the idle connection of another makes room")

	// A waiting project is served before the one that holds more.
	r3 := hold(c)
	defer r3()
	answers := make(chan string, 2)
	for name, p := range map[string]*directory.Project{"a": a, "b": b} {
		go func() {
			_, err := one(ctx, anon(d, p), Options{}, "select 1")
			assert.NoError(t, err)
			answers <- name
		}()
	}
	require.Eventually(t, func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.waiters.Len() == 2 }, 20*time.Second, time.Millisecond)
	r3()
	require.Equal(t, "b", <-answers)
	r1()
	require.Equal(t, "a", <-answers)
}

// A few projects whose statements are slow cannot keep all others out: the last quarter of the budget is for those that use nothing.
func TestBudgetKeepsSomeForOthers(t *testing.T) {
	t.Parallel()
	d := newDoor(t, Deps{MaxConnections: 8, AcquireTimeout: time.Minute})
	var leave sync.WaitGroup
	leave.Add(1)
	var done sync.WaitGroup
	slow := func(p *directory.Project) {
		done.Go(func() {
			assert.NoError(t, anon(d, p).InTx(ctx, Options{}, func(pgx.Tx) error { leave.Wait(); return nil }))
		})
	}
	for range 4 {
		p := newProject(t, true)
		for range 2 { // all that a project may have
			slow(p)
		}
	}
	held := func() (using, waiting int) { d.mu.Lock(); defer d.mu.Unlock(); return d.inUse, d.waiters.Len() }
	require.Eventually(t, func() bool { using, waiting := held(); return using+waiting == 8 && waiting > 0 }, 20*time.Second, time.Millisecond)
	got, err := one(ctx, anon(d, newProject(t, true)), Options{}, "select 1")
	require.NoError(t, err)
	require.Equal(t, "1", got)
	leave.Done()
	done.Wait() // who waited is served
	require.Eventually(t, func() bool { using, waiting := held(); return using == 0 && waiting == 0 }, 20*time.Second, time.Millisecond)
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	d, p := newDoor(t, Deps{IdleTimeout: 100 * time.Millisecond}), newProject(t, true)
	_, err := one(ctx, anon(d, p), Options{}, "select 1")
	require.NoError(t, err)
	require.Eventually(t, func() bool { open, _ := d.Connections(); return open == 0 }, 20*time.Second, 5*time.Millisecond)
	d.mu.Lock()
	defer d.mu.Unlock()
	require.Empty(t, d.pools, "an idle project costs nothing")
}

func TestForgetAndMove(t *testing.T) {
	t.Parallel()
	d, p := newDoor(t, Deps{}), newProject(t, false)
	pid := func(p *directory.Project) string {
		got, err := one(ctx, anon(d, p), Options{}, "select pg_backend_pid()")
		require.NoError(t, err)
		require.Eventually(t, func() bool { _, idle := d.Connections(); return idle == 1 }, 20*time.Second, time.Millisecond)
		return got
	}
	first := pid(p)
	require.Equal(t, first, pid(p))
	d.Forget(p.Ref)
	second := pid(p)
	require.NotEqual(t, first, second)

	renewed := *p
	renewed.Revision, renewed.Authenticator = 2, directory.Login{User: p.Ref + "_nobody", Password: "s3cret"}
	_, err := one(ctx, anon(d, &renewed), Options{}, "select 1")
	requireFault(t, err, fault.Unavailable, "DATABASE_REFUSED")
	require.NotContains(t, err.Error(), "s3cret")

	gone := *p
	gone.Revision, gone.Port = 3, 1
	_, err = one(ctx, anon(d, &gone), Options{}, "select 1")
	requireFault(t, err, fault.Unavailable, "DATABASE_UNAVAILABLE")
}

func TestClosedDoorRefuses(t *testing.T) {
	t.Parallel()
	d, p := newDoor(t, Deps{}), newProject(t, true)
	_, err := one(ctx, anon(d, p), Options{}, "select 1")
	require.NoError(t, err)
	require.NoError(t, d.Close(ctx))
	_, err = one(ctx, anon(d, p), Options{}, "select 1")
	requireFault(t, err, fault.Unavailable, "WORKER_STOPPING")
}

func TestKilledConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	d, p := newDoor(t, Deps{}), newProject(t, false)
	kill := func(pid string) {
		c, err := pgx.Connect(ctx, testkit.AdminURL(t))
		require.NoError(t, err)
		defer func() { _ = c.Close(ctx) }()
		_, err = c.Exec(ctx, "select pg_terminate_backend($1::int, 5000)", pid)
		require.NoError(t, err)
	}
	err := anon(d, p).InTx(ctx, Options{}, func(tx pgx.Tx) error {
		var pid string
		require.NoError(t, tx.QueryRow(ctx, "select pg_backend_pid()::text").Scan(&pid))
		kill(pid)
		_, err := tx.Exec(ctx, "select 1")
		return err
	})
	requireFault(t, err, fault.Unavailable, "DATABASE_UNAVAILABLE")
	got, err := one(ctx, anon(d, p), Options{}, "select pg_backend_pid()")
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, idle := d.Connections(); return idle == 1 }, 20*time.Second, time.Millisecond)
	d.mu.Lock()
	d.idle.Front().Value.(*conn).since = time.Now().Add(-time.Minute)
	d.mu.Unlock()
	kill(got)
	got, err = one(ctx, anon(d, p), Options{}, "select 1")
	require.NoError(t, err)
	require.Equal(t, "1", got)
}

func TestConnectionsOfProjectsNoLongerServedAreNotKept(t *testing.T) {
	t.Parallel()
	p := newProject(t, false)
	served := atomic.Bool{}
	d := newDoor(t, Deps{Served: func(ref string) bool { return ref == p.Ref && served.Load() }})
	read := func() {
		_, err := one(ctx, anon(d, p), Options{ReadOnly: true}, "select 1::text")
		require.NoError(t, err, "what began before may end")
	}
	read()
	require.Eventually(t, func() bool { open, _ := d.Connections(); return open == 0 }, 20*time.Second, time.Millisecond)
	served.Store(true)
	read()
	require.Eventually(t, func() bool { open, idle := d.Connections(); return open == 1 && idle == 1 }, 20*time.Second, time.Millisecond)
}

func TestADeadlineWhileConnectingIsTheRequests(t *testing.T) {
	t.Parallel()
	p := newProject(t, false)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	moved := *p
	moved.Host, moved.Port = "127.0.0.1", silent.Addr().(*net.TCPAddr).Port
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err = one(short, anon(newDoor(t, Deps{}), &moved), Options{ReadOnly: true}, "select 1::text")
	requireFault(t, err, fault.DeadlineExceeded, "REQUEST_TIMEOUT")
}

// TestWhoPanicsGivesItsConnectionBack: a handler that panics over rows ends its request, not the worker's budget.
func TestWhoPanicsGivesItsConnectionBack(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		p := newProject(t, shared)
		d := newDoor(t, Deps{MaxConnections: 1, AcquireTimeout: time.Second})
		for _, plain := range []bool{true, false} {
			require.PanicsWithValue(t, "rows", func() {
				_ = anon(d, p).Query(t.Context(), Options{}, Statement{SQL: "select generate_series(1, 9)", Plain: plain}, func(pgx.Rows) error { panic("rows") })
			})
		}
		out, err := one(t.Context(), anon(d, p), Options{ReadOnly: true}, "select 'there'")
		require.NoError(t, err)
		require.Equal(t, "there", out)
	})
}
