package provision

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/controlplane/apikey"
	"github.com/wayli-app/fluxbase/controlplane/audit"
	"github.com/wayli-app/fluxbase/controlplane/cluster"
	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/migrations"
)

// house is a control database with what provisioning needs, and no worker yet.
type house struct {
	pool      *pgxpool.Pool
	sealer    *seal.Sealer
	masterKey string
	s3        config.S3
	clusters  *cluster.Service
	log       *slog.Logger
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{pool: testkit.Database(t, migrations.Controlplane), masterKey: testkit.MasterKey(t), s3: testkit.S3(t), log: testkit.Logger(t)}
	var err error
	h.sealer, err = seal.New(h.masterKey)
	require.NoError(t, err)
	h.clusters = h.newClusters(t)
	require.NoError(t, h.clusters.EnsureDefault(t.Context(), testkit.AdminURL(t)))
	t.Cleanup(func() { h.dropProjects(t) })
	return h
}

func (h *house) newClusters(t testing.TB) *cluster.Service {
	t.Helper()
	events, err := audit.New(h.pool)
	require.NoError(t, err)
	c, err := cluster.New(cluster.Deps{Pool: h.pool, Sealer: h.sealer, Audit: events, Log: h.log})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// dropProjects removes what tests left on the cluster.
func (h *house) dropProjects(t testing.TB) {
	ctx := context.Background()
	rows, err := h.pool.Query(ctx, "select ref, isolation from project where cluster_id is not null and status <> 'purged'")
	require.NoError(t, err)
	type left struct{ Ref, Isolation string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[left])
	require.NoError(t, err)
	c, err := layout.Open(ctx, testkit.AdminURL(t), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer c.Close()
	for _, p := range all {
		require.NoError(t, c.Drop(ctx, layout.Of(p.Ref, p.Isolation == "schema")))
	}
}

func (h *house) deps(t testing.TB) Deps {
	t.Helper()
	events, err := audit.New(h.pool)
	require.NoError(t, err)
	keys, err := apikey.New(apikey.Deps{Pool: h.pool, Sealer: h.sealer, Audit: events})
	require.NoError(t, err)
	return Deps{
		Pool: h.pool, Sealer: h.sealer, Clusters: h.clusters, Keys: keys, Buckets: NewObjectStore(h.s3),
		BucketPrefix: h.s3.BucketPrefix, Log: h.log,
	}
}

// work starts a control plane's worker and returns its client; it stops at the test's end.
func work(t testing.TB, d Deps) *river.Client[pgx.Tx] {
	t.Helper()
	p, err := New(d)
	require.NoError(t, err)
	c := &river.Config{Logger: slog.New(slog.DiscardHandler), TestOnly: true}
	p.Configure(c)
	client, err := river.NewClient(riverpgxv5.New(d.Pool), c)
	require.NoError(t, err)
	require.NoError(t, client.Start(context.WithoutCancel(t.Context())))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		stop, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, client.StopAndCancel(stop))
	})
	return client
}

// insert adds a project's row as project.Service does; the job is queued apart.
func (h *house) insert(t testing.TB, isolation string) store.Project {
	t.Helper()
	row := uuid.Must(uuid.NewV7())
	secrets, err := project.NewSecrets()
	require.NoError(t, err)
	sealed, err := secrets.Seal(h.sealer, row)
	require.NoError(t, err)
	p, err := store.New(h.pool).InsertProject(t.Context(), store.InsertProjectParams{
		ID: row, Ref: id.NewRef(), Name: "Test", Isolation: isolation, SecretsSealed: sealed, Settings: json.RawMessage(`{}`),
	})
	require.NoError(t, err)
	return p
}

func queue(t testing.TB, client *river.Client[pgx.Tx], args river.JobArgs) {
	t.Helper()
	_, err := client.Insert(t.Context(), args, &river.InsertOpts{Queue: project.QueueProvision})
	require.NoError(t, err)
}

