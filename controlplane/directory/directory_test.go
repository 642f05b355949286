package directory

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1/directoryv1connect"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/internal/token"
	"github.com/wayli-app/fluxbase/migrations"
)

const serviceToken = "a service token of more than 32 characters"

type bundle struct {
	pool      *pgxpool.Pool
	sealer    *seal.Sealer
	directory *Directory
	server    *httptest.Server
	client    directoryv1connect.DirectoryServiceClient
	org       uuid.UUID
	now       time.Time
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{pool: testkit.Database(t, migrations.Controlplane), sealer: testkit.Sealer(t), org: uuid.New(), now: time.Now().UTC()}
	var err error
	b.directory, err = New(Deps{
		Pool: b.pool, Sealer: b.sealer, ServiceToken: serviceToken, URL: func(ref string) string { return "https://" + ref + ".example.test" },
		Log: testkit.Logger(t), Now: func() time.Time { return b.now }, Heartbeat: 100 * time.Millisecond,
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(b.directory.Handler())
	b.server = httptest.NewServer(mux)
	b.client = b.caller(serviceToken)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.directory.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		b.server.Close()
	})
	b.exec(t, "insert into organization (id, slug, name, plan) values ($1, 'acme', 'Acme', 'free')", b.org)
	return b
}

func (b *bundle) caller(token string) directoryv1connect.DirectoryServiceClient {
	return directoryv1connect.NewDirectoryServiceClient(b.server.Client(), b.server.URL, connect.WithInterceptors(bearer(token)))
}

type bearer string

func (b bearer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		r.Header().Set("Authorization", "Bearer "+string(b))
		return next(ctx, r)
	}
}

func (b bearer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, s connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, s)
		conn.RequestHeader().Set("Authorization", "Bearer "+string(b))
		return conn
	}
}

func (b bearer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

func (b *bundle) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	_, err := b.pool.Exec(context.Background(), sql, args...)
	require.NoError(t, err)
}

func one[T any](t testing.TB, b *bundle, sql string, args ...any) T {
	t.Helper()
	var out T
	require.NoError(t, b.pool.QueryRow(context.Background(), sql, args...).Scan(&out))
	return out
}

type made struct {
	id      uuid.UUID
	ref     string
	secrets project.Secrets
}

func (b *bundle) project(t testing.TB, status string) made {
	t.Helper()
	m := made{id: uuid.New(), ref: id.NewRef()}
	var err error
	m.secrets, err = project.NewSecrets()
	require.NoError(t, err)
	sealed, err := m.secrets.Seal(b.sealer, m.id)
	require.NoError(t, err)
	cluster := one[uuid.UUID](t, b, `insert into cluster (id, name, host, port, ssl_mode, admin_url_sealed, version, capacity)
		values ($1, 'default', 'db.internal', 5433, 'require', '', '18', 10) on conflict (name) do update set name = excluded.name returning id`, uuid.New())
	b.exec(t, `insert into project (id, ref, organization_id, name, isolation, status, cluster_id, bucket, secrets_sealed, settings)
		values ($1, $2, $3, 'P', 'database', $4, $5, 'bucket-' || $2, $6, '{"rest.max_rows": 5, "auth.site_url": "https://a.b"}')`,
		m.id, m.ref, b.org, status, cluster, sealed)
	return m
}

func (b *bundle) key(t testing.TB, m made, kind string, expires *time.Time) uuid.UUID {
	t.Helper()
	key := uuid.New()
	b.exec(t, "insert into api_key (id, project_id, name, type, hash, display, expires_at) values ($1, $2, 'k', $3, $4, 'd', $5)",
		key, m.id, kind, id.Hash(key.String()), expires)
	return key
}

func byRef(ref string) *directoryv1.ResolveRequest {
	return &directoryv1.ResolveRequest{Name: &directoryv1.ResolveRequest_Ref{Ref: ref}}
}

func byHost(host string) *directoryv1.ResolveRequest {
	return &directoryv1.ResolveRequest{Name: &directoryv1.ResolveRequest_Host{Host: host}}
}

