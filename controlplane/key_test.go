package controlplane

import (
	"context"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
)

func (b *bundle) listKeys(p person, ref string) []*v1.Key {
	b.t.Helper()
	res, err := p.keys.ListKeys(b.t.Context(), &v1.ListKeysRequest{Ref: ref})
	require.NoError(b.t, err)
	return res.GetKeys()
}

func (p person) reveal(ctx context.Context, ref, key string) (string, error) {
	res, err := p.keys.RevealKey(ctx, &v1.RevealKeyRequest{Ref: ref, KeyId: key})
	return res.GetValue(), err
}

func TestDefaultKeysAreRevealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	require.Len(t, b.listKeys(ada, ref), 2)
	byType := map[v1.KeyType]*v1.Key{}
	for _, k := range b.listKeys(ada, ref) {
		require.Equal(t, "default", k.GetName())
		require.True(t, k.GetRevealable())
		byType[k.GetType()] = k
	}
	publishable, secret := byType[v1.KeyType_KEY_TYPE_PUBLISHABLE], byType[v1.KeyType_KEY_TYPE_SECRET]
	require.Regexp(t, "^fbk_pub_[A-Za-z0-9]{40}$", publishable.GetDisplay())
	require.Regexp(t, "^fbk_sec_[A-Za-z0-9]{4}…$", secret.GetDisplay())
	for range 2 {
		value, err := ada.reveal(t.Context(), ref, publishable.GetId())
		require.NoError(t, err)
		require.Equal(t, publishable.GetDisplay(), value)
	}
	// A secret is shown once, however many ask at once.
	var wait sync.WaitGroup
	values, failures := make([]string, 4), make([]error, 4)
	for i := range values {
		wait.Go(func() { values[i], failures[i] = ada.reveal(t.Context(), ref, secret.GetId()) })
	}
	wait.Wait()
	shown := 0
	for i, err := range failures {
		if err == nil {
			shown++
			require.Regexp(t, "^fbk_sec_[A-Za-z0-9]{40}$", values[i])
			require.Equal(t, 1, b.count("select count(*) from api_key where hash = $1", id.Hash(values[i])))
			continue
		}
		refused(t, err, connect.CodeFailedPrecondition, "KEY_ALREADY_REVEALED")
	}
	require.Equal(t, 1, shown)

	// Provisioning again makes none anew, also not one that was revoked.
	_, err := ada.keys.RevokeKey(t.Context(), &v1.RevokeKeyRequest{Ref: ref, KeyId: publishable.GetId()})
	require.NoError(t, err)
	_, err = ada.reveal(t.Context(), ref, publishable.GetId())
	refused(t, err, connect.CodeFailedPrecondition, "KEY_REVOKED")
	b.provisionedAgain(ref)
	require.Len(t, b.listKeys(ada, ref), 2)
}

func TestKeysAreMadeAndRevoked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	revision := b.count("select revision from project where ref = $1", ref)
	made, err := ada.keys.CreateKey(t.Context(), &v1.CreateKeyRequest{Ref: ref, Name: "ci", Type: v1.KeyType_KEY_TYPE_SECRET, ExpireTime: timestamppb.New(time.Now().Add(time.Hour))})
	require.NoError(t, err)
	require.Regexp(t, "^fbk_sec_[A-Za-z0-9]{40}$", made.GetValue())
	require.False(t, made.GetKey().GetRevealable())
	require.Greater(t, b.count("select revision from project where ref = $1", ref), revision)
	_, err = ada.reveal(t.Context(), ref, made.GetKey().GetId())
	refused(t, err, connect.CodeFailedPrecondition, "KEY_ALREADY_REVEALED")
	_, err = ada.keys.CreateKey(t.Context(), &v1.CreateKeyRequest{Ref: ref, Name: "old", Type: v1.KeyType_KEY_TYPE_SECRET, ExpireTime: timestamppb.New(time.Now().Add(-time.Hour))})
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "EXPIRY_PAST"), "expire_time")
	_, err = ada.keys.CreateKey(t.Context(), &v1.CreateKeyRequest{Ref: ref, Name: "none"})
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "REQUEST_INVALID"), "type")

	revision = b.count("select revision from project where ref = $1", ref)
	for range 2 {
		gone, err := ada.keys.RevokeKey(t.Context(), &v1.RevokeKeyRequest{Ref: ref, KeyId: made.GetKey().GetId()})
		require.NoError(t, err)
		require.NotNil(t, gone.GetKey().GetRevokeTime())
	}
	require.Greater(t, b.count("select revision from project where ref = $1", ref), revision)
	require.Equal(t, 1, b.count("select count(*) from audit_event where action = 'key.revoke'"), "revoking twice is once")
	require.Len(t, b.listKeys(ada, ref), 3, "a revoked key stays in the list")

	// Another project's key is none of ours.
	other := b.project(ada, "acme").GetRef()
	_, err = ada.keys.RevokeKey(t.Context(), &v1.RevokeKeyRequest{Ref: other, KeyId: made.GetKey().GetId()})
	refused(t, err, connect.CodeNotFound, "KEY_NOT_FOUND")
	_, err = ada.keys.RevokeKey(t.Context(), &v1.RevokeKeyRequest{Ref: ref, KeyId: uuid.NewString()})
	refused(t, err, connect.CodeNotFound, "KEY_NOT_FOUND")
}

