package controlplane

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/token"
)

const es256 = v1.SigningAlgorithm_SIGNING_ALGORITHM_ES256

// signingKey makes a key on standby.
func (b *bundle) signingKey(p person, ref string) string {
	b.t.Helper()
	made, err := p.signingKeys.CreateSigningKey(b.t.Context(), &v1.CreateSigningKeyRequest{Ref: ref, Algorithm: es256})
	require.NoError(b.t, err)
	return made.GetSigningKey().GetId()
}

func (b *bundle) signingKeys(p person, ref string) []*v1.SigningKey {
	b.t.Helper()
	got, err := p.signingKeys.ListSigningKeys(b.t.Context(), &v1.ListSigningKeysRequest{Ref: ref})
	require.NoError(b.t, err)
	return got.GetSigningKeys()
}

func (b *bundle) secrets(ref string) project.Secrets {
	b.t.Helper()
	row, err := store.New(b.pool).GetProjectByRef(b.t.Context(), ref)
	require.NoError(b.t, err)
	out, err := project.OpenSecrets(b.server.sealer, row.Project.ID, row.Project.SecretsSealed)
	require.NoError(b.t, err)
	return out
}

// told are the signing keys that workers are told of: kid to whether it signs.
func (b *bundle) told(ref string) map[string]bool {
	b.t.Helper()
	got, err := b.server.directory.Resolve(b.t.Context(), &directoryv1.ResolveRequest{Name: &directoryv1.ResolveRequest_Ref{Ref: ref}})
	require.NoError(b.t, err)
	out := map[string]bool{}
	for _, k := range got.GetSnapshot().GetSigningKeys() {
		_, err := token.ParseKey(k.GetKid(), k.GetAlgorithm(), k.GetPrivateKey())
		require.NoError(b.t, err)
		out[k.GetKid()] = k.GetActive()
	}
	return out
}

func TestSigningKeysFromStandbyToTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	first := b.signingKeys(ada, ref)
	require.Len(t, first, 1)
	require.Equal(t, es256, first[0].GetAlgorithm())
	require.Equal(t, v1.SigningKeyStatus_SIGNING_KEY_STATUS_IN_USE, first[0].GetStatus())
	secrets := b.secrets(ref)
	old, err := secrets.ActiveKey()
	require.NoError(t, err)
	require.Equal(t, old.ID, first[0].GetId())
	signed, err := old.Sign(map[string]any{"sub": "u"})
	require.NoError(t, err)
	verifies := func() error {
		verifier, err := b.secrets(ref).Verifier()
		require.NoError(t, err)
		_, err = verifier.Verify(signed, time.Now())
		return err
	}
	revision := b.count("select revision from project where ref = $1", ref)
	changed := func(why string) {
		t.Helper()
		now := b.count("select revision from project where ref = $1", ref)
		require.Greater(t, now, revision, why)
		revision = now
	}

	next := b.signingKey(ada, ref)
	changed("workers publish a key on standby")
	require.Equal(t, map[string]bool{old.ID: true, next: false}, b.told(ref))
	rotated, err := ada.signingKeys.RotateSigningKey(t.Context(), &v1.RotateSigningKeyRequest{Ref: ref, SigningKeyId: next})
	require.NoError(t, err)
	require.Equal(t, v1.SigningKeyStatus_SIGNING_KEY_STATUS_IN_USE, rotated.GetSigningKey().GetStatus())
	require.Equal(t, v1.SigningKeyStatus_SIGNING_KEY_STATUS_PREVIOUSLY_USED, rotated.GetPrevious().GetStatus())
	require.Equal(t, old.ID, rotated.GetPrevious().GetId())
	changed("workers sign with the new key")
	require.Equal(t, map[string]bool{old.ID: false, next: true}, b.told(ref))
	require.NoError(t, verifies(), "what the old key signed goes on")
	require.Equal(t, next, b.signingKeys(ada, ref)[0].GetId(), "the key in use comes first")
	again, err := ada.signingKeys.RotateSigningKey(t.Context(), &v1.RotateSigningKeyRequest{Ref: ref, SigningKeyId: next})
	require.NoError(t, err)
	require.Nil(t, again.GetPrevious(), "rotating twice is once")

	for range 2 {
		revoked, err := ada.signingKeys.RevokeSigningKey(t.Context(), &v1.RevokeSigningKeyRequest{Ref: ref, SigningKeyId: old.ID})
		require.NoError(t, err)
		require.Equal(t, v1.SigningKeyStatus_SIGNING_KEY_STATUS_REVOKED, revoked.GetSigningKey().GetStatus())
		require.Empty(t, revoked.GetSigningKey().GetPublicJwk())
	}
	changed("workers forget a revoked key")
	require.Equal(t, map[string]bool{next: true}, b.told(ref))
	require.ErrorIs(t, verifies(), token.ErrKey)
	for _, k := range b.secrets(ref).SigningKeys {
		require.Equal(t, k.Status == project.KeyRevoked, k.Private == nil, "a revoked key is forgotten")
	}
	_, err = ada.signingKeys.DeleteSigningKey(t.Context(), &v1.DeleteSigningKeyRequest{Ref: ref, SigningKeyId: old.ID})
	require.NoError(t, err)
	require.Len(t, b.signingKeys(ada, ref), 1)
	for action, times := range map[string]int{"create": 1, "rotate": 1, "revoke": 1, "delete": 1} {
		require.Equal(t, times, b.count("select count(*) from audit_event where action = $1 and target = $2", "signing_key."+action, "project/"+ref), action)
	}
}

