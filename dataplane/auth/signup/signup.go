// Package signup makes users of those who ask for it, and signs users in who know a password.
package signup

import (
	"context"
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/password"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Hooks ask a project's own code.
type Hooks interface {
	Enabled(p *directory.Project, name string) bool
	Call(ctx context.Context, session *projectdb.Session, name string, input, output any) error
}

// Deps are what the service needs.
type Deps struct {
	Guard    *guard.Guard
	Hooks    Hooks
	Hasher   *password.Hasher
	Rules    *password.Rules
	Users    *newuser.Maker
	Sessions *session.Manager
	Letters  *letter.Writer
}

// Service answers POST /signup and the grant type password.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// Routes adds the service's routes.
func (s *Service) Routes(rt *protocol.Router) { rt.Handle(http.MethodPost, "/signup", s.signUp) }

// Grants are the grant types of POST /token that the service answers.
func (s *Service) Grants() map[string]protocol.Handler {
	return map[string]protocol.Handler{"password": s.passwordGrant}
}

// Request is the body of a sign-up. A role or app_metadata in it is not looked at.
type Request struct {
	Email           string            `json:"email"`
	Phone           string            `json:"phone"`
	Password        string            `json:"password"`
	Data            protocol.Metadata `json:"data"`
	Channel         string            `json:"channel"`
	Challenge       string            `json:"code_challenge"`
	ChallengeMethod string            `json:"code_challenge_method"`
	Security        guard.Security    `json:"gotrue_meta_security"`

	// RedirectTo is where the link in the mail leads, an address that the project allows.
	RedirectTo string       `json:"-"`
	Client     store.Client `json:"-"`
}

func on(p *directory.Project, key string) bool { return setting.Get[bool](p.Settings, key) }

// byPhone tells that the user is to be known by a number.
func (in *Request) byPhone() bool { return in.Phone != "" }

func (in *Request) provider() string {
	if in.byPhone() {
		return "phone"
	}
	return "email"
}

// signUp answers POST /signup.
func (s *Service) signUp(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in Request
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	in.Client, in.RedirectTo = protocol.Client(r), protocol.RedirectTo(bound.Project.Settings, r)
	granted, made, err := s.SignUp(r, bound, &in)
	switch {
	case err != nil:
		return err
	case granted != nil:
		return s.d.Sessions.Write(w, r, bound, granted)
	}
	protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(made))
	return nil
}

// SignUp makes a user with an address or a number and a password, or an anonymous one. It answers with their session, or with the user alone when they
// have to confirm first. Whoever calls it has counted the address of the request.
func (s *Service) SignUp(r *http.Request, bound *projectdb.Session, in *Request) (*session.Grant, *store.User, error) {
	if err := s.d.Guard.Human(r, bound, in.Security); err != nil {
		return nil, nil, err
	}
	if in.Email == "" && in.Phone == "" {
		granted, err := s.anonymous(r, bound, in)
		return granted, nil, err
	}
	if err := s.check(r.Context(), bound.Project, in); err != nil {
		return nil, nil, err
	}
	confirmed := on(bound.Project, "auth.autoconfirm")
	if in.byPhone() {
		confirmed = on(bound.Project, "auth.phone.autoconfirm")
	}
	user := &newuser.User{Email: in.Email, Phone: in.Phone, EmailConfirmed: confirmed && !in.byPhone(), PhoneConfirmed: confirmed && in.byPhone(),
		Data: in.Data, Address: in.Client.Address}
	err := s.d.Users.Check(r.Context(), bound, user)
	if err != nil {
		return nil, nil, err
	}
	counted := false // not before the hook has let the sign-up pass: it may be mended and tried again at once
	if !confirmed {
		if counted, err = s.tooSoon(r.Context(), bound, in); err != nil {
			return nil, nil, err
		}
	}
	// Before the address is looked up, so that the time taken does not tell whether it is known.
	if user.PasswordHash, err = s.d.Hasher.Hash(r.Context(), bound.Project.Ref, in.Password); err != nil {
		return nil, nil, err
	}
	if confirmed {
		granted, err := s.signInNew(r, bound, user, in.provider(), "password")
		return granted, nil, err
	}
	made, err := s.unconfirmed(r.Context(), bound, user, in, counted)
	return nil, made, err
}

