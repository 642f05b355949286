package provider

import (
	"context"
	_ "embed" // the statements
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

//go:embed sql/find.sql
var find string

//go:embed sql/put_identity.sql
var putIdentity string

//go:embed sql/claim.sql
var claim string

//go:embed sql/part.sql
var part string

//go:embed sql/set_email.sql
var setEmail string

//go:embed sql/not_anonymous.sql
var notAnonymous string

var (
	errLinkedAlready = fault.New(fault.FailedPrecondition, "IDENTITY_ALREADY_EXISTS", "Identity is already linked")
	errLinkedToOther = fault.New(fault.FailedPrecondition, "IDENTITY_ALREADY_EXISTS", "Identity is already linked to another user")
	errManaged       = fault.New(fault.FailedPrecondition, "USER_SSO_MANAGED", "The identities of a SSO account are managed by its identity provider")
	errInviteGone    = fault.New(fault.NotFound, "INVITE_NOT_FOUND", "Invite not found")
	errInviteOther   = protocol.ErrValidation("Invited email does not match emails from external provider")
	// errUnchecked rolls back what would make a user whom the project's hook was not asked about.
	errUnchecked = errors.New("the project's hook is to be asked first")
)

func errUnverified(provider string) error {
	return fault.New(fault.FailedPrecondition, "PROVIDER_EMAIL_NEEDS_VERIFICATION",
		"Unverified email with %s. A confirmation email has been sent to your %s email", provider, provider)
}

// destination is what a sign-in is for besides signing in: a user to link the identity to, or an invitation to take. Redirect is where a link in a
// mail leads.
type destination struct {
	target           *uuid.UUID
	invite, redirect string
}

// settlement is one try to find the user of an identity, in a transaction.
type settlement struct {
	s       *Service
	r       *http.Request
	bound   *projectdb.Session
	tx      *store.Tx
	arrival *arrival
	to      destination
	data    protocol.Metadata
	// checked is the user to be made whom the project's hook was asked about; nil when it was not.
	checked *newuser.User
	// made is the user to be made whom the hook is to be asked about.
	made *newuser.User
	// refused is what the sign-in ends with although the transaction is committed.
	refused error
}

// settle finds, links or makes the user of who came back, and does then in the same transaction.
func (s *Service) settle(r *http.Request, bound *projectdb.Session, a *arrival, to destination, then func(tx *store.Tx, user *store.User) error) error {
	var checked *newuser.User
	for try := 1; ; try++ {
		t := &settlement{s: s, r: r, bound: bound, arrival: a, to: to, data: a.data(), checked: checked}
		err := store.InTx(r.Context(), bound, func(tx *store.Tx) error {
			t.tx = tx
			user, err := t.user()
			if err != nil || t.refused != nil {
				return err
			}
			if user.Banned(time.Now()) {
				return protocol.ErrUserBanned
			}
			return then(tx, user)
		})
		switch {
		case err == nil:
			return t.refused
		case errors.Is(err, errUnchecked) && try <= 5:
			checked = t.made
			if err := s.d.Users.Check(r.Context(), bound, checked); err != nil {
				return err
			}
		case !errors.Is(err, protocol.ErrConflict) || try >= 3: // who signs in for the first time in two windows at once
			return err
		}
	}
}

func (t *settlement) ctx() context.Context { return t.r.Context() }

func (t *settlement) project() *directory.Project { return t.bound.Project }

func (t *settlement) on(key string) bool { return setting.Get[bool](t.project().Settings, key) }

func (t *settlement) user() (*store.User, error) {
	a, to := t.arrival, t.to
	var holder, addressee *uuid.UUID
	if err := t.tx.QueryRow(t.ctx(), find, a.provider.Name, a.Subject, a.emails).Scan(&holder, &addressee); err != nil {
		return nil, err
	}
	switch {
	case to.target != nil:
		return t.link(*to.target, holder)
	case to.invite != "":
		return t.accept(to.invite, holder)
	case holder != nil:
		return t.known(*holder)
	case addressee != nil:
		return t.addressed(*addressee)
	}
	return t.make()
}

// known signs in the user whose identity it is.
func (t *settlement) known(id uuid.UUID) (*store.User, error) {
	user, err := store.LockUser(t.ctx(), t.tx, id)
	switch {
	case err != nil:
		return nil, err
	case user == nil:
		return nil, protocol.ErrNoSuchUser
	case user.Banned(time.Now()):
		return nil, protocol.ErrUserBanned
	}
	if unproved(user) {
		switch {
		case t.proves(user.Email):
			return t.claim(user)
		case t.on("auth.autoconfirm"):
			if err := store.ConfirmEmail(t.ctx(), t.tx, user.ID); err != nil {
				return nil, err
			}
		case !t.on("auth.email.allow_unverified_sign_in"):
			t.refused = errUnverified(t.arrival.provider.Name)
			return nil, t.sendConfirmation(user)
		}
	}
	return t.keep(user, "login")
}

// unproved tells that nothing of a user is proved but that they have the identity.
func unproved(u *store.User) bool {
	return u.Email != "" && u.EmailConfirmed == nil && u.PhoneConfirmed == nil && !u.Anonymous
}

func (t *settlement) proves(address string) bool {
	for _, e := range t.arrival.emails {
		if e == address {
			return true
		}
	}
	return false
}

// addressed links the identity to the user whose address the provider has verified.
func (t *settlement) addressed(id uuid.UUID) (*store.User, error) {
	user, err := store.LockUser(t.ctx(), t.tx, id)
	switch {
	case err != nil:
		return nil, err
	case user == nil || !t.proves(user.Email): // changed meanwhile
		return nil, protocol.ErrConflict
	case user.Banned(time.Now()):
		return nil, protocol.ErrUserBanned
	case user.EmailConfirmed != nil:
		if user, err = t.keep(user, "login"); err != nil {
			return nil, err
		}
		return user, t.linked(user)
	case unproved(user):
		return t.claim(user)
	}
	// They wrote down an address that they have not proved, and have other ways in. It is not theirs.
	var batch pgx.Batch
	batch.Queue(part, user.ID)
	store.QueueSyncProviders(&batch, user.ID)
	if err := t.tx.SendBatch(t.ctx(), &batch).Close(); err != nil {
		return nil, err
	}
	return t.make()
}

// claim gives an account whose address nobody has proved to who has proved it now. Whoever made it is shut out.
func (t *settlement) claim(user *store.User) (*store.User, error) {
	if err := t.s.d.Sessions.End(t.ctx(), t.tx, t.project(), user.ID, nil, nil); err != nil {
		return nil, err
	}
	if _, err := t.tx.Exec(t.ctx(), claim, user.ID); err != nil {
		return nil, err
	}
	return t.keep(user, "user_signedup")
}

// keep writes what the provider says to the identity and the user, and records the event.
func (t *settlement) keep(user *store.User, action string) (*store.User, error) {
	a, put := t.arrival, 0
	var batch pgx.Batch
	batch.Queue(putIdentity, user.ID, a.provider.Name, a.Subject, t.data.Encode()).QueryRow(func(row pgx.Row) error { return row.Scan(&put) })
	store.QueueSyncProviders(&batch, user.ID)
	store.QueueAudit(&batch, t.project(), t.event(user, action))
	err := t.tx.SendBatch(t.ctx(), &batch).Close()
	if err == nil && put == 0 {
		err = protocol.ErrConflict
	}
	return user, err
}

func (t *settlement) event(user *store.User, action string) store.Event {
	return store.Event{Action: action, Actor: user, Address: protocol.Client(t.r).Address, Traits: map[string]any{"provider": t.arrival.provider.Name}}
}

// linked records that the user has one more way in, and tells them.
func (t *settlement) linked(user *store.User) error {
	if err := store.Audit(t.ctx(), t.tx, t.project(), t.event(user, "identity_linked")); err != nil {
		return err
	}
	return t.s.d.Letters.Notice(t.ctx(), t.tx, t.project(), "identity_linked", user.Email, user, message.Email{Provider: t.arrival.provider.Name})
}

// make makes a user of who came back.
func (t *settlement) make() (*store.User, error) {
	a := t.arrival
	if t.on("auth.disable_signup") {
		return nil, protocol.ErrSignupDisabled
	}
	proved := a.proved || t.on("auth.autoconfirm")
	u := &newuser.User{Email: a.email, EmailConfirmed: proved && a.email != "", Data: t.data, Address: protocol.Client(t.r).Address,
		Identities: []newuser.Identity{{Provider: a.provider.Name, ProviderID: a.Subject, Data: t.data}}}
	var other *store.User
	if a.email != "" && !a.proved {
		var err error
		if other, err = store.UserByEmail(t.ctx(), t.tx, a.email); err != nil {
			return nil, err
		}
	}
	if other != nil && t.on("auth.email.allow_unverified_sign_in") { // an address that is another user's and not proved is not taken over
		u.Email, u.EmailConfirmed, other = "", false, nil
	}
	if t.on("auth.hook.before_user_created.enabled") && (t.checked == nil || t.checked.Email != u.Email) {
		t.made = u
		return nil, errUnchecked
	}
	if other != nil {
		return nil, t.pretend(u)
	}
	if t.checked != nil {
		u.ID = t.checked.ID
	}
	made, err := t.s.d.Users.Insert(t.ctx(), t.tx, t.project(), u)
	switch {
	case err != nil:
		return nil, err
	case made == nil:
		return nil, protocol.ErrConflict
	case made.Email == "" || made.EmailConfirmed != nil:
		return made, nil
	}
	if !t.on("auth.email.allow_unverified_sign_in") {
		t.refused = errUnverified(a.provider.Name)
	}
	return made, t.sendConfirmation(made)
}

// pretend answers as for a new user whose address is to be confirmed, and writes a mail that is not sent: what is answered, and how soon, does
// not tell that the address is somebody's.
func (t *settlement) pretend(u *newuser.User) error {
	t.refused = errUnverified(t.arrival.provider.Name)
	shown, err := t.s.d.Users.Preview(t.ctx(), t.tx, u)
	if err != nil {
		return err
	}
	return t.confirm(letter.Mail{User: shown, Unsent: true})
}

// sendConfirmation sends the user's address a link, unless one was sent just now.
func (t *settlement) sendConfirmation(user *store.User) error {
	if soon := letter.TooSoon(t.project(), false, user.ConfirmationSent); soon == nil {
		return t.confirm(letter.Mail{User: user})
	}
	return nil
}

func (t *settlement) confirm(m letter.Mail) error {
	m.Token, m.Kind, m.Template, m.RedirectTo = onetime.Confirmation, "signup", "confirmation", t.to.redirect
	return t.s.d.Letters.Email(t.ctx(), t.tx, t.project(), m)
}

// accept takes an invitation: who has the link, and an account with the address that it was sent to, is the one who was invited.
func (t *settlement) accept(link string, holder *uuid.UUID) (*store.User, error) {
	found, err := onetime.Find(t.ctx(), t.tx, link, onetime.Confirmation)
	switch {
	case err != nil:
		return nil, err
	case found == nil || found.Expired(time.Duration(setting.Get[int64](t.project().Settings, "auth.email.otp_expiry"))*time.Second, time.Now()):
		return nil, errInviteGone
	case holder != nil && *holder != found.User.ID:
		return nil, errLinkedToOther
	}
	match := false
	for _, e := range t.arrival.Emails {
		match = match || e.Address == found.User.Email
	}
	if !match {
		return nil, errInviteOther
	}
	if found.User.EmailConfirmed == nil {
		if found.User, err = t.claim(found.User); err != nil {
			return nil, err
		}
	} else if found.User, err = t.keep(found.User, "login"); err != nil {
		return nil, err
	}
	return found.User, store.Audit(t.ctx(), t.tx, t.project(), t.event(found.User, "invite_accepted"))
}

// link adds the identity to a user who asked for it.
func (t *settlement) link(target uuid.UUID, holder *uuid.UUID) (*store.User, error) {
	if err := manualLinking(t.bound); err != nil {
		return nil, err
	}
	user, err := store.LockUser(t.ctx(), t.tx, target)
	switch {
	case err != nil:
		return nil, err
	case user == nil:
		return nil, protocol.ErrNoSuchUser
	case user.Banned(time.Now()):
		return nil, protocol.ErrUserBanned
	case holder != nil && *holder == user.ID:
		return nil, errLinkedAlready
	case holder != nil:
		return nil, errLinkedToOther
	case user.SSO:
		return nil, errManaged
	}
	// Who has proved an address here has an account of their own: their account elsewhere is not linked to another one, which somebody may have
	// talked them into.
	if t.arrival.proved {
		if owner, err := store.UserByEmail(t.ctx(), t.tx, t.arrival.email); err != nil {
			return nil, err
		} else if owner != nil && owner.ID != user.ID && (user.Email == "" || owner.EmailConfirmed != nil) {
			return nil, protocol.ErrEmailExists
		}
	}
	if user, err = t.keep(user, "login"); err != nil {
		return nil, err
	}
	switch {
	case user.Email == "" && t.arrival.proved:
		_, err = t.tx.Exec(t.ctx(), setEmail, user.ID, t.arrival.email)
	case user.Anonymous: // an address that is not proved stays out of the user: it may be anybody's
		_, err = t.tx.Exec(t.ctx(), notAnonymous, user.ID)
	}
	if err != nil {
		return nil, err
	}
	return user, t.linked(user)
}
