package signup

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// tokenByPassword signs a user in. Nothing in its answers or their timing tells whether an address is known before
// the password was right.
func (s *Service) tokenByPassword(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ctx := r.Context()
	var in struct {
		Email    string `json:"email"`
		Phone    string `json:"phone"`
		Password string `json:"password"`
	}
	if err := s.limitAddress(r, bound, "token", signIns); err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if in.Email == "" && in.Phone != "" {
		return protocol.ErrPhoneDisabled
	}
	if in.Email == "" || in.Password == "" {
		return protocol.ErrValidation("missing email or phone")
	}
	email, err := protocol.NormalEmail(in.Email)
	if err != nil {
		return protocol.ErrInvalidCredentials
	}
	guessed := sha256.Sum256([]byte(email))
	if err := s.limit(ctx, bound, "user:"+hex.EncodeToString(guessed[:12]), guesses); err != nil {
		return err
	}
	known, err := s.checkPassword(r, bound, email, in.Password)
	switch {
	case err != nil:
		return err
	case known.Banned:
		return protocol.ErrSignInBanned
	case !known.Confirmed:
		return protocol.ErrEmailNotConfirmed
	}
	opening := store.NewSession{ID: uuid.New(), UserID: known.UserID, CheckedHash: known.PasswordHash, RefreshToken: newRefreshToken(),
		Method: "password", Client: protocol.Client(r)}
	var granted grant
	err = store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		granted.user, granted.session, err = store.OpenSession(ctx, tx, opening)
		return err
	})
	if err != nil {
		return err
	}
	if granted.session == nil { // the password was changed while the old one was being checked
		return protocol.ErrInvalidCredentials
	}
	granted.refreshToken = opening.RefreshToken
	return writeGrant(w, bound.Project, granted, time.Now())
}

// checkPassword finds the user of an address whose password it is. No transaction is open while the hash is computed.
func (s *Service) checkPassword(r *http.Request, bound *projectdb.Session, email, password string) (store.Credential, error) {
	ctx := r.Context()
	var known store.Credential
	err := store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		known, err = store.CredentialByEmail(ctx, tx, email)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return known, err
	}
	right, err := s.d.Hasher.Matches(ctx, bound.Project.Ref, known.PasswordHash, password)
	if err == nil && !right {
		err = protocol.ErrInvalidCredentials
	}
	return known, err
}