func (b *bundle) resolve(t testing.TB, req *directoryv1.ResolveRequest) *directoryv1.Snapshot {
	t.Helper()
	res, err := b.client.Resolve(context.Background(), req)
	require.NoError(t, err)
	return res.GetSnapshot()
}

func TestOnlyTheServiceTokenOpens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.project(t, "active")
	for _, token := range []string{"", "wrong", serviceToken + "x", serviceToken[1:], "Bearer " + serviceToken} {
		client := b.caller(token)
		_, err := client.Resolve(t.Context(), byRef(m.ref))
		require.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), token)
		_, err = client.ReportUsage(t.Context(), &directoryv1.ReportUsageRequest{ReportId: uuid.NewString()})
		require.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err))
		stream, err := client.Watch(t.Context(), &directoryv1.WatchRequest{WorkerId: "w"})
		if err == nil {
			require.False(t, stream.Receive())
			err = stream.Err()
		}
		require.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err))
	}
	path, _ := b.directory.Handler()
	res, err := b.server.Client().Post(b.server.URL+path+"Resolve", "application/json", bytes.NewBufferString("{}"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	_, err = New(Deps{})
	require.Error(t, err, "without a token there is no directory")
}

func TestTheSnapshotTellsOfStoragesLoginOnceThereIsOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.project(t, "active")
	s := b.resolve(t, byRef(m.ref))
	require.NoError(t, store.New(b.pool).SetMigrationVersion(t.Context(), store.SetMigrationVersionParams{ID: m.id, MigrationVersion: layout.StorageVersion}))
	migrated := b.resolve(t, byRef(m.ref))
	require.Greater(t, migrated.GetRevision(), s.GetRevision(), "workers learn of the login")
	storage, err := m.secrets.StoragePassword()
	require.NoError(t, err)
	require.Equal(t, m.ref+"_storage", migrated.GetPlacement().GetStorage().GetUser())
	require.Equal(t, storage, migrated.GetPlacement().GetStorage().GetPassword())
	require.Len(t, storage, 32)
	require.NotEqual(t, m.secrets.AdminPassword, storage)
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.project(t, "active")
	past, future := time.Now().Add(-time.Minute), time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	pub, sec := b.key(t, m, "publishable", nil), b.key(t, m, "secret", &future)
	b.key(t, m, "secret", &past)
	b.exec(t, "update api_key set revoked_at = now() where id = $1", b.key(t, m, "secret", nil))
	b.exec(t, "insert into project_host (host, project_id, verified_at) values ('api.customer.com', $1, now()), ('claimed.com', $1, null)", m.id)
	s := b.resolve(t, byRef(m.ref))
	require.Equal(t, m.id.String(), s.GetProjectId())
	require.Equal(t, b.org.String(), s.GetOrganizationId())
	require.Equal(t, directoryv1.ServingStatus_SERVING_STATUS_ACTIVE, s.GetStatus())
	require.Equal(t, "https://"+m.ref+".example.test", s.GetUrl())
	require.Equal(t, []string{"api.customer.com"}, s.GetHosts())
	require.Equal(t, map[string]string{"rest.max_rows": "5", "auth.site_url": `"https://a.b"`}, s.GetSettings())
	require.Equal(t, m.secrets.LegacyJWTSecret, s.GetLegacyJwtSecret())
	require.Equal(t, m.secrets.SigningKeys[0].Private, s.GetSigningKeys()[0].GetPrivateKey())
	require.True(t, s.GetSigningKeys()[0].GetActive())
	anon, err := token.NewVerifier(nil, m.secrets.LegacyJWTSecret).Verify(s.GetAnonKey(), time.Now())
	require.NoError(t, err)
	require.Equal(t, "anon", anon.Role)
	require.Equal(t, s.GetAnonKey(), b.resolve(t, byRef(m.ref)).GetAnonKey(), "the same at each call")
	require.Equal(t, int32(200), s.GetLimits().GetRequestsPerSecond())
	require.Equal(t, int32(400), s.GetLimits().GetBurst())
	require.Equal(t, int32(100), s.GetLimits().GetRequestsPerSecondPerIp())
	require.Equal(t, int32(160), s.GetLimits().GetRequestsPerSecondPerKey())
	require.Equal(t, int32(8000), s.GetLimits().GetStatementTimeoutMs())
	require.Equal(t, int64(10_000_000_000), s.GetLimits().GetStorageBytes())
	require.Equal(t, int64(1_000_000_000), s.GetLimits().GetMaxFileBytes())
	place := s.GetPlacement()
	require.Equal(t, "db.internal:5433/require", place.GetHost()+":5433/"+place.GetSslMode())
	require.Equal(t, m.ref, place.GetDatabase())
	require.Equal(t, m.ref+"_authenticator", place.GetAuthenticator().GetUser())
	require.Equal(t, m.secrets.AuthenticatorPassword, place.GetAuthenticator().GetPassword())
	require.Equal(t, m.secrets.AdminPassword, place.GetAdmin().GetPassword())
	require.Nil(t, place.GetStorage(), "the project is not migrated: there is no such login yet")
	require.Equal(t, m.secrets.OwnerPassword, place.GetOwner().GetPassword())
	require.Equal(t, "bucket-"+m.ref, place.GetBucket())
	keys := map[string]*directoryv1.Key{}
	for _, k := range s.GetKeys() {
		keys[k.GetId()] = k
	}
	require.Len(t, keys, 2, "revoked and expired keys are not told")
	require.Equal(t, "anon", keys[pub.String()].GetRole())
	require.Equal(t, "service_role", keys[sec.String()].GetRole())
	require.Equal(t, future, keys[sec.String()].GetExpireTime().AsTime())
	require.Equal(t, id.Hash(pub.String()), keys[pub.String()].GetHash())

	known := byRef(m.ref)
	known.KnownRevision = s.GetRevision()
	require.Nil(t, b.resolve(t, known), "what is known is not sent again")
	require.Equal(t, m.ref, b.resolve(t, byHost("api.customer.com")).GetRef())
	b.exec(t, "update project set isolation = 'schema' where id = $1", m.id)
	shared := b.resolve(t, byRef(m.ref)).GetPlacement()
	require.True(t, shared.GetShared())
	require.Equal(t, m.ref+"_", shared.GetSchemaPrefix())
	require.Equal(t, m.ref+"_", shared.GetRolePrefix())
}

