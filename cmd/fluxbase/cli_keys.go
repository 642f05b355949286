package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/scope"
)

// keyJSON is an API key as scripts see it.
type keyJSON struct {
	ID                string   `json:"id"`
	Name              string   `json:"name"`
	Type              string   `json:"type"`
	Display           string   `json:"display"`
	Value             string   `json:"value,omitempty"`
	Revealable        bool     `json:"revealable"`
	Scopes            []string `json:"scopes"`
	RequestsPerSecond int32    `json:"requests_per_second"`
	SuccessorID       string   `json:"successor_id,omitempty"`
	CreateTime        *string  `json:"create_time"`
	ExpireTime        *string  `json:"expire_time"`
	RevokeTime        *string  `json:"revoke_time"`
	LastUseTime       *string  `json:"last_use_time"`
}

func keyOf(k *controlplanev1.Key) keyJSON {
	return keyJSON{ID: k.GetId(), Name: k.GetName(), Type: word(k.GetType(), "KEY_TYPE_"), Display: k.GetDisplay(), Revealable: k.GetRevealable(),
		Scopes: append([]string{}, k.GetScopes()...), RequestsPerSecond: k.GetRequestsPerSecond(), SuccessorID: k.GetSuccessorId(),
		CreateTime: when(k.GetCreateTime()), ExpireTime: when(k.GetExpireTime()), RevokeTime: when(k.GetRevokeTime()), LastUseTime: when(k.GetLastUseTime())}
}

func (c *cli) keysCommand() *cobra.Command {
	return group("keys", "Manage a project's API keys", c.keysListCommand(), c.keysCreateCommand(), c.keysRotateCommand(), c.keysRevokeCommand(), c.keysRevealCommand())
}

func (c *cli) keysListCommand() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use: "list [REF]", Short: "List a project's keys", Example: "  fluxbase keys list --project abcdefghijklmnopqrst",
		RunE: c.ofProject(&ref, nil, func(ctx context.Context, s *session, _ []string) error {
			keys, err := s.allKeys(ctx, ref)
			if err != nil {
				return err
			}
			out, rows := []keyJSON{}, [][]string{{"ID", "NAME", "TYPE", "KEY", "SCOPES", "STATE", "LAST USED"}}
			for _, found := range keys {
				k := keyOf(found)
				out = append(out, k)
				rows = append(rows, []string{k.ID, k.Name, k.Type, k.Display, scopesText(k), keyState(found), whenText(found.GetLastUseTime(), "never")})
			}
			return s.print(out, rows)
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	return cmd
}

// allKeys reads every page of a project's keys.
func (s *session) allKeys(ctx context.Context, ref string) ([]*controlplanev1.Key, error) {
	var out []*controlplanev1.Key
	req := &controlplanev1.ListKeysRequest{Ref: ref, PageSize: listSize}
	for {
		page, err := s.keys().ListKeys(ctx, req)
		if err != nil {
			return nil, err
		}
		out = append(out, page.GetKeys()...)
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return out, nil
		}
	}
}

// scopesText is what a key may do, and how often.
func scopesText(k keyJSON) string {
	text := firstOf(strings.Join(k.Scopes, " "), "all")
	if k.RequestsPerSecond > 0 {
		text += fmt.Sprintf(", %d/s", k.RequestsPerSecond)
	}
	return text
}

func keyState(k *controlplanev1.Key) string {
	switch {
	case k.GetRevokeTime() != nil:
		return "revoked"
	case k.GetExpireTime() != nil && k.GetExpireTime().AsTime().Before(time.Now()):
		return "expired"
	case k.GetExpireTime() != nil:
		return "ends " + whenText(k.GetExpireTime(), "")
	case k.GetRevealable() && k.GetType() == controlplanev1.KeyType_KEY_TYPE_SECRET:
		return "active, not revealed yet"
	}
	return "active"
}

