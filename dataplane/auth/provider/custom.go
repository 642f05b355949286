package provider

import (
	"context"
	_ "embed" // the statements
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/provider/catalog"
	"github.com/wayli-app/fluxbase/dataplane/directory"
)

//go:embed sql/custom_columns.sql
var customColumns string

//go:embed sql/put_custom.sql
var putCustom string

//go:embed sql/delete_custom.sql
var deleteCustom string

// The types of custom providers.
const (
	typeOAuth2 = "oauth2"
	typeOIDC   = "oidc"
)

// custom is a provider that a project described, as clients see it.
type custom struct {
	ID           uuid.UUID `json:"id"`
	ProviderType string    `json:"provider_type"`
	Identifier   string    `json:"identifier"`
	Name         string    `json:"name"`
	ClientID     string    `json:"client_id"`
	// ClientSecret is as it is stored, and never shown.
	ClientSecret        string          `json:"-"`
	AcceptableClientIDs []string        `json:"acceptable_client_ids"`
	Scopes              []string        `json:"scopes"`
	CustomClaims        []string        `json:"custom_claims_allowlist"`
	PKCEEnabled         bool            `json:"pkce_enabled"`
	AttributeMapping    map[string]any  `json:"attribute_mapping"`
	AuthorizationParams map[string]any  `json:"authorization_params"`
	Enabled             bool            `json:"enabled"`
	EmailOptional       bool            `json:"email_optional"`
	Issuer              string          `json:"issuer,omitempty"`
	DiscoveryURL        string          `json:"discovery_url,omitempty"`
	SkipNonceCheck      bool            `json:"skip_nonce_check"`
	AuthorizationURL    string          `json:"authorization_url,omitempty"`
	TokenURL            string          `json:"token_url,omitempty"`
	UserinfoURL         string          `json:"userinfo_url,omitempty"`
	JWKSURI             string          `json:"jwks_uri,omitempty"`
	Discovery           json.RawMessage `json:"discovery_document,omitempty"`
	Created             time.Time       `json:"created_at"`
	Updated             time.Time       `json:"updated_at"`
}

func customByIdentifier(ctx context.Context, tx pgx.Tx, identifier string) (*custom, error) {
	if strings.ContainsRune(identifier, 0) {
		return nil, nil
	}
	return scanCustom(tx.QueryRow(ctx, customColumns+"where identifier = $1", identifier))
}

func customByIssuer(ctx context.Context, tx pgx.Tx, issuer string) (*custom, error) {
	if strings.ContainsRune(issuer, 0) {
		return nil, nil
	}
	return scanCustom(tx.QueryRow(ctx, customColumns+"where issuer = $1 and provider_type = 'oidc' and enabled order by identifier limit 1", issuer))
}

func customProviders(ctx context.Context, tx pgx.Tx, kind string) ([]*custom, error) {
	rows, err := tx.Query(ctx, customColumns+"where $1 in ('', provider_type) order by created_at, identifier", kind)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*custom, error) { return scanCustom(row) })
}

func scanCustom(row pgx.Row) (*custom, error) {
	var c custom
	err := row.Scan(&c.ID, &c.ProviderType, &c.Identifier, &c.Name, &c.ClientID, &c.ClientSecret, &c.AcceptableClientIDs, &c.Scopes, &c.CustomClaims,
		&c.PKCEEnabled, &c.AttributeMapping, &c.AuthorizationParams, &c.Enabled, &c.EmailOptional, &c.Issuer, &c.DiscoveryURL, &c.SkipNonceCheck,
		&c.AuthorizationURL, &c.TokenURL, &c.UserinfoURL, &c.JWKSURI, &c.Discovery, &c.Created, &c.Updated)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.Created, c.Updated = c.Created.UTC(), c.Updated.UTC()
	return &c, nil
}

// write inserts or replaces the row. It reports whether there was room among so many.
func (c *custom) write(ctx context.Context, tx pgx.Tx, most int) (bool, error) {
	err := tx.QueryRow(ctx, putCustom, c.ID, c.ProviderType, c.Identifier, c.Name, c.ClientID, c.ClientSecret, c.AcceptableClientIDs, c.Scopes,
		c.CustomClaims, c.PKCEEnabled, c.AttributeMapping, c.AuthorizationParams, c.Enabled, c.EmailOptional, c.Issuer, c.DiscoveryURL, c.SkipNonceCheck,
		c.AuthorizationURL, c.TokenURL, c.UserinfoURL, c.JWKSURI, c.Discovery, most).Scan(&c.Created, &c.Updated)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	c.Created, c.Updated = c.Created.UTC(), c.Updated.UTC()
	return true, err
}

// sealedPrefix marks secrets that the platform sealed. One without it was written by the project's own SQL.
const sealedPrefix = "sealed:"

func (s *Service) sealSecret(project *directory.Project, id uuid.UUID, secret string) (string, error) {
	if s.d.Sealer == nil {
		return secret, nil
	}
	sealed, err := s.d.Sealer.Seal([]byte(secret), secretContext(project, id))
	if err != nil {
		return "", err
	}
	return sealedPrefix + base64.StdEncoding.EncodeToString(sealed), nil
}

func (s *Service) openSecret(project *directory.Project, c *custom) (string, error) {
	encoded, sealed := strings.CutPrefix(c.ClientSecret, sealedPrefix)
	if !sealed {
		return c.ClientSecret, nil
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || s.d.Sealer == nil {
		return "", fmt.Errorf("the secret of provider %s cannot be opened: %w", c.Identifier, err)
	}
	plain, err := s.d.Sealer.Open(raw, secretContext(project, c.ID))
	return string(plain), err
}

// secretContext binds a sealed secret to its row, so that no other row and no other project can use it.
func secretContext(project *directory.Project, id uuid.UUID) string {
	return "project/" + project.ID + "/custom_oauth_providers/" + id.String()
}

func (c *custom) params() map[string]string {
	out := map[string]string{}
	for key, value := range c.AuthorizationParams {
		if s, ok := value.(string); ok {
			out[key] = s
		} else if encoded, err := json.Marshal(value); err == nil {
			out[key] = string(encoded)
		}
	}
	return out
}

// profile reads claims by the project's mapping: a string names a claim of the provider, anything else is the value itself.
func (c *custom) profile(claims catalog.Raw) *catalog.Profile {
	mapped := catalog.Raw{}
	for key, value := range claims {
		mapped[key] = value
	}
	if c.ProviderType == typeOAuth2 && mapped["sub"] == nil {
		mapped["sub"] = claims["id"]
	}
	for target, source := range c.AttributeMapping {
		if name, ok := source.(string); !ok {
			mapped[target] = source
		} else if value, found := lookup(claims, name); found {
			mapped[target] = value
		}
	}
	delete(mapped, "custom_claims")
	p := catalog.Standard(mapped)
	kept := map[string]any{}
	for _, name := range c.CustomClaims {
		if value, ok := claims[name]; ok {
			kept[name] = value
		}
	}
	if len(kept) > 0 {
		p.Claims["custom_claims"] = kept
	}
	return &p
}

// lookup finds a claim by its name, or by a path with points.
func lookup(claims map[string]any, name string) (any, bool) {
	if value, ok := claims[name]; ok {
		return value, value != nil
	}
	first, rest, deeper := strings.Cut(name, ".")
	if inner, ok := claims[first].(map[string]any); ok && deeper {
		return lookup(inner, rest)
	}
	return nil, false
}