// await returns the project as soon as it has the status. It waits on the notices that watchers wait on.
func (h *house) await(t testing.TB, project uuid.UUID, until func(store.Project, []store.ProjectStep) bool) (store.Project, []store.ProjectStep) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	conn, err := h.pool.Acquire(ctx)
	require.NoError(t, err)
	defer func() { _, _ = conn.Exec(context.Background(), "unlisten *"); conn.Release() }()
	_, err = conn.Exec(ctx, "listen project_change; listen project_step")
	require.NoError(t, err)
	for {
		p, err := store.New(conn).GetProject(ctx, project)
		require.NoError(t, err)
		steps, err := store.New(conn).ListSteps(ctx, project)
		require.NoError(t, err)
		if until(p, steps) {
			return p, steps
		}
		_, err = conn.Conn().WaitForNotification(ctx)
		require.NoError(t, err, "project is %s (%s), steps %+v", p.Status, p.FailureMessage, steps)
	}
}

func status(want string) func(store.Project, []store.ProjectStep) bool {
	return func(p store.Project, _ []store.ProjectStep) bool { return p.Status == want }
}

func bothIsolations(t *testing.T, test func(t *testing.T, isolation string)) {
	t.Helper()
	for _, isolation := range []string{"database", "schema"} {
		t.Run(isolation, func(t *testing.T) {
			t.Parallel()
			test(t, isolation)
		})
	}
}

// login connects as the project's owner.
func (h *house) login(t testing.TB, p store.Project) (*pgx.Conn, error) {
	t.Helper()
	secrets, err := project.OpenSecrets(h.sealer, p.ID, p.SecretsSealed)
	require.NoError(t, err)
	config, err := pgx.ParseConfig(testkit.AdminURL(t))
	require.NoError(t, err)
	n := layout.Of(p.Ref, p.Isolation == "schema")
	config.Database, config.User, config.Password = n.Database(), n.Owner(), secrets.OwnerPassword
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	return conn, err
}

func TestLifeOfAProject(t *testing.T) {
	t.Parallel()
	bothIsolations(t, func(t *testing.T, isolation string) {
		h := newHouse(t)
		client := work(t, h.deps(t))
		move := func(p store.Project, desired, state string, job river.JobArgs) {
			require.NoError(t, store.New(h.pool).SetIntent(t.Context(), store.SetIntentParams{ID: p.ID, Desired: desired, Status: state}))
			queue(t, client, job)
		}
		p := h.insert(t, isolation)
		queue(t, client, project.ProvisionArgs{ProjectID: p.ID})
		p, steps := h.await(t, p.ID, status("active"))
		names := []string{}
		for _, s := range steps {
			require.Equal(t, "done", s.Status, s.Name)
			require.NotNil(t, s.FinishedAt, s.Name)
			names = append(names, s.Name)
		}
		require.Equal(t, []string{"cluster", "roles", place(p), "migrations", "bucket", "keys", "publish"}, names)
		require.Equal(t, layout.Version(), int(p.MigrationVersion))
		conn, err := h.login(t, p)
		require.NoError(t, err)
		_, err = testkit.S3Client(h.s3).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &p.Bucket, Key: &p.Ref})
		require.NoError(t, err)

		_, err = h.pool.Exec(t.Context(), `update project set settings = '{"rest.expose_new_tables": true}' where id = $1`, p.ID)
		require.NoError(t, err)
		queue(t, client, project.SettingsArgs{ProjectID: p.ID})
		h.await(t, p.ID, func(_ store.Project, steps []store.ProjectStep) bool {
			return slices.ContainsFunc(steps, func(s store.ProjectStep) bool { return s.Job == jobSettings && s.Status == "done" })
		})
		n := layout.Of(p.Ref, isolation == "schema")
		_, err = conn.Exec(t.Context(), "create table exposed ()")
		require.NoError(t, err)
		var exposed bool
		require.NoError(t, conn.QueryRow(t.Context(), "select has_table_privilege($1, 'exposed', 'select')", n.Role("anon")).Scan(&exposed))
		require.True(t, exposed, "new tables are exposed as the project wants")

		move(p, "paused", "pausing", project.PauseArgs{ProjectID: p.ID})
		h.await(t, p.ID, status("paused"))
		require.Error(t, conn.Ping(t.Context()), "a pause ends sessions")
		_, err = h.login(t, p)
		require.Error(t, err)

		move(p, "active", "resuming", project.ResumeArgs{ProjectID: p.ID})
		h.await(t, p.ID, status("active"))
		_, err = h.login(t, p)
		require.NoError(t, err)

		move(p, "deleted", "deleted", project.DeleteArgs{ProjectID: p.ID})
		h.await(t, p.ID, func(_ store.Project, steps []store.ProjectStep) bool {
			for _, s := range steps {
				if s.Job == project.JobDelete {
					return s.Status == "done"
				}
			}
			return false
		})
		_, err = h.login(t, p)
		require.Error(t, err)

		move(p, "purged", "purging", project.PurgeArgs{ProjectID: p.ID})
		gone, _ := h.await(t, p.ID, status("purged"))
		require.Empty(t, gone.SecretsSealed)
		_, err = testkit.S3Client(h.s3).HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &p.Bucket})
		require.Error(t, err)
		require.Empty(t, leftovers(t, p))
	})
}

