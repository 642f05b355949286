package controlplane

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/config"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/internal/token"
	"github.com/wayli-app/fluxbase/migrations"
)

// bundle is a control plane on a database of its own, reached over HTTP. Its jobs are queued and not worked.
type bundle struct {
	t      *testing.T
	server *Server
	pool   *pgxpool.Pool
	inbox  *mail.Memory
	url    string
	key    token.Key
}

func settings(t *testing.T, pool *pgxpool.Pool) config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.DatabaseURL = config.Secret(pool.Config().ConnString())
	cfg.MasterKey = config.Secret(testkit.MasterKey(t))
	cfg.ServiceToken = "service-token-of-a-test"
	cfg.Domain, cfg.PublicURL, cfg.WorkerURL = "fluxbase.test", "https://console.fluxbase.test", "https://api.fluxbase.test"
	cfg.ProjectURL = "https://{ref}.fluxbase.test"
	cfg.Operators = []string{"Operator@example.com"}
	cfg.SMTP.Host = "mail.fluxbase.test" // so that addresses count as confirmed; tests' mail goes to the inbox
	return cfg
}

func setup(t *testing.T, adjust ...func(*config.Config)) *bundle {
	t.Helper()
	b := &bundle{t: t, pool: testkit.Database(t, migrations.Controlplane), inbox: mail.NewMemory("fluxbase@example.com")}
	cfg := settings(t, b.pool)
	for _, f := range adjust {
		f(&cfg)
	}
	var err error
	b.server, err = New(t.Context(), cfg, Deps{
		Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), Mail: b.inbox, Inbox: b.inbox, Version: "test",
		Console: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("console")) }),
	})
	require.NoError(t, err)
	t.Cleanup(b.server.pool.Close)
	require.NoError(t, b.server.prepare(t.Context()))
	web := httptest.NewServer(b.server.Handler())
	t.Cleanup(web.Close)
	b.url = web.URL
	row, err := store.New(b.pool).GetProjectByRef(t.Context(), id.PlatformRef)
	require.NoError(t, err)
	secrets, err := project.OpenSecrets(b.server.sealer, row.Project.ID, row.Project.SecretsSealed)
	require.NoError(t, err)
	b.key, err = secrets.ActiveKey()
	require.NoError(t, err)
	return b
}

// browser is the HTTP client of every test; it outlasts the longest stream.
var browser = &http.Client{Timeout: 2 * time.Minute}

// person is a signed-in user of the platform, with clients that speak as them.
type person struct {
	id     uuid.UUID
	email  string
	bearer string
	clients
}

type clients struct {
	accounts      controlplanev1connect.AccountServiceClient
	audit         controlplanev1connect.AuditServiceClient
	clusters      controlplanev1connect.ClusterServiceClient
	inbox         controlplanev1connect.InboxServiceClient
	keys          controlplanev1connect.KeyServiceClient
	organizations controlplanev1connect.OrganizationServiceClient
	plans         controlplanev1connect.PlanServiceClient
	projects      controlplanev1connect.ProjectServiceClient
	signingKeys   controlplanev1connect.SigningKeyServiceClient
	snippets      controlplanev1connect.SnippetServiceClient
}

func (b *bundle) speak(bearer string) clients {
	client := browser
	with := connect.WithInterceptors(bearerOf(bearer))
	return clients{
		controlplanev1connect.NewAccountServiceClient(client, b.url, with), controlplanev1connect.NewAuditServiceClient(client, b.url, with),
		controlplanev1connect.NewClusterServiceClient(client, b.url, with), controlplanev1connect.NewInboxServiceClient(client, b.url, with),
		controlplanev1connect.NewKeyServiceClient(client, b.url, with), controlplanev1connect.NewOrganizationServiceClient(client, b.url, with),
		controlplanev1connect.NewPlanServiceClient(client, b.url, with), controlplanev1connect.NewProjectServiceClient(client, b.url, with),
		controlplanev1connect.NewSigningKeyServiceClient(client, b.url, with), controlplanev1connect.NewSnippetServiceClient(client, b.url, with),
	}
}

// bearerOf is the client's interceptor that shows a token; "" shows none.
type bearerOf string

func (b bearerOf) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if b != "" {
			req.Header().Set("Authorization", "Bearer "+string(b))
		}
		return next(ctx, req)
	}
}

func (b bearerOf) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		if b != "" {
			conn.RequestHeader().Set("Authorization", "Bearer "+string(b))
		}
		return conn
	}
}

