package sso

import (
	"context"
	_ "embed" // the statements
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/crewjam/saml"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
)

//go:embed sql/take_relay_state.sql
var takeRelayState string

const (
	// relayLife is how long a person may take at their provider.
	relayLife = 5 * time.Minute
	// spentLife is longer than any assertion is taken after it was issued.
	spentLife = 10 * time.Minute
)

var (
	errUsed    = protocol.ErrValidation("SAML Assertion was used before. Try logging in again?")
	errUnknown = errors.New("the person is not known yet")
)

// arrival is a response of a provider, before it is believed.
type arrival struct {
	raw      []byte
	provider *provider
	idp      *saml.EntityDescriptor
	// request is the id of our request that it answers, or "" when the provider began.
	request    string
	redirectTo string
	flow       *uuid.UUID
}

// consume answers POST /sso/saml/acs with a redirect, or returns where an error is to be shown.
func (s *Service) consume(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) (to string, err error) {
	to = protocol.AllowedRedirect(bound.Project.Settings, "")
	if err := s.d.Guard.Address(r, bound, "token_refresh"); err != nil { // a company has one address, and nothing can be guessed here
		return to, err
	}
	in, err := s.arrive(w, r, bound)
	if in != nil && in.redirectTo != "" {
		to = protocol.AllowedRedirect(bound.Project.Settings, in.redirectTo)
	}
	if err != nil {
		return to, err
	}
	ctx := r.Context()
	keys, err := s.keyPair(ctx, bound)
	if err != nil {
		return to, err
	}
	now := time.Now()
	assertion, err := verify(keys.party(bound.Project, in.idp), in.raw, in.request, now)
	if err != nil {
		s.d.Log.LogAttrs(ctx, slog.LevelInfo, "SAML response refused", slog.String("project", bound.Project.Ref),
			slog.String("sso_provider", in.provider.id.String()), slog.Any("error", err))
		return to, err
	}
	ends := sessionEnd(assertion)
	if ends != nil && !ends.After(now) {
		return to, errAssertion(errors.New("the session has ended at the provider"))
	}
	mapped, err := in.provider.readMapping()
	if err != nil {
		return to, err
	}
	who, err := newPerson(assertion, mapped, in.provider.entityID)
	if err != nil {
		return to, err
	}
	code, granted, err := s.signIn(ctx, bound, in, assertion.ID, who, ends, protocol.Client(r))
	switch {
	case err != nil:
		return to, err
	case in.flow != nil:
		protocol.RedirectCode(w, r, to, code)
		return to, nil
	}
	answer, err := s.d.Sessions.Answer(ctx, bound, granted)
	if err != nil {
		return to, err
	}
	protocol.RedirectGrant(w, r, to, answer, "")
	return to, nil
}

// arrive reads a response, and finds who sent it and what for. With an error it may still tell where the flow ends.
func (s *Service) arrive(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) (*arrival, error) {
	r.Body = http.MaxBytesReader(w, r.Body, 2*maxResponse)
	if err := r.ParseForm(); err != nil {
		return nil, protocol.ErrValidation("The form could not be read")
	}
	relay, encoded := r.PostForm.Get("RelayState"), r.PostForm.Get("SAMLResponse")
	if r.PostForm.Get("SAMLart") != "" {
		return nil, protocol.ErrValidation("SAML Artifact responses are not supported: use the HTTP-POST binding")
	}
	in := &arrival{}
	id, noID := uuid.Parse(relay)
	initiated := noID != nil
	if initiated && relay != "" {
		if u, err := url.ParseRequestURI(relay); err != nil || u.Host == "" {
			return nil, protocol.ErrValidation("SAML RelayState is not a valid UUID or URL")
		}
		in.redirectTo = relay
	}
	var held *relayState
	if !initiated {
		var err error
		if held, err = s.takeRelayState(r.Context(), bound, id); err != nil {
			return nil, err
		}
		in.request, in.redirectTo, in.flow = held.request, held.redirectTo, held.flow
	}
	if err := in.decode(encoded); err != nil {
		return in, err
	}
	by, missing := filter{}, errUnknownIDP
	if initiated {
		said, err := peek(in.raw)
		if err != nil || said.issuer == "" || len(said.issuer) > 1024 {
			return in, protocol.ErrValidation("SAMLResponse is not a valid XML SAML assertion")
		}
		by.entityID = &said.issuer
	} else {
		by.id = &held.provider
	}
	var err error
	in.provider, in.idp, err = s.provider(r.Context(), bound, by, missing)
	return in, err
}

