package provider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider/catalog"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider/remote"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// maxCustomProviders is how many a project may describe.
const maxCustomProviders = 50

var (
	errNoCustom   = fault.New(fault.NotFound, "CUSTOM_PROVIDER_NOT_FOUND", "Custom OAuth provider not found")
	errCustomHere = fault.New(fault.Invalid, "CONFLICT", "A custom OAuth provider with this identifier already exists")
	errTooMany    = fault.New(fault.Invalid, "OVER_QUOTA", "Maximum number of custom OAuth/OIDC providers reached")
)

// customForm is what an admin says of a provider; what is nil stays.
type customForm struct {
	ProviderType        string         `json:"provider_type"`
	Identifier          string         `json:"identifier"`
	Name                *string        `json:"name"`
	ClientID            *string        `json:"client_id"`
	ClientSecret        *string        `json:"client_secret"`
	AcceptableClientIDs *[]string      `json:"acceptable_client_ids"`
	Scopes              *[]string      `json:"scopes"`
	CustomClaims        *[]string      `json:"custom_claims_allowlist"`
	PKCEEnabled         *bool          `json:"pkce_enabled"`
	AttributeMapping    map[string]any `json:"attribute_mapping"`
	AuthorizationParams map[string]any `json:"authorization_params"`
	Enabled             *bool          `json:"enabled"`
	EmailOptional       *bool          `json:"email_optional"`
	Issuer              *string        `json:"issuer"`
	DiscoveryURL        *string        `json:"discovery_url"`
	SkipNonceCheck      *bool          `json:"skip_nonce_check"`
	AuthorizationURL    *string        `json:"authorization_url"`
	TokenURL            *string        `json:"token_url"`
	UserinfoURL         *string        `json:"userinfo_url"`
	JWKSURI             *string        `json:"jwks_uri"`
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// apply writes the form into a provider.
func (in *customForm) apply(c *custom) {
	set(&c.Name, in.Name)
	set(&c.ClientID, in.ClientID)
	set(&c.AcceptableClientIDs, in.AcceptableClientIDs)
	set(&c.Scopes, in.Scopes)
	set(&c.CustomClaims, in.CustomClaims)
	set(&c.PKCEEnabled, in.PKCEEnabled)
	set(&c.Enabled, in.Enabled)
	set(&c.EmailOptional, in.EmailOptional)
	if in.AttributeMapping != nil {
		c.AttributeMapping = in.AttributeMapping
	}
	if in.AuthorizationParams != nil {
		c.AuthorizationParams = in.AuthorizationParams
	}
	if c.ProviderType == typeOIDC {
		set(&c.Issuer, in.Issuer)
		set(&c.DiscoveryURL, in.DiscoveryURL)
		set(&c.SkipNonceCheck, in.SkipNonceCheck)
		c.Scopes = withScope(c.Scopes, "openid")
	} else {
		set(&c.AuthorizationURL, in.AuthorizationURL)
		set(&c.TokenURL, in.TokenURL)
		set(&c.UserinfoURL, in.UserinfoURL)
		set(&c.JWKSURI, in.JWKSURI)
	}
	for _, list := range []*[]string{&c.AcceptableClientIDs, &c.Scopes, &c.CustomClaims} {
		if *list == nil {
			*list = []string{}
		}
	}
}

var identifierForm = regexp.MustCompile(`^custom:[a-z0-9][a-z0-9_.:-]{0,99}$`)

// check refuses what cannot work, or what would let a provider say more than who somebody is.
func (s *Service) check(c *custom, secret string) error {
	if c.ProviderType != typeOAuth2 && c.ProviderType != typeOIDC {
		return protocol.ErrValidation("provider_type must be either 'oauth2' or 'oidc'")
	}
	if !identifierForm.MatchString(c.Identifier) {
		return protocol.ErrValidation("identifier must be custom: and up to 100 letters in lower case, digits or the signs _ . : -")
	}
	if name := strings.TrimPrefix(c.Identifier, customPrefix); slices.Contains(reservedNames(), name) {
		return protocol.ErrValidation("Cannot use reserved provider name: %s. This provider is built in.", name)
	}
	required := map[string]string{"name": c.Name, "client_id": c.ClientID, "client_secret": secret}
	addresses := map[string]string{"issuer": c.Issuer, "discovery_url": c.DiscoveryURL, "authorization_url": c.AuthorizationURL, "token_url": c.TokenURL,
		"userinfo_url": c.UserinfoURL, "jwks_uri": c.JWKSURI}
	for _, name := range map[string][]string{typeOIDC: {"issuer"}, typeOAuth2: {"authorization_url", "token_url", "userinfo_url"}}[c.ProviderType] {
		required[name] = addresses[name]
	}
	for _, name := range []string{"name", "client_id", "client_secret", "issuer", "authorization_url", "token_url", "userinfo_url"} {
		value, isRequired := required[name]
		if isRequired && strings.TrimSpace(value) == "" {
			return protocol.ErrValidation("%s is required", name)
		}
		if len(value) > 2048 || strings.ContainsAny(value, "\x00\r\n") {
			return protocol.ErrValidation("%s must be one line of up to 2,048 bytes", name)
		}
	}
	for name, address := range addresses {
		if address == "" {
			continue
		}
		if u, err := url.Parse(address); err != nil || u.Fragment != "" || len(address) > 2048 || s.d.Egress.CheckURL(address) != nil {
			return protocol.ErrValidation("%s must be an https address", name)
		}
	}
	return c.checkMaps()
}

func reservedNames() []string {
	return append(catalog.Names(), "email", "phone", "anonymous", "linkedin", "slack", "workos", "fly", "web3")
}

// reservedParams are the parameters whose value only auth may choose; reservedTargets what no provider may say of a user.
var (
	reservedParams = []string{"client_id", "client_secret", "redirect_uri", "response_type", "response_mode", "state", "code_challenge",
		"code_challenge_method", "code_verifier", "nonce", "scope", "request", "request_uri"}
	reservedTargets = []string{"id", "aud", "iss", "role", "app_metadata", "created_at", "updated_at", "confirmed_at", "email_confirmed_at",
		"phone_confirmed_at", "banned_until", "is_super_admin", "custom_claims", "phone_verified"}
)

func (c *custom) checkMaps() error {
	for key := range c.AuthorizationParams {
		if slices.Contains(reservedParams, strings.ToLower(key)) {
			return protocol.ErrValidation("Cannot override reserved OAuth parameter: %s", remote.Printable(key))
		}
	}
	for target := range c.AttributeMapping {
		if slices.Contains(reservedTargets, target) {
			return protocol.ErrValidation("Cannot map to protected system field: %s", remote.Printable(target))
		}
	}
	for _, list := range [][]string{c.AcceptableClientIDs, c.Scopes, c.CustomClaims} {
		for _, value := range list {
			if len(list) > 100 || len(value) > 512 || value == "" || strings.ContainsAny(value, "\x00\r\n") {
				return protocol.ErrValidation("acceptable_client_ids, scopes and custom_claims_allowlist must be lists of up to 100 words of up to 512 bytes")
			}
		}
	}
	if _, err := scopesOf(nil, strings.Join(c.Scopes, " ")); err != nil {
		return err
	}
	for _, m := range []map[string]any{c.AttributeMapping, c.AuthorizationParams} {
		if encoded, err := json.Marshal(m); err != nil || len(encoded) > 8<<10 || strings.Contains(string(encoded), `\u0000`) {
			return protocol.ErrValidation("attribute_mapping and authorization_params must not be larger than 8,192 bytes each")
		}
	}
	return nil
}

func identifierOf(r *http.Request) (string, error) {
	identifier, err := url.PathUnescape(chi.URLParam(r, "identifier"))
	if err != nil || !strings.HasPrefix(identifier, customPrefix) {
		return "", protocol.ErrValidation("identifier must start with 'custom:' prefix")
	}
	return identifier, nil
}

func (s *Service) listCustom(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	kind := r.URL.Query().Get("type")
	if kind != "" && kind != typeOAuth2 && kind != typeOIDC {
		return protocol.ErrValidation("type must be either 'oauth2' or 'oidc'")
	}
	found := []*custom{}
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		all, err := customProviders(r.Context(), tx, kind)
		found = append(found, all...)
		return err
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, map[string]any{"providers": found})
	return nil
}

