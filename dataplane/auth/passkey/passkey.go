// Package passkey signs users in with passkeys, and lets them register, name and remove them, after GoTrue's /passkeys.
package passkey

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

const (
	// expiry is how long a challenge may be answered.
	expiry = 5 * time.Minute
	// most is how many passkeys a user has.
	most = 10
	// maxName bounds names, in characters.
	maxName = 120
)

var (
	errDisabled    = fault.New(fault.NotFound, "PASSKEY_DISABLED", "Passkey authentication is disabled")
	errNotFound    = fault.New(fault.NotFound, "WEBAUTHN_CREDENTIAL_NOT_FOUND", "Passkey not found")
	errUnknown     = fault.New(fault.Invalid, "WEBAUTHN_CREDENTIAL_NOT_FOUND", "Passkey not found")
	errExists      = fault.New(fault.FailedPrecondition, "WEBAUTHN_CREDENTIAL_EXISTS", "This credential is already registered")
	errTooMany     = fault.New(fault.FailedPrecondition, "TOO_MANY_PASSKEYS", "Maximum number of passkeys reached")
	errNoChallenge = fault.New(fault.Invalid, "WEBAUTHN_CHALLENGE_NOT_FOUND", "Challenge not found or already used")
	errExpired     = fault.New(fault.Invalid, "WEBAUTHN_CHALLENGE_EXPIRED", "Challenge has expired")
	errRefused     = fault.New(fault.Invalid, "WEBAUTHN_VERIFICATION_FAILED", "Credential verification failed")
	errUnreadable  = fault.New(fault.Invalid, "WEBAUTHN_VERIFICATION_FAILED", "Invalid credential response")
	errLevel       = fault.New(fault.Denied, "INSUFFICIENT_AAL", "AAL2 session is required to manage passkeys when MFA is enabled.")
	errSSO         = fault.New(fault.FailedPrecondition, "VALIDATION_FAILED", "SSO users cannot register passkeys")
	errNoUser      = fault.New(fault.Denied, "USER_NOT_FOUND", "User not found")
	errEmail       = fault.New(fault.Denied, "EMAIL_NOT_CONFIRMED", "Email not confirmed")
	errPhone       = fault.New(fault.Denied, "PHONE_NOT_CONFIRMED", "Phone not confirmed")
)

// Deps are what the surface needs.
type Deps struct {
	Sessions *session.Manager
	Guard    *guard.Guard
}

// Service answers for every project. It keeps nothing of them.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// Routes mounts the routes.
func (s *Service) Routes(rt *protocol.Router) {
	rt.Handle(http.MethodPost, "/passkeys/registration/options", on(s.registrationOptions))
	rt.Handle(http.MethodPost, "/passkeys/registration/verify", on(s.register))
	rt.Handle(http.MethodPost, "/passkeys/authentication/options", on(s.authenticationOptions))
	rt.Handle(http.MethodPost, "/passkeys/authentication/verify", on(s.authenticate))
	rt.Handle(http.MethodGet, "/passkeys", on(s.list))
	rt.Handle(http.MethodPatch, "/passkeys/{id}", on(s.rename))
	rt.Handle(http.MethodDelete, "/passkeys/{id}", on(s.remove))
	rt.Handle(http.MethodGet, "/admin/users/{user}/passkeys", protocol.Admin(on(s.adminList)))
	rt.Handle(http.MethodDelete, "/admin/users/{user}/passkeys/{id}", protocol.Admin(on(s.adminRemove)))
}

// on lets requests through where the project has passkeys.
func on(h protocol.Handler) protocol.Handler {
	return func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		if !setting.Get[bool](bound.Project.Settings, "auth.passkey.enabled") {
			return errDisabled
		}
		return h(w, r, bound)
	}
}

// owner is the user of a request, who wants to change their passkeys: who has a second factor must have shown it.
func (s *Service) owner(r *http.Request, tx *store.Tx, bound *projectdb.Session) (*store.User, error) {
	user, current, err := s.d.Sessions.Self(r, tx, bound)
	if err == nil && current.AAL == "aal1" && user.HasFactor() {
		return nil, errLevel
	}
	return user, err
}

// registrant is an owner who may have passkeys.
func (s *Service) registrant(r *http.Request, tx *store.Tx, bound *projectdb.Session) (*store.User, error) {
	user, err := s.owner(r, tx, bound)
	switch {
	case err != nil:
		return nil, err
	case user.SSO:
		return nil, errSSO
	}
	return user, confirmed(user)
}

// confirmed refuses users whose address or number nobody has proved to have.
func confirmed(u *store.User) error {
	switch {
	case u.Email != "" && u.EmailConfirmed == nil:
		return errEmail
	case u.Phone != "" && u.PhoneConfirmed == nil:
		return errPhone
	}
	return nil
}

// limit slows down a user, before anything is looked up.
func (s *Service) limit(r *http.Request, bound *projectdb.Session) error {
	userID, _, err := session.Subject(r, bound.Caller)
	if err != nil {
		return err
	}
	return s.d.Guard.User(r.Context(), bound, "passkey", userID.String())
}

func audit(r *http.Request, tx *store.Tx, bound *projectdb.Session, action string, user *store.User, traits map[string]any) error {
	event := store.Event{Action: action, Actor: user, Developer: bound.Caller.Developer, Address: protocol.Client(r).Address, Traits: traits}
	return store.Audit(r.Context(), tx, bound.Project, event)
}

func pathID(r *http.Request, name string) (uuid.UUID, error) {
	id, err := uuid.Parse(chi.URLParam(r, name))
	if err != nil {
		what := map[string]string{"id": "passkey_id", "user": "user_id"}[name]
		return id, protocol.ErrValidation("%s must be a valid UUID", what)
	}
	return id, nil
}

// optional decodes a body, where there is one.
func optional(w http.ResponseWriter, r *http.Request, into any) error {
	if r.ContentLength == 0 {
		return nil
	}
	return protocol.Decode(w, r, into)
}
