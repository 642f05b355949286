package event_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/event"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

const (
	patience = 20 * time.Second
	secret   = "c2VjcmV0IGE="
)

// delivery is what a server was sent.
type delivery struct {
	ID, Path string
	Type     string
	Data     struct {
		Project, URL string
		Events       []map[string]any
		Purges       []struct {
			Bucket, Name    string
			Transformations bool
			Paths, Prefixes []string
		}
	}
}

// bundle is a project, its jobs, and the server that is told.
type bundle struct {
	t       *testing.T
	project *directory.Project
	door    *projectdb.Door
	queue   *outbox.Queue
	events  *event.Service
	got     chan delivery
	// status is what the server answers from delivery to delivery; then 200.
	status chan int
}

func (b *bundle) ByRef(context.Context, string) (*directory.Project, error) { return b.project, nil }

func both(t *testing.T, test func(t *testing.T, b *bundle)) {
	t.Helper()
	t.Parallel()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t, shared))
		})
	}
}

func setup(t *testing.T, shared bool) *bundle {
	t.Helper()
	project, err := directory.FromSnapshot(testkit.Project(t, shared))
	require.NoError(t, err)
	b := &bundle{t: t, project: project, got: make(chan delivery, 1000), status: make(chan int, 10)}
	server := httptest.NewServer(http.HandlerFunc(b.take))
	t.Cleanup(server.Close)
	b.set("storage.webhook_url", server.URL+"/hook")
	b.set("storage.webhook_secret", "v1,whsec_"+secret)
	b.set("storage.cdn_purge_url", server.URL+"/purge")
	b.set("storage.cdn_purge_secret", "v1,whsec_"+secret)
	b.door = projectdb.New(projectdb.Deps{Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), MaxConnections: 16})
	t.Cleanup(func() { require.NoError(t, b.door.Close(context.Background())) })
	b.queue, err = outbox.New(outbox.Deps{URL: testkit.Jobs(t), Projects: b, Binder: b.door, Log: testkit.Logger(t), Retry: 10 * time.Millisecond, Drain: 10 * time.Second})
	require.NoError(t, err)
	b.events = event.New(event.Deps{Log: testkit.Logger(t), Queue: b.queue, Egress: egress.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})})
	b.queue.Register("storage", b.events)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.queue.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	return b
}

func (b *bundle) set(key string, value any) { b.project.Settings[key] = value }

func (b *bundle) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var d delivery
	if err != nil || json.Unmarshal(body, &d) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	mac := hmac.New(sha256.New, []byte("secret a"))
	mac.Write([]byte(r.Header.Get("Webhook-Id") + "." + r.Header.Get("Webhook-Timestamp") + "." + string(body)))
	if r.Header.Get("Webhook-Signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	d.ID, d.Path = r.Header.Get("Webhook-Id"), r.URL.Path
	b.got <- d
	select {
	case status := <-b.status:
		w.WriteHeader(status)
	default:
	}
}

func (b *bundle) next() delivery {
	b.t.Helper()
	select {
	case d := <-b.got:
		return d
	case <-time.After(patience):
		require.Fail(b.t, "nothing was delivered")
		return delivery{}
	}
}

// two takes an event and a purge, in whatever order they come.
func (b *bundle) two() (hook, purge delivery) {
	b.t.Helper()
	first, second := b.next(), b.next()
	if first.Path == "/purge" {
		first, second = second, first
	}
	require.Equal(b.t, []string{"/hook", "/purge"}, []string{first.Path, second.Path})
	return first, second
}

// change runs SQL as storage does.
func (b *bundle) change(sql string, args ...any) {
	b.t.Helper()
	settings, told := b.events.Watch(b.t.Context(), b.project)
	b.run(settings, sql, args...)
	told()
}

func (b *bundle) run(settings []projectdb.Setting, sql string, args ...any) {
	b.t.Helper()
	session := b.door.Bind(b.project, projectdb.Caller{}).Elevated()
	err := session.Query(b.t.Context(), projectdb.Options{SearchPath: []string{"storage"}, Settings: settings}, projectdb.Statement{SQL: sql, Args: args}, nil)
	require.NoError(b.t, err)
}

