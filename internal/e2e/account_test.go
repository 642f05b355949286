package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
	"github.com/wayli-app/fluxbase/internal/id"
)

// account is a person with the console's rights, and an organisation of their own.
type account struct {
	in            *installation
	email, token  string
	organization  string
	accounts      controlplanev1connect.AccountServiceClient
	organizations controlplanev1connect.OrganizationServiceClient
	projects      controlplanev1connect.ProjectServiceClient
	keys          controlplanev1connect.KeyServiceClient
	snippets      controlplanev1connect.SnippetServiceClient
	clusters      controlplanev1connect.ClusterServiceClient
	audit         controlplanev1connect.AuditServiceClient
}

// bearer puts a token on every call.
type bearer string

func (b bearer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		if r.Spec().IsClient && b != "" {
			r.Header().Set("Authorization", "Bearer "+string(b))
		}
		return next(ctx, r)
	}
}

func (b bearer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		conn.RequestHeader().Set("Authorization", "Bearer "+string(b))
		return conn
	}
}

func (b bearer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// as returns the control plane's clients with a token.
func (in *installation) as(token string) *account {
	with := connect.WithInterceptors(bearer(token))
	return &account{
		in: in, token: token,
		accounts:      controlplanev1connect.NewAccountServiceClient(httpClient, in.url, with),
		organizations: controlplanev1connect.NewOrganizationServiceClient(httpClient, in.url, with),
		projects:      controlplanev1connect.NewProjectServiceClient(httpClient, in.url, with),
		keys:          controlplanev1connect.NewKeyServiceClient(httpClient, in.url, with),
		snippets:      controlplanev1connect.NewSnippetServiceClient(httpClient, in.url, with),
		clusters:      controlplanev1connect.NewClusterServiceClient(httpClient, in.url, with),
		audit:         controlplanev1connect.NewAuditServiceClient(httpClient, in.url, with),
	}
}

// signUp makes an account with an organisation.
func (in *installation) signUp(t *testing.T, name string) *account {
	t.Helper()
	email := name + "." + id.NewRef() + "@example.com"
	a := in.as(signUpAt(t, in.platform.URL, in.platform.Key, email))
	a.email = email
	made, err := a.organizations.CreateOrganization(t.Context(), &controlplanev1.CreateOrganizationRequest{Name: name + " & co"})
	require.NoError(t, err)
	a.organization = made.GetOrganization().GetSlug()
	return a
}

// signUpOnce signs up at the console with an address that may be the caller's already, and returns the first access token.
func (in *installation) signUpOnce(t *testing.T, email string) string {
	t.Helper()
	in.onceLock.Lock()
	defer in.onceLock.Unlock()
	if in.once[email] == "" {
		if in.once == nil {
			in.once = map[string]string{}
		}
		in.once[email] = signUpAt(t, in.platform.URL, in.platform.Key, email)
	}
	return in.once[email]
}

const password = "correct horse battery"

// signUpAt makes a user of a project and returns their access token.
func signUpAt(t *testing.T, projectURL, key, email string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, projectURL+"/auth/v1/signup", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("apikey", key)
	answer, err := httpClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&got))
	require.NotEmpty(t, got.AccessToken, answer.Status)
	return got.AccessToken
}

// project is a project with all that its developers know of it.
type project struct {
	owner                                             *account
	ref, url, pathURL                                 string
	shared                                            bool
	publishable, secret, anon, serviceRole, jwtSecret string
	databaseURL                                       string
}

// create makes a project and waits until it answers.
func (a *account) create(t *testing.T, name string, shared bool) *project {
	t.Helper()
	isolation := controlplanev1.Isolation_ISOLATION_DATABASE
	if shared {
		isolation = controlplanev1.Isolation_ISOLATION_SCHEMA
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	made, err := a.projects.CreateProject(ctx, &controlplanev1.CreateProjectRequest{Organization: a.organization, Name: name, Isolation: isolation})
	require.NoError(t, err)
	ref := made.GetProject().GetRef()
	// Users of these tests read no mail.
	_, err = a.projects.UpdateSettings(ctx, &controlplanev1.UpdateSettingsRequest{Ref: ref, Values: map[string]string{"auth.autoconfirm": "true"}})
	require.NoError(t, err)
	for current := made.GetProject(); current.GetStatus() != controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE; {
		require.NotEqual(t, controlplanev1.ProjectStatus_PROJECT_STATUS_FAILED, current.GetStatus(), current.GetFailureMessage())
		stream, err := a.projects.WatchProject(ctx, &controlplanev1.WatchProjectRequest{Ref: ref})
		require.NoError(t, err)
		for stream.Receive() {
			if current = stream.Msg().GetProject(); current.GetStatus() == controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE {
				break
			}
		}
		_ = stream.Close()
		require.NoError(t, ctx.Err(), "project %s is %s: %v", ref, current.GetStatus(), current.GetSteps())
	}
	info, err := a.projects.GetConnectionInfo(ctx, &controlplanev1.GetConnectionInfoRequest{Ref: ref})
	require.NoError(t, err)
	p := &project{owner: a, ref: ref, url: info.GetUrl(), pathURL: info.GetPathUrl(), shared: shared, anon: info.GetAnonKey(),
		serviceRole: info.GetServiceRoleKey(), jwtSecret: info.GetJwtSecret(), databaseURL: info.GetDatabaseUrl()}
	keys, err := a.keys.ListKeys(ctx, &controlplanev1.ListKeysRequest{Ref: ref})
	require.NoError(t, err)
	for _, key := range keys.GetKeys() {
		value, err := a.keys.RevealKey(ctx, &controlplanev1.RevealKeyRequest{Ref: ref, KeyId: key.GetId()})
		require.NoError(t, err)
		switch key.GetType() {
		case controlplanev1.KeyType_KEY_TYPE_PUBLISHABLE:
			p.publishable = value.GetValue()
		case controlplanev1.KeyType_KEY_TYPE_SECRET:
			p.secret = value.GetValue()
		}
	}
	require.NotEmpty(t, p.publishable)
	require.NotEmpty(t, p.secret)
	return p
}

// sql runs a file as the project's owner, by the command line.
func (p *project) sql(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"sql", "--project", p.ref}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "FLUXBASE_URL=" + p.owner.in.url, "FLUXBASE_ACCESS_TOKEN=" + p.owner.token}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}
