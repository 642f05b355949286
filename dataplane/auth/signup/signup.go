package signup

import (
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// signup makes a user with an address and a password. A role or app_metadata in the body is not looked at.
func (s *Service) signup(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		Email    string            `json:"email"`
		Phone    string            `json:"phone"`
		Password string            `json:"password"`
		Data     protocol.Metadata `json:"data"`
	}
	if err := s.limitAddress(r, bound, "signup", signUps); err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	project := bound.Project
	if setting.Get[bool](project.Settings, "auth.disable_signup") {
		return protocol.ErrSignupDisabled
	}
	switch {
	case in.Email == "" && in.Phone != "":
		return protocol.ErrPhoneDisabled
	case in.Email == "" && in.Password == "":
		return protocol.ErrAnonymousDisabled
	case in.Password == "":
		return protocol.ErrValidation("Signup requires a valid password")
	}
	email, err := protocol.NormalEmail(in.Email)
	if err != nil {
		return err
	}
	if err := in.Data.Validate(); err != nil {
		return err
	}
	if err := password.CheckNew(project, in.Password); err != nil {
		return err
	}
	// Before the address is looked up, so that the time taken does not tell whether it is known.
	hash, err := s.d.Hasher.Hash(r.Context(), project.Ref, in.Password)
	if err != nil {
		return err
	}
	confirmed := setting.Get[bool](project.Settings, "auth.autoconfirm")
	user := newEmailUser(email, hash, confirmed, in.Data)
	if confirmed {
		return s.signUpConfirmed(w, r, bound, user)
	}
	return s.signUpUnconfirmed(w, r, bound, user)
}

// signUpConfirmed signs the new user in at once.
func (s *Service) signUpConfirmed(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, user store.NewUser) error {
	ctx := r.Context()
	opening := store.NewSession{ID: uuid.New(), UserID: user.ID, CheckedHash: user.PasswordHash, RefreshToken: newRefreshToken(),
		Method: "password", Client: protocol.Client(r)}
	var granted grant
	err := store.InTx(ctx, bound, func(tx *store.Tx) error {
		switch inserted, err := store.InsertUser(ctx, tx, user); {
		case err != nil:
			return err
		case !inserted:
			return protocol.ErrUserExists
		}
		var err error
		granted.user, granted.session, err = store.OpenSession(ctx, tx, opening)
		return err
	})
	if err != nil {
		return notSaved(err)
	}
	if granted.session == nil {
		return fault.New(fault.Internal, "SESSION_NOT_OPENED", "The session of a new user could not be opened.")
	}
	granted.refreshToken = opening.RefreshToken
	return writeGrant(w, bound.Project, granted, time.Now())
}

// signUpUnconfirmed answers alike for a new and for a known address. As with GoTrue, what tells a known one is that
// the made-up user has no identities.
func (s *Service) signUpUnconfirmed(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, user store.NewUser) error {
	ctx := r.Context()
	var made *store.User
	err := store.InTx(ctx, bound, func(tx *store.Tx) error {
		inserted, err := store.InsertUser(ctx, tx, user)
		if err == nil && inserted {
			made, err = store.UserByID(ctx, tx, user.ID)
		}
		return err
	})
	if err != nil {
		return notSaved(err)
	}
	if made == nil {
		made = madeUpUser(user, time.Now())
	}
	protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(made))
	return nil
}

// notSaved names what clients know a refusal of the project's own triggers or constraints by.
func notSaved(err error) error {
	if pg.Code(err) == "" {
		return err
	}
	return fault.Wrap(err, fault.Internal, "USER_NOT_SAVED", "Database error saving new user")
}

func newEmailUser(email, hash string, confirmed bool, data protocol.Metadata) store.NewUser {
	id := uuid.New()
	own, _ := data.Split()
	proof := func(verified bool) protocol.Metadata {
		m := own.Clone()
		m.Set("sub", id.String())
		m.Set("email", email)
		m.Set("email_verified", verified)
		m.Set("phone_verified", false)
		return m
	}
	app := protocol.Metadata{}
	app.Set("provider", "email")
	app.Set("providers", []string{"email"})
	return store.NewUser{ID: id, Email: email, PasswordHash: hash, Confirmed: confirmed, AppMetadata: app.Encode(),
		UserMetadata: proof(confirmed).Encode(), IdentityData: proof(false).Encode()}
}

func madeUpUser(u store.NewUser, now time.Time) *store.User {
	now = now.UTC().Truncate(time.Microsecond)
	return &store.User{ID: u.ID, Audience: session.Audience, Role: "authenticated", Email: u.Email, AppMetadata: u.AppMetadata,
		UserMetadata: u.UserMetadata, Created: now, Updated: now, Identities: []byte("[]")}
}