// leftovers are the roles, databases and schemas that have the project's ref in their names.
func leftovers(t testing.TB, p store.Project) []string {
	t.Helper()
	config, err := pgx.ParseConfig(testkit.AdminURL(t))
	require.NoError(t, err)
	find := func(database, sql string) []string {
		config.Database = database
		conn, err := pgx.ConnectConfig(t.Context(), config)
		require.NoError(t, err)
		defer func() { _ = conn.Close(context.Background()) }()
		rows, err := conn.Query(t.Context(), sql, p.Ref)
		require.NoError(t, err)
		out, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return out
	}
	return append(
		find("postgres", "select rolname::text from pg_roles where starts_with(rolname, $1) union all select datname from pg_database where starts_with(datname, $1)"),
		find(layout.SharedDatabase, "select nspname::text from pg_namespace where starts_with(nspname, $1)")...)
}

// flaky is an object store that fails until it is mended.
type flaky struct {
	Buckets
	err chan error
}

func (f *flaky) Create(ctx context.Context, name string) error {
	select {
	case err := <-f.err:
		return err
	default:
		return f.Buckets.Create(ctx, name)
	}
}

func TestAStepThatFailsTellsWhyAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.deps(t)
	failing := &flaky{d.Buckets, make(chan error, 1)}
	failing.err <- fault.New(fault.Unavailable, "OBJECT_STORE_UNREACHABLE", "The object store cannot be reached.")
	d.Buckets = failing
	client := work(t, d)
	p := h.insert(t, "schema")
	queue(t, client, project.ProvisionArgs{ProjectID: p.ID})
	h.await(t, p.ID, func(_ store.Project, steps []store.ProjectStep) bool {
		for _, s := range steps {
			if s.Name == "bucket" && s.Status == "retrying" {
				require.Equal(t, "The object store cannot be reached.", s.Message)
				return true
			}
		}
		return false
	})
	_, steps := h.await(t, p.ID, status("active"))
	for _, s := range steps {
		require.Equal(t, "done", s.Status)
		require.Empty(t, s.Message)
	}
}

