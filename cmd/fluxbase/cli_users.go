package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// userJSON is what tables show of a project's user; JSON is passed on as the project answers it.
type userJSON struct {
	ID          string `json:"id"`
	Email       string `json:"email"`
	Phone       string `json:"phone"`
	Anonymous   bool   `json:"is_anonymous"`
	AppMetadata struct {
		Provider  string   `json:"provider"`
		Providers []string `json:"providers"`
	} `json:"app_metadata"`
	ConfirmedAt  *time.Time `json:"confirmed_at"`
	InvitedAt    *time.Time `json:"invited_at"`
	LastSignInAt *time.Time `json:"last_sign_in_at"`
	BannedUntil  *time.Time `json:"banned_until"`
	DeletedAt    *time.Time `json:"deleted_at"`
	CreatedAt    *time.Time `json:"created_at"`
}

func (u userJSON) state() string {
	switch {
	case u.DeletedAt != nil:
		return "deleted"
	case u.BannedUntil != nil && u.BannedUntil.After(time.Now()):
		return "banned until " + u.BannedUntil.Local().Format("2006-01-02 15:04")
	case u.Anonymous:
		return "anonymous"
	case u.ConfirmedAt != nil:
		return "confirmed"
	case u.InvitedAt != nil:
		return "invited"
	}
	return "unconfirmed"
}

func (c *cli) usersCommand() *cobra.Command {
	return group("users", "Manage the users of a project's app", c.usersListCommand(), c.usersGetCommand(), c.usersCreateCommand(),
		c.usersUpdateCommand(), c.usersDeleteCommand(), c.usersBanCommand(), c.usersUnbanCommand(), c.usersInviteCommand(),
		c.usersSessionsCommand(), c.usersSignOutCommand())
}

// usersPage is how many users a request asks for.
const usersPage = 200

func (c *cli) usersListCommand() *cobra.Command {
	var filter string
	var most int
	cmd := &cobra.Command{
		Use: "list REF", Short: "List a project's users, newest first", Args: takes("REF"),
		Example: "  fluxbase projects users list abcdefghijklmnopqrst --filter @example.com -o json",
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			users, err := s.authOf(ctx, args[0])
			if err != nil {
				return err
			}
			found, err := users.list(ctx, filter, most)
			if err != nil {
				return err
			}
			rows := [][]string{{"ID", "EMAIL", "PHONE", "PROVIDERS", "STATE", "CREATED", "LAST SIGN-IN"}}
			for _, raw := range found {
				u, err := readUser(raw)
				if err != nil {
					return err
				}
				rows = append(rows, []string{u.ID, u.Email, u.Phone, strings.Join(u.AppMetadata.Providers, ", "), u.state(), timeText(u.CreatedAt, ""), timeText(u.LastSignInAt, "never")})
			}
			return s.print(found, rows)
		}),
	}
	cmd.Flags().StringVar(&filter, "filter", "", "part of an address, a number or an id")
	cmd.Flags().IntVar(&most, "limit", 1000, "the most users to list")
	return cmd
}

func (c *cli) usersGetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "get REF USER", Short: "Show a user; USER is an id or an email address", Args: takes("REF", "USER"),
		Example: "  fluxbase projects users get abcdefghijklmnopqrst ada@example.com",
		RunE: c.onUser(func(ctx context.Context, s *session, a *authAdmin, id string) error {
			return s.userAnswer(a.call(ctx, http.MethodGet, "/admin/users/"+id, nil))
		}),
	}
}

// userFields are the flags of create and update.
type userFields struct {
	email, phone, userMetadata, appMetadata string
	password, confirm                       bool
}

func (f *userFields) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.email, "email", "", "email address")
	cmd.Flags().StringVar(&f.phone, "phone", "", "phone number, as 15551234567")
	cmd.Flags().BoolVar(&f.password, "password-stdin", false, "read the password from the standard input")
	cmd.Flags().BoolVar(&f.confirm, "confirm", false, "take the address and the number as confirmed")
	cmd.Flags().StringVar(&f.userMetadata, "user-metadata", "", "JSON object that the user may change")
	cmd.Flags().StringVar(&f.appMetadata, "app-metadata", "", "JSON object that the user may not change")
}

// body is the request that the flags make.
func (f *userFields) body(c *cli) (map[string]any, error) {
	out := map[string]any{}
	for key, value := range map[string]string{"email": f.email, "phone": f.phone} {
		if value == "" {
			continue
		}
		out[key] = value
		if f.confirm {
			out[key+"_confirm"] = true
		}
	}
	if f.confirm && len(out) == 0 {
		out["email_confirm"] = true
	}
	for key, value := range map[string]string{"user_metadata": f.userMetadata, "app_metadata": f.appMetadata} {
		if value == "" {
			continue
		}
		object := map[string]any{}
		if err := json.Unmarshal([]byte(value), &object); err != nil {
			return nil, usageError{fmt.Errorf("--%s is no JSON object: %w", strings.ReplaceAll(key, "_", "-"), err)}
		}
		out[key] = object
	}
	if f.password {
		text, err := c.settingContent("the password", "-")
		if err != nil {
			return nil, usageError{errors.New("--password-stdin: there is no password to read")}
		}
		out["password"] = strings.TrimRight(text, "\r\n")
	}
	return out, nil
}

