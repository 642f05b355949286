package controlplane

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wayli-app/fluxbase/controlplane/account"
	"github.com/wayli-app/fluxbase/internal/config"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/token"
)

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	create := func(p clients, expires *timestamppb.Timestamp) (*v1.CreateAccessTokenResponse, error) {
		return p.accounts.CreateAccessToken(t.Context(), &v1.CreateAccessTokenRequest{Name: "ci", ExpireTime: expires})
	}
	soon := timestamppb.New(time.Now().Add(time.Hour))
	made, err := create(ada.clients, soon)
	require.NoError(t, err)
	require.Regexp(t, "^fbt_[A-Za-z0-9]{40}$", made.GetValue())
	require.Zero(t, b.count("select count(*) from access_token where display = $1", made.GetValue()))
	script := b.speak(made.GetValue())
	for range 3 {
		got, err := script.accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
		require.NoError(t, err)
		require.Equal(t, ada.id.String(), got.GetAccount().GetId())
	}
	// Its use is noted once a minute.
	version := b.count("select xmin::text::int from access_token where id = $1", made.GetAccessToken().GetId())
	_, err = script.organizations.GetOrganization(t.Context(), &v1.GetOrganizationRequest{Organization: "acme"})
	require.NoError(t, err)
	require.Equal(t, version, b.count("select xmin::text::int from access_token where id = $1", made.GetAccessToken().GetId()))
	list, err := ada.accounts.ListAccessTokens(t.Context(), &v1.ListAccessTokensRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetAccessTokens(), 1)
	require.Zero(t, list.GetAccessTokens()[0].GetLastUseTime().AsTime().Second())

	// A token makes none that outlives itself, and none in the past.
	_, err = create(script, nil)
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "EXPIRY_TOO_LATE"), "expire_time")
	_, err = create(script, timestamppb.New(time.Now().Add(2*time.Hour)))
	refused(t, err, connect.CodeInvalidArgument, "EXPIRY_TOO_LATE")
	_, err = create(ada.clients, timestamppb.New(time.Now().Add(-time.Hour)))
	refused(t, err, connect.CodeInvalidArgument, "EXPIRY_PAST")

	// Rights are looked up at each request.
	_, err = b.pool.Exec(t.Context(), "update member set role = 'viewer' where account_id = $1", ada.id)
	require.NoError(t, err)
	_, err = script.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "P"})
	refused(t, err, connect.CodePermissionDenied, "ROLE_TOO_LOW")

	// Others cannot revoke it; the owner can, at once.
	_, err = b.signIn("eve@example.com").accounts.RevokeAccessToken(t.Context(), &v1.RevokeAccessTokenRequest{AccessTokenId: made.GetAccessToken().GetId()})
	refused(t, err, connect.CodeNotFound, "TOKEN_NOT_FOUND")
	_, err = ada.accounts.RevokeAccessToken(t.Context(), &v1.RevokeAccessTokenRequest{AccessTokenId: made.GetAccessToken().GetId()})
	require.NoError(t, err)
	_, err = script.accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
	refused(t, err, connect.CodeUnauthenticated, "TOKEN_INVALID")

	expired, err := create(ada.clients, soon)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), "update access_token set expires_at = now() where id = $1", expired.GetAccessToken().GetId())
	require.NoError(t, err)
	_, err = b.speak(expired.GetValue()).accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
	refused(t, err, connect.CodeUnauthenticated, "TOKEN_EXPIRED")
}

func TestWhoIsOperator(t *testing.T) {
	t.Parallel()
	operates := func(b *bundle, p person) bool {
		got, err := p.accounts.GetAccount(b.t.Context(), &v1.GetAccountRequest{})
		require.NoError(b.t, err)
		return got.GetAccount().GetOperator()
	}
	t.Run("dev", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *config.Config) { c.Dev, c.Operators = true, nil })
		require.True(t, operates(b, b.signIn("first@example.com")))
		require.False(t, operates(b, b.signIn("second@example.com")))
	})
	t.Run("elsewhere", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.signIn("first@example.com")
		require.False(t, operates(b, first))
		require.True(t, operates(b, b.signIn("OPERATOR@example.com")), "named by a setting, and there at the start")
		_, err := account.Appoint(t.Context(), b.pool, b.server.audit, "First@example.com")
		require.NoError(t, err)
		require.True(t, operates(b, first), "named by the command line")
		require.Equal(t, 2, b.count("select count(*) from audit_event where action = 'operator.add'"))
		_, err = account.Appoint(t.Context(), b.pool, b.server.audit, "nobody@example.com")
		require.ErrorIs(t, err, account.ErrNoAccount)
	})
	t.Run("an address that is named makes nobody operator who takes it later", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *config.Config) { c.Operators = []string{"boss@example.com"} })
		user := uuid.New()
		early := b.userToken(user, "mallory@example.com", nil)
		late := b.userToken(user, "boss@example.com", map[string]any{"iat": time.Now().Add(token.Leeway / 2).Unix()})
		fresh := b.userToken(uuid.New(), "Boss@example.com", nil)
		for _, bearer := range []string{early, late} {
			require.False(t, operates(b, person{clients: b.speak(bearer)}))
		}
		_, err := b.speak(fresh).accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
		refused(t, err, connect.CodeFailedPrecondition, "EMAIL_TAKEN")
		require.Zero(t, b.count("select count(*) from account where operator"))
	})
}

func TestAccountFollowsItsUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.signIn("ada@example.com")
	moved := b.speak(b.userToken(ada.id, "ada@new.example.com", map[string]any{"iat": time.Now().Add(token.Leeway / 2).Unix()}))
	got, err := moved.accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
	require.NoError(t, err)
	require.Equal(t, "ada@new.example.com", got.GetAccount().GetEmail())
	got, err = ada.accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
	require.NoError(t, err)
	require.Equal(t, "ada@new.example.com", got.GetAccount().GetEmail(), "an older token does not take the address back")
	require.Equal(t, 1, b.count("select count(*) from account"))
	_, err = b.speak(b.userToken(uuid.New(), "ADA@new.example.com", nil)).accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
	refused(t, err, connect.CodeFailedPrecondition, "EMAIL_TAKEN")
}
