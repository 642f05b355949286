package admin

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/mark_invited.sql
var markInvited string

//go:embed sql/want_email.sql
var wantEmail string

// invite makes a user of an address, and sends them a link that signs them in for the first time.
func (s *Service) invite(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ctx, p := r.Context(), bound.Project
	var in struct {
		Email string            `json:"email"`
		Data  protocol.Metadata `json:"data"`
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	email, err := protocol.NormalEmail(in.Email)
	if err != nil {
		return err
	}
	if err := in.Data.Validate(); err != nil {
		return err
	}
	if err := s.d.Letters.Ready(p, "", ""); err != nil {
		return err
	}
	next := &newuser.User{Email: email, Data: in.Data, Given: true, Invited: true, Action: "-"}
	user, err := s.linked(r, bound, next, func(ctx context.Context, tx *store.Tx, user *store.User, isNew bool) error {
		if !isNew {
			if err := s.claim(ctx, tx, p, user, true, "", in.Data); err != nil {
				return err
			}
		}
		return s.d.Letters.Email(ctx, tx, p, letter.Mail{User: user, Token: onetime.Confirmation, Template: "invite", Kind: "invite",
			RedirectTo: protocol.RedirectTo(p.Settings, r), Event: event(r, bound, "user_invited", user)})
	})
	if err != nil {
		return err
	}
	var now *store.User
	if err := store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		now, err = store.UserByID(ctx, tx, user.ID)
		return err
	}); err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(now))
	return nil
}

// linked runs fn with the user of an address, who is made when there is none, in a transaction. The project's hook is asked before it.
func (s *Service) linked(r *http.Request, bound *projectdb.Session, next *newuser.User, fn func(ctx context.Context, tx *store.Tx, user *store.User, isNew bool) error) (*store.User, error) {
	ctx := r.Context()
	next.ByService, next.Developer, next.Address = true, bound.Caller.Developer, protocol.Client(r).Address
	var user *store.User
	find := func(tx *store.Tx) (err error) {
		user, err = store.UserByEmail(ctx, tx, next.Email)
		return err
	}
	if err := store.InTx(ctx, bound, find); err != nil {
		return nil, err
	}
	if user == nil {
		if err := s.d.Users.Check(ctx, bound, next); err != nil {
			return nil, err
		}
	}
	err := store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		isNew := user == nil
		if isNew {
			if user, err = s.d.Users.Insert(ctx, tx, bound.Project, next); err == nil && user == nil { // somebody was faster
				isNew, err = false, find(tx)
			}
		} else {
			user, err = store.LockUser(ctx, tx, user.ID)
		}
		if err != nil || user == nil {
			return or(err, protocol.ErrConflict)
		}
		return fn(ctx, tx, user, isNew)
	})
	return user, err
}

// claim refuses to invite or sign up somebody who is a user already, and gives one who is none yet what is said of them. Whoever made the account without
// having proved the address may be somebody else, and is shut out. Hash is that of the password that the admin gives, or "".
func (s *Service) claim(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, invited bool, hash string, data protocol.Metadata) error {
	if user.EmailConfirmed != nil {
		return protocol.ErrEmailExists
	}
	if user.OpenToMaker() && madeByThemselves(user) {
		if err := store.ShutOutMaker(ctx, tx, user.ID); err != nil {
			return err
		}
		if err := s.d.Sessions.End(ctx, tx, p, user.ID, nil, nil); err != nil {
			return err
		}
	}
	if invited {
		if _, err := tx.Exec(ctx, markInvited, user.ID); err != nil {
			return err
		}
	}
	set, remove := data.Split()
	if len(set)+len(remove) == 0 && hash == "" {
		return nil
	}
	c := store.Change{SetMetadata: set.Encode(), RemoveMetadata: remove}
	if hash != "" {
		c.PasswordHash = &hash
	}
	size, _, err := store.UpdateUser(ctx, tx, user.ID, c)
	if err == nil && size > protocol.MaxMetadata {
		err = protocol.ErrMetadataSize()
	}
	return err
}

// madeByThemselves tells users that signed up from those that an admin made: their metadata says who they are, they came from a provider, or they have
// been here.
func madeByThemselves(u *store.User) bool {
	var data struct {
		Sub string `json:"sub"`
	}
	_ = json.Unmarshal(u.UserMetadata, &data) // without one it is no sign-up
	return u.LastSignIn != nil || data.Sub != ""
}

// The types of links.
const (
	linkSignUp             = "signup"
	linkInvite             = "invite"
	linkMagic              = "magiclink"
	linkRecovery           = "recovery"
	linkEmailChangeCurrent = "email_change_current"
	linkEmailChangeNew     = "email_change_new"
)

// linkTokens are what the codes of links are kept as.
var linkTokens = map[string]onetime.Kind{
	linkSignUp: onetime.Confirmation, linkInvite: onetime.Confirmation, linkMagic: onetime.Recovery, linkRecovery: onetime.Recovery,
	linkEmailChangeCurrent: onetime.EmailChangeCurrent, linkEmailChangeNew: onetime.EmailChangeNew,
}

type linkRequest struct {
	Type       string            `json:"type"`
	Email      string            `json:"email"`
	NewEmail   string            `json:"new_email"`
	Password   string            `json:"password"`
	Data       protocol.Metadata `json:"data"`
	RedirectTo string            `json:"redirect_to"`
}

