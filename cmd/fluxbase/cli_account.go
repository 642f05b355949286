package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// loginTokenLife is how long the access token of a login is valid.
const loginTokenLife = 365 * 24 * time.Hour

// credentials are what login and signup are told.
type credentials struct {
	email, password string
	fromStdin       bool
}

func (c *cli) loginCommand() *cobra.Command {
	var given credentials
	cmd := &cobra.Command{
		Use: "login", Short: "Sign in and save an access token", Args: takes(),
		Long: "Sign in with email and password, or with an access token made in the console, and save the access token for later commands.",
		Example: `  fluxbase login --email ada@example.com
  printf %s "$PASSWORD" | fluxbase login --email ada@example.com --password-stdin
  fluxbase login --url https://fluxbase.example.com --token fbt_…`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.flags.token != "" && given.email == "" {
				return c.loginWithToken(cmd.Context())
			}
			return c.enter(cmd.Context(), given, "token?grant_type=password")
		},
	}
	given.flags(cmd)
	return cmd
}

func (c *cli) signupCommand() *cobra.Command {
	var given credentials
	cmd := &cobra.Command{
		Use: "signup", Short: "Create an account and sign in", Args: takes(),
		Example: `  fluxbase signup --email ada@example.com
  printf %s "$PASSWORD" | fluxbase signup --email ada@example.com --password-stdin`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.enter(cmd.Context(), given, "signup") },
	}
	given.flags(cmd)
	return cmd
}

func (g *credentials) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&g.email, "email", "", "email address of the account")
	cmd.Flags().StringVar(&g.password, "password", "", "password (seen by other users of this machine; better --password-stdin)")
	cmd.Flags().BoolVar(&g.fromStdin, "password-stdin", false, "read the password from the standard input")
}

// complete asks for what was not given, when there is somebody to ask.
func (c *cli) complete(g *credentials) error {
	if g.fromStdin && g.password != "" {
		return usageError{errors.New("give --password or --password-stdin, not both")}
	}
	reader := bufio.NewReader(c.in)
	if g.fromStdin {
		line, err := reader.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the password: %w", err)
		}
		g.password = strings.TrimRight(line, "\r\n")
	}
	if (g.email == "" || g.password == "") && (g.fromStdin || !terminal(c.in)) {
		return usageError{errors.New("give --email, and --password-stdin or --password")}
	}
	if g.email == "" {
		_, _ = fmt.Fprint(c.err, "Email: ")
		line, err := reader.ReadString('\n')
		if err != nil {
			return fmt.Errorf("read the email address: %w", err)
		}
		g.email = strings.TrimSpace(line)
	}
	if g.password == "" {
		_, _ = fmt.Fprint(c.err, "Password: ")
		raw, err := term.ReadPassword(int(c.in.(*os.File).Fd()))
		_, _ = fmt.Fprintln(c.err)
		if err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		g.password = string(raw)
	}
	return nil
}

// enter signs in or up at the project "platform" and trades the user's token for a personal access token.
func (c *cli) enter(ctx context.Context, g credentials, endpoint string) error {
	if err := c.checkOutput(); err != nil {
		return err
	}
	url, err := c.url()
	if err != nil {
		return err
	}
	if err := c.complete(&g); err != nil {
		return err
	}
	platform, err := c.platform(ctx, url)
	if err != nil {
		return err
	}
	userToken, err := c.authenticate(ctx, platform, endpoint, g)
	if err != nil {
		return err
	}
	s := &session{cli: c, url: url, token: userToken}
	host, _ := os.Hostname()
	name := strings.TrimSpace("Command line " + host)
	made, err := s.accounts().CreateAccessToken(ctx, &controlplanev1.CreateAccessTokenRequest{
		Name: name[:min(len(name), 80)], ExpireTime: timestamppb.New(time.Now().Add(loginTokenLife)),
	})
	if err != nil {
		return err
	}
	former, hadOne, err := c.profiles.find(url)
	if err != nil {
		return err
	}
	err = c.profiles.save(url, profile{Email: g.email, Token: made.GetValue(), TokenID: made.GetAccessToken().GetId()})
	if err != nil {
		return err
	}
	if hadOne && former.TokenID != "" && former.Email == g.email {
		// The new token replaces the one of the login before; one that is gone already is just as well.
		_, _ = s.accounts().RevokeAccessToken(ctx, &controlplanev1.RevokeAccessTokenRequest{AccessTokenId: former.TokenID})
	}
	return c.signedInAs(url, g.email)
}

func (c *cli) signedInAs(url, email string) error {
	return c.print(map[string]string{"url": url, "email": email, "profile": c.profiles.path},
		[][]string{{"Signed in to " + url + " as " + email + "."}})
}

func (c *cli) loginWithToken(ctx context.Context) error {
	if err := c.checkOutput(); err != nil {
		return err
	}
	s, err := c.session()
	if err != nil {
		return err
	}
	got, err := s.accounts().GetAccount(ctx, &controlplanev1.GetAccountRequest{})
	if err != nil {
		return err
	}
	email := got.GetAccount().GetEmail()
	if err := c.profiles.save(s.url, profile{Email: email, Token: s.token}); err != nil {
		return err
	}
	return c.signedInAs(s.url, email)
}