func TestAFailureForGoodIsShownAndRetriedByHand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	client := work(t, h.deps(t))
	_, err := h.clusters.Drain(t.Context(), cluster.DefaultName, true)
	require.NoError(t, err)
	p := h.insert(t, "schema")
	queue(t, client, project.ProvisionArgs{ProjectID: p.ID})
	p, steps := h.await(t, p.ID, status("failed"))
	require.Contains(t, p.FailureMessage, "No database cluster has room")
	require.Equal(t, "failed", steps[0].Status)

	_, err = h.clusters.Drain(t.Context(), cluster.DefaultName, false)
	require.NoError(t, err)
	require.NoError(t, store.New(h.pool).SetIntent(t.Context(), store.SetIntentParams{ID: p.ID, Desired: "active", Status: "provisioning"}))
	queue(t, client, project.ProvisionArgs{ProjectID: p.ID})
	h.await(t, p.ID, status("active"))
}

func TestThePlatformProjectNeverFailsForGood(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.deps(t)
	// Tests share the cluster, where a platform may stand: this one never gets there.
	d.Clusters = clustersFunc(func(context.Context, uuid.UUID) (*layout.Cluster, error) {
		return nil, fault.New(fault.Exhausted, "NO_CAPACITY", "No database cluster has room for another project.")
	})
	p := h.insert(t, "schema")
	t.Cleanup(func() { // nothing of it is on the cluster, so nothing there may be dropped
		_, err := h.pool.Exec(context.Background(), "update project set status = 'purged' where id = $1", p.ID)
		require.NoError(t, err)
	})
	client := work(t, d)
	_, err := h.pool.Exec(t.Context(), "update project set ref = $2 where id = $1", p.ID, id.PlatformRef)
	require.NoError(t, err)
	queue(t, client, project.ProvisionArgs{ProjectID: p.ID})
	p, steps := h.await(t, p.ID, func(p store.Project, steps []store.ProjectStep) bool {
		return len(steps) > 1 && steps[1].Message != ""
	})
	require.Equal(t, "provisioning", p.Status, "nobody could retry it: signing in needs it")
	require.Equal(t, "retrying", steps[1].Status)
}

func TestAClusterThatIsDownIsWaitedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.deps(t)
	up := make(chan struct{})
	d.Clusters = clustersFunc(func(ctx context.Context, c uuid.UUID) (*layout.Cluster, error) {
		select {
		case <-up:
			return h.clusters.Admin(ctx, c)
		default:
			return layout.Open(ctx, "postgres://nobody:x@127.0.0.1:1/postgres", h.log)
		}
	})
	client := work(t, d)
	p := h.insert(t, "database")
	queue(t, client, project.ProvisionArgs{ProjectID: p.ID})
	h.await(t, p.ID, func(_ store.Project, steps []store.ProjectStep) bool {
		return len(steps) > 1 && steps[1].Status == "retrying" && steps[1].Message == "The database cluster cannot be reached."
	})
	close(up)
	h.await(t, p.ID, status("active"))
}

type clustersFunc func(context.Context, uuid.UUID) (*layout.Cluster, error)

func (f clustersFunc) Admin(ctx context.Context, c uuid.UUID) (*layout.Cluster, error) {
	return f(ctx, c)
}

func TestPlacementPrefersFreeRoom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.clusters.Register(t.Context(), cluster.RegisterInput{Name: "big", AdminURL: testkit.AdminURL(t), Capacity: 2 * cluster.DefaultCapacity})
	require.NoError(t, err)
	_, err = h.clusters.Register(t.Context(), cluster.RegisterInput{Name: "small", AdminURL: testkit.AdminURL(t), Capacity: 1})
	require.NoError(t, err)
	client := work(t, h.deps(t))
	placed := func() string {
		p := h.insert(t, "schema")
		queue(t, client, project.ProvisionArgs{ProjectID: p.ID})
		h.await(t, p.ID, status("active"))
		row, err := store.New(h.pool).GetProjectByRef(t.Context(), p.Ref)
		require.NoError(t, err)
		return row.Cluster
	}
	require.Equal(t, "big", placed())
	for _, name := range []string{"big", "default"} {
		_, err = h.clusters.Drain(t.Context(), name, true)
		require.NoError(t, err)
	}
	require.Equal(t, "small", placed())
	p := h.insert(t, "schema")
	queue(t, client, project.ProvisionArgs{ProjectID: p.ID})
	h.await(t, p.ID, status("failed"))
}