func (s *Service) readCustom(r *http.Request, bound *projectdb.Session) (*custom, error) {
	identifier, err := identifierOf(r)
	if err != nil {
		return nil, err
	}
	var found *custom
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) (err error) {
		found, err = customByIdentifier(r.Context(), tx, identifier)
		return err
	})
	if err == nil && found == nil {
		err = errNoCustom
	}
	return found, err
}

func (s *Service) getCustom(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	found, err := s.readCustom(r, bound)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, found)
	return nil
}

func (s *Service) createCustom(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in customForm
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	c := &custom{ID: uuid.New(), ProviderType: in.ProviderType, Identifier: in.Identifier, PKCEEnabled: true, Enabled: true,
		AttributeMapping: map[string]any{}, AuthorizationParams: map[string]any{}}
	if c.Identifier != "" && !strings.HasPrefix(c.Identifier, customPrefix) {
		c.Identifier = customPrefix + c.Identifier
	}
	in.apply(c)
	secret := ""
	set(&secret, in.ClientSecret)
	if err := s.complete(r, bound, c, secret, true); err != nil {
		return err
	}
	if err := s.save(r, bound, c, "custom_provider_created"); err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusCreated, c)
	return nil
}

func (s *Service) updateCustom(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in customForm
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	c, err := s.readCustom(r, bound)
	if err != nil {
		return err
	}
	if in.ProviderType != "" && in.ProviderType != c.ProviderType || in.Identifier != "" && in.Identifier != c.Identifier {
		return protocol.ErrValidation("provider_type and identifier cannot be changed")
	}
	was := *c
	in.apply(c)
	secret, err := s.openSecret(bound.Project, c)
	if err != nil {
		return err
	}
	switch given := in.ClientSecret != nil && *in.ClientSecret != ""; {
	case given:
		secret = *in.ClientSecret
	case c.TokenURL != was.TokenURL || c.Issuer != was.Issuer || c.DiscoveryURL != was.DiscoveryURL:
		// Who may describe a provider may not read its secret.
		return protocol.ErrValidation("client_secret must be given again: where it is sent changes")
	}
	if err := s.complete(r, bound, c, secret, c.Issuer != was.Issuer || c.DiscoveryURL != was.DiscoveryURL); err != nil {
		return err
	}
	if err := s.save(r, bound, c, "custom_provider_updated"); err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, c)
	return nil
}

