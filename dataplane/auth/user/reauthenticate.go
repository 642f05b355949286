package user

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

var (
	errNoContact    = fault.New(fault.FailedPrecondition, "VALIDATION_FAILED", "Reauthentication requires the user to have an email or a phone number")
	errVerifyEmail  = fault.New(fault.FailedPrecondition, "EMAIL_NOT_CONFIRMED", "Please verify your email first.")
	errVerifyPhone  = fault.New(fault.FailedPrecondition, "PHONE_NOT_CONFIRMED", "Please verify your phone first.")
	errNonceNeeded  = fault.New(fault.Invalid, "REAUTHENTICATION_NEEDED", "Password update requires reauthentication")
	errNonceMissing = fault.New(fault.Invalid, "REAUTH_NONCE_MISSING", "Password update requires a nonce")
	errNonce        = fault.New(fault.FailedPrecondition, "REAUTHENTICATION_NOT_VALID", "Nonce has expired or is invalid")
)

// recently is how long after the sign-in a password may be changed without more proof.
const recently = 24 * time.Hour

// reauthenticate sends the bearer a nonce, by mail or else by text message, with which they change their password.
func (s *Service) reauthenticate(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ctx, p := r.Context(), bound.Project
	if err := s.d.Guard.Address(r, bound, "otp"); err != nil {
		return err
	}
	err := store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, _, err := s.d.Sessions.SignedIn(r, tx, bound)
		if err != nil {
			return err
		}
		byPhone := user.Email == ""
		switch {
		case byPhone && user.Phone == "":
			return errNoContact
		case !byPhone && user.EmailConfirmed == nil:
			return errVerifyEmail
		case byPhone && user.PhoneConfirmed == nil:
			return errVerifyPhone
		}
		if err := letter.TooSoon(p, byPhone, user.ReauthenticationSent); err != nil {
			return err
		}
		event := store.Event{Action: "user_reauthenticate_requested", Actor: user, Address: protocol.Client(r).Address}
		if byPhone {
			return s.d.Letters.SMS(ctx, tx, p, letter.Text{User: user, Token: onetime.Reauthentication, Event: event})
		}
		return s.d.Letters.Email(ctx, tx, p, letter.Mail{User: user, Token: onetime.Reauthentication, Template: "reauthentication", Kind: "reauthentication", Event: event})
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, struct{}{})
	return nil
}

// provedAgain requires the nonce that was sent to the user, where the project asks for it. It reports whether one was used.
func (s *Service) provedAgain(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, current *store.Session, in *change) (bool, error) {
	if !on(p, "auth.password_change_reauthentication") || current != nil && time.Since(current.Created) < recently {
		return false, nil
	}
	switch {
	case in.Nonce == nil:
		return false, errNonceNeeded
	case *in.Nonce == "":
		return false, errNonceMissing
	}
	recipient, life := user.Email, "auth.email.otp_expiry"
	if recipient == "" {
		recipient, life = user.Phone, "auth.phone.otp_expiry"
	}
	found, err := s.findNonce(ctx, tx, p, user, recipient, in)
	if err != nil {
		return false, err
	}
	expiry := time.Duration(setting.Get[int64](p.Settings, life)) * time.Second
	if found == nil || found.User.ID != user.ID || found.RelatesTo != recipient || time.Since(found.Sent) > expiry {
		return false, errNonce
	}
	return true, nil
}

// errAskProvider tells that the provider of text messages knows the nonce, and is to be asked with no transaction open.
var errAskProvider = errors.New("the provider of text messages knows the nonce")

func (s *Service) askProvider(ctx context.Context, bound *projectdb.Session, user *store.User, in *change) error {
	right, err := s.d.Messages.CheckCode(ctx, bound.Project, user.Phone, *in.Nonce)
	if err == nil && !right {
		err = errNonce
	}
	in.checkedElsewhere = user.Phone
	return err
}

// findNonce finds what was sent. Numbers with a fixed code are sent nothing, and have that code; what a provider sends it has checked already.
func (s *Service) findNonce(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, recipient string, in *change) (*onetime.Found, error) {
	fixed, test := message.TestOTP(p.Settings, recipient)
	switch {
	case test && subtle.ConstantTimeCompare([]byte(fixed), []byte(*in.Nonce)) == 1, in.checkedElsewhere == recipient && recipient != "":
		return onetime.FindSent(ctx, tx, recipient, onetime.Reauthentication)
	case test:
		return nil, nil
	case user.Email == "" && message.ChecksCodes(p.Settings):
		return nil, errAskProvider
	}
	return onetime.FindCode(ctx, tx, recipient, *in.Nonce, onetime.Reauthentication)
}
