// Package web3 signs users in with a wallet: by a message that the wallet signed, in the forms Sign-In With Ethereum (EIP-4361) and Sign-In With Solana.
package web3

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// window is how far from now a message may have been issued.
const window = 10 * time.Minute

// Deps are what the surface needs.
type Deps struct {
	Guard    *guard.Guard
	Sessions *session.Manager
	Users    *newuser.Maker
	Now      func() time.Time // nil for the clock
}

// Service answers the grant web3.
type Service struct{ d Deps }

// New makes the surface.
func New(d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d}
}

// Grants are the grant types of POST /token that this surface answers.
func (s *Service) Grants() map[string]protocol.Handler {
	return map[string]protocol.Handler{"web3": s.grant}
}

const provider = "web3"

var (
	errUsed    = refused("Signed message was used before. Sign a new one.")
	errUnknown = errors.New("the wallet is not known yet")
)

// refused is for messages that are well-formed and not good here.
func refused(message string, args ...any) error {
	return fault.New(fault.Invalid, "INVALID_GRANT", message, args...)
}

func disabled(what string) error {
	return fault.New(fault.FailedPrecondition, "WEB3_PROVIDER_DISABLED", "%s provider is disabled", what)
}

type request struct {
	Chain     string         `json:"chain"`
	Message   string         `json:"message"`
	Signature string         `json:"signature"`
	Security  guard.Security `json:"gotrue_meta_security"`
}

// grant answers POST /token?grant_type=web3.
func (s *Service) grant(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	values := bound.Project.Settings
	if !setting.Get[bool](values, "auth.web3.ethereum.enabled") && !setting.Get[bool](values, "auth.web3.solana.enabled") {
		return disabled("Web3")
	}
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	var in request
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	c, ok := chains[in.Chain]
	switch {
	case !ok:
		return fault.New(fault.Invalid, "WEB3_UNSUPPORTED_CHAIN", "Unsupported chain")
	case !setting.Get[bool](values, "auth.web3."+in.Chain+".enabled"):
		return disabled(c.title + " Web3")
	}
	if err := s.d.Guard.Human(r, bound, in.Security); err != nil {
		return err
	}
	m, err := c.read(in.Message, in.Signature)
	if err != nil {
		return err
	}
	if err := m.check(values, c.title, s.d.Now()); err != nil {
		return err
	}
	granted, err := s.signIn(r.Context(), bound, m, in.Chain, protocol.Client(r))
	if err != nil {
		return err
	}
	return s.d.Sessions.Write(w, r, bound, granted)
}

// signIn opens a session of the wallet's user, who is made when there is none.
func (s *Service) signIn(ctx context.Context, bound *projectdb.Session, m *message, chain string, c store.Client) (*session.Grant, error) {
	name := provider + ":" + chain + ":" + m.address
	data := m.data(chain, name)
	var granted *session.Grant
	open := func(tx *store.Tx, user func() (uuid.UUID, error)) error {
		if fresh, err := store.Spend(ctx, tx, m.proof(name), m.issued.Add(window)); err != nil || !fresh {
			return errors.Join(err, orNil(fresh, errUsed))
		}
		id, err := user()
		if err != nil {
			return err
		}
		granted, err = s.d.Sessions.Open(ctx, tx, bound.Project, session.Opening{UserID: id, Method: provider, Provider: provider, Client: c})
		if err != nil {
			return err
		}
		return store.Audit(ctx, tx, bound.Project, store.Event{Action: "login", Actor: granted.User, Address: c.Address, Traits: map[string]any{
			"provider": provider, "chain": chain, "network": m.chainID, "address": m.address, "domain": m.domain, "uri": m.uri.String()}})
	}
	err := store.InTx(ctx, bound, func(tx *store.Tx) error {
		return open(tx, func() (uuid.UUID, error) {
			id, err := store.RenewExternal(ctx, tx, provider, name, data.Encode(), "")
			if err == nil && id == nil {
				err = errUnknown
			}
			if err != nil {
				return uuid.Nil, err
			}
			return *id, nil
		})
	})
	if !errors.Is(err, errUnknown) {
		return granted, err
	}
	if setting.Get[bool](bound.Project.Settings, "auth.disable_signup") {
		return nil, protocol.ErrSignupDisabled
	}
	made := &newuser.User{Data: data, Identities: []newuser.Identity{{Provider: provider, ProviderID: name, Data: data}}, Address: c.Address}
	if err := s.d.Users.Check(ctx, bound, made); err != nil {
		return nil, err
	}
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		return open(tx, func() (uuid.UUID, error) {
			user, err := s.d.Users.Insert(ctx, tx, bound.Project, made)
			if err == nil && user == nil {
				err = protocol.ErrConflict
			}
			return made.ID, err
		})
	})
	return granted, err
}

func orNil(none bool, err error) error {
	if none {
		return nil
	}
	return err
}
