package controlplane

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/config"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/token"
)

func TestCreateCommitsRowJobAndAudit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	made, err := ada.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "  Notes  ", Isolation: v1.Isolation_ISOLATION_SCHEMA})
	require.NoError(t, err)
	p := made.GetProject()
	require.Regexp(t, "^[a-z]{20}$", p.GetRef())
	require.Equal(t, "Notes", p.GetName())
	require.Equal(t, "acme", p.GetOrganization())
	require.Equal(t, v1.ProjectStatus_PROJECT_STATUS_PROVISIONING, p.GetStatus())
	require.Equal(t, v1.Isolation_ISOLATION_SCHEMA, p.GetIsolation())
	require.Equal(t, "https://"+p.GetRef()+".fluxbase.test", p.GetUrl())
	require.Equal(t, "https://api.fluxbase.test/p/"+p.GetRef(), p.GetPathUrl())
	require.Equal(t, 1, b.count("select count(*) from river_job where kind = 'project_provision' and queue = 'provision' and args->>'project_id' = $1", p.GetId()))
	events, err := ada.audit.ListAuditEvents(t.Context(), &v1.ListAuditEventsRequest{Organization: "acme", Action: "project"})
	require.NoError(t, err)
	require.Len(t, events.GetEvents(), 1)
	event := events.GetEvents()[0]
	require.Equal(t, "project.create", event.GetAction())
	require.Equal(t, "project/"+p.GetRef(), event.GetTarget())
	require.Equal(t, ada.email, event.GetActorEmail())
	require.Equal(t, "127.0.0.1", event.GetIpAddress())
	require.NotEmpty(t, event.GetRequestId())
	for filter, want := range map[string]int{"project.create": 1, "projec": 0, "organization": 1, "": 2} {
		got, err := ada.audit.ListAuditEvents(t.Context(), &v1.ListAuditEventsRequest{Organization: "acme", Action: filter, Actor: "OWNER-of-acme@example.com"})
		require.NoError(t, err)
		require.Len(t, got.GetEvents(), want, filter)
	}

	// What cannot be audited does not happen.
	_, err = b.pool.Exec(t.Context(), "alter table audit_event add constraint refuse check (action <> 'project.create') not valid")
	require.NoError(t, err)
	jobs, rows := b.count("select count(*) from river_job"), b.count("select count(*) from project")
	_, err = ada.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "Never"})
	refused(t, err, connect.CodeInternal, "INTERNAL")
	require.NotContains(t, err.Error(), "refuse", "causes stay inside")
	require.Equal(t, jobs, b.count("select count(*) from river_job"))
	require.Equal(t, rows, b.count("select count(*) from project"))
}

func TestPlanBoundsProjects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	_, err := b.pool.Exec(t.Context(), "update plan set max_projects = 3 where name = 'free'")
	require.NoError(t, err)
	var wait sync.WaitGroup
	failures := make([]error, 6)
	for i := range failures {
		wait.Go(func() {
			_, failures[i] = ada.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "P"})
		})
	}
	wait.Wait()
	made := 0
	for _, err := range failures {
		if err == nil {
			made++
			continue
		}
		refused(t, err, connect.CodeResourceExhausted, "PROJECT_QUOTA")
	}
	require.Equal(t, 3, made)

	// A deleted one makes room, and cannot be restored when that is taken.
	list, err := ada.projects.ListProjects(t.Context(), &v1.ListProjectsRequest{Organization: "acme"})
	require.NoError(t, err)
	ref := list.GetProjects()[0].GetRef()
	_, err = ada.projects.DeleteProject(t.Context(), &v1.DeleteProjectRequest{Ref: ref})
	require.NoError(t, err)
	_, err = ada.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "P"})
	require.NoError(t, err)
	_, err = ada.projects.RestoreProject(t.Context(), &v1.RestoreProjectRequest{Ref: ref})
	refused(t, err, connect.CodeResourceExhausted, "PROJECT_QUOTA")
}