func TestSigningKeysAreRefusedWhatTheirStatusForbids(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref, other := b.project(ada, "acme").GetRef(), b.project(ada, "acme").GetRef()
	used := b.signingKeys(ada, ref)[0].GetId()
	rotate := func(key string) error {
		_, err := ada.signingKeys.RotateSigningKey(t.Context(), &v1.RotateSigningKeyRequest{Ref: ref, SigningKeyId: key})
		return err
	}
	revoke := func(key string) error {
		_, err := ada.signingKeys.RevokeSigningKey(t.Context(), &v1.RevokeSigningKeyRequest{Ref: ref, SigningKeyId: key})
		return err
	}
	remove := func(key string) error {
		_, err := ada.signingKeys.DeleteSigningKey(t.Context(), &v1.DeleteSigningKeyRequest{Ref: ref, SigningKeyId: key})
		return err
	}
	refused(t, revoke(used), connect.CodeFailedPrecondition, "SIGNING_KEY_IN_USE")
	refused(t, remove(used), connect.CodeFailedPrecondition, "SIGNING_KEY_NOT_REVOKED")
	standby := b.signingKey(ada, ref)
	refused(t, remove(standby), connect.CodeFailedPrecondition, "SIGNING_KEY_NOT_REVOKED")
	require.NoError(t, revoke(standby), "a key on standby may go")
	refused(t, rotate(standby), connect.CodeFailedPrecondition, "SIGNING_KEY_NOT_STANDBY")
	next := b.signingKey(ada, ref)
	require.NoError(t, rotate(next))
	refused(t, rotate(used), connect.CodeFailedPrecondition, "SIGNING_KEY_NOT_STANDBY")
	foreign := b.signingKey(ada, other)
	for _, key := range []string{uuid.NewString(), foreign} {
		refused(t, rotate(key), connect.CodeNotFound, "SIGNING_KEY_NOT_FOUND")
		refused(t, revoke(key), connect.CodeNotFound, "SIGNING_KEY_NOT_FOUND")
		refused(t, remove(key), connect.CodeNotFound, "SIGNING_KEY_NOT_FOUND")
	}
	require.Contains(t, refused(t, rotate("../x"), connect.CodeInvalidArgument, "REQUEST_INVALID"), "signing_key_id")
	_, err := ada.signingKeys.CreateSigningKey(t.Context(), &v1.CreateSigningKeyRequest{Ref: ref})
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "REQUEST_INVALID"), "algorithm")

	// However many rotate at once, one key is in use.
	var wait sync.WaitGroup
	for range 4 {
		key := b.signingKey(ada, ref)
		wait.Go(func() { _ = rotate(key) })
	}
	wait.Wait()
	inUse := 0
	for _, k := range b.signingKeys(ada, ref) {
		if k.GetStatus() == v1.SigningKeyStatus_SIGNING_KEY_STATUS_IN_USE {
			inUse++
		}
	}
	require.Equal(t, 1, inUse)
	for err = nil; err == nil; {
		_, err = ada.signingKeys.CreateSigningKey(t.Context(), &v1.CreateSigningKeyRequest{Ref: ref, Algorithm: es256})
	}
	refused(t, err, connect.CodeResourceExhausted, "TOO_MANY_SIGNING_KEYS")
	require.Len(t, b.signingKeys(ada, ref), 20)
}

