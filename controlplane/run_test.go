package controlplane

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// TestMigrateFromNothing applies every migration to an empty database, and again, and in several processes at once.
func TestMigrateFromNothing(t *testing.T) {
	t.Parallel()
	admin, err := pgx.Connect(t.Context(), testkit.AdminURL(t))
	require.NoError(t, err)
	name := "migrate_" + id.NewRef()
	_, err = admin.Exec(t.Context(), "create database "+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = admin.Exec(context.Background(), "drop database "+name+" with (force)")
		_ = admin.Close(context.Background())
	})
	address, err := url.Parse(testkit.AdminURL(t))
	require.NoError(t, err)
	address.Path = "/" + name
	cfg := config.Config{DatabaseURL: config.Secret(address.String())}
	failures := make(chan error, 3)
	for range 3 {
		go func() { failures <- Migrate(context.Background(), cfg, testkit.Logger(t)) }()
	}
	for range 3 {
		require.NoError(t, <-failures)
	}
	conn, err := pgx.Connect(t.Context(), cfg.DatabaseURL.Reveal())
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), "insert into schema_migration (version, name) values (9999, 'later')")
	require.NoError(t, err)
	require.ErrorContains(t, Migrate(t.Context(), cfg, testkit.Logger(t)), "run a newer Fluxbase")
}

func TestAControlDatabaseThatIsBehindIsSaidSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.pool.Exec(t.Context(), "alter table project rename to elsewhere")
	require.NoError(t, err)
	err = b.server.prepare(t.Context())
	require.ErrorContains(t, unmigrated(err), "run `fluxbase migrate`")
	require.ErrorIs(t, unmigrated(err), err)
	require.Equal(t, context.Canceled, unmigrated(context.Canceled))
}

// TestTwoControlPlanes runs two on one database: the platform stands once, and projects are carried out by either.
func TestTwoControlPlanes(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *config.Config) {
		c.ClusterURL = config.Secret(testkit.AdminURL(t))
		c.S3 = testkit.S3(t)
		c.DrainTimeout = 10 * time.Second
		c.DeleteGrace = time.Millisecond
	})
	// The platform's fixed name is the test server's only once, so this test leaves its job undone.
	_, err := b.pool.Exec(t.Context(), "delete from river_job")
	require.NoError(t, err)
	b.provisioned("platform")
	second, err := New(t.Context(), b.server.cfg, Deps{
		Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), Mail: mail.NewMemory("f@example.com"), Console: http.NotFoundHandler(),
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for _, s := range []*Server{b.server, second} {
		go func() { ended <- s.Run(ctx) }()
	}
	for _, s := range []*Server{b.server, second} {
		<-s.started
		require.NoError(t, s.Ready(t.Context()))
	}
	ada := b.organization("acme")
	for _, isolation := range []v1.Isolation{v1.Isolation_ISOLATION_DATABASE, v1.Isolation_ISOLATION_SCHEMA} {
		made, err := ada.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "Real", Isolation: isolation})
		require.NoError(t, err)
		ref := made.GetProject().GetRef()
		p := b.awaitStatus(ada, ref, v1.ProjectStatus_PROJECT_STATUS_ACTIVE)
		require.NotEmpty(t, p.GetSteps())
		for _, step := range p.GetSteps() {
			require.Equal(t, v1.StepStatus_STEP_STATUS_DONE, step.GetStatus(), step.GetName())
		}
		if isolation == v1.Isolation_ISOLATION_DATABASE {
			b.ownerCanLogIn(ada, ref)
		}
		keys, err := ada.keys.ListKeys(t.Context(), &v1.ListKeysRequest{Ref: ref})
		require.NoError(t, err)
		require.Len(t, keys.GetKeys(), 2)
		_, err = ada.projects.PauseProject(t.Context(), &v1.PauseProjectRequest{Ref: ref})
		require.NoError(t, err)
		b.awaitStatus(ada, ref, v1.ProjectStatus_PROJECT_STATUS_PAUSED)
		_, err = ada.projects.ResumeProject(t.Context(), &v1.ResumeProjectRequest{Ref: ref})
		require.NoError(t, err)
		b.awaitStatus(ada, ref, v1.ProjectStatus_PROJECT_STATUS_ACTIVE)
		_, err = ada.projects.DeleteProject(t.Context(), &v1.DeleteProjectRequest{Ref: ref})
		require.NoError(t, err)
	}
	invited, err := ada.organizations.InviteMember(t.Context(), &v1.InviteMemberRequest{Organization: "acme", Email: "bob@example.com", Role: v1.Role_ROLE_VIEWER})
	require.NoError(t, err)
	require.NotEmpty(t, invited.GetAcceptUrl())
	require.Eventually(t, func() bool { // reconciliation purges what is past its grace time
		return b.count("select count(*) from project where name = 'Real' and status <> 'purged'") == 0 &&
			b.count("select count(*) from river_job where kind = 'invitation_mail' and state = 'completed'") == 1
	}, 60*time.Second, 100*time.Millisecond)
	require.Equal(t, 1, b.count("select count(*) from cluster"))
	stop()
	for range 2 {
		require.NoError(t, <-ended)
	}
}

func (b *bundle) awaitStatus(p person, ref string, want v1.ProjectStatus) *v1.Project {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	stream, err := p.projects.WatchProject(ctx, &v1.WatchProjectRequest{Ref: ref})
	require.NoError(b.t, err)
	var last *v1.Project
	for stream.Receive() {
		if last = stream.Msg().GetProject(); last.GetStatus() == want {
			return last
		}
	}
	require.Failf(b.t, "status never came", "wanted %s: %v; last %v", want, stream.Err(), last)
	return nil
}

func (b *bundle) ownerCanLogIn(p person, ref string) {
	b.t.Helper()
	info, err := p.projects.GetConnectionInfo(b.t.Context(), &v1.GetConnectionInfoRequest{Ref: ref})
	require.NoError(b.t, err)
	conn, err := pgx.Connect(b.t.Context(), info.GetDatabaseUrl())
	require.NoError(b.t, err)
	_, err = conn.Exec(b.t.Context(), "create table public.notes (id int primary key)")
	require.NoError(b.t, err)
	require.NoError(b.t, conn.Close(b.t.Context()))
}

// TestDirectoryIsMounted asks for the platform's snapshot with and without the service token.
func TestDirectoryIsMounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	web := httptest.NewServer(b.server.Handler())
	t.Cleanup(web.Close)
	for bearer, want := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer " + b.server.cfg.ServiceToken.Reveal(): 200} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/fluxbase.directory.v1.DirectoryService/Resolve", strings.NewReader(`{"ref":"platform"}`))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", bearer)
		res, err := browser.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, want, res.StatusCode, "%s", body)
	}
}
