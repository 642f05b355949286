// Package mfa is the second factor: authenticator apps, phones and security keys are enrolled, challenged, verified and removed, after GoTrue's
// /factors.
package mfa

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// The kinds of factors.
const (
	kindTOTP     = "totp"
	kindPhone    = "phone"
	kindWebAuthn = "webauthn"
)

const (
	verified = "verified" // a factor's status
	// stale is the age at which an enrolment that nobody finished gives way to the next.
	stale = 5 * time.Minute
	// maxName bounds names of factors and issuers.
	maxName = 255
)

// answers is the rate of answers for one user: a code of six digits is guessed by who may try often.
var answers = guard.Rate{PerSecond: 1.0 / 60, Burst: 15}

// method is the claim amr of each kind.
var method = map[string]string{kindTOTP: "totp", kindPhone: "mfa/phone", kindWebAuthn: "mfa/webauthn"}

var (
	errFactorNotFound = fault.New(fault.NotFound, "MFA_FACTOR_NOT_FOUND", "Factor not found")
	errFactorID       = fault.New(fault.NotFound, "VALIDATION_FAILED", "factor_id must be an UUID")
	errLevel          = fault.New(fault.Denied, "INSUFFICIENT_AAL", "AAL2 required to enroll a new factor")
	errKind           = protocol.ErrValidation("factor_type needs to be totp, phone, or webauthn")
)

// Deps are what the surface needs.
type Deps struct {
	Sessions *session.Manager
	Messages *message.Outbox
	Hooks    session.Hooks
	Guard    *guard.Guard
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Service answers for every project. It keeps nothing of them.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d}
}

// Routes mounts the routes.
func (s *Service) Routes(rt *protocol.Router) {
	rt.Handle(http.MethodPost, "/factors", s.enroll)
	rt.Handle(http.MethodPost, "/factors/{id}/challenge", s.challenge)
	rt.Handle(http.MethodPost, "/factors/{id}/verify", s.verify)
	rt.Handle(http.MethodDelete, "/factors/{id}", s.unenroll)
}

// limit slows down a user, before anything is looked up.
func (s *Service) limit(r *http.Request, bound *projectdb.Session, what string, rate *guard.Rate) error {
	userID, _, err := session.Subject(r, bound.Caller)
	if err != nil {
		return err
	}
	if rate != nil {
		return s.d.Guard.Tries(r.Context(), bound, what, userID.String(), *rate)
	}
	return s.d.Guard.User(r.Context(), bound, what, userID.String())
}

func factorID(r *http.Request) (uuid.UUID, error) {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return id, errFactorID
	}
	return id, nil
}

// raised tells that a session has reached the level of a second factor.
func raised(s *store.Session) bool { return s.AAL == "aal2" || s.AAL == "aal3" }

// foreign tells that a factor does not count yet, and that the user has one that does and has not shown it: whoever began the enrolment may be somebody
// who the second factor is to keep out.
func foreign(f *locked, user *store.User, current *store.Session) bool {
	return !f.verified && user.HasFactor() && !raised(current)
}

func enabled(values setting.Values, kind, what string) bool {
	return setting.Get[bool](values, "auth.mfa."+kind+"."+what+"_enabled")
}

// errEnroll and errVerify refuse kinds that the project has not switched on.
var (
	errEnroll = map[string]error{
		kindTOTP:     fault.New(fault.FailedPrecondition, "MFA_TOTP_ENROLL_NOT_ENABLED", "MFA enroll is disabled for TOTP"),
		kindPhone:    fault.New(fault.FailedPrecondition, "MFA_PHONE_ENROLL_NOT_ENABLED", "MFA enroll is disabled for Phone"),
		kindWebAuthn: fault.New(fault.FailedPrecondition, "MFA_WEBAUTHN_ENROLL_NOT_ENABLED", "MFA enroll is disabled for WebAuthn"),
	}
	errVerify = map[string]error{
		kindTOTP:     fault.New(fault.FailedPrecondition, "MFA_TOTP_VERIFY_NOT_ENABLED", "MFA verification is disabled for TOTP"),
		kindPhone:    fault.New(fault.FailedPrecondition, "MFA_PHONE_VERIFY_NOT_ENABLED", "MFA verification is disabled for Phone"),
		kindWebAuthn: fault.New(fault.FailedPrecondition, "MFA_WEBAUTHN_VERIFY_NOT_ENABLED", "MFA verification is disabled for WebAuthn"),
	}
)

func expiry(values setting.Values) time.Duration {
	return time.Duration(setting.Get[int64](values, "auth.mfa.challenge_expiry")) * time.Second
}

// addressOf is whence a request comes; challenges remember it.
func addressOf(r *http.Request) netip.Addr {
	if c := protocol.Client(r); c.Address != nil {
		return *c.Address
	}
	return netip.IPv4Unspecified()
}

// event is something that happened to a factor.
func event(r *http.Request, action string, user *store.User, traits map[string]any) store.Event {
	return store.Event{Action: action, Actor: user, Address: protocol.Client(r).Address, Traits: traits}
}

// notify tells the user by mail, where the project wants that and can. What happened has happened: the project's mail not being set up refuses nothing.
func (s *Service) notify(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, template, kind string) error {
	able := s.d.Messages.CanEmail(p) == nil
	if user.Email == "" || !able || !setting.Get[bool](p.Settings, "auth.email.notice."+template+".enabled") {
		return nil
	}
	seen, err := json.Marshal(protocol.NewUser(user))
	if err != nil {
		return err
	}
	return s.d.Messages.Email(ctx, tx, p, message.Email{Template: template, To: user.Email, UserID: user.ID, User: seen, FactorType: kind})
}

type unenrolled struct {
	ID uuid.UUID `json:"id"`
}

// unenroll answers DELETE /factors/{id}. A factor that was verified is removed only by who has shown it, or another one, in this session.
func (s *Service) unenroll(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ctx := r.Context()
	id, err := factorID(r)
	if err != nil {
		return err
	}
	if err := s.limit(r, bound, "mfa", nil); err != nil {
		return err
	}
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, current, err := s.d.Sessions.Self(r, tx, bound)
		if err != nil {
			return err
		}
		removed, err := store.DeleteFactor(ctx, tx, user.ID, id)
		switch {
		case err != nil:
			return err
		case removed == nil:
			return errFactorNotFound
		case removed.Verified && !raised(current):
			return fault.New(fault.FailedPrecondition, "INSUFFICIENT_AAL", "AAL2 required to unenroll verified factor")
		}
		status := "unverified"
		if removed.Verified {
			status = verified
		}
		traits := map[string]any{"factor_id": id, "factor_status": status, "session_id": current.ID}
		err = store.Audit(ctx, tx, bound.Project, event(r, "factor_unenrolled", user, traits))
		if err != nil || !removed.Verified {
			return err
		}
		return s.notify(ctx, tx, bound.Project, user, "mfa_factor_unenrolled", removed.Kind)
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, unenrolled{id})
	return nil
}

func countVerified(factors []factor) (n int) {
	for _, f := range factors {
		if f.verified {
			n++
		}
	}
	return n
}

func named(factors []factor, name string) bool {
	return name != "" && slices.ContainsFunc(factors, func(f factor) bool { return f.name == name })
}