func (c *cli) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Revoke the saved access token and forget it", Args: takes(), Example: "  fluxbase logout",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			url, err := c.url()
			if err != nil {
				return err
			}
			p, ok, err := c.profiles.find(url)
			if err != nil {
				return err
			}
			if !ok {
				return &cliError{Code: exitSignedOut, Reason: "NOT_SIGNED_IN", Message: "You are not signed in to " + url + "."}
			}
			var revokeErr error
			if p.TokenID != "" {
				s := &session{cli: c, url: url, token: p.Token}
				_, revokeErr = s.accounts().RevokeAccessToken(cmd.Context(), &controlplanev1.RevokeAccessTokenRequest{AccessTokenId: p.TokenID})
			}
			if err := c.profiles.forget(url); err != nil {
				return err
			}
			if revokeErr != nil && explain(revokeErr).Code != exitSignedOut {
				c.say("The saved token is forgotten here, but could not be revoked: %s", explain(revokeErr).Message)
			}
			return c.print(map[string]string{"url": url}, [][]string{{"Signed out of " + url + "."}})
		},
	}
}

func (c *cli) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show the account that commands act as", Args: takes(), Example: "  fluxbase whoami -o json",
		RunE: c.signedIn(func(ctx context.Context, s *session, _ []string) error {
			got, err := s.accounts().GetAccount(ctx, &controlplanev1.GetAccountRequest{})
			if err != nil {
				return err
			}
			a := got.GetAccount()
			return s.print(map[string]any{"url": s.url, "id": a.GetId(), "email": a.GetEmail(), "name": a.GetName(),
				"operator": a.GetOperator(), "create_time": when(a.GetCreateTime())},
				[][]string{{"URL", s.url}, {"EMAIL", a.GetEmail()}, {"NAME", a.GetName()}, {"ID", a.GetId()},
					{"OPERATOR", strconv.FormatBool(a.GetOperator())}})
		}),
	}
}

// platform is where accounts sign in: the console's bootstrap document.
type platform struct {
	URL string `json:"platform_url"`
	Key string `json:"platform_key"`
}

func (c *cli) platform(ctx context.Context, url string) (platform, error) {
	var p platform
	status, body, err := c.exchange(ctx, http.MethodGet, url+"/config.json", nil, nil)
	if err != nil {
		return p, err
	}
	if status != http.StatusOK || json.Unmarshal(body, &p) != nil || p.URL == "" {
		return p, &cliError{Code: exitFailure, Reason: "NOT_FLUXBASE",
			Message: fmt.Sprintf("%s does not answer like Fluxbase (status %d).", url, status), Hint: "Check --url or FLUXBASE_URL."}
	}
	return p, nil
}

// authenticate calls the platform's auth service and returns the user's access token.
func (c *cli) authenticate(ctx context.Context, p platform, endpoint string, g credentials) (string, error) {
	body, err := json.Marshal(map[string]string{"email": g.email, "password": g.password})
	if err != nil {
		return "", fmt.Errorf("encode the credentials: %w", err)
	}
	status, answer, err := c.exchange(ctx, http.MethodPost, p.URL+"/auth/v1/"+endpoint,
		http.Header{"Apikey": {p.Key}, "Content-Type": {"application/json"}}, body)
	if err != nil {
		return "", err
	}
	var got struct {
		AccessToken string `json:"access_token"`
		ErrorCode   string `json:"error_code"`
		Code        any    `json:"code"`
		Message     string `json:"message"`
		Msg         string `json:"msg"`
	}
	if json.Unmarshal(answer, &got) != nil {
		return "", &cliError{Code: exitFailure, Message: fmt.Sprintf("The auth service answered with status %d and no JSON.", status)}
	}
	if got.AccessToken != "" {
		return got.AccessToken, nil
	}
	if status == http.StatusOK {
		return "", &cliError{Code: exitConflict, Reason: "EMAIL_NOT_CONFIRMED", Message: "The account is made; its email address is to be confirmed first.",
			Hint: "Open the link in the mail, then run \"fluxbase login\"."}
	}
	code, _ := got.Code.(string)
	e := &cliError{Code: exitFailure, Reason: strings.ToUpper(firstOf(got.ErrorCode, code)), Message: firstOf(got.Msg, got.Message, http.StatusText(status))}
	switch {
	case e.Reason == "INVALID_CREDENTIALS":
		e.Code, e.Hint = exitSignedOut, "Check the address and the password; \"fluxbase signup\" makes an account."
	case e.Reason == "USER_ALREADY_EXISTS" || e.Reason == "EMAIL_EXISTS":
		e.Code, e.Hint = exitConflict, "Run \"fluxbase login\" instead."
	case status == http.StatusUnauthorized:
		e.Code = exitSignedOut
	case status == http.StatusForbidden:
		e.Code = exitDenied
	case status == http.StatusTooManyRequests:
		e.Code = exitExhausted
	case status >= http.StatusInternalServerError:
		e.Code = exitUnavailable
	case status >= http.StatusBadRequest:
		e.Code = exitUsage
	}
	return "", e
}

// exchange makes one plain HTTP call with a bound on time and size.
func (c *cli) exchange(ctx context.Context, method, url string, header http.Header, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.exchangeUnbounded(ctx, method, url, header, bytes.NewReader(body))
}

func (c *cli) exchangeUnbounded(ctx context.Context, method, url string, header http.Header, body io.Reader) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, nil, usageError{fmt.Errorf("%q is not an address: %w", url, err)}
	}
	if header != nil {
		req.Header = header
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, &cliError{Code: exitUnavailable, Reason: "UNREACHABLE", Message: "Fluxbase cannot be reached: " + err.Error() + ".",
			Hint: "Is it running (\"fluxbase dev\"), and is the address right (--url, FLUXBASE_URL)?"}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<30))
	if err != nil {
		return 0, nil, fmt.Errorf("read the answer of %s: %w", url, err)
	}
	return res.StatusCode, answer, nil
}
