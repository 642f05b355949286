package rpc

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wayli-app/fluxbase/controlplane/apikey"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

type keyService struct{ *server }

var _ controlplanev1connect.KeyServiceHandler = keyService{}

// CreateKey makes a key.
func (s keyService) CreateKey(ctx context.Context, req *v1.CreateKeyRequest) (*v1.CreateKeyResponse, error) {
	expires, err := given(req.GetExpireTime())
	if err != nil {
		return nil, err
	}
	a := accessOf(ctx)
	procedure := controlplanev1connect.KeyServiceCreateKeyProcedure
	return once(ctx, s.Repeats, procedure, req, func(ctx context.Context) (*v1.CreateKeyResponse, error) {
		k, value, err := s.Keys.Create(ctx, apikey.CreateInput{
			Project: a.project, Name: req.GetName(), Type: typeOf[req.GetType()], ExpiresAt: expires, By: a.account.ID,
			Scopes: req.GetScopes(), RequestsPerSecond: int(req.GetRequestsPerSecond()),
		})
		if err != nil {
			return nil, err
		}
		return &v1.CreateKeyResponse{Key: keyMessage(k), Value: value}, nil
	})
}

// ListKeys lists a project's keys.
func (s keyService) ListKeys(ctx context.Context, req *v1.ListKeysRequest) (*v1.ListKeysResponse, error) {
	project := accessOf(ctx).project
	rows, next, err := page(s.pages, req, []any{"keys", project},
		func(limit int, after cursor) ([]apikey.Key, error) {
			return s.Keys.List(ctx, project, limit, after.Time, after.ID)
		},
		func(k apikey.Key) cursor { return byTime(k.CreatedAt, k.ID) })
	if err != nil {
		return nil, err
	}
	return &v1.ListKeysResponse{Keys: each(rows, keyMessage), NextPageToken: next}, nil
}

// RevokeKey ends a key.
func (s keyService) RevokeKey(ctx context.Context, req *v1.RevokeKeyRequest) (*v1.RevokeKeyResponse, error) {
	k, err := s.Keys.Revoke(ctx, accessOf(ctx).project, uuid.MustParse(req.GetKeyId()))
	return &v1.RevokeKeyResponse{Key: keyMessage(k)}, err
}

// RotateKey makes a successor of a key.
func (s keyService) RotateKey(ctx context.Context, req *v1.RotateKeyRequest) (*v1.RotateKeyResponse, error) {
	expires, err := given(req.GetExpireTime())
	if err != nil {
		return nil, err
	}
	a := accessOf(ctx)
	procedure := controlplanev1connect.KeyServiceRotateKeyProcedure
	return once(ctx, s.Repeats, procedure, req, func(ctx context.Context) (*v1.RotateKeyResponse, error) {
		made, value, old, err := s.Keys.Rotate(ctx, apikey.RotateInput{
			Project: a.project, Key: uuid.MustParse(req.GetKeyId()), Overlap: req.GetOverlap().AsDuration(), ExpiresAt: expires, By: a.account.ID,
		})
		if err != nil {
			return nil, err
		}
		return &v1.RotateKeyResponse{Key: keyMessage(made), Value: value, OldKey: keyMessage(old)}, nil
	})
}

// RevealKey shows a key's value, a secret one's once.
func (s keyService) RevealKey(ctx context.Context, req *v1.RevealKeyRequest) (*v1.RevealKeyResponse, error) {
	value, err := s.Keys.Reveal(ctx, accessOf(ctx).project, uuid.MustParse(req.GetKeyId()))
	return &v1.RevealKeyResponse{Value: value}, err
}

var typeOf = map[v1.KeyType]string{v1.KeyType_KEY_TYPE_PUBLISHABLE: apikey.Publishable, v1.KeyType_KEY_TYPE_SECRET: apikey.Secret}

func keyMessage(k apikey.Key) *v1.Key {
	successor := ""
	if k.Successor != nil {
		successor = k.Successor.String()
	}
	return &v1.Key{
		Id: k.ID.String(), Name: k.Name, Type: v1.KeyType(v1.KeyType_value["KEY_TYPE_"+strings.ToUpper(k.Type)]), Display: k.Display,
		Revealable: k.Revealable, CreateTime: stamp(k.CreatedAt), ExpireTime: maybe(k.ExpiresAt), RevokeTime: maybe(k.RevokedAt),
		LastUseTime: minute(k.LastUsedAt), Scopes: k.Scopes, RequestsPerSecond: int32(k.RequestsPerSecond), SuccessorId: successor,
	}
}

// minute rounds a time of use down to the minute, to which it is kept.
func minute(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return stamp(t.Truncate(time.Minute))
}

// each makes messages of rows.
func each[T, M any](rows []T, message func(T) M) []M {
	out := make([]M, len(rows))
	for i, r := range rows {
		out[i] = message(r)
	}
	return out
}