// complete checks a provider, seals its secret and, when asked to, its discovery document.
func (s *Service) complete(r *http.Request, bound *projectdb.Session, c *custom, secret string, discover bool) (err error) {
	if err := s.check(c, secret); err != nil {
		return err
	}
	if c.ClientSecret, err = s.sealSecret(bound.Project, c.ID, secret); err != nil {
		return err
	}
	if c.ProviderType != typeOIDC || !discover {
		return nil
	}
	found, err := s.issuers.Discover(r.Context(), bound.Project.Ref, c.Issuer, c.DiscoveryURL)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "VALIDATION_FAILED", "The discovery document cannot be used: %s", remote.Tell(err))
	}
	c.Discovery, err = json.Marshal(found)
	return err
}

func (s *Service) save(r *http.Request, bound *projectdb.Session, c *custom, action string) error {
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		room, err := c.write(r.Context(), tx, maxCustomProviders)
		switch {
		case err != nil:
			return err
		case !room:
			return errTooMany
		}
		return store.Audit(r.Context(), tx, bound.Project, adminEvent(r, bound, action, c.Identifier))
	})
	if pg.Code(err) == pgerrcode.UniqueViolation {
		return errCustomHere
	}
	return err
}

func adminEvent(r *http.Request, bound *projectdb.Session, action, identifier string) store.Event {
	return store.Event{Action: action, Developer: bound.Caller.Developer, Address: protocol.Client(r).Address, Traits: map[string]any{"identifier": identifier}}
}

// deleteCustom takes a provider away. Users keep their identities there, and cannot sign in with them.
func (s *Service) deleteCustom(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	identifier, err := identifierOf(r)
	if err != nil {
		return err
	}
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		if strings.ContainsRune(identifier, 0) {
			return errNoCustom
		}
		tag, err := tx.Exec(r.Context(), deleteCustom, identifier)
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return errNoCustom
		}
		return store.Audit(r.Context(), tx, bound.Project, adminEvent(r, bound, "custom_provider_deleted", identifier))
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, struct{}{})
	return nil
}
