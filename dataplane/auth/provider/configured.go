package provider

import (
	"context"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/auth/provider/catalog"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider/remote"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// configured is a provider as one project uses it.
type configured struct {
	remote.App
	// emailOptional and skipNonce are the project's settings.
	emailOptional, skipNonce bool
	// tenant is the only one of Microsoft's whose users sign in; "" for several.
	tenant string
	// custom is the project's description; nil for providers of the catalog.
	custom *custom
}

// customPrefix begins the names of custom providers.
const customPrefix = "custom:"

func unsupported(why string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "VALIDATION_FAILED", "Unsupported provider: "+why, args...)
}

var errNotEnabled = unsupported("provider is not enabled")

// find returns a provider that the project has switched on, by its name.
func (s *Service) find(ctx context.Context, bound *projectdb.Session, name string) (*configured, error) {
	if strings.HasPrefix(name, customPrefix) {
		return s.findCustom(ctx, bound, name)
	}
	p, err := builtIn(bound.Project, name)
	if err == nil {
		err = s.allowed(p)
	}
	return p, err
}

// allowed refuses addresses that the project chose and that must not be asked.
func (s *Service) allowed(p *configured) error {
	if s.remote.Check(&p.App) != nil {
		return unsupported("its address is not https")
	}
	return nil
}

func builtIn(project *directory.Project, name string) (*configured, error) {
	name = strings.ToLower(name)
	d, ok := catalog.Lookup(name)
	if !ok {
		return nil, unsupported("Provider %s could not be found", remote.Printable(name))
	}
	key := "auth.external." + name + "."
	if !setting.Get[bool](project.Settings, key+"enabled") {
		return nil, errNotEnabled
	}
	chosen := ""
	if d.Hosted {
		chosen = setting.Get[string](project.Settings, key+"url")
	}
	p := &configured{App: remote.App{Definition: d.At(chosen), Secret: setting.Get[string](project.Settings, key+"secret")},
		emailOptional: setting.Get[bool](project.Settings, key+"email_optional"), skipNonce: setting.Get[bool](project.Settings, key+"skip_nonce_check")}
	for _, id := range setting.Get[[]string](project.Settings, key+"client_id") {
		if id != "" {
			p.ClientIDs = append(p.ClientIDs, id)
		}
	}
	if chosen != "" {
		p.ChosenBy = project.Ref
	}
	switch {
	case len(p.ClientIDs) == 0:
		return nil, unsupported("missing OAuth client ID")
	case d.HostedOnly && chosen == "":
		return nil, unsupported("unable to find URL for the %s provider", d.Name)
	}
	if p.OIDC != nil && p.OIDC.Tenants {
		return p, p.pinTenant(chosen)
	}
	return p, nil
}

// pinTenant settles which issuers of Microsoft's are taken. An address elsewhere, as of a national cloud, is one tenant.
func (p *configured) pinTenant(chosen string) error {
	chosen = strings.TrimSuffix(strings.TrimRight(chosen, "/"), "/v2.0")
	if rest, ours := strings.CutPrefix(chosen, "https://login.microsoftonline.com/"); ours || chosen == "" {
		p.ChosenBy = ""
		if p.tenant = catalog.Tenant(chosen); rest == "consumers" {
			p.tenant = catalog.PersonalTenant
		}
		if p.tenant == "" && chosen != "" && !slices.Contains([]string{"common", "organizations", "consumers"}, rest) {
			return unsupported("name the tenant of Microsoft by its id, as https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000")
		}
		return nil
	}
	p.tenant = "chosen"
	p.OIDC.Tenants, p.OIDC.Issuers, p.OIDC.Keys = false, []string{chosen + "/v2.0"}, chosen+"/discovery/v2.0/keys"
	return nil
}

// needsSecret refuses to sign in without one, where a code is exchanged.
func (p *configured) needsSecret() error {
	if p.Secret == "" {
		return unsupported("missing OAuth secret")
	}
	return nil
}

// callbackURL is where providers send browsers back to. It is the project's own address, whatever a request says.
func callbackURL(project *directory.Project) string { return project.URL + "/auth/v1/callback" }

// findCustom reads a custom provider, and asks it for its addresses where it is found by discovery.
func (s *Service) findCustom(ctx context.Context, bound *projectdb.Session, identifier string) (*configured, error) {
	var c *custom
	err := store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		c, err = customByIdentifier(ctx, tx, identifier)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case c == nil:
		return nil, unsupported("Provider %s could not be found", remote.Printable(identifier))
	case !c.Enabled:
		return nil, errNotEnabled
	}
	return s.configure(ctx, bound.Project, c)
}

func (s *Service) configure(ctx context.Context, project *directory.Project, c *custom) (*configured, error) {
	secret, err := s.openSecret(project, c)
	if err != nil {
		return nil, err
	}
	p := &configured{custom: c, emailOptional: c.EmailOptional, skipNonce: c.SkipNonceCheck,
		App: remote.App{ClientIDs: append([]string{c.ClientID}, c.AcceptableClientIDs...), Secret: secret, ChosenBy: project.Ref}}
	p.Definition = catalog.Definition{Name: c.Identifier, Auth: c.AuthorizationURL, Token: c.TokenURL, User: c.UserinfoURL, Scopes: c.Scopes, PKCE: c.PKCEEnabled,
		Params: c.params()}
	if c.ProviderType == typeOIDC {
		found, err := s.issuers.Discover(ctx, project.Ref, c.Issuer, c.DiscoveryURL)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "PROVIDER_UNREACHABLE", "Unable to reach the provider")
		}
		p.Auth, p.Token, p.User, p.Style = found.Authorization, found.Token, found.Userinfo, found.Style()
		p.OIDC = &catalog.OIDC{Issuers: []string{c.Issuer}, Keys: found.Keys, Code: true, Nonce: !c.SkipNonceCheck}
		p.Scopes = withScope(c.Scopes, "openid")
	}
	return p, s.allowed(p)
}

func withScope(scopes []string, first string) []string {
	if slices.Contains(scopes, first) {
		return scopes
	}
	return append([]string{first}, scopes...)
}