func (b *bundle) outbox() (rows []string) {
	b.t.Helper()
	require.NoError(b.t, b.door.Bind(b.project, projectdb.Caller{}).InService(b.t.Context(), "storage", func(tx pgx.Tx) error {
		found, err := tx.Query(b.t.Context(), "select concat_ws(' ', kind, failed_at is not null, nullif(last_error, '')) from outbox where kind <> 'remove' order by created_at")
		if err == nil {
			rows, err = pgx.CollectRows(found, pgx.RowTo[string])
		}
		return err
	}))
	return rows
}

func (b *bundle) buckets() {
	b.run(nil, "insert into buckets (id, name, public) values ('pub', 'pub', true), ('priv', 'priv', false)")
}

const insertObject = "insert into objects (bucket_id, name, version, owner_id, metadata) values ($1, $2, $3, 'ada', '{\"size\": 5, \"mimetype\": \"text/plain\", \"eTag\": \"\\\"x\\\"\"}')"

func TestChangesAreTold(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.buckets()
		b.change(insertObject, "pub", "a/ü b.txt", "l/1")
		d := b.next()
		require.Equal(t, "storage.objects.changed", d.Type)
		require.Equal(t, b.project.Ref, d.Data.Project)
		require.Len(t, d.Data.Events, 1)
		e := d.Data.Events[0]
		at, err := time.Parse(time.RFC3339Nano, e["time"].(string))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), at, time.Minute)
		delete(e, "time")
		require.Equal(t, map[string]any{"type": "ObjectCreated", "bucket": "pub", "name": "a/ü b.txt", "version": "l/1", "size": 5.0, "mime_type": "text/plain", "etag": `"x"`, "owner_id": "ada"}, e)

		b.change("update objects set version = 'l/2' where name = 'a/ü b.txt'")
		hook, purge := b.two()
		require.Equal(t, []any{"ObjectUpdated", "l/2"}, []any{hook.Data.Events[0]["type"], hook.Data.Events[0]["version"]})
		require.Equal(t, "storage.cache.purged", purge.Type)
		require.Equal(t, []string{"/storage/v1/object/public/pub/a/%C3%BC%20b.txt", "/api/v1/storage/public/pub/a/%C3%BC%20b.txt", "/storage/v1/render/image/public/pub/a/%C3%BC%20b.txt"},
			purge.Data.Purges[0].Paths)

		b.change("update objects set bucket_id = 'priv', name = 'b' where name = 'a/ü b.txt'")
		hook, purge = b.two()
		e = hook.Data.Events[0]
		require.Equal(t, []any{"ObjectMoved", "priv", "b", "pub", "a/ü b.txt"}, []any{e["type"], e["bucket"], e["name"], e["old_bucket"], e["old_name"]})
		require.Equal(t, "a/ü b.txt", purge.Data.Purges[0].Name)

		b.change("update objects set last_accessed_at = now() + interval '1 hour' where name = 'b'") // nobody's business
		b.change("update objects set user_metadata = '{\"a\": 1}' where name = 'b'")                 // a private bucket: no purge
		require.Equal(t, "ObjectUpdated", b.next().Data.Events[0]["type"])
		b.change("delete from objects where name = 'b'")
		require.Equal(t, []any{"ObjectRemoved", "b"}, []any{b.next().Data.Events[0]["type"], "b"})

		b.change("update buckets set public = false where id = 'pub'")
		d = b.next()
		require.Equal(t, []string{"/storage/v1/object/public/pub/", "/api/v1/storage/public/pub/", "/storage/v1/render/image/public/pub/"}, d.Data.Purges[0].Prefixes)
		require.Eventually(t, func() bool { return len(b.outbox()) == 0 }, patience, 10*time.Millisecond)
	})
}

func TestOnlyWhatIsAskedForIsTold(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.buckets()
		b.run(nil, insertObject, "pub", "by-sql", "l/0") // not by storage
		b.set("storage.webhook_events", []string{"ObjectRemoved"})
		b.set("storage.cdn_purge_url", "")
		b.change(insertObject, "pub", "a", "l/1")
		b.change("update objects set name = 'b' where name = 'a'")
		b.change("delete from objects where name = 'b'")
		d := b.next()
		require.Equal(t, "ObjectRemoved", d.Data.Events[0]["type"])
		b.set("storage.webhook_events", []string{})
		settings, told := b.events.Watch(t.Context(), b.project)
		require.Empty(t, settings)
		told()
		require.Eventually(t, func() bool { return len(b.outbox()) == 0 }, patience, 10*time.Millisecond)
		require.Empty(t, b.got)
		// What is rolled back did not happen.
		b.set("storage.webhook_events", []string{"ObjectCreated"})
		settings, told = b.events.Watch(t.Context(), b.project)
		session := b.door.Bind(b.project, projectdb.Caller{}).Elevated()
		require.NoError(t, session.Query(t.Context(), projectdb.Options{SearchPath: []string{"storage"}, Settings: settings, Rollback: true},
			projectdb.Statement{SQL: insertObject, Args: []any{"pub", "c", "l/2"}}, nil))
		told()
		require.Empty(t, b.outbox())
	})
}