func (b *bundle) provisionedAgain(ref string) {
	b.t.Helper()
	tx, err := b.pool.Begin(b.t.Context())
	require.NoError(b.t, err)
	var project uuid.UUID
	require.NoError(b.t, tx.QueryRow(b.t.Context(), "select id from project where ref = $1", ref).Scan(&project))
	require.NoError(b.t, b.server.keys.EnsureDefaults(b.t.Context(), tx, project))
	require.NoError(b.t, tx.Commit(b.t.Context()))
}

func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	create := func(kind v1.KeyType, perSecond int32, scopes ...string) (*v1.Key, error) {
		made, err := ada.keys.CreateKey(t.Context(), &v1.CreateKeyRequest{Ref: ref, Name: "ci", Type: kind, Scopes: scopes, RequestsPerSecond: perSecond})
		return made.GetKey(), err
	}
	k, err := create(v1.KeyType_KEY_TYPE_SECRET, 25, "tables:write", "sql:run", "tables:read", "tables:write")
	require.NoError(t, err)
	require.Equal(t, []string{"sql:run", "tables:read", "tables:write"}, k.GetScopes())
	require.Equal(t, int32(25), k.GetRequestsPerSecond())
	snapshot := b.snapshotKey(ref, k.GetId())
	require.Equal(t, k.GetScopes(), snapshot.GetScopes())
	require.Equal(t, int32(25), snapshot.GetRequestsPerSecond())
	plain, err := create(v1.KeyType_KEY_TYPE_SECRET, 0)
	require.NoError(t, err)
	require.Empty(t, plain.GetScopes())
	require.Empty(t, b.snapshotKey(ref, plain.GetId()).GetScopes())

	for _, scopes := range [][]string{{"tables:*"}, {"tables:read", ""}, {"TABLES:READ"}, {"tables:read,tables:write"}} {
		_, err = create(v1.KeyType_KEY_TYPE_SECRET, 0, scopes...)
		require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "SCOPE_INVALID"), "scopes")
	}
	for _, scope := range []string{"auth:admin", "sql:run"} {
		_, err = create(v1.KeyType_KEY_TYPE_PUBLISHABLE, 0, "tables:read", scope)
		require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "SCOPE_INVALID")["scopes"], "secret keys")
	}
	_, err = create(v1.KeyType_KEY_TYPE_SECRET, -1)
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "REQUEST_INVALID"), "requests_per_second")
}

// snapshotKey is a key as workers are told of it, or nil.
func (b *bundle) snapshotKey(ref, key string) *directoryv1.Key {
	b.t.Helper()
	got, err := b.server.directory.Resolve(b.t.Context(), &directoryv1.ResolveRequest{Name: &directoryv1.ResolveRequest_Ref{Ref: ref}})
	require.NoError(b.t, err)
	for _, k := range got.GetSnapshot().GetKeys() {
		if k.GetId() == key {
			return k
		}
	}
	return nil
}

