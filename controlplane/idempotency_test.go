package controlplane

import (
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func TestRepeatsGetTheFirstAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	operator := b.signIn("operator@example.com")
	ref := b.project(ada, "acme").GetRef()
	const key = "one"
	defaultKey := b.listKeys(ada, ref)[0].GetId()
	for name, call := range map[string]func() (proto.Message, error){
		"organization": func() (proto.Message, error) {
			return ada.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: "Twice", IdempotencyKey: key})
		},
		"project": func() (proto.Message, error) {
			return ada.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "Twice", IdempotencyKey: key})
		},
		"key": func() (proto.Message, error) {
			return ada.keys.CreateKey(t.Context(), &v1.CreateKeyRequest{Ref: ref, Name: "twice", Type: v1.KeyType_KEY_TYPE_SECRET, IdempotencyKey: key})
		},
		"rotated key": func() (proto.Message, error) {
			return ada.keys.RotateKey(t.Context(), &v1.RotateKeyRequest{Ref: ref, KeyId: defaultKey, IdempotencyKey: key})
		},
		"signing key": func() (proto.Message, error) {
			return ada.signingKeys.CreateSigningKey(t.Context(), &v1.CreateSigningKeyRequest{Ref: ref, Algorithm: es256, IdempotencyKey: key})
		},
		"snippet": func() (proto.Message, error) {
			return ada.snippets.CreateSnippet(t.Context(), &v1.CreateSnippetRequest{Ref: ref, Name: "twice", Sql: "select 2", IdempotencyKey: key})
		},
		"access token": func() (proto.Message, error) {
			return ada.accounts.CreateAccessToken(t.Context(), &v1.CreateAccessTokenRequest{Name: "twice", IdempotencyKey: key})
		},
		"invitation": func() (proto.Message, error) {
			return ada.organizations.InviteMember(t.Context(), &v1.InviteMemberRequest{Organization: "acme", Email: "twice@example.com", Role: v1.Role_ROLE_VIEWER, IdempotencyKey: key})
		},
		"cluster": func() (proto.Message, error) {
			return operator.clusters.RegisterCluster(t.Context(), &v1.RegisterClusterRequest{Name: "twice", AdminUrl: testkit.AdminURL(t), Capacity: 1, IdempotencyKey: key})
		},
	} {
		var wait sync.WaitGroup
		answers, failures := make([]proto.Message, 4), make([]error, 4)
		for i := range answers {
			wait.Go(func() { answers[i], failures[i] = call() })
		}
		wait.Wait()
		for i := range answers {
			require.NoError(t, failures[i], name)
			require.True(t, proto.Equal(answers[0], answers[i]), "%s: %v and %v", name, answers[0], answers[i])
		}
	}
	require.Equal(t, 1, b.count("select count(*) from project where name = 'Twice'"))
	require.Equal(t, 1, b.count("select count(*) from organization where name = 'Twice'"))
	require.Equal(t, 1, b.count("select count(*) from api_key where name = 'twice'"))
	require.Equal(t, 9, b.count("select count(*) from idempotency_key"))
	require.Zero(t, b.count("select count(*) from idempotency_key where position('fbk_sec_'::bytea in response) > 0 or position('fbt_'::bytea in response) > 0"), "answers are sealed")

	_, err := ada.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "Another", IdempotencyKey: key})
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "IDEMPOTENCY_KEY_REUSED"), "idempotency_key")
	eve := b.organization("evil")
	_, err = eve.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: "Mine", IdempotencyKey: key})
	require.NoError(t, err, "keys are each account's own")

	// A failure is not kept, and after a day neither is an answer.
	_, err = ada.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: "Evil", Slug: "evil", IdempotencyKey: "two"})
	refused(t, err, connect.CodeAlreadyExists, "SLUG_TAKEN")
	_, err = eve.organizations.DeleteOrganization(t.Context(), &v1.DeleteOrganizationRequest{Organization: "evil"})
	require.NoError(t, err)
	_, err = ada.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: "Evil", Slug: "evil", IdempotencyKey: "two"})
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), "update idempotency_key set created_at = now() - interval '25 hours'")
	require.NoError(t, err)
	_, err = ada.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "Another", IdempotencyKey: key})
	require.NoError(t, err)
	forgotten, err := b.server.repeats.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(10), forgotten)
}

// TestLostAnswer: when the answer cannot be kept, nothing of the request stands.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	_, err := b.pool.Exec(t.Context(), "alter table idempotency_key add constraint refuse check (key <> 'lost') not valid")
	require.NoError(t, err)
	_, err = ada.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "Lost", IdempotencyKey: "lost"})
	refused(t, err, connect.CodeInternal, "INTERNAL")
	require.Zero(t, b.count("select count(*) from project where name = 'Lost'"))
	require.Zero(t, b.count("select count(*) from audit_event where action = 'project.create' and organization_id is not null"))
	require.Equal(t, 1, b.count("select count(*) from river_job where kind = 'project_provision'"), "the platform's own")
}