func (c *cli) usersCreateCommand() *cobra.Command {
	var fields userFields
	cmd := &cobra.Command{
		Use: "create REF", Short: "Make a user", Args: takes("REF"),
		Long:    "Make a user. No mail is sent: without --confirm, the user signs in after confirming the address.",
		Example: "  pass ada | fluxbase projects users create abcdefghijklmnopqrst --email ada@example.com --password-stdin --confirm",
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			body, err := fields.body(s.cli)
			if err != nil {
				return err
			}
			if body["email"] == nil && body["phone"] == nil {
				return usageError{errors.New("give --email or --phone")}
			}
			a, err := s.authOf(ctx, args[0])
			if err != nil {
				return err
			}
			return s.userAnswer(a.call(ctx, http.MethodPost, "/admin/users", body))
		}),
	}
	fields.flags(cmd)
	return cmd
}

func (c *cli) usersUpdateCommand() *cobra.Command {
	var fields userFields
	cmd := &cobra.Command{
		Use: "update REF USER", Short: "Change a user; what is not given stays", Args: takes("REF", "USER"),
		Example: `  fluxbase projects users update abcdefghijklmnopqrst ada@example.com --app-metadata '{"role":"editor"}'`,
		RunE: c.onUser(func(ctx context.Context, s *session, a *authAdmin, id string) error {
			body, err := fields.body(s.cli)
			if err != nil {
				return err
			}
			if len(body) == 0 {
				return usageError{errors.New("there is nothing to change; see --help")}
			}
			return s.userAnswer(a.call(ctx, http.MethodPut, "/admin/users/"+id, body))
		}),
	}
	fields.flags(cmd)
	return cmd
}

func (c *cli) usersDeleteCommand() *cobra.Command {
	var soft bool
	cmd := &cobra.Command{
		Use: "delete REF USER", Short: "Delete a user and all that belongs to them in auth", Args: takes("REF", "USER"),
		Example: "  fluxbase projects users delete abcdefghijklmnopqrst ada@example.com --soft",
		RunE: c.onUser(func(ctx context.Context, s *session, a *authAdmin, id string) error {
			if _, err := a.call(ctx, http.MethodDelete, "/admin/users/"+id, map[string]any{"should_soft_delete": soft}); err != nil {
				return err
			}
			return s.print(map[string]any{"id": id, "soft": soft}, [][]string{{"Deleted user " + id + "."}})
		}),
	}
	cmd.Flags().BoolVar(&soft, "soft", false, "keep the row, without address, number and metadata, so that what refers to it stays")
	return cmd
}

func (c *cli) usersBanCommand() *cobra.Command {
	var life time.Duration
	cmd := &cobra.Command{
		Use: "ban REF USER", Short: "Keep a user out, and end what they are signed in to", Args: takes("REF", "USER"),
		Example: "  fluxbase projects users ban abcdefghijklmnopqrst ada@example.com --for 24h",
		RunE: c.onUser(func(ctx context.Context, s *session, a *authAdmin, id string) error {
			if life < time.Second {
				return usageError{errors.New("--for must be a second at least")}
			}
			return s.userAnswer(a.call(ctx, http.MethodPut, "/admin/users/"+id, map[string]any{"ban_duration": life.String()}))
		}),
	}
	cmd.Flags().DurationVar(&life, "for", 100*365*24*time.Hour, "how long; for a hundred years when not given")
	return cmd
}

func (c *cli) usersUnbanCommand() *cobra.Command {
	return &cobra.Command{
		Use: "unban REF USER", Short: "Let a banned user in again", Args: takes("REF", "USER"),
		Example: "  fluxbase projects users unban abcdefghijklmnopqrst ada@example.com",
		RunE: c.onUser(func(ctx context.Context, s *session, a *authAdmin, id string) error {
			return s.userAnswer(a.call(ctx, http.MethodPut, "/admin/users/"+id, map[string]any{"ban_duration": "none"}))
		}),
	}
}