// link is the answer: the user, and what could be sent to them.
type link struct {
	protocol.User
	ActionLink       string `json:"action_link"`
	EmailOTP         string `json:"email_otp"`
	HashedToken      string `json:"hashed_token"`
	VerificationType string `json:"verification_type"`
	RedirectTo       string `json:"redirect_to"`
}

var (
	errNoUserOfEmail = fault.New(fault.NotFound, "USER_NOT_FOUND", "User with this email not found")
	errNotSecure     = fault.New(fault.Invalid, "VALIDATION_FAILED", "Enable secure email change to generate link for current email")
)

// generateLink makes the link and code that a mail would carry, for who sends their own mail.
func (s *Service) generateLink(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	p := bound.Project
	var in linkRequest
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if err := in.validate(bound); err != nil {
		return err
	}
	to := protocol.RedirectTo(p.Settings, r)
	if in.RedirectTo != "" {
		to = protocol.AllowedRedirect(p.Settings, in.RedirectTo)
	}
	next, err := s.userOfLink(r, bound, &in)
	if err != nil {
		return err
	}
	var made onetime.Issued
	user, err := s.linked(r, bound, next, func(ctx context.Context, tx *store.Tx, user *store.User, isNew bool) (err error) {
		if err := s.readyForLink(ctx, tx, p, user, isNew, next.PasswordHash, &in); err != nil {
			return err
		}
		m := letter.Mail{User: user, To: in.Email, Token: linkTokens[in.Type], Event: event(r, bound, actionOfLink(in.Type), user)}
		if in.Type == linkEmailChangeNew {
			m.To = in.NewEmail
		}
		made, err = letter.Make(ctx, tx, p, m)
		return err
	})
	if err != nil {
		return err
	}
	var now *store.User
	if err := store.InTx(r.Context(), bound, func(tx *store.Tx) (err error) {
		now, err = store.UserByID(r.Context(), tx, user.ID)
		return err
	}); err != nil {
		return err
	}
	kind, _, _ := strings.Cut(in.Type, "_current")
	kind = strings.TrimSuffix(kind, "_new")
	query := "token=" + url.QueryEscape(made.Link) + "&type=" + url.QueryEscape(kind) + "&redirect_to=" + url.QueryEscape(to)
	protocol.WriteJSON(w, http.StatusOK, link{User: protocol.NewUser(now), ActionLink: strings.TrimSuffix(p.URL, "/") + "/auth/v1/verify?" + query,
		EmailOTP: made.Code, HashedToken: made.Link, VerificationType: in.Type, RedirectTo: to})
	return nil
}

func (in *linkRequest) validate(bound *projectdb.Session) (err error) {
	if linkTokens[in.Type] == "" {
		return protocol.ErrValidation("Invalid email action link type requested: %s", in.Type)
	}
	if in.Email, err = protocol.NormalEmail(in.Email); err != nil {
		return err
	}
	if in.Type == linkEmailChangeCurrent || in.Type == linkEmailChangeNew {
		if in.Type == linkEmailChangeCurrent && !on(bound.Project, "auth.email.secure_change") {
			return errNotSecure
		}
		if in.NewEmail, err = protocol.NormalEmail(in.NewEmail); err != nil {
			return err
		}
	}
	return in.Data.Validate()
}

// userOfLink is who is made when the address has no user. A magic link for one who is none yet is a sign-up, without a password.
func (s *Service) userOfLink(r *http.Request, bound *projectdb.Session, in *linkRequest) (*newuser.User, error) {
	ctx := r.Context()
	var known *store.User
	err := store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		known, err = store.UserByEmail(ctx, tx, in.Email)
		return err
	})
	if err != nil {
		return nil, err
	}
	next := &newuser.User{Email: in.Email, Data: in.Data, Action: "-"}
	switch {
	case in.Type == linkInvite:
		next.Given, next.Invited = true, true
	case in.Type == linkSignUp && (known == nil || known.EmailConfirmed == nil && in.Password != ""):
		if err := s.d.Rules.Check(ctx, bound.Project, in.Password); err != nil {
			return nil, err
		}
		next.PasswordHash, err = s.d.Hasher.Hash(ctx, bound.Project.Ref, in.Password)
	case in.Type == linkMagic && known == nil:
		in.Type = linkSignUp
	case known == nil:
		return nil, errNoUserOfEmail
	}
	return next, err
}

// readyForLink makes of the user what the link is for.
func (s *Service) readyForLink(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, isNew bool, hash string, in *linkRequest) error {
	switch in.Type {
	case linkSignUp, linkInvite:
		if isNew {
			return nil
		}
		return s.claim(ctx, tx, p, user, in.Type == linkInvite, hash, in.Data)
	case linkEmailChangeCurrent, linkEmailChangeNew:
		other, err := store.UserByEmail(ctx, tx, in.NewEmail)
		if err != nil || other != nil {
			return or(err, protocol.ErrEmailExists)
		}
		_, err = tx.Exec(ctx, wantEmail, user.ID, in.NewEmail)
		return err
	}
	return nil
}

func actionOfLink(kind string) string {
	switch kind {
	case linkInvite:
		return "user_invited"
	case linkMagic, linkRecovery:
		return "user_recovery_requested"
	}
	return "user_confirmation_requested"
}