func TestKeysAreRotatedWithAnOverlap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	create := func(life time.Duration) *v1.Key {
		req := &v1.CreateKeyRequest{Ref: ref, Name: "ci", Type: v1.KeyType_KEY_TYPE_SECRET, Scopes: []string{"tables:read"}, RequestsPerSecond: 7}
		if life != 0 {
			req.ExpireTime = timestamppb.New(time.Now().Add(life))
		}
		made, err := ada.keys.CreateKey(t.Context(), req)
		require.NoError(t, err)
		return made.GetKey()
	}
	rotate := func(key string, overlap, life time.Duration) (*v1.RotateKeyResponse, error) {
		req := &v1.RotateKeyRequest{Ref: ref, KeyId: key}
		if overlap != 0 {
			req.Overlap = durationpb.New(overlap)
		}
		if life != 0 {
			req.ExpireTime = timestamppb.New(time.Now().Add(life))
		}
		return ada.keys.RotateKey(t.Context(), req)
	}
	within := func(at *timestamppb.Timestamp, after time.Duration) {
		t.Helper()
		require.WithinDuration(t, time.Now().Add(after), at.AsTime(), time.Minute)
	}
	forever := create(0)
	revision := b.count("select revision from project where ref = $1", ref)
	got, err := rotate(forever.GetId(), time.Hour, 0)
	require.NoError(t, err)
	require.Greater(t, b.count("select revision from project where ref = $1", ref), revision)
	require.Regexp(t, "^fbk_sec_[A-Za-z0-9]{40}$", got.GetValue())
	require.NotEqual(t, forever.GetId(), got.GetKey().GetId())
	require.Equal(t, "ci", got.GetKey().GetName())
	require.Equal(t, []string{"tables:read"}, got.GetKey().GetScopes())
	require.Equal(t, int32(7), got.GetKey().GetRequestsPerSecond())
	require.Nil(t, got.GetKey().GetExpireTime())
	require.Equal(t, forever.GetId(), got.GetOldKey().GetId())
	require.Equal(t, got.GetKey().GetId(), got.GetOldKey().GetSuccessorId())
	within(got.GetOldKey().GetExpireTime(), time.Hour)
	within(b.snapshotKey(ref, forever.GetId()).GetExpireTime(), time.Hour)
	require.Equal(t, []string{"tables:read"}, b.snapshotKey(ref, got.GetKey().GetId()).GetScopes())
	_, err = rotate(forever.GetId(), time.Hour, 0)
	refused(t, err, connect.CodeFailedPrecondition, "KEY_ROTATED")
	last, err := rotate(got.GetKey().GetId(), 0, 48*time.Hour)
	require.NoError(t, err, "the successor may be rotated")
	within(last.GetKey().GetExpireTime(), 48*time.Hour)
	require.Nil(t, b.snapshotKey(ref, got.GetKey().GetId()), "without an overlap the old key ends at once")

	dated := create(10 * time.Hour)
	got, err = rotate(dated.GetId(), 24*time.Hour, 0)
	require.NoError(t, err)
	within(got.GetOldKey().GetExpireTime(), 10*time.Hour) // no key lives longer by it
	within(got.GetKey().GetExpireTime(), 10*time.Hour)    // as long as the old key was made to live

	revoked := create(0)
	_, err = ada.keys.RevokeKey(t.Context(), &v1.RevokeKeyRequest{Ref: ref, KeyId: revoked.GetId()})
	require.NoError(t, err)
	_, err = rotate(revoked.GetId(), time.Hour, 0)
	refused(t, err, connect.CodeFailedPrecondition, "KEY_REVOKED")
	expired := create(time.Hour)
	_, err = b.pool.Exec(t.Context(), "update api_key set expires_at = now() where id = $1", expired.GetId())
	require.NoError(t, err)
	_, err = rotate(expired.GetId(), time.Hour, 0)
	refused(t, err, connect.CodeFailedPrecondition, "KEY_EXPIRED")
	_, err = rotate(uuid.NewString(), time.Hour, 0)
	refused(t, err, connect.CodeNotFound, "KEY_NOT_FOUND")
	_, err = rotate(dated.GetId(), -time.Hour, 0)
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "REQUEST_INVALID"), "overlap")
	_, err = rotate(dated.GetId(), 91*24*time.Hour, 0)
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "REQUEST_INVALID"), "overlap")
	_, err = rotate(create(0).GetId(), 0, -time.Hour)
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "EXPIRY_PAST"), "expire_time")
	other := b.project(ada, "acme").GetRef()
	_, err = ada.keys.RotateKey(t.Context(), &v1.RotateKeyRequest{Ref: other, KeyId: create(0).GetId()})
	refused(t, err, connect.CodeNotFound, "KEY_NOT_FOUND")
}
