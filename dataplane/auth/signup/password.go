package signup

import (
	"context"
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/hook"
	"github.com/wayli-app/fluxbase/dataplane/auth/password"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Credentials are the body of a sign-in.
type Credentials struct {
	Email    string         `json:"email"`
	Phone    string         `json:"phone"`
	Password string         `json:"password"`
	Security guard.Security `json:"gotrue_meta_security"`
}

// passwordGrant answers POST /token?grant_type=password.
func (s *Service) passwordGrant(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in Credentials
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	answer, err := s.SignIn(r, bound, &in)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, answer)
	return nil
}

// SignIn signs a user in by a password. Nothing in its answers or their time tells whether an address is known before the password was right. Whoever
// calls it has counted the address of the request.
func (s *Service) SignIn(r *http.Request, bound *projectdb.Session, in *Credentials) (out protocol.Grant, err error) {
	ctx, p := r.Context(), bound.Project
	if err := s.d.Guard.Human(r, bound, in.Security); err != nil {
		return out, err
	}
	provider, err := in.normalise(bound)
	if err != nil {
		return out, err
	}
	if err := s.d.Guard.User(ctx, bound, "password", in.Email+in.Phone); err != nil {
		return out, err
	}
	known, err := s.known(ctx, bound, in)
	if err != nil {
		return out, err
	}
	switch {
	case known.Banned:
		return out, protocol.ErrSignInBanned
	case provider == "email" && !known.EmailConfirmed && !on(p, "auth.email.allow_unverified_sign_in"):
		return out, protocol.ErrEmailNotConfirmed
	case provider == "phone" && !known.PhoneConfirmed:
		return out, protocol.ErrPhoneNotConfirmed
	}
	better := ""
	if password.Stale(known.PasswordHash) && password.Fits(in.Password) {
		if better, err = s.d.Hasher.Hash(ctx, p.Ref, in.Password); err != nil {
			return out, err
		}
	}
	granted, err := s.open(ctx, bound, known, better, provider, protocol.Client(r))
	if err != nil {
		return out, err
	}
	if out, err = s.d.Sessions.Answer(ctx, bound, granted); err == nil {
		out.WeakPassword = s.d.Rules.Weak(ctx, p, in.Password)
	}
	return out, err
}

// normalise puts the address or the number in normal form, and tells whose identity it is.
func (in *Credentials) normalise(bound *projectdb.Session) (provider string, err error) {
	switch {
	case in.Email != "" && in.Phone != "":
		return "", protocol.ErrValidation("Only an email address or phone number should be provided on login.")
	case in.Email != "":
		if !on(bound.Project, "auth.email.enabled") {
			return "", errEmailLogins
		}
		provider = "email"
		in.Email, err = protocol.NormalEmail(in.Email)
	case in.Phone != "":
		if !on(bound.Project, "auth.phone.enabled") {
			return "", errPhoneLogins
		}
		provider = "phone"
		in.Phone, err = protocol.NormalPhone(in.Phone)
	default:
		return "", protocol.ErrValidation("missing email or phone")
	}
	if err != nil {
		err = protocol.ErrInvalidCredentials
	}
	return provider, err
}

var (
	errEmailLogins = fault.New(fault.FailedPrecondition, "EMAIL_PROVIDER_DISABLED", "Email logins are disabled")
	errPhoneLogins = fault.New(fault.FailedPrecondition, "PHONE_PROVIDER_DISABLED", "Phone logins are disabled")
)

// known finds the user whose password it is. No transaction is open while the hash is computed, and the project's hook asked.
func (s *Service) known(ctx context.Context, bound *projectdb.Session, in *Credentials) (known store.Credential, err error) {
	err = store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		known, err = store.FindCredential(ctx, tx, in.Email, in.Phone)
		return err
	})
	if err != nil {
		return known, err
	}
	right, err := s.d.Hasher.Matches(ctx, bound.Project.Ref, known.PasswordHash, known.Decoy, in.Password)
	if err != nil {
		return known, err
	}
	if err := s.attempted(ctx, bound, known, right); err != nil {
		return known, err
	}
	if !right {
		return known, protocol.ErrInvalidCredentials
	}
	return known, nil
}

// attempted asks the project's hook whether an attempt at a user's password counts.
func (s *Service) attempted(ctx context.Context, bound *projectdb.Session, known store.Credential, right bool) error {
	if known.UserID == nil || s.d.Hooks == nil || !s.d.Hooks.Enabled(bound.Project, hook.Password) {
		return nil
	}
	var out struct {
		Decision   string `json:"decision"`
		Message    string `json:"message"`
		LogoutUser bool   `json:"should_logout_user"`
	}
	if err := s.d.Hooks.Call(ctx, bound, hook.Password, map[string]any{"user_id": known.UserID, "valid": right}, &out); err != nil {
		return err
	}
	switch out.Decision {
	case "continue":
		return nil
	case "reject":
	default:
		return fault.New(fault.Internal, "HOOK_INVALID", "The project's hook %s answered with no decision: continue or reject.", hook.Password)
	}
	if out.LogoutUser {
		err := store.InTx(ctx, bound, func(tx *store.Tx) error { return s.d.Sessions.End(ctx, tx, bound.Project, *known.UserID, nil, nil) })
		if err != nil {
			return err
		}
	}
	if out.Message == "" {
		out.Message = "Further password verification attempts will be rejected."
	}
	return fault.New(fault.Invalid, "INVALID_CREDENTIALS", "%s", out.Message)
}

// open opens the session of a user whose password was right. Better is a hash of it that replaces the one there is.
func (s *Service) open(ctx context.Context, bound *projectdb.Session, known store.Credential, better, provider string, c store.Client) (granted *session.Grant, err error) {
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		checked := known.PasswordHash
		if better != "" {
			if err := store.UpgradeHash(ctx, tx, *known.UserID, checked, better); err != nil {
				return err
			}
			checked = better
		}
		granted, err = s.d.Sessions.Open(ctx, tx, bound.Project, session.Opening{UserID: *known.UserID, CheckedHash: &checked, Method: "password",
			Provider: provider, Client: c})
		if err != nil {
			return err
		}
		return store.Audit(ctx, tx, bound.Project, store.Event{Action: "login", Actor: granted.User, Address: c.Address, Traits: map[string]any{"provider": provider}})
	})
	return granted, err
}
