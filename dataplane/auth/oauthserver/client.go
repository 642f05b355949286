package oauthserver

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed" // the statements
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/find_client.sql
var findClient string

//go:embed sql/list_clients.sql
var listClients string

//go:embed sql/count_clients.sql
var countClients string

//go:embed sql/insert_client.sql
var insertClient string

//go:embed sql/update_client.sql
var updateClient string

//go:embed sql/delete_client.sql
var deleteClient string

// The ways in which a client proves who it is at the token endpoint.
const (
	methodNone  = "none"
	methodBasic = "client_secret_basic"
	methodPost  = "client_secret_post"
)

var methods = []string{methodNone, methodBasic, methodPost}

// The grants that a client may use.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

const (
	typePublic       = "public"
	typeConfidential = "confidential"
)

// client is an app that users sign in to.
type client struct {
	id           uuid.UUID
	secretHash   string
	kind         string
	method       string
	registration string
	redirects    []string
	grants       []string
	name         string
	address      string
	logo         string
	created      time.Time
	updated      time.Time
}

func (c *client) public() bool { return c.kind == typePublic }

func scanClient(row pgx.Row) (*client, error) {
	var c client
	var redirects, grants string
	err := row.Scan(&c.id, &c.secretHash, &c.kind, &c.method, &c.registration, &redirects, &grants, &c.name, &c.address, &c.logo, &c.created, &c.updated)
	if err != nil {
		return nil, err
	}
	c.redirects, c.grants = split(redirects), split(grants)
	return &c, nil
}

// split takes a list apart as GoTrue stores it.
func split(list string) []string {
	if list == "" {
		return []string{}
	}
	return strings.Split(list, ",")
}

// clientByID returns nil when there is none.
func clientByID(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*client, error) {
	c, err := scanClient(tx.QueryRow(ctx, findClient, id))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return c, err
}

// newSecret makes a secret, and what is stored of it.
func newSecret() (secret, hash string) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	secret = base64.RawURLEncoding.EncodeToString(random[:])
	return secret, hashed(secret)
}

// hashed is what is stored of secrets and codes, which are too long to guess.
func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// proves tells whether a secret is the client's.
func (c *client) proves(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(hashed(secret)), []byte(c.secretHash)) == 1
}

// clientBody is a client as GoTrue's API shows it.
type clientBody struct {
	ID            string    `json:"client_id"`
	Secret        string    `json:"client_secret,omitempty"`
	Type          string    `json:"client_type"`
	Redirects     []string  `json:"redirect_uris"`
	Method        string    `json:"token_endpoint_auth_method"`
	Grants        []string  `json:"grant_types"`
	ResponseTypes []string  `json:"response_types"`
	Name          string    `json:"client_name,omitempty"`
	Address       string    `json:"client_uri,omitempty"`
	Logo          string    `json:"logo_uri,omitempty"`
	Registration  string    `json:"registration_type"`
	Created       time.Time `json:"created_at"`
	Updated       time.Time `json:"updated_at"`
}

func (c *client) body(secret string) clientBody {
	return clientBody{ID: c.id.String(), Secret: secret, Type: c.kind, Redirects: c.redirects, Method: c.method, Grants: c.grants, ResponseTypes: []string{"code"},
		Name: c.name, Address: c.address, Logo: c.logo, Registration: c.registration, Created: c.created.UTC(), Updated: c.updated.UTC()}
}

// clientRequest is what is said of a client; what is nil stays.
type clientRequest struct {
	Name          *string   `json:"client_name"`
	Address       *string   `json:"client_uri"`
	Logo          *string   `json:"logo_uri"`
	Redirects     *[]string `json:"redirect_uris"`
	Grants        *[]string `json:"grant_types"`
	ResponseTypes *[]string `json:"response_types"`
	Type          string    `json:"client_type"`
	Method        *string   `json:"token_endpoint_auth_method"`
}

func (in *clientRequest) empty() bool {
	return in.Name == nil && in.Address == nil && in.Logo == nil && in.Redirects == nil && in.Grants == nil && in.Method == nil
}

const (
	maxRedirects = 10
	maxName      = 1024
	maxAddress   = 2048
)

func (in *clientRequest) validate() error {
	if in.Redirects != nil {
		if err := validateRedirects(*in.Redirects); err != nil {
			return err
		}
	}
	if in.Grants != nil {
		if len(*in.Grants) == 0 {
			return protocol.ErrValidation("grant_types cannot be empty")
		}
		for _, grant := range *in.Grants {
			if grant != grantCode && grant != grantRefresh {
				return protocol.ErrValidation("grant_types must only contain 'authorization_code' and/or 'refresh_token'")
			}
		}
	}
	if in.ResponseTypes != nil && !slices.Equal(*in.ResponseTypes, []string{"code"}) {
		return protocol.ErrValidation("response_types must be ['code']")
	}
	if in.Name != nil && (len(*in.Name) > maxName || strings.ContainsRune(*in.Name, 0)) {
		return protocol.ErrValidation("client_name cannot exceed %d characters", maxName)
	}
	for name, address := range map[string]*string{"client_uri": in.Address, "logo_uri": in.Logo} {
		if address == nil || *address == "" {
			continue
		}
		// The app's page shows them: no scripts.
		if u, err := url.Parse(*address); err != nil || len(*address) > maxAddress || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return protocol.ErrValidation("%s must be a valid URL", name)
		}
	}
	if in.Method != nil && !slices.Contains(methods, *in.Method) {
		return protocol.ErrValidation("token_endpoint_auth_method must be one of: %s", strings.Join(methods, ", "))
	}
	return in.validateType()
}

