package controlplane

import (
	"context"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
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
