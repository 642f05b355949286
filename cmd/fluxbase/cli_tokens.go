package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// listSize is how many entries a list command asks for at a time.
const listSize = 200

// tokenJSON is an access token as scripts see it.
type tokenJSON struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Display     string  `json:"display"`
	Value       string  `json:"value,omitempty"`
	CreateTime  *string `json:"create_time"`
	ExpireTime  *string `json:"expire_time"`
	LastUseTime *string `json:"last_use_time"`
}

func tokenOf(t *controlplanev1.AccessToken) tokenJSON {
	return tokenJSON{ID: t.GetId(), Name: t.GetName(), Display: t.GetDisplay(), CreateTime: when(t.GetCreateTime()),
		ExpireTime: when(t.GetExpireTime()), LastUseTime: when(t.GetLastUseTime())}
}

func (c *cli) tokensCommand() *cobra.Command {
	return group("tokens", "Manage the account's personal access tokens", c.tokensListCommand(), c.tokensCreateCommand(), c.tokensRevokeCommand())
}

func (c *cli) tokensListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List access tokens", Args: takes(), Example: "  fluxbase tokens list",
		RunE: c.signedIn(func(ctx context.Context, s *session, _ []string) error {
			out, rows := []tokenJSON{}, [][]string{{"ID", "NAME", "TOKEN", "EXPIRES", "LAST USED"}}
			req := &controlplanev1.ListAccessTokensRequest{PageSize: listSize}
			for {
				page, err := s.accounts().ListAccessTokens(ctx, req)
				if err != nil {
					return err
				}
				for _, t := range page.GetAccessTokens() {
					out = append(out, tokenOf(t))
					rows = append(rows, []string{t.GetId(), t.GetName(), t.GetDisplay(), whenText(t.GetExpireTime(), "never"), whenText(t.GetLastUseTime(), "never")})
				}
				if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
					return s.print(out, rows)
				}
			}
		}),
	}
}

func (c *cli) tokensCreateCommand() *cobra.Command {
	var life time.Duration
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an access token; it is shown once", Args: takes("NAME"),
		Example: `  export FLUXBASE_ACCESS_TOKEN=$(fluxbase tokens create ci --expires 2160h -o json | jq -r .value)`,
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			made, err := s.accounts().CreateAccessToken(ctx, &controlplanev1.CreateAccessTokenRequest{
				Name: args[0], ExpireTime: expiry(life), IdempotencyKey: uuid.NewString()})
			if err != nil {
				return err
			}
			out := tokenOf(made.GetAccessToken())
			out.Value = made.GetValue()
			s.say("Keep it now: it is not shown again.")
			return s.print(out, [][]string{{"ID", out.ID}, {"NAME", out.Name}, {"TOKEN", out.Value}, {"EXPIRES", whenText(made.GetAccessToken().GetExpireTime(), "never")}})
		}),
	}
	cmd.Flags().DurationVar(&life, "expires", 0, "life of the token, for example 2160h; without it, it never expires")
	return cmd
}

func (c *cli) tokensRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End an access token at once", Args: takes("ID"), Example: "  fluxbase tokens revoke 0198c1f0-…",
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			_, err := s.accounts().RevokeAccessToken(ctx, &controlplanev1.RevokeAccessTokenRequest{AccessTokenId: args[0]})
			if err != nil {
				return err
			}
			return s.print(map[string]string{"id": args[0]}, [][]string{{"Revoked " + args[0] + "."}})
		}),
	}
}

// expiry is the end of a life that starts now, or nil for one without end.
func expiry(life time.Duration) *timestamppb.Timestamp {
	if life == 0 {
		return nil
	}
	return timestamppb.New(time.Now().Add(life))
}