// check refuses what could not be a user of the project, before any user is looked for. It puts the address or number in normal form.
func (s *Service) check(ctx context.Context, p *directory.Project, in *Request) (err error) {
	switch {
	case on(p, "auth.disable_signup"):
		return protocol.ErrSignupDisabled
	case in.Email != "" && in.Phone != "":
		return protocol.ErrValidation("Only an email address or phone number should be provided on signup.")
	case in.Email != "" && !on(p, "auth.email.enabled"):
		return errEmailSignups
	case in.byPhone() && !on(p, "auth.phone.enabled"):
		return errPhoneSignups
	case in.Password == "":
		return protocol.ErrValidation("Signup requires a valid password")
	}
	if in.byPhone() {
		if in.Channel == "" {
			in.Channel = message.ChannelSMS
		}
		if in.Channel != message.ChannelSMS && in.Channel != message.ChannelWhatsApp {
			return protocol.ErrValidation("Invalid channel, supported values are 'sms' or 'whatsapp'. 'whatsapp' is only supported if Twilio or Twilio Verify is used as the provider.")
		}
		in.Phone, err = protocol.NormalPhone(in.Phone)
	} else {
		in.Email, err = protocol.NormalEmail(in.Email)
	}
	if err != nil {
		return err
	}
	if in.ChallengeMethod, err = onetime.CheckChallenge(in.Challenge, in.ChallengeMethod); err != nil {
		return err
	}
	if err := in.Data.Validate(); err != nil {
		return err
	}
	if !on(p, "auth.autoconfirm") && !in.byPhone() || !on(p, "auth.phone.autoconfirm") && in.byPhone() {
		if err := s.d.Letters.Ready(p, in.Phone, in.Channel); err != nil {
			return err
		}
	}
	return s.d.Rules.Check(ctx, p, in.Password)
}

// anonymous makes a user who has not said who they are.
func (s *Service) anonymous(r *http.Request, bound *projectdb.Session, in *Request) (*session.Grant, error) {
	p := bound.Project
	switch {
	case !on(p, "auth.anonymous.enabled"):
		return nil, protocol.ErrAnonymousDisabled
	case on(p, "auth.disable_signup"):
		return nil, protocol.ErrSignupDisabled
	}
	if err := s.d.Guard.Address(r, bound, "anonymous_users"); err != nil {
		return nil, err
	}
	if err := in.Data.Validate(); err != nil {
		return nil, err
	}
	user := &newuser.User{Anonymous: true, Data: in.Data, Address: in.Client.Address}
	if err := s.d.Users.Check(r.Context(), bound, user); err != nil {
		return nil, err
	}
	return s.signInNew(r, bound, user, "anonymous", "anonymous")
}

// signInNew makes a user who needs no confirmation, and signs them in.
func (s *Service) signInNew(r *http.Request, bound *projectdb.Session, user *newuser.User, provider, method string) (*session.Grant, error) {
	ctx, p := r.Context(), bound.Project
	var granted *session.Grant
	err := store.InTx(ctx, bound, func(tx *store.Tx) error {
		made, err := s.d.Users.Insert(ctx, tx, p, user)
		switch {
		case err != nil:
			return err
		case made == nil:
			return protocol.ErrUserExists
		}
		opening := session.Opening{UserID: user.ID, Method: method, Client: protocol.Client(r)}
		if method == "password" {
			opening.CheckedHash, opening.Provider = &user.PasswordHash, provider
		}
		if granted, err = s.d.Sessions.Open(ctx, tx, p, opening); err != nil {
			return err
		}
		granted.Made = true
		return store.Audit(ctx, tx, p, store.Event{Action: "login", Actor: granted.User, Address: user.Address, Traits: map[string]any{"provider": provider}})
	})
	return granted, err
}
