package rpc

import (
	"context"
	"strings"

	"github.com/wayli-app/fluxbase/controlplane/signingkey"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
	"github.com/wayli-app/fluxbase/internal/token"
)

type signingKeyService struct{ *server }

var _ controlplanev1connect.SigningKeyServiceHandler = signingKeyService{}

// ListSigningKeys lists a project's signing keys.
func (s signingKeyService) ListSigningKeys(ctx context.Context, _ *v1.ListSigningKeysRequest) (*v1.ListSigningKeysResponse, error) {
	keys, err := s.SigningKeys.List(ctx, accessOf(ctx).project)
	if err != nil {
		return nil, err
	}
	return &v1.ListSigningKeysResponse{SigningKeys: each(keys, signingKeyMessage)}, nil
}

// CreateSigningKey makes a key on standby.
func (s signingKeyService) CreateSigningKey(ctx context.Context, req *v1.CreateSigningKeyRequest) (*v1.CreateSigningKeyResponse, error) {
	project := accessOf(ctx).project
	procedure := controlplanev1connect.SigningKeyServiceCreateSigningKeyProcedure
	return once(ctx, s.Repeats, procedure, req, func(ctx context.Context) (*v1.CreateSigningKeyResponse, error) {
		k, err := s.SigningKeys.Create(ctx, project, algorithmOf[req.GetAlgorithm()])
		if err != nil {
			return nil, err
		}
		return &v1.CreateSigningKeyResponse{SigningKey: signingKeyMessage(k)}, nil
	})
}

// RotateSigningKey puts a key in use.
func (s signingKeyService) RotateSigningKey(ctx context.Context, req *v1.RotateSigningKeyRequest) (*v1.RotateSigningKeyResponse, error) {
	k, previous, err := s.SigningKeys.Rotate(ctx, accessOf(ctx).project, req.GetSigningKeyId())
	if err != nil {
		return nil, err
	}
	out := &v1.RotateSigningKeyResponse{SigningKey: signingKeyMessage(k)}
	if previous != nil {
		out.Previous = signingKeyMessage(*previous)
	}
	return out, nil
}

// RevokeSigningKey ends a key.
func (s signingKeyService) RevokeSigningKey(ctx context.Context, req *v1.RevokeSigningKeyRequest) (*v1.RevokeSigningKeyResponse, error) {
	k, err := s.SigningKeys.Revoke(ctx, accessOf(ctx).project, req.GetSigningKeyId())
	if err != nil {
		return nil, err
	}
	return &v1.RevokeSigningKeyResponse{SigningKey: signingKeyMessage(k)}, nil
}

// DeleteSigningKey takes a revoked key off the list.
func (s signingKeyService) DeleteSigningKey(ctx context.Context, req *v1.DeleteSigningKeyRequest) (*v1.DeleteSigningKeyResponse, error) {
	return &v1.DeleteSigningKeyResponse{}, s.SigningKeys.Delete(ctx, accessOf(ctx).project, req.GetSigningKeyId())
}

var algorithmOf = map[v1.SigningAlgorithm]string{
	v1.SigningAlgorithm_SIGNING_ALGORITHM_ES256: token.ES256, v1.SigningAlgorithm_SIGNING_ALGORITHM_RS256: token.RS256,
	v1.SigningAlgorithm_SIGNING_ALGORITHM_EDDSA: token.EdDSA, v1.SigningAlgorithm_SIGNING_ALGORITHM_HS256: token.HS256,
}

func signingKeyMessage(k signingkey.Key) *v1.SigningKey {
	return &v1.SigningKey{
		Id: k.ID, Algorithm: v1.SigningAlgorithm(v1.SigningAlgorithm_value["SIGNING_ALGORITHM_"+strings.ToUpper(k.Algorithm)]),
		Status:     v1.SigningKeyStatus(v1.SigningKeyStatus_value["SIGNING_KEY_STATUS_"+strings.ToUpper(k.Status)]),
		CreateTime: maybe(k.CreatedAt), StatusTime: maybe(k.ChangedAt), PublicJwk: k.PublicJWK,
	}
}