func (b bearerOf) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// userToken signs what auth would give a user of the platform.
func (b *bundle) userToken(user uuid.UUID, email string, change map[string]any) string {
	claims := map[string]any{
		"iss": "https://platform.fluxbase.test/auth/v1", "sub": user.String(), "aud": "authenticated", "role": "authenticated", "email": email,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for k, v := range change {
		if claims[k] = v; v == nil {
			delete(claims, k)
		}
	}
	signed, err := b.key.Sign(claims)
	require.NoError(b.t, err)
	return signed
}

// signIn makes an account and clients that speak as it.
func (b *bundle) signIn(email string) person {
	b.t.Helper()
	user := uuid.New()
	bearer := b.userToken(user, email, nil)
	p := person{id: user, email: email, bearer: bearer, clients: b.speak(bearer)}
	_, err := p.accounts.GetAccount(b.t.Context(), &v1.GetAccountRequest{})
	require.NoError(b.t, err)
	require.NoError(b.t, b.server.appointOperators(b.t.Context()), "as at the next start")
	return p
}

// organization makes an organisation with its owner.
func (b *bundle) organization(slug string) person {
	b.t.Helper()
	owner := b.signIn("owner-of-" + slug + "@example.com")
	_, err := owner.organizations.CreateOrganization(b.t.Context(), &v1.CreateOrganizationRequest{Name: strings.ToUpper(slug), Slug: slug})
	require.NoError(b.t, err)
	return owner
}

// join makes an account that is a member of an organisation with a role.
func (b *bundle) join(slug, role string) person {
	b.t.Helper()
	p := b.signIn(role + "-of-" + slug + "-" + uuid.NewString()[:8] + "@example.com")
	_, err := b.pool.Exec(b.t.Context(), "insert into member (organization_id, account_id, role) select id, $2, $3 from organization where slug = $1", slug, p.id, role)
	require.NoError(b.t, err)
	return p
}

// project makes a project and, as the jobs are not worked here, says that it was provisioned.
func (b *bundle) project(owner person, slug string) *v1.Project {
	b.t.Helper()
	made, err := owner.projects.CreateProject(b.t.Context(), &v1.CreateProjectRequest{Organization: slug, Name: "Notes"})
	require.NoError(b.t, err)
	b.provisioned(made.GetProject().GetRef())
	return made.GetProject()
}

func (b *bundle) provisioned(ref string) {
	b.t.Helper()
	ctx := b.t.Context()
	tx, err := b.pool.Begin(ctx)
	require.NoError(b.t, err)
	var project uuid.UUID
	require.NoError(b.t, tx.QueryRow(ctx, `update project set status = 'active', database_name = ref, revision = nextval('project_revision')
		where ref = $1 returning id`, ref).Scan(&project))
	_, err = tx.Exec(ctx, "insert into project_step (project_id, job, position, name, status) values ($1, 'provision', 1, 'publish', 'done')", project)
	require.NoError(b.t, err)
	require.NoError(b.t, b.server.keys.EnsureDefaults(ctx, tx, project))
	require.NoError(b.t, tx.Commit(ctx))
}

func (b *bundle) setStatus(ref, status, desired string) {
	b.t.Helper()
	_, err := b.pool.Exec(b.t.Context(), "update project set status = $2, desired = $3 where ref = $1", ref, status, desired)
	require.NoError(b.t, err)
}

// count runs a query of one number.
func (b *bundle) count(sql string, args ...any) int {
	b.t.Helper()
	n := 0
	require.NoError(b.t, b.pool.QueryRow(b.t.Context(), sql, args...).Scan(&n))
	return n
}

// refused requires an error of a code and reason, and returns the fields at fault.
func refused(t *testing.T, err error, code connect.Code, reason string) map[string]string {
	t.Helper()
	require.Error(t, err)
	var c *connect.Error
	require.ErrorAs(t, err, &c)
	require.Equal(t, code, c.Code(), "%v", err)
	found, fields := "", map[string]string{}
	for _, d := range c.Details() {
		value, err := d.Value()
		require.NoError(t, err)
		switch detail := value.(type) {
		case *errdetails.ErrorInfo:
			require.Equal(t, "fluxbase", detail.GetDomain())
			require.NotEmpty(t, detail.GetMetadata()["request_id"])
			found = detail.GetReason()
		case *errdetails.BadRequest:
			for _, f := range detail.GetFieldViolations() {
				fields[f.GetField()] = f.GetDescription()
			}
		}
	}
	require.Equal(t, reason, found, "%v", err)
	return fields
}