func (in *arrival) decode(encoded string) error {
	if encoded == "" {
		return protocol.ErrValidation("SAMLResponse is missing")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil || len(raw) > maxResponse {
		return protocol.ErrValidation("SAMLResponse is not a valid Base64 string")
	}
	if err := inspect(raw); err != nil {
		return protocol.ErrValidation("SAMLResponse is not acceptable: %s", err)
	}
	in.raw = raw
	return nil
}

// takeRelayState uses up a sign-in that was begun here, whatever comes of it.
func (s *Service) takeRelayState(ctx context.Context, bound *projectdb.Session, id uuid.UUID) (*relayState, error) {
	held := relayState{id: id}
	err := store.InTx(ctx, bound, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, takeRelayState, id).Scan(&held.provider, &held.request, &held.redirectTo, &held.flow, &held.created)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, errNoRelayState
	case err != nil:
		return nil, err
	case time.Since(held.created) >= relayLife:
		return nil, errRelayStateOld
	}
	return &held, nil
}

// signIn finds or makes the user, and opens a session, or ends the flow in a code.
func (s *Service) signIn(ctx context.Context, bound *projectdb.Session, in *arrival, assertion string, who *person, ends *time.Time, c store.Client) (code string, granted *session.Grant, err error) {
	name := "sso:" + in.provider.id.String()
	finish := func(tx *store.Tx, find func() (uuid.UUID, error)) error {
		fresh, err := store.Spend(ctx, tx, name+"\n"+assertion, time.Now().Add(spentLife))
		switch {
		case err != nil:
			return err
		case !fresh:
			return errUsed
		}
		id, err := find()
		if err != nil {
			return err
		}
		code, granted, err = s.open(ctx, tx, bound, in, id, name, ends, c)
		return err
	}
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		return finish(tx, func() (uuid.UUID, error) {
			id, err := store.RenewExternal(ctx, tx, name, who.id, who.data.Encode(), who.email)
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
		return code, granted, err
	}
	if setting.Get[bool](bound.Project.Settings, "auth.disable_signup") {
		return "", nil, protocol.ErrSignupDisabled
	}
	made := &newuser.User{Email: who.email, EmailConfirmed: true, SSO: true, Data: who.data, Address: c.Address,
		Identities: []newuser.Identity{{Provider: name, ProviderID: who.id, Data: who.data}}}
	if err := s.d.Users.Check(ctx, bound, made); err != nil {
		return "", nil, err
	}
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		return finish(tx, func() (uuid.UUID, error) {
			user, err := s.d.Users.Insert(ctx, tx, bound.Project, made)
			if err == nil && user == nil {
				err = protocol.ErrConflict
			}
			return made.ID, err
		})
	})
	return code, granted, err
}

func (s *Service) open(ctx context.Context, tx *store.Tx, bound *projectdb.Session, in *arrival, id uuid.UUID, name string, ends *time.Time, c store.Client) (code string, granted *session.Grant, err error) {
	var user *store.User
	if in.flow != nil {
		if user, err = store.UserByID(ctx, tx, id); err != nil {
			return "", nil, err
		}
		if user.Banned(time.Now()) {
			return "", nil, protocol.ErrSignInBanned
		}
		code, err = onetime.IssueCodeUntil(ctx, tx, *in.flow, id, "", "", ends)
	} else {
		granted, err = s.d.Sessions.Open(ctx, tx, bound.Project, session.Opening{UserID: id, Method: method, Provider: name, NotAfter: ends, Client: c})
		if err == nil {
			user = granted.User
		}
	}
	if err != nil {
		return "", nil, err
	}
	initiated := "sp"
	if in.request == "" {
		initiated = "idp"
	}
	return code, granted, store.Audit(ctx, tx, bound.Project, store.Event{Action: "login", Actor: user, Address: c.Address, Traits: map[string]any{
		"provider": name, "provider_type": "saml", "sso_provider_id": in.provider.id, "entity_id": in.provider.entityID, "initiated_by": initiated}})
}
