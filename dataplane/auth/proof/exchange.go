package proof

import (
	"context"
	"errors"

	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Exchange makes a session of the code that a flow with PKCE ended in. A code is gone when it was tried once, also with a wrong verifier.
func (s *Service) Exchange(ctx context.Context, bound *projectdb.Session, code, verifier string, c store.Client) (*onetime.Flow, *session.Grant, error) {
	if code == "" || verifier == "" {
		return nil, nil, protocol.ErrValidation("invalid request: both auth code and code verifier should be non-empty")
	}
	var flow *onetime.Flow
	var granted *session.Grant
	var refused error // of a transaction that is committed all the same
	err := store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		if flow, refused, err = onetime.Exchange(ctx, tx, code, verifier); err != nil || refused != nil {
			return err
		}
		granted, err = s.d.Sessions.Open(ctx, tx, bound.Project, session.Opening{UserID: *flow.UserID, Method: flow.Method, Provider: flow.Provider,
			NotAfter: flow.NotAfter, Client: c})
		if err != nil {
			return err
		}
		return store.Audit(ctx, tx, bound.Project, store.Event{Action: "login", Actor: granted.User, Address: c.Address,
			Traits: map[string]any{"provider_type": flow.Provider}})
	})
	if err = errors.Join(err, refused); err != nil {
		return nil, nil, err
	}
	return flow, granted, nil
}