func (in *clientRequest) validateType() error {
	switch in.Type {
	case "", typePublic, typeConfidential:
	default:
		return protocol.ErrValidation("client_type must be 'public' or 'confidential'")
	}
	if in.Type != "" && in.Method != nil && (in.Type == typePublic) != (*in.Method == methodNone) {
		return protocol.ErrValidation("client_type '%s' is inconsistent with token_endpoint_auth_method '%s'", in.Type, *in.Method)
	}
	return nil
}

func validateRedirects(redirects []string) error {
	if len(redirects) == 0 {
		return protocol.ErrValidation("redirect_uris is required")
	}
	if len(redirects) > maxRedirects {
		return protocol.ErrValidation("redirect_uris cannot exceed %d items", maxRedirects)
	}
	for _, redirect := range redirects {
		if why := badRedirect(redirect); why != "" {
			return protocol.ErrValidation("invalid redirect_uri '%s': %s", redirect, why)
		}
	}
	return nil
}

// badRedirect says why users are not sent to an address, or is "". Schemes of native apps need a dot, as RFC 8252 has it; those of editors that are known
// to have none are listed.
func badRedirect(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || len(address) > maxAddress:
		return "invalid URL format"
	case strings.ContainsFunc(address, func(c rune) bool {
		return c <= ' ' || c > '~' || c == ',' || c == '\\' || c == '"' || c == '<' || c == '>'
	}):
		return "it has characters that must be escaped"
	case u.Scheme == "":
		return "must have scheme"
	case strings.Contains(address, "#"):
		return "fragment not allowed in redirect URI"
	case u.User != nil:
		return "user info not allowed in redirect URI"
	case u.Scheme == "https" && u.Host != "":
		return ""
	case u.Scheme == "http" && loopback(u):
		return ""
	case u.Scheme == "http":
		return "HTTP scheme only allowed for localhost"
	case strings.Contains(u.Scheme, ".") || u.Scheme == "cursor" && u.Host == "anysphere.cursor-mcp":
		return ""
	}
	return "scheme must be HTTPS or HTTP (localhost only)"
}

func loopback(u *url.URL) bool {
	host := u.Hostname()
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// apply changes a client as asked. A client keeps its type.
func (in *clientRequest) apply(c *client) error {
	if in.Method != nil {
		if c.kind != "" && c.public() != (*in.Method == methodNone) {
			return protocol.ErrValidation("token_endpoint_auth_method '%s' is not one for a %s client", *in.Method, c.kind)
		}
		c.method = *in.Method
	}
	for from, to := range map[*string]*string{in.Name: &c.name, in.Address: &c.address, in.Logo: &c.logo} {
		if from != nil {
			*to = *from
		}
	}
	if in.Redirects != nil {
		c.redirects = *in.Redirects
	}
	if in.Grants != nil {
		c.grants = *in.Grants
	}
	return nil
}

// newClient makes a client, and its secret when it can keep one.
func newClient(in *clientRequest, registration string) (*client, string, error) {
	if in.Redirects == nil {
		return nil, "", protocol.ErrValidation("redirect_uris is required")
	}
	if err := in.validate(); err != nil {
		return nil, "", err
	}
	c := &client{id: uuid.New(), registration: registration, grants: []string{grantCode, grantRefresh}}
	if err := in.apply(c); err != nil {
		return nil, "", err
	}
	c.kind = in.Type
	if c.kind == "" {
		c.kind = typeConfidential
		if c.method == methodNone {
			c.kind = typePublic
		}
	}
	if c.method == "" {
		c.method = methodBasic
		if c.public() {
			c.method = methodNone
		}
	}
	if c.public() {
		return c, "", nil
	}
	var secret string
	secret, c.secretHash = newSecret()
	return c, secret, nil
}

func (c *client) insert(ctx context.Context, tx pgx.Tx) (*client, error) {
	_, err := tx.Exec(ctx, insertClient, c.id, c.secretHash, c.kind, c.method, c.registration, strings.Join(c.redirects, ","), strings.Join(c.grants, ","), c.name,
		c.address, c.logo)
	if err != nil {
		return nil, err
	}
	return clientByID(ctx, tx, c.id)
}

func (c *client) update(ctx context.Context, tx pgx.Tx) (*client, error) {
	_, err := tx.Exec(ctx, updateClient, c.id, c.secretHash, c.method, strings.Join(c.redirects, ","), strings.Join(c.grants, ","), c.name, c.address, c.logo)
	if err != nil {
		return nil, err
	}
	return clientByID(ctx, tx, c.id)
}

var errNoSuchClient = fault.New(fault.NotFound, "OAUTH_CLIENT_NOT_FOUND", "OAuth client not found")
