package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

// signingKeyJSON is a signing key as scripts see it.
type signingKeyJSON struct {
	ID         string          `json:"id"`
	Algorithm  string          `json:"algorithm"`
	Status     string          `json:"status"`
	CreateTime *string         `json:"create_time"`
	StatusTime *string         `json:"status_time"`
	PublicJWK  json.RawMessage `json:"public_jwk,omitempty"`
}

func signingKeyOf(k *controlplanev1.SigningKey) signingKeyJSON {
	return signingKeyJSON{ID: k.GetId(), Algorithm: algorithmName(k.GetAlgorithm()), Status: word(k.GetStatus(), "SIGNING_KEY_STATUS_"),
		CreateTime: when(k.GetCreateTime()), StatusTime: when(k.GetStatusTime()), PublicJWK: json.RawMessage(k.GetPublicJwk())}
}

// signingAlgorithms are by the names that tokens give them.
var signingAlgorithms = map[string]controlplanev1.SigningAlgorithm{
	"ES256": controlplanev1.SigningAlgorithm_SIGNING_ALGORITHM_ES256, "RS256": controlplanev1.SigningAlgorithm_SIGNING_ALGORITHM_RS256,
	"EdDSA": controlplanev1.SigningAlgorithm_SIGNING_ALGORITHM_EDDSA, "HS256": controlplanev1.SigningAlgorithm_SIGNING_ALGORITHM_HS256,
}

func algorithmName(a controlplanev1.SigningAlgorithm) string {
	for name, one := range signingAlgorithms {
		if one == a {
			return name
		}
	}
	return a.String()
}

func (s *session) signingKeys() controlplanev1connect.SigningKeyServiceClient {
	return controlplanev1connect.NewSigningKeyServiceClient(s.http, s.url, s.options())
}

func (c *cli) signingKeysCommand() *cobra.Command {
	return group("signing-keys", "Manage the keys that sign the tokens of a project's users", c.signingKeysListCommand(), c.signingKeysCreateCommand(),
		c.signingKeysRotateCommand(), c.signingKeysRevokeCommand(), c.signingKeysDeleteCommand())
}

func (c *cli) signingKeysListCommand() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use: "list [REF]", Short: "List a project's signing keys, the one in use first", Example: "  fluxbase projects signing-keys list --project abcdefghijklmnopqrst",
		RunE: c.ofProject(&ref, nil, func(ctx context.Context, s *session, _ []string) error {
			got, err := s.signingKeys().ListSigningKeys(ctx, &controlplanev1.ListSigningKeysRequest{Ref: ref})
			if err != nil {
				return err
			}
			out, rows := []signingKeyJSON{}, [][]string{{"ID", "ALGORITHM", "STATUS", "SINCE"}}
			for _, found := range got.GetSigningKeys() {
				k := signingKeyOf(found)
				out = append(out, k)
				rows = append(rows, []string{k.ID, k.Algorithm, k.Status, whenText(found.GetStatusTime(), "the project's creation")})
			}
			return s.print(out, rows)
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	return cmd
}

func (c *cli) signingKeysCreateCommand() *cobra.Command {
	var ref, algorithm string
	names := slices.Sorted(maps.Keys(signingAlgorithms))
	cmd := &cobra.Command{
		Use: "create [REF]", Short: "Make a signing key on standby: published, and not yet signing",
		Example: "  fluxbase projects signing-keys create --project abcdefghijklmnopqrst --algorithm ES256",
		RunE: c.ofProject(&ref, nil, func(ctx context.Context, s *session, _ []string) error {
			chosen, ok := signingAlgorithms[algorithm]
			if !ok {
				return usageError{fmt.Errorf("--algorithm is %q; it can be %s", algorithm, strings.Join(names, ", "))}
			}
			made, err := s.signingKeys().CreateSigningKey(ctx, &controlplanev1.CreateSigningKeyRequest{Ref: ref, Algorithm: chosen, IdempotencyKey: uuid.NewString()})
			if err != nil {
				return err
			}
			s.say("Whoever verifies tokens by the project's JWKS learns it within ten minutes. Then run \"fluxbase projects signing-keys rotate\".")
			return s.printSigningKey(made.GetSigningKey())
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	cmd.Flags().StringVar(&algorithm, "algorithm", "ES256", strings.Join(names, ", "))
	return cmd
}

func (s *session) printSigningKey(made *controlplanev1.SigningKey) error {
	k := signingKeyOf(made)
	return s.print(k, [][]string{{"ID", k.ID}, {"ALGORITHM", k.Algorithm}, {"STATUS", k.Status}})
}

func (c *cli) signingKeysRotateCommand() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use: "rotate [REF] ID", Short: "Sign with a key on standby from now on; tokens signed before go on",
		Example: "  fluxbase projects signing-keys rotate 0198c1f0-… --project abcdefghijklmnopqrst",
		RunE: c.ofProject(&ref, []string{"ID"}, func(ctx context.Context, s *session, args []string) error {
			got, err := s.signingKeys().RotateSigningKey(ctx, &controlplanev1.RotateSigningKeyRequest{Ref: ref, SigningKeyId: args[0]})
			if err != nil {
				return err
			}
			if old := got.GetPrevious(); old != nil {
				s.say("%s goes on verifying the tokens that it signed, until it is revoked.", old.GetId())
			}
			return s.printSigningKey(got.GetSigningKey())
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	return cmd
}

func (c *cli) signingKeysRevokeCommand() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use: "revoke [REF] ID", Short: "End a signing key that is not in use: every token that it signed is refused at once",
		Example: "  fluxbase projects signing-keys revoke 0198c1f0-… --project abcdefghijklmnopqrst",
		RunE: c.ofProject(&ref, []string{"ID"}, func(ctx context.Context, s *session, args []string) error {
			got, err := s.signingKeys().RevokeSigningKey(ctx, &controlplanev1.RevokeSigningKeyRequest{Ref: ref, SigningKeyId: args[0]})
			if err != nil {
				return err
			}
			return s.printSigningKey(got.GetSigningKey())
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	return cmd
}

func (c *cli) signingKeysDeleteCommand() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use: "delete [REF] ID", Short: "Take a revoked signing key off the list",
		Example: "  fluxbase projects signing-keys delete 0198c1f0-… --project abcdefghijklmnopqrst",
		RunE: c.ofProject(&ref, []string{"ID"}, func(ctx context.Context, s *session, args []string) error {
			if _, err := s.signingKeys().DeleteSigningKey(ctx, &controlplanev1.DeleteSigningKeyRequest{Ref: ref, SigningKeyId: args[0]}); err != nil {
				return err
			}
			return s.print(map[string]string{"id": args[0]}, [][]string{{"Deleted " + args[0] + "."}})
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	return cmd
}
