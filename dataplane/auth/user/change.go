package user

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

var (
	errSamePassword  = fault.New(fault.FailedPrecondition, "SAME_PASSWORD", "New password should be different from the old password.")
	errSSO           = fault.New(fault.FailedPrecondition, "USER_SSO_MANAGED", "Updating email, phone, password of a SSO account only possible via SSO")
	errAnonymous     = fault.New(fault.FailedPrecondition, "VALIDATION_FAILED", "Updating password of an anonymous user without an email or phone is not allowed")
	errCurrentNeeded = fault.New(fault.Invalid, "CURRENT_PASSWORD_REQUIRED", "Current password required when setting new password.")
	errCurrentWrong  = fault.New(fault.Invalid, "CURRENT_PASSWORD_INVALID", "Current password does not match.")
)

// change is the body of PUT /user. Anything else in it, such as a role or app_metadata, is not looked at.
type change struct {
	Email           string            `json:"email"`
	Phone           string            `json:"phone"`
	Password        string            `json:"password"`
	CurrentPassword string            `json:"current_password"`
	Nonce           *string           `json:"nonce"`
	Data            protocol.Metadata `json:"data"`
	Channel         string            `json:"channel"`
	Challenge       string            `json:"code_challenge"`
	ChallengeMethod string            `json:"code_challenge_method"`

	client     store.Client
	redirectTo string
	// hash is that of the new password, checked the one that was there when it was decided.
	hash, checked string
	// nonced tells that a nonce was shown, and is to be taken. CheckedElsewhere is the number that a provider has said it was sent to.
	nonced           bool
	checkedElsewhere string
}

// put answers PUT /user.
func (s *Service) put(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in change
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	user, err := s.Change(r, bound, &in, protocol.RedirectTo(bound.Project.Settings, r))
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(user))
	return nil
}

// Request is what is to be changed.
type Request = change

// Change changes the bearer's password, address, number or metadata. Links in mails lead to redirectTo, an address that the project allows.
func (s *Service) Change(r *http.Request, bound *projectdb.Session, in *Request, redirectTo string) (user *store.User, err error) {
	if err := in.validate(bound); err != nil {
		return nil, err
	}
	in.client, in.redirectTo = protocol.Client(r), redirectTo
	if in.Email != "" || in.Phone != "" {
		if err := s.d.Guard.Address(r, bound, "otp"); err != nil {
			return nil, err
		}
	}
	if in.Password != "" {
		if err := s.prepare(r, bound, in); err != nil {
			return nil, err
		}
	}
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) (err error) {
		user, err = s.apply(r, tx, bound, in)
		return err
	})
	return user, err
}

func (in *change) validate(bound *projectdb.Session) (err error) {
	if in.Email != "" {
		if in.Email, err = protocol.NormalEmail(in.Email); err != nil {
			return err
		}
	}
	if in.Phone != "" {
		if !on(bound.Project, "auth.phone.enabled") {
			return protocol.ErrPhoneDisabled
		}
		if in.Phone, err = protocol.NormalPhone(in.Phone); err != nil {
			return err
		}
		if in.Channel == "" {
			in.Channel = message.ChannelSMS
		}
	}
	if in.ChallengeMethod, err = onetime.CheckChallenge(in.Challenge, in.ChallengeMethod); err != nil {
		return err
	}
	return in.Data.Validate()
}

// prepare decides whether the password may be changed, and computes the new hash, with no transaction open.
func (s *Service) prepare(r *http.Request, bound *projectdb.Session, in *change) error {
	ctx, p := r.Context(), bound.Project
	// Each try tells something of the password or the nonce.
	if err := s.d.Guard.User(ctx, bound, "password", bound.Caller.Subject); err != nil {
		return err
	}
	var user *store.User
	read := func(tx *store.Tx) error {
		found, current, err := s.d.Sessions.SignedIn(r, tx, bound)
		if err != nil {
			return err
		}
		if err := in.permitted(bound, found, current); err != nil {
			return err
		}
		user = found
		in.nonced, err = s.provedAgain(ctx, tx, p, found, current, in)
		return err
	}
	err := store.InTx(ctx, bound, read)
	if errors.Is(err, errAskProvider) {
		if err = s.askProvider(ctx, bound, user, in); err == nil {
			err = store.InTx(ctx, bound, read)
		}
	}
	if err != nil {
		return err
	}
	in.checked = user.PasswordHash
	if in.checked != "" && on(p, "auth.password_change_current") {
		if in.CurrentPassword == "" {
			return errCurrentNeeded
		}
		switch right, err := s.d.Hasher.Matches(ctx, p.Ref, in.checked, "", in.CurrentPassword); {
		case err != nil:
			return err
		case !right:
			return errCurrentWrong
		}
	}
	if err := s.d.Rules.Check(ctx, p, in.Password); err != nil {
		return err
	}
	if in.checked != "" {
		switch same, err := s.d.Hasher.Matches(ctx, p.Ref, in.checked, "", in.Password); {
		case err != nil:
			return err
		case same:
			return errSamePassword
		}
	}
	in.hash, err = s.d.Hasher.Hash(ctx, p.Ref, in.Password)
	return err
}

// permitted refuses what this user may not change in this session.
func (in *change) permitted(bound *projectdb.Session, user *store.User, current *store.Session) error {
	p := bound.Project
	email, phone := in.Email != "" && in.Email != user.Email, in.Phone != "" && in.Phone != user.Phone
	if in.Password == "" && !email && !phone {
		return nil
	}
	atOnce := email && on(p, "auth.autoconfirm") || phone && on(p, "auth.phone.autoconfirm")
	switch {
	case user.SSO:
		return errSSO
	case user.HasFactor() && (current == nil || current.AAL == "" || current.AAL == "aal1"):
		return protocol.ErrInsufficientAAL
	case user.Anonymous && in.Password != "" && !atOnce:
		return errAnonymous
	}
	return nil
}