func TestManyChangesOfOneStatement(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.buckets()
		const most = 1500
		b.set("storage.webhook_events", []string{"ObjectRemoved", "ObjectCreated"})
		b.change("insert into objects (bucket_id, name, version) select 'pub', 'folder/' || n, 'l/' || n from generate_series(1, $1::int) n", most)
		b.change("delete from objects where bucket_id = 'pub'")
		counts, items := map[any]map[any]bool{}, 0
		for n := 0; n < 3*most; items++ {
			d := b.next()
			for _, e := range d.Data.Events {
				if counts[e["type"]] == nil {
					counts[e["type"]] = map[any]bool{}
				}
				counts[e["type"]][e["name"]] = true
			}
			for _, p := range d.Data.Purges {
				if counts["purge"] == nil {
					counts["purge"] = map[any]bool{}
				}
				counts["purge"][p.Name] = true
			}
			n += len(d.Data.Events) + len(d.Data.Purges)
		}
		for _, each := range counts {
			require.Len(t, each, most)
		}
		require.Greater(t, items, 6)
		require.Less(t, items, 30)
		require.Eventually(t, func() bool { return len(b.outbox()) == 0 }, patience, 10*time.Millisecond)
	})
}

// TestOneTransactionOfSeveralStatements: no item of one replaces that of another.
func TestOneTransactionOfSeveralStatements(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.buckets()
		b.run(nil, insertObject, "pub", "a", "l/1")
		settings, told := b.events.Watch(t.Context(), b.project)
		session := b.door.Bind(b.project, projectdb.Caller{}).Elevated()
		require.NoError(t, session.Run(t.Context(), projectdb.Options{SearchPath: []string{"storage"}, Settings: settings}, projectdb.Batch{Statements: []projectdb.Statement{
			{SQL: "delete from objects where name = 'a'"}, {SQL: insertObject, Args: []any{"pub", "a", "l/2"}},
		}}, nil))
		rows := b.outbox()
		require.Len(t, rows, 3)
		told()
		hook, _ := b.two()
		require.Equal(t, "ObjectRemoved", hook.Data.Events[0]["type"])
		require.Equal(t, []string{"event f"}, b.waitFor(1), "the second waits for the sweep")
	})
}

func (b *bundle) waitFor(n int) (rows []string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { rows = b.outbox(); return len(rows) == n }, patience, 10*time.Millisecond)
	return rows
}

func TestDeliveriesAreTriedAgain(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.buckets()
		b.status <- http.StatusInternalServerError
		b.status <- http.StatusFound
		b.status <- http.StatusTooManyRequests
		b.change(insertObject, "priv", "a", "l/1")
		first := b.next()
		for range 3 {
			require.Equal(t, first.ID, b.next().ID, "the same message")
		}
		b.waitFor(0)
		b.status <- http.StatusGone
		b.change(insertObject, "priv", "b", "l/2")
		require.NotEqual(t, first.ID, b.next().ID)
		require.Eventually(t, func() bool {
			rows := b.outbox()
			return len(rows) == 1 && strings.HasPrefix(rows[0], "event t storage.webhook_url answered with status 410")
		}, patience, 10*time.Millisecond)
		require.Empty(t, b.got)
	})
}