func TestWhatCannotBeResolved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.project(t, "purged")
	b.exec(t, "insert into project_host (host, project_id) values ('claimed.com', $1)", b.project(t, "active").id)
	for _, req := range []*directoryv1.ResolveRequest{byRef(m.ref), byRef(id.NewRef()), byHost("claimed.com"), byHost("stranger.com")} {
		_, err := b.client.Resolve(t.Context(), req)
		require.Equal(t, connect.CodeNotFound, connect.CodeOf(err))
	}
	for _, req := range []*directoryv1.ResolveRequest{{}, byRef(""), byHost(""), byRef(string(make([]byte, 64)))} {
		_, err := b.client.Resolve(t.Context(), req)
		require.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err))
	}
	broken := b.project(t, "active")
	b.exec(t, "update project set secrets_sealed = 'x' where id = $1", broken.id)
	_, err := b.client.Resolve(t.Context(), byRef(broken.ref))
	require.Equal(t, connect.CodeInternal, connect.CodeOf(err))
	require.NotContains(t, err.Error(), "sealed")
}

func TestServingStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const (
		active       = directoryv1.ServingStatus_SERVING_STATUS_ACTIVE
		provisioning = directoryv1.ServingStatus_SERVING_STATUS_PROVISIONING
		paused       = directoryv1.ServingStatus_SERVING_STATUS_PAUSED
		deleted      = directoryv1.ServingStatus_SERVING_STATUS_DELETED
	)
	m := b.project(t, "active")
	step := func(status string) {
		b.exec(t, `insert into project_step (project_id, job, position, name, status) values ($1, 'provision', 1, 'roles', $2)
			on conflict (project_id, job, name) do update set status = excluded.status`, m.id, status)
	}
	cases := []struct {
		status, desired, step string
		want                  directoryv1.ServingStatus
	}{
		{"provisioning", "active", "running", provisioning}, {"resuming", "active", "done", provisioning}, {"active", "active", "done", active},
		{"pausing", "paused", "done", paused}, {"paused", "paused", "done", paused}, {"deleted", "deleted", "done", deleted}, {"purging", "purged", "done", deleted},
		{"failed", "active", "failed", provisioning}, {"failed", "active", "done", active}, {"failed", "paused", "done", paused},
		{"failed", "deleted", "done", deleted}, {"failed", "purged", "done", deleted},
	}
	for _, c := range cases {
		step(c.step)
		b.exec(t, "update project set status = $2, desired = $3 where id = $1", m.id, c.status, c.desired)
		require.Equal(t, c.want, b.resolve(t, byRef(m.ref)).GetStatus(), "%v", c)
	}
}

