package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider/catalog"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider/remote"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

var (
	errBadIDToken  = fault.New(fault.Invalid, "INVALID_CREDENTIALS", "Bad ID token")
	errForOthers   = fault.New(fault.Invalid, "UNEXPECTED_AUDIENCE", "Unacceptable audience in id_token")
	errNonceEither = fault.New(fault.Invalid, "INVALID_CREDENTIALS", "Passed nonce and nonce in id_token should either both exist or not.")
	errNonces      = fault.New(fault.Invalid, "INVALID_CREDENTIALS", "Nonces mismatch")
)

type idTokenForm struct {
	Provider     string         `json:"provider"`
	IDToken      string         `json:"id_token"`
	AccessToken  string         `json:"access_token"`
	Nonce        string         `json:"nonce"`
	ClientID     string         `json:"client_id"`
	Issuer       string         `json:"issuer"`
	LinkIdentity bool           `json:"link_identity"`
	Security     guard.Security `json:"gotrue_meta_security"`
}

// idToken answers POST /token?grant_type=id_token: an app got an ID token from a provider by itself.
func (s *Service) idToken(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in idTokenForm
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if err := s.d.Guard.Human(r, bound, in.Security); err != nil {
		return err
	}
	switch {
	case in.IDToken == "":
		return protocol.ErrValidation("id_token required")
	case in.Provider == "" && (in.ClientID == "" || in.Issuer == ""):
		return protocol.ErrValidation("provider or client_id and issuer required")
	}
	to, err := s.linkTarget(r, bound, in.LinkIdentity)
	if err != nil {
		return err
	}
	a, err := s.fromApp(r, bound, &in)
	if err != nil {
		return s.logged(r, bound, err)
	}
	var granted *session.Grant
	err = s.settle(r, bound, a, to, func(tx *store.Tx, user *store.User) (err error) {
		granted, err = s.d.Sessions.Open(r.Context(), tx, bound.Project, opening(r, a, user))
		return err
	})
	if err != nil {
		return err
	}
	return s.d.Sessions.Write(w, r, bound, granted)
}

func (s *Service) linkTarget(r *http.Request, bound *projectdb.Session, link bool) (destination, error) {
	to := destination{redirect: protocol.RedirectTo(bound.Project.Settings, r)}
	if !link {
		return to, nil
	}
	if err := manualLinking(bound); err != nil {
		return to, err
	}
	var target uuid.UUID
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		user, err := s.mayLink(r, tx, bound)
		if err == nil {
			target = user.ID
		}
		return err
	})
	to.target = &target
	return to, err
}

// fromApp verifies what an app got, and reads who it is.
func (s *Service) fromApp(r *http.Request, bound *projectdb.Session, in *idTokenForm) (*arrival, error) {
	p, err := s.issuing(r, bound, in)
	if err != nil {
		return nil, err
	}
	id, err := s.verify(r.Context(), bound.Project.Ref, p, in.IDToken)
	switch {
	case errors.Is(err, errAudience):
		return nil, errForOthers
	case err != nil:
		return nil, fault.Wrap(errors.New(remote.Cause(err)), errBadIDToken.Kind, errBadIDToken.Reason, "%s", errBadIDToken.Message)
	}
	if err := checkNonce(p, id, in.Nonce); err != nil {
		return nil, err
	}
	if in.AccessToken != "" && id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(in.AccessToken); err != nil {
			return nil, errBadIDToken
		}
	}
	a, err := arrived(p, s.fromIDToken(p, id))
	if err != nil {
		return nil, errBadIDToken
	}
	if a.email == "" && !p.emailOptional {
		return nil, errNoEmail
	}
	return a, nil
}

// checkNonce compares the nonce that the app made with the token's, which is its hash: so a token that was seen on its way does not tell the nonce.
func checkNonce(p *configured, id *verified, nonce string) error {
	if p.skipNonce {
		return nil
	}
	if (id.Nonce == "") != (nonce == "") {
		return errNonceEither
	}
	if id.Nonce == "" {
		return nil
	}
	hash := sha256.Sum256([]byte(nonce))
	if !same(hex.EncodeToString(hash[:]), id.Nonce) {
		return errNonces
	}
	return nil
}

// issuing finds the provider that the app names: by its name, or by its issuer. What the token itself says decides nothing.
func (s *Service) issuing(r *http.Request, bound *projectdb.Session, in *idTokenForm) (*configured, error) {
	name := in.Provider
	if name == "" || strings.Contains(name, "://") {
		issuer := in.Issuer
		if name != "" {
			issuer = name
		}
		if name = byIssuer(bound.Project, issuer); name == "" {
			return s.customIssuer(r, bound, issuer)
		}
	}
	p, err := s.find(r.Context(), bound, name)
	switch {
	case err != nil && fault.From(err) == errNotEnabled:
		return nil, fault.New(fault.Invalid, "PROVIDER_DISABLED", "Provider (issuer %q) is not enabled", remote.Printable(name))
	case err != nil:
		return nil, err
	case p.OIDC == nil:
		return nil, notAllowed(name)
	}
	return p, nil
}

func notAllowed(name string) error {
	return protocol.ErrValidation("Custom OIDC provider %q not allowed", remote.Printable(name))
}

// byIssuer is the provider of the catalog whose ID tokens have an issuer.
func byIssuer(project *directory.Project, issuer string) string {
	if catalog.Tenant(issuer) != "" {
		return "azure"
	}
	for _, name := range catalog.Names() {
		p, err := builtIn(project, name)
		if err != nil || p.OIDC == nil {
			continue
		}
		for _, own := range p.OIDC.Issuers {
			if own == issuer {
				return name
			}
		}
	}
	return ""
}

// customIssuer finds a custom provider by its issuer.
func (s *Service) customIssuer(r *http.Request, bound *projectdb.Session, issuer string) (*configured, error) {
	var found *custom
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) (err error) {
		found, err = customByIssuer(r.Context(), tx, issuer)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, notAllowed(issuer)
	}
	return s.configure(r.Context(), bound.Project, found)
}