func TestSigningKeysOfEveryAlgorithmShowNoPrivateHalf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	for algorithm, kty := range map[v1.SigningAlgorithm]string{
		es256: "EC", v1.SigningAlgorithm_SIGNING_ALGORITHM_RS256: "RSA", v1.SigningAlgorithm_SIGNING_ALGORITHM_EDDSA: "OKP", v1.SigningAlgorithm_SIGNING_ALGORITHM_HS256: "",
	} {
		made, err := ada.signingKeys.CreateSigningKey(t.Context(), &v1.CreateSigningKeyRequest{Ref: ref, Algorithm: algorithm})
		require.NoError(t, err)
		k := made.GetSigningKey()
		require.Equal(t, algorithm, k.GetAlgorithm())
		require.Equal(t, v1.SigningKeyStatus_SIGNING_KEY_STATUS_STANDBY, k.GetStatus())
		require.NotNil(t, k.GetCreateTime())
		if kty == "" {
			require.Empty(t, k.GetPublicJwk(), "a shared secret has no public half")
		} else {
			var jwk map[string]any
			require.NoError(t, json.Unmarshal([]byte(k.GetPublicJwk()), &jwk))
			require.Equal(t, kty, jwk["kty"])
			require.Equal(t, k.GetId(), jwk["kid"])
			for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
				require.NotContains(t, jwk, private)
			}
		}
		_, err = ada.signingKeys.RotateSigningKey(t.Context(), &v1.RotateSigningKeyRequest{Ref: ref, SigningKeyId: k.GetId()})
		require.NoError(t, err)
		require.True(t, b.told(ref)[k.GetId()])
		developer, err := ada.projects.CreateDeveloperToken(t.Context(), &v1.CreateDeveloperTokenRequest{Ref: ref})
		require.NoError(t, err, "the control plane signs with it too")
		verifier, err := b.secrets(ref).Verifier()
		require.NoError(t, err)
		verified, err := verifier.Verify(developer.GetToken(), time.Now())
		require.NoError(t, err)
		require.Equal(t, k.GetId(), verified.KeyID)
	}
	for _, k := range b.secrets(ref).SigningKeys {
		require.Zero(t, b.count("select count(*) from project where position($1 in secrets_sealed) > 0", k.Private), "keys are sealed")
	}
}