// watch opens a stream and waits until it is ready. The channel gives refs, and is closed when the stream ends.
func (b *bundle) watch(t testing.TB) <-chan *directoryv1.WatchResponse {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := b.client.Watch(ctx, &directoryv1.WatchRequest{WorkerId: "w"})
	require.NoError(t, err)
	require.True(t, stream.Receive())
	require.True(t, stream.Msg().GetReady())
	events, done := make(chan *directoryv1.WatchResponse, 1000), make(chan struct{})
	go func() {
		defer close(done)
		defer close(events)
		for stream.Receive() {
			if e := stream.Msg(); e.GetRef() != "" {
				events <- &directoryv1.WatchResponse{Ref: e.GetRef(), Revision: e.GetRevision()}
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return events
}

func next(t testing.TB, events <-chan *directoryv1.WatchResponse) *directoryv1.WatchResponse {
	t.Helper()
	select {
	case e, open := <-events:
		require.True(t, open, "the stream ended")
		return e
	case <-time.After(30 * time.Second):
		t.Fatal("no change was told")
		return nil
	}
}

func TestWatchTellsEveryChangeToEveryWorker(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.project(t, "active")
	key := b.key(t, m, "secret", nil)
	one, two := b.watch(t), b.watch(t)
	revision := b.resolve(t, byRef(m.ref)).GetRevision()
	changes := []struct{ name, sql string }{
		{"settings", "update project set settings = '{}', revision = nextval('project_revision')"},
		{"a key revoked", "update api_key set revoked_at = now()"},
		{"a key deleted", "delete from api_key"},
		{"a host", "insert into project_host (host, project_id, verified_at) select 'a.b', id, now() from project"},
		{"the organisation's plan", "update organization set plan = 'pro'"},
		{"the plan", "update plan set burst = 7 where name = 'pro'"},
		{"the cluster moved", "update cluster set port = 5434"},
	}
	for _, c := range changes {
		b.exec(t, c.sql)
		for _, events := range []<-chan *directoryv1.WatchResponse{one, two} {
			e := next(t, events)
			for e.GetRevision() <= revision { // heard late, of what was done before
				e = next(t, events)
			}
			require.Equal(t, m.ref, e.GetRef(), c.name)
		}
		now := b.resolve(t, byRef(m.ref)).GetRevision()
		require.Greater(t, now, revision, c.name)
		revision = now
	}
	require.NotEqual(t, uuid.Nil, key)
	b.exec(t, "update api_key set last_used_at = now()")
	require.Equal(t, revision, b.resolve(t, byRef(m.ref)).GetRevision(), "use is no change")
}

func TestALostConnectionEndsStreams(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.project(t, "active")
	events := b.watch(t)
	b.exec(t, "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen project_change' and datname = current_database()")
	ended := make(chan struct{})
	go func() {
		for range events { // until it is closed
		}
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the stream goes on although changes may have been missed")
	}
	again := b.watch(t) // ready only after the control plane listens again
	b.exec(t, "update project set revision = nextval('project_revision')")
	require.Equal(t, m.ref, next(t, again).GetRef())
}

func TestAStreamThatFallsBehindEnds(t *testing.T) {
	t.Parallel()
	h := newHub()
	h.start()
	s, err := h.subscribe(t.Context())
	require.NoError(t, err)
	for i := range backlog + 1 {
		h.publish(change{"a", int64(i)})
	}
	n := 0
	for range s.changes {
		n++
	}
	require.Equal(t, backlog, n)
	h.unsubscribe(s)
	h.stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = h.subscribe(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