// apply writes the change and returns the user as they are then. A new password ends the user's other sessions.
func (s *Service) apply(r *http.Request, tx *store.Tx, bound *projectdb.Session, in *change) (*store.User, error) {
	ctx, p := r.Context(), bound.Project
	user, current, err := s.d.Sessions.SignedIn(r, tx, bound)
	if err != nil {
		return nil, err
	}
	if err := in.permitted(bound, user, current); err != nil {
		return nil, err
	}
	c, err := s.planned(bound, user, in)
	if err != nil {
		return nil, err
	}
	size, outcome, err := store.UpdateUser(ctx, tx, user.ID, c)
	switch {
	case err != nil:
		return nil, err
	case outcome == store.EmailTaken:
		return nil, protocol.ErrEmailExists
	case outcome == store.PhoneTaken:
		return nil, protocol.ErrPhoneExists
	case outcome != store.Changed:
		return nil, protocol.ErrConflict
	case len(c.SetMetadata) > len("{}") && size > protocol.MaxMetadata:
		return nil, protocol.ErrMetadataSize()
	}
	if in.hash != "" {
		if err := s.passwordChanged(ctx, tx, bound, user, current, in); err != nil {
			return nil, err
		}
	}
	if err := s.send(ctx, tx, bound, user, &c, in); err != nil {
		return nil, err
	}
	if err := store.Audit(ctx, tx, p, store.Event{Action: "user_modified", Actor: user, Address: in.client.Address}); err != nil {
		return nil, err
	}
	return store.UserByID(ctx, tx, user.ID)
}

// planned is what is changed at once, and what the user is to confirm first. Whether a wanted address is another user's is not looked at until its
// owner confirms it: the answer would tell.
func (s *Service) planned(bound *projectdb.Session, user *store.User, in *change) (c store.Change, err error) {
	p, yes, no := bound.Project, true, false
	set, remove := in.Data.Split()
	c.SetMetadata, c.RemoveMetadata = set.Encode(), remove
	if in.hash != "" {
		c.PasswordHash, c.CheckedHash = &in.hash, &in.checked
	}
	switch {
	case in.Email == "" || in.Email == user.Email:
	case on(p, "auth.autoconfirm"):
		c.Email, c.EmailConfirmed, c.Anonymous = &in.Email, &yes, &no
	default:
		if err = s.d.Letters.Ready(p, "", ""); err == nil {
			err = letter.TooSoon(p, false, user.EmailChangeSent)
		}
		c.EmailWanted = &in.Email
	}
	switch {
	case err != nil || in.Phone == "" || in.Phone == user.Phone:
	case on(p, "auth.phone.autoconfirm"):
		c.Phone, c.PhoneConfirmed, c.Anonymous = &in.Phone, &yes, &no
	default:
		if err = s.d.Letters.Ready(p, in.Phone, in.Channel); err == nil {
			err = letter.TooSoon(p, true, user.PhoneChangeSent)
		}
		c.PhoneWanted = &in.Phone
	}
	if nothing := ""; in.hash != "" {
		// Who changes a password may be shutting somebody out: what was wanted before is given up.
		c.EmailWanted, c.PhoneWanted = cmp.Or(c.EmailWanted, &nothing), cmp.Or(c.PhoneWanted, &nothing)
	}
	return c, err
}

// passwordChanged ends the user's other sessions, takes the codes that would let somebody set another password, and tells the user.
func (s *Service) passwordChanged(ctx context.Context, tx *store.Tx, bound *projectdb.Session, user *store.User, current *store.Session, in *change) error {
	taken, err := onetime.Take(ctx, tx, user.ID, onetime.Reauthentication)
	if err != nil {
		return err
	}
	if in.nonced && taken == 0 {
		return errNonce
	}
	if _, err := onetime.Take(ctx, tx, user.ID, onetime.Recovery); err != nil {
		return err
	}
	var except *uuid.UUID
	if current != nil {
		except = &current.ID
	}
	if err := s.d.Sessions.End(ctx, tx, bound.Project, user.ID, nil, except); err != nil {
		return err
	}
	if err := store.Audit(ctx, tx, bound.Project, store.Event{Action: "user_updated_password", Actor: user, Address: in.client.Address}); err != nil {
		return err
	}
	return s.d.Letters.Notice(ctx, tx, bound.Project, "password_changed", user.Email, user, message.Email{})
}

// send sends what a wanted address or number is confirmed with, and tells the user what was changed at once.
func (s *Service) send(ctx context.Context, tx *store.Tx, bound *projectdb.Session, user *store.User, c *store.Change, in *change) error {
	p := bound.Project
	if c.EmailWanted != nil && *c.EmailWanted != "" {
		link := proof.Link{RedirectTo: in.redirectTo, Challenge: in.Challenge, ChallengeMethod: in.ChallengeMethod}
		if err := s.d.Proofs.SendEmailChange(ctx, tx, p, user, in.Email, link, in.client); err != nil {
			return err
		}
	}
	if c.PhoneWanted != nil && *c.PhoneWanted != "" {
		if err := s.d.Proofs.SendText(ctx, tx, p, user, onetime.PhoneChange, in.Phone, in.Channel, in.client); err != nil {
			return err
		}
	}
	if c.Email != nil {
		if err := s.d.Letters.Notice(ctx, tx, p, "email_changed", user.Email, user, message.Email{OldEmail: user.Email, NewEmail: in.Email}); err != nil {
			return err
		}
	}
	if c.Phone != nil {
		return s.d.Letters.Notice(ctx, tx, p, "phone_changed", user.Email, user, message.Email{Phone: in.Phone})
	}
	return nil
}
