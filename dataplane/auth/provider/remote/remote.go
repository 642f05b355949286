// Package remote asks providers over HTTP: for tokens, profiles, discovery documents and keys. It bounds what they answer, and remembers what issuers
// publish.
package remote

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/wayli-app/fluxbase/dataplane/auth/provider/catalog"
	"github.com/wayli-app/fluxbase/internal/egress"
)

// maxAnswer bounds what a provider answers: a profile, a discovery document, keys, tokens.
const maxAnswer = 256 << 10

// App is a provider as one project uses it.
type App struct {
	catalog.Definition
	// ClientIDs are the project's at the provider: the first signs in, all are audiences of ID tokens.
	ClientIDs []string
	Secret    string
	// ChosenBy is the ref of the project that chose the provider's addresses, or "" for the provider's own.
	ChosenBy string
}

// OAuth is the app for package oauth2.
func (a *App) OAuth(redirect string, scopes []string) *oauth2.Config {
	return &oauth2.Config{ClientID: a.ClientIDs[0], ClientSecret: a.Secret, RedirectURL: redirect, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: a.Auth, TokenURL: a.Token, AuthStyle: a.Style}}
}

// ErrAddress refuses an address that a project chose.
var ErrAddress = errors.New("the provider's address is not https")

// Client asks providers.
type Client struct {
	egress *egress.Guard
	// client follows redirects; exact does not, so that codes and secrets go where they were meant to.
	client, exact *http.Client
	timeout       time.Duration
}

// New makes a client whose requests take no longer than timeout. Transport carries them; nil is the guard's.
func New(guard *egress.Guard, transport http.RoundTripper, timeout time.Duration) *Client {
	client := guard.Client(timeout)
	if transport != nil {
		client.Transport = transport
	}
	client.Transport = bounded{client.Transport}
	exact := *client
	exact.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{egress: guard, client: client, exact: &exact, timeout: timeout}
}

// bounded cuts off answers that are too large, whoever reads them.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err == nil {
		answer.Body = &boundedBody{ReadCloser: answer.Body, left: maxAnswer}
	}
	return answer, err
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(into []byte) (int, error) {
	if b.left < 0 {
		return 0, egress.ErrTooLarge
	}
	n, err := b.ReadCloser.Read(into)
	if b.left -= int64(n); b.left < 0 {
		return 0, egress.ErrTooLarge
	}
	return n, err
}

// Check refuses addresses that a project chose and that must not be asked, or opened in a browser.
func (c *Client) Check(a *App) error {
	if a.ChosenBy == "" {
		return nil
	}
	addresses := []string{a.Auth, a.Token, a.User, a.Emails}
	if a.OIDC != nil {
		addresses = append(addresses, a.OIDC.Keys)
	}
	for _, address := range addresses {
		if address != "" && c.egress.CheckURL(address) != nil {
			return ErrAddress
		}
	}
	return nil
}

// Exchange gives a code to the provider, which answers with tokens.
func (c *Client) Exchange(ctx context.Context, a *App, redirect, code, verifier string) (*oauth2.Token, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c.exact)
	var options []oauth2.AuthCodeOption
	if a.PKCE {
		options = append(options, oauth2.VerifierOption(verifier))
	}
	token, err := a.OAuth(redirect, nil).Exchange(ctx, code, options...)
	if err != nil {
		return nil, err
	}
	if token.AccessToken == "" || strings.ContainsAny(token.AccessToken, "\r\n\x00") {
		return nil, errors.New("the provider answered without a usable access token")
	}
	return token, nil
}

// Get asks for JSON with an access token, or without one when it is "". A list is found under the key "".
func (c *Client) Get(ctx context.Context, address, token string, headers map[string]string) (catalog.Raw, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "Fluxbase")
	for key, value := range headers {
		r.Header.Set(key, value)
	}
	client := c.client
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
		client = c.exact
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := egress.Read(answer.Body, maxAnswer)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, complaint("%s answered with status %d", r.URL.Host, answer.StatusCode)
	}
	return Decode(body)
}

// Decode reads a JSON object, or a list under the key "", without losing digits.
func Decode(body []byte) (catalog.Raw, error) {
	in := json.NewDecoder(bytes.NewReader(body))
	in.UseNumber()
	var value any
	if err := in.Decode(&value); err != nil {
		return nil, complaint("the answer is not JSON")
	}
	switch v := value.(type) {
	case map[string]any:
		return v, nil
	case []any:
		return catalog.Raw{"": v}, nil
	}
	return nil, complaint("the answer is neither a JSON object nor a list")
}

// User reads the profile of the holder of an access token.
func (c *Client) User(ctx context.Context, a *App, token *oauth2.Token) (catalog.Raw, error) {
	address, headers := a.User, map[string]string{}
	for key, value := range a.Headers {
		headers[key] = strings.ReplaceAll(value, "{client_id}", a.ClientIDs[0])
	}
	if a.ProofOfSecret {
		mac := hmac.New(sha256.New, []byte(a.Secret))
		mac.Write([]byte(token.AccessToken))
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		query := u.Query()
		query.Set("appsecret_proof", hex.EncodeToString(mac.Sum(nil)))
		u.RawQuery = query.Encode()
		address = u.String()
	}
	return c.Get(ctx, address, token.AccessToken, headers)
}

// Cause is what may be logged of a provider's refusal: neither its answer's text, nor a token in it.
func Cause(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		status := 0
		if refused.Response != nil {
			status = refused.Response.StatusCode
		}
		return fmt.Sprintf("the provider refused the code: status %d, error %q", status, Printable(refused.ErrorCode))
	}
	var failed *url.Error
	if errors.As(err, &failed) { // its text names the address with its query
		return Printable(failed.Err.Error())
	}
	return Printable(err.Error())
}

// Printable shortens what a stranger said for an error's text.
func Printable(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
	if len(s) > 100 {
		s = s[:100] + "..."
	}
	return s
}