func (c *cli) usersInviteCommand() *cobra.Command {
	var redirect string
	cmd := &cobra.Command{
		Use: "invite REF EMAIL", Short: "Make a user and send a mail with a link to accept", Args: takes("REF", "EMAIL"),
		Example: "  fluxbase projects users invite abcdefghijklmnopqrst ada@example.com",
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			a, err := s.authOf(ctx, args[0])
			if err != nil {
				return err
			}
			path := "/invite"
			if redirect != "" {
				path += "?redirect_to=" + url.QueryEscape(redirect)
			}
			return s.userAnswer(a.call(ctx, http.MethodPost, path, map[string]any{"email": args[1]}))
		}),
	}
	cmd.Flags().StringVar(&redirect, "redirect-to", "", "where the link leads; the project's site when not given")
	return cmd
}

func (c *cli) usersSessionsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "sessions REF USER", Short: "List where a user is signed in", Args: takes("REF", "USER"),
		Example: "  fluxbase projects users sessions abcdefghijklmnopqrst ada@example.com",
		RunE: c.onUser(func(ctx context.Context, s *session, a *authAdmin, id string) error {
			raw, err := a.call(ctx, http.MethodGet, "/admin/users/"+id+"/sessions", nil)
			if err != nil {
				return err
			}
			var got struct {
				Sessions []struct {
					ID          string     `json:"id"`
					AAL         string     `json:"aal"`
					IP          string     `json:"ip"`
					UserAgent   string     `json:"user_agent"`
					CreatedAt   *time.Time `json:"created_at"`
					RefreshedAt *time.Time `json:"refreshed_at"`
				} `json:"sessions"`
			}
			if err := json.Unmarshal(raw, &got); err != nil {
				return fmt.Errorf("read the sessions: %w", err)
			}
			rows := [][]string{{"ID", "AAL", "ADDRESS", "CLIENT", "SIGNED IN", "REFRESHED"}}
			for _, one := range got.Sessions {
				rows = append(rows, []string{one.ID, one.AAL, one.IP, one.UserAgent, timeText(one.CreatedAt, ""), timeText(one.RefreshedAt, "never")})
			}
			return s.print(raw, rows)
		}),
	}
}

func (c *cli) usersSignOutCommand() *cobra.Command {
	var one string
	cmd := &cobra.Command{
		Use: "sign-out REF USER", Short: "End a user's sessions, all or one", Args: takes("REF", "USER"),
		Example: "  fluxbase projects users sign-out abcdefghijklmnopqrst ada@example.com",
		RunE: c.onUser(func(ctx context.Context, s *session, a *authAdmin, id string) error {
			path, done := "/admin/users/"+id+"/sessions", "Ended all sessions of user "+id+"."
			if one != "" {
				path, done = path+"/"+url.PathEscape(one), "Ended session "+one+"."
			}
			if _, err := a.call(ctx, http.MethodDelete, path, nil); err != nil {
				return err
			}
			return s.print(map[string]any{"user_id": id, "session_id": one}, [][]string{{done}})
		}),
	}
	cmd.Flags().StringVar(&one, "session", "", "id of the one session to end")
	return cmd
}

// userAnswer prints a user that the project answered with.
func (c *cli) userAnswer(raw json.RawMessage, err error) error {
	if err != nil {
		return err
	}
	u, err := readUser(raw)
	if err != nil {
		return err
	}
	return c.print(raw, [][]string{{"ID", u.ID}, {"EMAIL", u.Email}, {"PHONE", u.Phone}, {"STATE", u.state()},
		{"PROVIDERS", strings.Join(u.AppMetadata.Providers, ", ")}, {"CREATED", timeText(u.CreatedAt, "")}, {"LAST SIGN-IN", timeText(u.LastSignInAt, "never")}})
}

func readUser(raw json.RawMessage) (userJSON, error) {
	var u userJSON
	if err := json.Unmarshal(raw, &u); err != nil {
		return u, fmt.Errorf("read a user: %w", err)
	}
	return u, nil
}

// timeText is a time in a table.
func timeText(t *time.Time, none string) string {
	if t == nil {
		return none
	}
	return t.Local().Format("2006-01-02 15:04")
}

// list reads users page by page, at most as many as asked for.
func (a *authAdmin) list(ctx context.Context, filter string, most int) ([]json.RawMessage, error) {
	out := []json.RawMessage{}
	for page := 1; len(out) < most; page++ {
		query := url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(min(usersPage, most))}}
		if filter != "" {
			query.Set("filter", filter)
		}
		raw, err := a.call(ctx, http.MethodGet, "/admin/users?"+query.Encode(), nil)
		if err != nil {
			return nil, err
		}
		var got struct {
			Users []json.RawMessage `json:"users"`
		}
		if err := json.Unmarshal(raw, &got); err != nil {
			return nil, fmt.Errorf("read the users: %w", err)
		}
		out = append(out, got.Users...)
		if len(got.Users) < min(usersPage, most) {
			break
		}
	}
	return out[:min(len(out), most)], nil
}