func TestStates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	verbs := map[string]func(ref string) (*v1.Project, error){
		"pause": func(ref string) (*v1.Project, error) {
			r, err := ada.projects.PauseProject(t.Context(), &v1.PauseProjectRequest{Ref: ref})
			return r.GetProject(), err
		},
		"resume": func(ref string) (*v1.Project, error) {
			r, err := ada.projects.ResumeProject(t.Context(), &v1.ResumeProjectRequest{Ref: ref})
			return r.GetProject(), err
		},
		"delete": func(ref string) (*v1.Project, error) {
			r, err := ada.projects.DeleteProject(t.Context(), &v1.DeleteProjectRequest{Ref: ref})
			return r.GetProject(), err
		},
		"restore": func(ref string) (*v1.Project, error) {
			r, err := ada.projects.RestoreProject(t.Context(), &v1.RestoreProjectRequest{Ref: ref})
			return r.GetProject(), err
		},
		"retry": func(ref string) (*v1.Project, error) {
			r, err := ada.projects.RetryProject(t.Context(), &v1.RetryProjectRequest{Ref: ref})
			return r.GetProject(), err
		},
	}
	// status/desired → what each verb makes of it and the job that it queues; what is not here is refused.
	type end struct{ status, desired, job string }
	table := map[string]map[string]end{
		"provisioning/active": {"delete": {"deleted", "deleted", "project_delete"}},
		"active/active":       {"pause": {"pausing", "paused", "project_pause"}, "delete": {"deleted", "deleted", "project_delete"}},
		"pausing/paused":      {"delete": {"deleted", "deleted", "project_delete"}},
		"paused/paused":       {"resume": {"resuming", "active", "project_resume"}, "delete": {"deleted", "deleted", "project_delete"}},
		"resuming/active":     {"delete": {"deleted", "deleted", "project_delete"}},
		"deleted/deleted":     {"restore": {"resuming", "active", "project_resume"}},
		"failed/active":       {"retry": {"resuming", "active", "project_resume"}, "delete": {"deleted", "deleted", "project_delete"}},
		"failed/paused":       {"retry": {"pausing", "paused", "project_pause"}, "delete": {"deleted", "deleted", "project_delete"}},
		"failed/deleted":      {"retry": {"deleted", "deleted", "project_delete"}, "restore": {"resuming", "active", "project_resume"}},
		"failed/purged":       {"retry": {"purging", "purged", "project_purge"}},
		"purging/purged":      {},
	}
	_, err := b.pool.Exec(t.Context(), "update plan set max_projects = 0")
	require.NoError(t, err)
	for state, ends := range table {
		status, desired, _ := strings.Cut(state, "/")
		for verb, call := range verbs {
			ref := b.project(ada, "acme").GetRef()
			b.setStatus(ref, status, desired)
			revision := b.count("select revision from project where ref = $1", ref)
			_, err := call(ref)
			want, ok := ends[verb]
			if !ok {
				require.Equalf(t, connect.CodeFailedPrecondition, connect.CodeOf(err), "%s a project that is %s: %v", verb, state, err)
				continue
			}
			require.NoErrorf(t, err, "%s a project that is %s", verb, state)
			var got end
			require.NoError(t, b.pool.QueryRow(t.Context(), `select status, desired,
				(select kind from river_job where args->>'project_id' = project.id::text order by id desc limit 1) from project where ref = $1`, ref).
				Scan(&got.status, &got.desired, &got.job))
			require.Equalf(t, want, got, "%s a project that is %s", verb, state)
			require.Greater(t, b.count("select revision from project where ref = $1", ref), revision)
		}
	}
}

func TestGraceTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	gone, err := ada.projects.DeleteProject(t.Context(), &v1.DeleteProjectRequest{Ref: ref})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(168*time.Hour), gone.GetProject().GetPurgeTime().AsTime(), time.Minute)
	_, err = ada.projects.DeleteProject(t.Context(), &v1.DeleteProjectRequest{Ref: ref})
	refused(t, err, connect.CodeFailedPrecondition, "PROJECT_DELETED")
	back, err := ada.projects.RestoreProject(t.Context(), &v1.RestoreProjectRequest{Ref: ref})
	require.NoError(t, err)
	require.Nil(t, back.GetProject().GetPurgeTime())
	require.Equal(t, 1, b.count("select count(*) from project where ref = $1 and deleted_at is null and purge_at is null", ref))
	_, err = b.pool.Exec(t.Context(), "update project set status = 'deleted', desired = 'deleted', purge_at = now() where ref = $1", ref)
	require.NoError(t, err)
	_, err = ada.projects.RestoreProject(t.Context(), &v1.RestoreProjectRequest{Ref: ref})
	refused(t, err, connect.CodeFailedPrecondition, "GRACE_TIME_OVER")

	// What was deleted before it was whole is provisioned on.
	half, err := ada.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "Half"})
	require.NoError(t, err)
	_, err = ada.projects.DeleteProject(t.Context(), &v1.DeleteProjectRequest{Ref: half.GetProject().GetRef()})
	require.NoError(t, err)
	whole, err := ada.projects.RestoreProject(t.Context(), &v1.RestoreProjectRequest{Ref: half.GetProject().GetRef()})
	require.NoError(t, err)
	require.Equal(t, v1.ProjectStatus_PROJECT_STATUS_PROVISIONING, whole.GetProject().GetStatus())
}

func TestPlatformProjectIsNobodys(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *config.Config) { c.Dev = true })
	operator := b.signIn("first@example.com")
	for name, call := range map[string]func() error{
		"get": func() error {
			_, err := operator.projects.GetProject(t.Context(), &v1.GetProjectRequest{Ref: "platform"})
			return err
		},
		"pause": func() error {
			_, err := operator.projects.PauseProject(t.Context(), &v1.PauseProjectRequest{Ref: "platform"})
			return err
		},
		"delete": func() error {
			_, err := operator.projects.DeleteProject(t.Context(), &v1.DeleteProjectRequest{Ref: "platform"})
			return err
		},
		"keys": func() error {
			_, err := operator.keys.ListKeys(t.Context(), &v1.ListKeysRequest{Ref: "platform"})
			return err
		},
	} {
		err := call()
		require.Error(t, err, name)
		refused(t, err, connect.CodeNotFound, "PROJECT_NOT_FOUND")
	}
	for _, err := range []error{
		second(b.server.projects.Pause(t.Context(), "platform")), second(b.server.projects.Delete(t.Context(), "platform")),
		second(b.server.projects.UpdateSettings(t.Context(), "platform", map[string]string{"auth.disable_signup": "true"})),
	} {
		require.ErrorIs(t, err, project.ErrNotFound)
	}
	list, err := operator.projects.ListProjects(t.Context(), &v1.ListProjectsRequest{})
	require.NoError(t, err)
	require.Empty(t, list.GetProjects())

	// Several control planes make it once, and keep its site.
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() { require.NoError(t, b.server.projects.EnsurePlatform(context.Background())) })
	}
	wait.Wait()
	require.Equal(t, 1, b.count("select count(*) from project"))
	require.Equal(t, 1, b.count("select count(*) from river_job where kind = 'project_provision'"))
	require.Equal(t, 1, b.count(`select count(*) from project where settings->>'auth.site_url' = 'https://console.fluxbase.test'`))
}

func second[T any](_ T, err error) error { return err }

func TestSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	update := func(values map[string]string) (map[string]string, error) {
		res, err := ada.projects.UpdateSettings(t.Context(), &v1.UpdateSettingsRequest{Ref: ref, Values: values})
		out := map[string]string{}
		for _, s := range res.GetSettings() {
			out[s.GetKey()] = s.GetValue()
		}
		return out, err
	}
	before := b.count("select revision from project where ref = $1", ref)
	got, err := update(map[string]string{"rest.schemas": `["public",  "api"]`, "rest.max_rows": "50"})
	require.NoError(t, err)
	require.Equal(t, `["public","api"]`, got["rest.schemas"])
	require.Equal(t, "50", got["rest.max_rows"])
	require.Equal(t, "false", got["auth.autoconfirm"])
	require.Greater(t, b.count("select revision from project where ref = $1", ref), before)
	fields := func() map[string]string {
		_, err := update(map[string]string{"rest.max_rows": "0", "auth.site_url": "7", "nonsense": "1", "auth.jwt_expiry": "600"})
		return refused(t, err, connect.CodeInvalidArgument, "SETTING_INVALID")
	}()
	require.Len(t, fields, 3)
	require.Contains(t, fields["values[rest.max_rows]"], "from 1 to 1000000")
	all, err := ada.projects.GetSettings(t.Context(), &v1.GetSettingsRequest{Ref: ref})
	require.NoError(t, err)
	for _, s := range all.GetSettings() {
		if s.GetKey() == "auth.jwt_expiry" {
			require.Equal(t, "3600", s.GetValue(), "all or none are changed")
		}
	}
	got, err = update(map[string]string{"rest.max_rows": ""})
	require.NoError(t, err)
	require.Equal(t, "1000", got["rest.max_rows"])
	var stored map[string]json.RawMessage
	require.NoError(t, b.pool.QueryRow(t.Context(), "select settings from project where ref = $1", ref).Scan(&stored))
	require.Len(t, stored, 1)
	require.JSONEq(t, `["public","api"]`, string(stored["rest.schemas"]))

	_, err = b.pool.Exec(t.Context(), "update project set isolation = 'schema' where ref = $1", ref)
	require.NoError(t, err)
	_, err = update(map[string]string{"rest.schemas": `["public","api"]`})
	fields = refused(t, err, connect.CodeInvalidArgument, "SETTING_INVALID")
	require.Contains(t, fields["values[rest.schemas]"], `schema "api" cannot exist in a project of isolation schema`)
	for _, possible := range []string{`["public"]`, `["public","extensions"]`, ""} {
		_, err = update(map[string]string{"rest.schemas": possible, "rest.max_rows": "7"})
		require.NoError(t, err)
	}
}

func TestConnectionInfo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	cluster := uuid.New()
	_, err := b.pool.Exec(t.Context(), `insert into cluster (id, name, host, port, ssl_mode, admin_url_sealed, version, capacity) values ($1, 'one', 'db.example.com', 5433, 'require', '', '18', 5)`, cluster)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), "update project set cluster_id = $1 where ref = $2", cluster, ref)
	require.NoError(t, err)
	info := func(p person) *v1.GetConnectionInfoResponse {
		out, err := p.projects.GetConnectionInfo(t.Context(), &v1.GetConnectionInfoRequest{Ref: ref})
		require.NoError(t, err)
		return out
	}
	viewer := info(b.join("acme", "viewer"))
	require.Equal(t, "https://"+ref+".fluxbase.test", viewer.GetUrl())
	require.Empty(t, viewer.GetDatabaseUrl()+viewer.GetAnonKey()+viewer.GetServiceRoleKey()+viewer.GetJwtSecret(), "secrets are for developers")
	got := info(b.join("acme", "developer"))
	address, err := url.Parse(got.GetDatabaseUrl())
	require.NoError(t, err)
	require.Equal(t, "db.example.com:5433", address.Host)
	require.Equal(t, "/"+ref, address.Path)
	require.Equal(t, ref+"_owner", address.User.Username())
	require.Equal(t, "require", address.Query().Get("sslmode"))
	verifier := token.NewVerifier(nil, []byte(got.GetJwtSecret()))
	for role, value := range map[string]string{"anon": got.GetAnonKey(), "service_role": got.GetServiceRoleKey()} {
		verified, err := verifier.Verify(value, time.Now())
		require.NoError(t, err)
		require.Equal(t, role, verified.Role)
		require.Equal(t, ref, verified.Claims["ref"])
		require.Equal(t, "fluxbase", verified.Claims["iss"])
		require.WithinDuration(t, time.Now().AddDate(10, 0, 0), verified.Expires, time.Hour)
	}
	_, err = b.pool.Exec(t.Context(), "update project set isolation = 'schema' where ref = $1", ref)
	require.NoError(t, err)
	require.Empty(t, info(ada).GetDatabaseUrl())

	made, err := ada.projects.CreateDeveloperToken(t.Context(), &v1.CreateDeveloperTokenRequest{Ref: ref})
	require.NoError(t, err)
	row, err := store.New(b.pool).GetProjectByRef(t.Context(), ref)
	require.NoError(t, err)
	secrets, err := project.OpenSecrets(b.server.sealer, row.Project.ID, row.Project.SecretsSealed)
	require.NoError(t, err)
	own, err := secrets.Verifier()
	require.NoError(t, err)
	verified, err := own.Verify(made.GetToken(), time.Now())
	require.NoError(t, err)
	require.Equal(t, []string{"meta"}, verified.Audience)
	require.Equal(t, "developer", verified.Role)
	require.Equal(t, ada.id.String(), verified.Subject)
	require.WithinDuration(t, time.Now().Add(10*time.Minute), verified.Expires, 5*time.Second)
	b.setStatus(ref, "paused", "paused")
	_, err = ada.projects.CreateDeveloperToken(t.Context(), &v1.CreateDeveloperTokenRequest{Ref: ref})
	refused(t, err, connect.CodeFailedPrecondition, "PROJECT_NOT_ACTIVE")

	require.Equal(t, 2, b.count("select count(*) from audit_event where action = 'project.reveal' and target = $1", "project/"+ref), "the viewer was shown no secret")
	require.Equal(t, 1, b.count("select count(*) from audit_event where action = 'project.developer_token' and target = $1 and actor_email = $2", "project/"+ref, ada.email))
	_, err = b.pool.Exec(t.Context(), "alter table audit_event add constraint refuse check (action not in ('project.reveal', 'project.developer_token')) not valid")
	require.NoError(t, err)
	b.setStatus(ref, "active", "active")
	_, err = ada.projects.CreateDeveloperToken(t.Context(), &v1.CreateDeveloperTokenRequest{Ref: ref})
	refused(t, err, connect.CodeInternal, "INTERNAL")
	_, err = ada.projects.GetConnectionInfo(t.Context(), &v1.GetConnectionInfoRequest{Ref: ref})
	refused(t, err, connect.CodeInternal, "INTERNAL")
}

func TestWatchSendsChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listening, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.server.changes.Run(listening) }()
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	stream, err := ada.projects.WatchProject(t.Context(), &v1.WatchProjectRequest{Ref: ref})
	require.NoError(t, err)
	require.True(t, stream.Receive(), "at once: %v", stream.Err())
	require.Equal(t, v1.ProjectStatus_PROJECT_STATUS_ACTIVE, stream.Msg().GetProject().GetStatus())

	_, err = ada.projects.PauseProject(t.Context(), &v1.PauseProjectRequest{Ref: ref})
	require.NoError(t, err)
	require.True(t, stream.Receive(), "at a change of the status: %v", stream.Err())
	require.Equal(t, v1.ProjectStatus_PROJECT_STATUS_PAUSING, stream.Msg().GetProject().GetStatus())
	_, err = b.pool.Exec(t.Context(), `insert into project_step (project_id, job, position, name, status, started_at)
		select id, 'pause', 1, 'stop', 'running', now() from project where ref = $1`, ref)
	require.NoError(t, err)
	require.True(t, stream.Receive(), "at a change of a step: %v", stream.Err())
	require.Len(t, stream.Msg().GetProject().GetSteps(), 1)
	require.Equal(t, "stop", stream.Msg().GetProject().GetSteps()[0].GetName())
	require.Equal(t, v1.StepStatus_STEP_STATUS_RUNNING, stream.Msg().GetProject().GetSteps()[0].GetStatus())

	// Who is no member any more sees no more.
	viewer := b.join("acme", "viewer")
	watched, err := viewer.projects.WatchProject(t.Context(), &v1.WatchProjectRequest{Ref: ref})
	require.NoError(t, err)
	require.True(t, watched.Receive())
	_, err = ada.organizations.RemoveMember(t.Context(), &v1.RemoveMemberRequest{Organization: "acme", AccountId: viewer.id.String()})
	require.NoError(t, err)
	b.setStatus(ref, "paused", "paused")
	require.False(t, watched.Receive())
	refused(t, watched.Err(), connect.CodeNotFound, "PROJECT_NOT_FOUND")

	require.True(t, stream.Receive())
	stop()
	require.NoError(t, <-ended)
	require.False(t, stream.Receive(), "streams end with the server")
	refused(t, stream.Err(), connect.CodeUnavailable, "SHUTTING_DOWN")
}
