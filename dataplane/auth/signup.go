package auth

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
func (s *Service) signup(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in struct {
		Email    string   `json:"email"`
		Phone    string   `json:"phone"`
		Password string   `json:"password"`
		Data     metadata `json:"data"`
	}
	if err := s.limitAddress(r, session, "signup", signUps); err != nil {
		return err
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	project := session.Project
	if setting.Get[bool](project.Settings, "auth.disable_signup") {
		return errSignupDisabled
	}
	switch {
	case in.Email == "" && in.Phone != "":
		return errPhoneDisabled
	case in.Email == "" && in.Password == "":
		return errAnonymousDisabled
	case in.Password == "":
		return errValidation("Signup requires a valid password")
	}
	email, err := normalEmail(in.Email)
	if err != nil {
		return err
	}
	if err := in.Data.validate(); err != nil {
		return err
	}
	if err := checkNewPassword(project, in.Password); err != nil {
		return err
	}
	// Before the address is looked up, so that the time taken does not tell whether it is known.
	hash, err := s.hasher.hash(r.Context(), project.Ref, in.Password)
	if err != nil {
		return err
	}
	confirmed := setting.Get[bool](project.Settings, "auth.autoconfirm")
	user := newEmailUser(email, hash, confirmed, in.Data)
	if confirmed {
		return s.signUpConfirmed(w, r, session, user)
	}
	return s.signUpUnconfirmed(w, r, session, user)
}

// signUpConfirmed signs the new user in at once.
func (s *Service) signUpConfirmed(w http.ResponseWriter, r *http.Request, session *projectdb.Session, user store.NewUser) error {
	ctx := r.Context()
	opening := store.NewSession{ID: uuid.New(), UserID: user.ID, CheckedHash: user.PasswordHash, RefreshToken: newRefreshToken(),
		Method: "password", Client: client(r)}
	var granted grant
	err := session.InService(ctx, Schema, func(tx pgx.Tx) error {
		switch inserted, err := store.InsertUser(ctx, tx, user); {
		case err != nil:
			return err
		case !inserted:
			return errUserExists
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
	return writeGrant(w, session.Project, granted, time.Now())
}

// signUpUnconfirmed answers alike for a new and for a known address. As with GoTrue, what tells a known one is that
// the made-up user has no identities.
func (s *Service) signUpUnconfirmed(w http.ResponseWriter, r *http.Request, session *projectdb.Session, user store.NewUser) error {
	ctx := r.Context()
	var made *store.User
	err := session.InService(ctx, Schema, func(tx pgx.Tx) error {
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
	writeJSON(w, http.StatusOK, userJSON(made))
	return nil
}

// notSaved names what clients know a refusal of the project's own triggers or constraints by.
func notSaved(err error) error {
	if pg.Code(err) == "" {
		return err
	}
	return fault.Wrap(err, fault.Internal, "USER_NOT_SAVED", "Database error saving new user")
}

func newEmailUser(email, hash string, confirmed bool, data metadata) store.NewUser {
	id := uuid.New()
	own, _ := data.split()
	proof := func(verified bool) metadata {
		m := own.clone()
		m.set("sub", id.String())
		m.set("email", email)
		m.set("email_verified", verified)
		m.set("phone_verified", false)
		return m
	}
	app := metadata{}
	app.set("provider", "email")
	app.set("providers", []string{"email"})
	return store.NewUser{ID: id, Email: email, PasswordHash: hash, Confirmed: confirmed, AppMetadata: app.encode(),
		UserMetadata: proof(confirmed).encode(), IdentityData: proof(false).encode()}
}

func madeUpUser(u store.NewUser, now time.Time) *store.User {
	now = now.UTC().Truncate(time.Microsecond)
	return &store.User{ID: u.ID, Audience: audience, Role: "authenticated", Email: u.Email, AppMetadata: u.AppMetadata,
		UserMetadata: u.UserMetadata, Created: now, Updated: now, Identities: []byte("[]")}
}
