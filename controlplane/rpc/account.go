package rpc

import (
	"context"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/controlplane/account"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

type accountService struct{ *server }

var _ controlplanev1connect.AccountServiceHandler = accountService{}

// GetAccount returns the caller's account.
func (s accountService) GetAccount(ctx context.Context, _ *v1.GetAccountRequest) (*v1.GetAccountResponse, error) {
	return &v1.GetAccountResponse{Account: accountMessage(accessOf(ctx).account)}, nil
}

// UpdateAccount changes the caller's account.
func (s accountService) UpdateAccount(ctx context.Context, req *v1.UpdateAccountRequest) (*v1.UpdateAccountResponse, error) {
	if _, err := masked(req.GetUpdateMask(), "name"); err != nil {
		return nil, err
	}
	a, err := s.Accounts.Rename(ctx, accessOf(ctx).account.ID, req.GetName())
	if err != nil {
		return nil, err
	}
	return &v1.UpdateAccountResponse{Account: accountMessage(a)}, nil
}

// CreateAccessToken makes a personal token.
func (s accountService) CreateAccessToken(ctx context.Context, req *v1.CreateAccessTokenRequest) (*v1.CreateAccessTokenResponse, error) {
	expires, err := given(req.GetExpireTime())
	if err != nil {
		return nil, err
	}
	procedure := controlplanev1connect.AccountServiceCreateAccessTokenProcedure
	return once(ctx, s.Repeats, procedure, req, func(ctx context.Context) (*v1.CreateAccessTokenResponse, error) {
		t, value, err := s.Accounts.CreateToken(ctx, accessOf(ctx).account, req.GetName(), expires)
		if err != nil {
			return nil, err
		}
		return &v1.CreateAccessTokenResponse{AccessToken: tokenMessage(t), Value: value}, nil
	})
}

// ListAccessTokens lists the caller's personal tokens.
func (s accountService) ListAccessTokens(ctx context.Context, req *v1.ListAccessTokensRequest) (*v1.ListAccessTokensResponse, error) {
	me := accessOf(ctx).account.ID
	rows, next, err := page(s.pages, req, []any{"access_tokens", me},
		func(limit int, after cursor) ([]account.Token, error) {
			return s.Accounts.Tokens(ctx, me, limit, after.Time, after.ID)
		},
		func(t account.Token) cursor { return byTime(t.CreatedAt, t.ID) })
	if err != nil {
		return nil, err
	}
	return &v1.ListAccessTokensResponse{AccessTokens: each(rows, tokenMessage), NextPageToken: next}, nil
}

// RevokeAccessToken ends one of the caller's personal tokens.
func (s accountService) RevokeAccessToken(ctx context.Context, req *v1.RevokeAccessTokenRequest) (*v1.RevokeAccessTokenResponse, error) {
	err := s.Accounts.RevokeToken(ctx, accessOf(ctx).account.ID, uuid.MustParse(req.GetAccessTokenId()))
	if err != nil {
		return nil, err
	}
	return &v1.RevokeAccessTokenResponse{}, nil
}

func accountMessage(a account.Account) *v1.Account {
	return &v1.Account{Id: a.ID.String(), Email: a.Email, Name: a.Name, Operator: a.Operator, CreateTime: stamp(a.CreatedAt)}
}

func tokenMessage(t account.Token) *v1.AccessToken {
	return &v1.AccessToken{
		Id: t.ID.String(), Name: t.Name, Display: t.Display, CreateTime: stamp(t.CreatedAt),
		ExpireTime: maybe(t.ExpiresAt), LastUseTime: minute(t.LastUsedAt),
	}
}