func (c *cli) keysCreateCommand() *cobra.Command {
	var ref, kind string
	var life time.Duration
	var scopes []string
	var perSecond int32
	cmd := &cobra.Command{
		Use: "create [REF] NAME", Short: "Make a key; a secret key is shown once",
		Example: `  fluxbase keys create backend --project abcdefghijklmnopqrst --type secret --expires 2160h
  fluxbase keys create report --project abcdefghijklmnopqrst --scope tables:read --rate-limit 5`,
		RunE: c.ofProject(&ref, []string{"NAME"}, func(ctx context.Context, s *session, args []string) error {
			types := map[string]controlplanev1.KeyType{"secret": controlplanev1.KeyType_KEY_TYPE_SECRET, "publishable": controlplanev1.KeyType_KEY_TYPE_PUBLISHABLE}
			keyType, ok := types[kind]
			if !ok {
				return usageError{fmt.Errorf("--type is %q; it can be publishable or secret", kind)}
			}
			made, err := s.keys().CreateKey(ctx, &controlplanev1.CreateKeyRequest{
				Ref: ref, Name: args[0], Type: keyType, ExpireTime: expiry(life), IdempotencyKey: uuid.NewString(),
				Scopes: scopes, RequestsPerSecond: perSecond})
			if err != nil {
				return err
			}
			return s.printMade(made.GetKey(), made.GetValue())
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	cmd.Flags().StringVar(&kind, "type", "secret", "publishable (role anon, for apps) or secret (role service_role, for servers)")
	cmd.Flags().DurationVar(&life, "expires", 0, "life of the key, for example 2160h; without it, it never expires")
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "what the key may do, once for each: "+strings.Join(scope.Names(), ", ")+"; without it, all that its type may")
	cmd.Flags().Int32Var(&perSecond, "rate-limit", 0, "requests per second that the key may make; 0 is the plan's limit")
	return cmd
}

// printMade prints a key with the value that it was made with.
func (s *session) printMade(made *controlplanev1.Key, value string) error {
	k := keyOf(made)
	k.Value = value
	if made.GetType() == controlplanev1.KeyType_KEY_TYPE_SECRET {
		s.say("Keep it now: it is not shown again.")
	}
	return s.print(k, [][]string{{"ID", k.ID}, {"NAME", k.Name}, {"TYPE", k.Type}, {"KEY", k.Value}, {"SCOPES", scopesText(k)},
		{"EXPIRES", whenText(made.GetExpireTime(), "never")}})
}

func (c *cli) keysRotateCommand() *cobra.Command {
	var ref string
	var overlap, life time.Duration
	cmd := &cobra.Command{
		Use: "rotate [REF] ID", Short: "Make a key's successor; the old key works on until the overlap ends",
		Example: "  fluxbase keys rotate 0198c1f0-… --project abcdefghijklmnopqrst --overlap 72h",
		RunE: c.ofProject(&ref, []string{"ID"}, func(ctx context.Context, s *session, args []string) error {
			if overlap < 0 {
				return usageError{errors.New("--overlap must not be negative")}
			}
			made, err := s.keys().RotateKey(ctx, &controlplanev1.RotateKeyRequest{
				Ref: ref, KeyId: args[0], Overlap: durationpb.New(overlap), ExpireTime: expiry(life), IdempotencyKey: uuid.NewString()})
			if err != nil {
				return err
			}
			s.say("The old key ends at %s.", whenText(made.GetOldKey().GetExpireTime(), "once"))
			return s.printMade(made.GetKey(), made.GetValue())
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key works beside the new one; 0 ends it at once")
	cmd.Flags().DurationVar(&life, "expires", 0, "life of the new key; without it, it lives as long as the old one was made to live")
	return cmd
}

func (c *cli) keysRevokeCommand() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use: "revoke [REF] ID", Short: "End a key at once", Example: "  fluxbase keys revoke 0198c1f0-… --project abcdefghijklmnopqrst",
		RunE: c.ofProject(&ref, []string{"ID"}, func(ctx context.Context, s *session, args []string) error {
			gone, err := s.keys().RevokeKey(ctx, &controlplanev1.RevokeKeyRequest{Ref: ref, KeyId: args[0]})
			if err != nil {
				return err
			}
			return s.print(keyOf(gone.GetKey()), [][]string{{"Revoked " + gone.GetKey().GetName() + " (" + gone.GetKey().GetDisplay() + ")."}})
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	return cmd
}

func (c *cli) keysRevealCommand() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use: "reveal [REF] ID", Short: "Show a key made with the project; a secret key once only",
		Example: "  fluxbase keys reveal 0198c1f0-… --project abcdefghijklmnopqrst",
		RunE: c.ofProject(&ref, []string{"ID"}, func(ctx context.Context, s *session, args []string) error {
			shown, err := s.keys().RevealKey(ctx, &controlplanev1.RevealKeyRequest{Ref: ref, KeyId: args[0]})
			if err != nil {
				return err
			}
			return s.print(map[string]string{"id": args[0], "value": shown.GetValue()}, [][]string{{shown.GetValue()}})
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	return cmd
}

// ofProject is signedIn for commands of one project, which is named by --project or by the first argument; the others
// have the names given.
func (c *cli) ofProject(ref *string, names []string, run func(context.Context, *session, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if *ref == "" {
			if len(args) == 0 {
				return usageError{errors.New("name the project with --project REF; \"fluxbase projects list\" shows them")}
			}
			*ref, args = args[0], args[1:]
		}
		if err := takes(names...)(cmd, args); err != nil {
			return err
		}
		return c.signedIn(run)(cmd, args)
	}
}