func TestWhatCannotBeDelivered(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	session := b.door.Bind(b.project, projectdb.Caller{}).Elevated()
	item := func(kind, payload string) outbox.Item {
		return outbox.Item{ID: uuid.New(), Kind: kind, Payload: json.RawMessage(payload), Created: time.Now()}
	}
	handle := func(item outbox.Item) *outbox.Failure {
		err := b.events.Handle(t.Context(), session, item)
		if err == nil {
			return nil
		}
		var f *outbox.Failure
		require.ErrorAs(t, err, &f)
		return f
	}
	// The project's owner can write to the outbox.
	for _, bad := range []string{`{"events": 1}`, `[]`, `{"next": "x"}`} {
		require.True(t, handle(item("event", bad)).Permanent, bad)
	}
	require.True(t, handle(item("purge", `{"purges": ["x"]}`)).Permanent)
	require.False(t, handle(item("something", `{}`)).Permanent, "a newer worker knows it")
	for address, words := range map[string]string{
		"http://169.254.169.254/latest": "no https address", "https://169.254.169.254/latest": "not on the public internet", "https://10.0.0.1/": "not on the public internet",
		"http://localhost.example/": "no https address", "https://127.0.0.1:1/": "could not be reached",
	} {
		b.set("storage.webhook_url", address)
		f := handle(item("event", `{"events":[]}`))
		require.Contains(t, f.Words, words, address)
		require.False(t, f.Permanent)
	}
	// One that is down is asked a few times, then left alone for a while.
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b.got <- delivery{}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(down.Close)
	b.set("storage.webhook_url", down.URL)
	for range 5 {
		require.Contains(t, handle(item("event", `{"events":[]}`)).Words, "answered with status 502")
	}
	require.Contains(t, handle(item("event", `{"events":[]}`)).Words, "has not answered for a while")
	require.Len(t, b.got, 5)
	b.set("storage.webhook_url", "")
	require.Nil(t, handle(item("event", `{"events":[]}`)), "nobody wants to know any more")
	b.set("storage.cdn_purge_secret", "hunter2")
	f := handle(item("purge", `{"purges":[]}`))
	require.Contains(t, f.Words, "v1,whsec_")
	require.NotContains(t, fmt.Sprint(f), "hunter2")
}

// forgetter remembers what was forgotten.
type forgetter struct{ forgot []string }

func (f *forgetter) Forget(_ context.Context, _ *projectdb.Session, versions []string) error {
	f.forgot = append(f.forgot, versions...)
	return nil
}

func TestPurge(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		renditions := &forgetter{}
		b.events.Renditions = renditions
		b.buckets()
		for i, at := range [][2]string{{"pub", "a b"}, {"pub", "c"}, {"priv", "a b"}, {"priv", "no image"}} {
			version := fmt.Sprintf("l/%d", i+1)
			b.run(nil, insertObject, at[0], at[1], version)
			if at[1] != "no image" {
				require.NoError(t, b.door.Bind(b.project, projectdb.Caller{}).InService(t.Context(), "storage", func(tx pgx.Tx) error {
					_, err := tx.Exec(t.Context(), "insert into renditions (version, recipe, key, size, mime_type) values ($1, 'r', $1, 1, 'image/webp'), ($1, 's', $1 || 's', 1, 'image/webp')", version)
					return err
				}))
			}
		}
		bound := b.door.Bind(b.project, projectdb.Caller{Role: "authenticated", Subject: "ada"})
		require.Equal(t, "ACCESS_DENIED", fault.From(b.events.Purge(t.Context(), bound, "pub", "a", true)).Reason)
		require.Empty(t, renditions.forgot)
		service := bound.Elevated()
		require.NoError(t, b.events.Purge(t.Context(), service, "pub", "a b", false))
		require.Empty(t, renditions.forgot)
		d := b.next()
		require.Len(t, d.Data.Purges[0].Paths, 3)
		require.NoError(t, b.events.Purge(t.Context(), service, "pub", "a b", true))
		require.Equal(t, []string{"l/1"}, renditions.forgot)
		d = b.next()
		require.Equal(t, []string{"/storage/v1/render/image/public/pub/a%20b"}, d.Data.Purges[0].Paths)
		require.True(t, d.Data.Purges[0].Transformations)
		require.NoError(t, b.events.Purge(t.Context(), service, "", "", false))
		require.Equal(t, []string{"/storage/v1/object/public/", "/api/v1/storage/public/", "/storage/v1/render/image/public/"}, b.next().Data.Purges[0].Prefixes)
		require.NoError(t, b.events.Purge(t.Context(), service, "pub", "", true))
		require.ElementsMatch(t, []string{"l/1", "l/1", "l/2"}, renditions.forgot)
		require.NoError(t, b.events.Purge(t.Context(), service, "", "", true))
		require.ElementsMatch(t, []string{"l/1", "l/1", "l/2", "l/1", "l/2", "l/3"}, renditions.forgot)
		b.set("storage.cdn_purge_url", "")
		require.Equal(t, "FEATURE_NOT_ENABLED", fault.From(b.events.Purge(t.Context(), service, "pub", "", false)).Reason)
	})
}