func TestReconcileQueuesWhatIsLacking(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	// No job is queued for these: as if they had been lost.
	fresh := h.insert(t, "schema")
	overdue := h.insert(t, "database")
	_, err := h.pool.Exec(t.Context(), `update project set desired = 'deleted', status = 'deleted', purge_at = now() - interval '1 hour' where id = $1`, overdue.ID)
	require.NoError(t, err)
	stuck := h.insert(t, "schema")
	_, err = h.pool.Exec(t.Context(), `update project set desired = 'deleted', status = 'failed', purge_at = now() - interval '1 hour' where id = $1`, stuck.ID)
	require.NoError(t, err)
	client := work(t, h.deps(t)) // reconciles at its start
	h.await(t, fresh.ID, status("active"))
	h.await(t, overdue.ID, status("purged"))
	h.await(t, stuck.ID, status("purged")) // its deletion failed for good; its data goes all the same

	_, err = h.pool.Exec(t.Context(), "update project set migration_version = 0 where id = $1", fresh.ID)
	require.NoError(t, err)
	p, err := New(h.deps(t))
	require.NoError(t, err)
	progress, err := p.Progress(t.Context())
	require.NoError(t, err)
	require.Equal(t, Progress{Version: layout.Version(), Total: 1}, progress)
	require.Eventually(t, func() bool { // the project is published just before its job ends; River tells no one
		var busy []uuid.UUID
		rows, err := h.pool.Query(t.Context(), busySQL)
		require.NoError(t, err)
		busy, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		require.NoError(t, err)
		return len(busy) == 0
	}, 20*time.Second, 5*time.Millisecond)
	_, err = client.Insert(t.Context(), project.ReconcileArgs{}, &river.InsertOpts{Queue: project.QueueProvision})
	require.NoError(t, err)
	h.await(t, fresh.ID, func(p store.Project, _ []store.ProjectStep) bool { return int(p.MigrationVersion) == layout.Version() })
	progress, err = p.Progress(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, progress.Done)
}

func TestWaitingForAnotherJobIsNoTry(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.deps(t)
	failing := &flaky{d.Buckets, make(chan error, 1)}
	failing.err <- errors.New("a defect")
	d.Buckets = failing
	client := work(t, d)
	p := h.insert(t, "schema")
	conn, err := h.pool.Acquire(t.Context()) // as another job of the project would
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "select pg_advisory_lock(hashtextextended('fluxbase/project/' || $1::text, 0))", p.ID)
	require.NoError(t, err)
	inserted, err := client.Insert(t.Context(), project.ProvisionArgs{ProjectID: p.ID}, &river.InsertOpts{
		Queue: project.QueueProvision, Metadata: []byte(`{"snoozes": 20, "fluxbase_waits": 20}`),
	})
	require.NoError(t, err)
	var metadata []byte
	require.Eventually(t, func() bool {
		row, err := client.JobGet(t.Context(), inserted.Job.ID)
		require.NoError(t, err)
		metadata = row.Metadata
		return history(metadata).Snoozes == 21
	}, 20*time.Second, 10*time.Millisecond)
	require.Zero(t, history(metadata).tries())
	_, err = conn.Exec(t.Context(), "select pg_advisory_unlock_all()")
	require.NoError(t, err)
	conn.Release()
	h.await(t, p.ID, func(p store.Project, steps []store.ProjectStep) bool {
		require.NotEqual(t, "failed", p.Status, "one failure is not for good, however long the job waited")
		return slices.ContainsFunc(steps, func(s store.ProjectStep) bool { return s.Name == "bucket" && s.Status == "retrying" })
	})
	h.await(t, p.ID, status("active"))
}