// TestKeysOfBefore: projects that were made before keys had a status keep their key in use.
func TestKeysOfBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	secrets := b.secrets(ref)
	row, err := store.New(b.pool).GetProjectByRef(t.Context(), ref)
	require.NoError(t, err)
	old, err := token.NewKey(uuid.NewString())
	require.NoError(t, err)
	private, err := old.MarshalPrivate()
	require.NoError(t, err)
	plain, err := json.Marshal(map[string]any{"authenticator_password": "a", "legacy_jwt_secret": []byte("s"), "signing_keys": []any{
		map[string]any{"id": old.ID, "private": private, "active": false},
		map[string]any{"id": secrets.SigningKeys[0].ID, "private": secrets.SigningKeys[0].Private, "active": true},
	}})
	require.NoError(t, err)
	sealed, err := b.server.sealer.Seal(plain, "project/"+row.Project.ID.String()+"/secrets")
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), "update project set secrets_sealed = $2 where ref = $1", ref, sealed)
	require.NoError(t, err)

	keys := b.signingKeys(ada, ref)
	require.Equal(t, v1.SigningKeyStatus_SIGNING_KEY_STATUS_IN_USE, keys[0].GetStatus())
	require.Equal(t, secrets.SigningKeys[0].ID, keys[0].GetId())
	require.Nil(t, keys[0].GetCreateTime())
	require.Equal(t, v1.SigningKeyStatus_SIGNING_KEY_STATUS_PREVIOUSLY_USED, keys[1].GetStatus())
	require.Equal(t, map[string]bool{keys[0].GetId(): true, old.ID: false}, b.told(ref))
	next := b.signingKey(ada, ref)
	_, err = ada.signingKeys.RotateSigningKey(t.Context(), &v1.RotateSigningKeyRequest{Ref: ref, SigningKeyId: next})
	require.NoError(t, err)
	require.Equal(t, map[string]bool{keys[0].GetId(): false, old.ID: false, next: true}, b.told(ref))
	require.Equal(t, "a", b.secrets(ref).AuthenticatorPassword, "the other secrets stay")
}

// TestThePlatformsKeysAreTheOperators: the console's own tokens follow the platform's signing keys at once.
func TestThePlatformsKeysAreTheOperators(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = b.server.changes.Run(ctx) })
	running.Go(func() { _ = b.server.projects.FollowPlatform(ctx, b.server.changes) })
	defer running.Wait()
	defer stop()
	operator, owner := b.signIn("operator@example.com"), b.organization("acme")
	_, err := owner.signingKeys.ListSigningKeys(t.Context(), &v1.ListSigningKeysRequest{Ref: id.PlatformRef})
	refused(t, err, connect.CodeNotFound, "PROJECT_NOT_FOUND")
	_, err = operator.keys.ListKeys(t.Context(), &v1.ListKeysRequest{Ref: id.PlatformRef})
	refused(t, err, connect.CodeNotFound, "PROJECT_NOT_FOUND")
	_, err = operator.signingKeys.ListSigningKeys(t.Context(), &v1.ListSigningKeysRequest{Ref: b.project(owner, "acme").GetRef()})
	refused(t, err, connect.CodeNotFound, "PROJECT_NOT_FOUND")

	next := b.signingKey(operator, id.PlatformRef)
	_, err = operator.signingKeys.RotateSigningKey(t.Context(), &v1.RotateSigningKeyRequest{Ref: id.PlatformRef, SigningKeyId: next})
	require.NoError(t, err)
	old := b.key
	b.key, err = b.secrets(id.PlatformRef).ActiveKey()
	require.NoError(t, err)
	require.Equal(t, next, b.key.ID)
	_, err = operator.accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
	require.NoError(t, err, "a token signed before the rotation goes on")
	fresh := b.speak(b.userToken(operator.id, operator.email, nil))
	require.Eventually(t, func() bool { // far sooner than what was read would be read again
		_, err := fresh.accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
		return err == nil
	}, 5*time.Second, 10*time.Millisecond)
	_, err = fresh.signingKeys.RevokeSigningKey(t.Context(), &v1.RevokeSigningKeyRequest{Ref: id.PlatformRef, SigningKeyId: old.ID})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := operator.accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
		return connect.CodeOf(err) == connect.CodeUnauthenticated
	}, 5*time.Second, 10*time.Millisecond)
	_, err = fresh.accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
	require.NoError(t, err)
	require.Equal(t, 3, b.count("select count(*) from audit_event where action like 'signing_key.%' and organization_id is null"))
}
