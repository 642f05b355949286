package passkey

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/auth/webauthn"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

type offer struct {
	ChallengeID uuid.UUID `json:"challenge_id"`
	Options     any       `json:"options"`
	ExpiresAt   int64     `json:"expires_at"`
}

type answer struct {
	ChallengeID string          `json:"challenge_id"`
	Credential  json.RawMessage `json:"credential"`
}

// check refuses an answer that lacks something, and returns the challenge's id.
func (a *answer) check() (uuid.UUID, error) {
	switch {
	case a.ChallengeID == "":
		return uuid.Nil, protocol.ErrValidation("challenge_id is required")
	case len(a.Credential) == 0 || string(a.Credential) == "null":
		return uuid.Nil, protocol.ErrValidation("credential is required")
	}
	id, err := uuid.Parse(a.ChallengeID)
	if err != nil {
		return id, protocol.ErrValidation("challenge_id must be a valid UUID")
	}
	return id, nil
}

// registrationOptions answers POST /passkeys/registration/options.
func (s *Service) registrationOptions(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ctx := r.Context()
	if err := s.limit(r, bound); err != nil {
		return err
	}
	if err := optional(w, r, &struct{}{}); err != nil {
		return err
	}
	party, err := webauthn.Of(bound.Project.Settings)
	if err != nil {
		return err
	}
	var out offer
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, err := s.registrant(r, tx, bound)
		if err != nil {
			return err
		}
		existing, err := passkeysOf(ctx, tx, user.ID)
		if err != nil {
			return err
		}
		if len(existing) >= most {
			return errTooMany
		}
		options, state, err := party.Passkey(holder(user, existing))
		if err != nil {
			return err
		}
		id, expires, err := put(ctx, tx, &user.ID, registration, state)
		out = offer{id, options, expires.Unix()}
		return err
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

func holder(u *store.User, passkeys []*passkey) webauthn.Holder {
	return webauthn.Holder{ID: u.ID, Name: cmp.Or(u.Email, u.Phone, u.ID.String()), Credentials: credentials(passkeys)}
}

type registered struct {
	ID      uuid.UUID `json:"id"`
	Name    string    `json:"friendly_name,omitempty"`
	Created time.Time `json:"created_at"`
}

// register answers POST /passkeys/registration/verify. The challenge is gone once it was answered, whatever the answer.
func (s *Service) register(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in answer
	if err := s.limit(r, bound); err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	challengeID, err := in.check()
	if err != nil {
		return err
	}
	party, err := webauthn.Of(bound.Project.Settings)
	if err != nil {
		return err
	}
	var made *passkey
	var refused error // of a transaction that is to be committed all the same
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		user, err := s.registrant(r, tx, bound)
		if err != nil {
			return err
		}
		var credential *webauthn.Credential
		credential, refused, err = judgeNew(r, tx, party, user, challengeID, in.Credential)
		if err != nil || refused != nil {
			return err
		}
		if made, err = insert(r.Context(), tx, user.ID, credential); pg.Code(err) == pgerrcode.UniqueViolation {
			return errExists
		}
		if err != nil {
			return err
		}
		return audit(r, tx, bound, "passkey_created", user, map[string]any{"passkey_id": made.id})
	})
	if err := errors.Join(err, refused); err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, registered{made.id, made.name, made.created.UTC()})
	return nil
}

// judgeNew takes the challenge out and judges the answer to it.
func judgeNew(r *http.Request, tx *store.Tx, party *webauthn.Party, user *store.User, challengeID uuid.UUID, given json.RawMessage) (_ *webauthn.Credential, refused, err error) {
	var challenge *taken
	var existing []*passkey
	var batch pgx.Batch
	batch.Queue(lockUser, user.ID)
	queueTake(&batch, challengeID, registration, &user.ID, &challenge)
	queuePasskeys(&batch, user.ID, &existing)
	if err := tx.SendBatch(r.Context(), &batch).Close(); err != nil {
		return nil, nil, err
	}
	switch {
	case challenge == nil:
		return nil, errNoChallenge, nil
	case challenge.expired:
		return nil, errExpired, nil
	case len(existing) >= most:
		return nil, errTooMany, nil
	}
	credential, err := party.Created(holder(user, existing), challenge.state, given)
	refused, err = refusal(err)
	return credential, refused, err
}

// refusal parts what is wrong with an answer from what went wrong.
func refusal(err error) (refused, failed error) {
	switch {
	case webauthn.Malformed(err):
		return errUnreadable, nil
	case errors.Is(err, webauthn.ErrRefused):
		return errRefused, nil
	}
	return nil, err
}

// authenticationOptions answers POST /passkeys/authentication/options. It says the same to everyone: no user is named.
func (s *Service) authenticationOptions(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		Security guard.Security `json:"gotrue_meta_security"`
	}
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	if err := optional(w, r, &in); err != nil {
		return err
	}
	if err := s.d.Guard.Human(r, bound, in.Security); err != nil {
		return err
	}
	party, err := webauthn.Of(bound.Project.Settings)
	if err != nil {
		return err
	}
	options, state, err := party.Discover()
	if err != nil {
		return err
	}
	var out offer
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		id, expires, err := put(r.Context(), tx, nil, authentication, state)
		out = offer{id, options, expires.Unix()}
		return err
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// authenticate answers POST /passkeys/authentication/verify with a session. Its level is aal1, as GoTrue's: a passkey is one factor to the project,
// whatever its authenticator asked of the user.
func (s *Service) authenticate(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in answer
	if err := s.d.Guard.Address(r, bound, "verify"); err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	challengeID, err := in.check()
	if err != nil {
		return err
	}
	party, err := webauthn.Of(bound.Project.Settings)
	if err != nil {
		return err
	}
	var granted *session.Grant
	var refused error // of a transaction that is to be committed all the same
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		var user *store.User
		var used *passkey
		user, used, refused, err = judgeKnown(r, tx, party, challengeID, in.Credential)
		if err != nil {
			return err
		}
		if refused != nil {
			return auditRefused(r, tx, bound, user, used, refused)
		}
		if _, err := tx.Exec(r.Context(), usePasskey, used.id, int64(used.credential.Authenticator.SignCount), used.credential.Flags.BackupState); err != nil {
			return err
		}
		granted, err = s.d.Sessions.Open(r.Context(), tx, bound.Project, session.Opening{UserID: user.ID, Method: "passkey", Client: protocol.Client(r)})
		if err != nil {
			return err
		}
		return audit(r, tx, bound, "login", user, map[string]any{"provider": "passkey", "passkey_id": used.id})
	})
	if err := errors.Join(err, refused); err != nil {
		return err
	}
	return s.d.Sessions.Write(w, r, bound, granted)
}

// auditRefused records whose passkey was refused and why, where it is known: that one may have been copied is worth knowing.
func auditRefused(r *http.Request, tx *store.Tx, bound *projectdb.Session, user *store.User, used *passkey, refused error) error {
	if used == nil {
		return nil
	}
	return audit(r, tx, bound, "passkey_refused", user, map[string]any{"passkey_id": used.id, "reason": fault.From(refused).Reason})
}

// judgeKnown takes the challenge out, finds the passkey that answers it with its owner, and judges the answer. What is wrong with the user is told
// only to who has shown their passkey.
func judgeKnown(r *http.Request, tx *store.Tx, party *webauthn.Party, challengeID uuid.UUID, given json.RawMessage) (user *store.User, used *passkey, refused, err error) {
	var challenge *taken
	var batch pgx.Batch
	queueTake(&batch, challengeID, authentication, nil, &challenge)
	read, unreadable := webauthn.Read(given)
	if unreadable == nil {
		queueLock(&batch, read.CredentialID, &used)
	}
	if err := tx.SendBatch(r.Context(), &batch).Close(); err != nil {
		return nil, nil, nil, err
	}
	switch {
	case challenge == nil:
		return nil, nil, errNoChallenge, nil
	case challenge.expired:
		return nil, nil, errExpired, nil
	case unreadable != nil:
		return nil, nil, errUnreadable, nil
	case used == nil:
		return nil, nil, errUnknown, nil
	}
	owner := webauthn.Holder{ID: used.userID, Credentials: []webauthn.Credential{used.credential}}
	credential, err := party.Discovered(owner, challenge.state, read)
	if refused, err = refusal(err); err != nil {
		return nil, nil, nil, err
	}
	user, err = store.UserByID(r.Context(), tx, used.userID)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil, cmp.Or(refused, error(errNoUser)), nil
	case err != nil || refused != nil:
		return user, used, refused, err
	case user.Banned(time.Now()):
		return user, used, protocol.ErrUserBanned, nil
	}
	used.credential = *credential
	return user, used, confirmed(user), nil
}
