package mfa

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/auth/webauthn"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
)

type challengeRequest struct {
	Channel string `json:"channel"`
}

type challengeAnswer struct {
	ID        uuid.UUID      `json:"id"`
	Type      string         `json:"type"`
	ExpiresAt int64          `json:"expires_at"`
	WebAuthn  *webauthnOffer `json:"webauthn,omitempty"`
}

type webauthnOffer struct {
	Type    string `json:"type"`
	Options any    `json:"credential_options"`
}

// newChallenge is what is inserted of a challenge.
type newChallenge struct {
	id    uuid.UUID
	code  *string
	state []byte
	offer *webauthnOffer
}

// challenge answers POST /factors/{id}/challenge. What the client says of the relying party is not looked at: that is the project's to say.
func (s *Service) challenge(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ctx, values := r.Context(), bound.Project.Settings
	var in challengeRequest
	id, err := factorID(r)
	if err != nil {
		return err
	}
	if err := s.limit(r, bound, "mfa", nil); err != nil {
		return err
	}
	if r.ContentLength != 0 {
		if err := protocol.Decode(w, r, &in); err != nil {
			return err
		}
	}
	var out challengeAnswer
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, current, err := s.d.Sessions.Self(r, tx, bound)
		if err != nil {
			return err
		}
		f, err := lock(ctx, tx, user.ID, id, uuid.Nil, 0)
		switch {
		case err != nil:
			return err
		case f == nil:
			return errFactorNotFound
		case method[f.kind] == "":
			return errKind
		case !enabled(values, f.kind, "verify"):
			return errVerify[f.kind]
		case foreign(f, user, current):
			return errLevel
		}
		next := newChallenge{id: uuid.New()}
		switch f.kind {
		case kindPhone:
			err = s.sendCode(r, tx, bound, user, &f.factor, in.Channel, &next)
		case kindWebAuthn:
			err = s.offer(r, tx, values, user, &f.factor, &next)
		}
		if err != nil {
			return err
		}
		out = challengeAnswer{ID: next.id, Type: f.kind, WebAuthn: next.offer}
		var batch pgx.Batch
		batch.Queue(putChallenge, next.id, f.id, addressOf(r), next.code, next.state).QueryRow(func(row pgx.Row) error {
			var created time.Time
			err := row.Scan(&created)
			out.ExpiresAt = created.Add(expiry(values)).Unix()
			return err
		})
		store.QueueAudit(&batch, bound.Project, event(r, "challenge_created", user, map[string]any{"factor_id": f.id, "factor_status": f.status()}))
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

func (f *factor) status() string {
	if f.verified {
		return verified
	}
	return "unverified"
}

// sendCode sends a code to a phone. How often is limited for the factor, for a number that nobody has shown to have whoever asks, for the address and
// for the project.
func (s *Service) sendCode(r *http.Request, tx *store.Tx, bound *projectdb.Session, user *store.User, f *factor, channel string, next *newChallenge) error {
	ctx, values := r.Context(), bound.Project.Settings
	if err := s.d.Messages.CanSMS(bound.Project, channel); err != nil {
		if _, test := message.TestOTP(values, f.phone); !test {
			return err
		}
	}
	if err := s.d.Guard.Address(r, bound, "otp"); err != nil {
		return err
	}
	if often := time.Duration(setting.Get[int64](values, "auth.mfa.phone.max_frequency")) * time.Second; often > 0 {
		if wait := protocol.Soon(f.lastChallenged, often, s.d.Now()); wait > 0 {
			return protocol.ErrTooManyTexts(protocol.ErrTooSoon(wait), wait)
		}
		// Whose number it is has been shown for verified factors only: others must not use theirs up.
		if rate := (guard.Rate{PerSecond: 1 / often.Seconds(), Burst: 2}); !f.verified && s.d.Guard.Tries(ctx, bound, "mfa_phone", f.phone, rate) != nil {
			return protocol.ErrTooManyTexts(protocol.ErrTooSoon(often), often)
		}
	}
	code, test := message.TestOTP(values, f.phone)
	if !test {
		code = onetime.Code(int(setting.Get[int64](values, "auth.mfa.phone.otp_length")))
	}
	hash := onetime.Hash(next.id.String(), code)
	next.code = &hash
	seen, err := json.Marshal(protocol.NewUser(user))
	if err != nil {
		return err
	}
	return s.d.Messages.SMS(ctx, tx, bound.Project, message.SMS{To: f.phone, Code: code, Template: "auth.mfa.phone.template", UserID: user.ID, User: seen,
		Channel: channel, Expires: s.d.Now().Add(expiry(values)).UTC()})
}

// offer makes a challenge to a security key: to make a credential while the factor is not verified, and to use it afterwards.
func (s *Service) offer(r *http.Request, tx *store.Tx, values setting.Values, user *store.User, f *factor, next *newChallenge) error {
	party, err := webauthn.Of(values)
	if err != nil {
		return err
	}
	holder, err := s.holder(r, tx, user, f)
	if err != nil {
		return err
	}
	var options any
	var state webauthn.State
	if f.verified {
		options, state, err = party.Ask(holder)
	} else {
		options, state, err = party.SecurityKey(holder)
	}
	if err != nil {
		return err
	}
	next.offer = &webauthnOffer{Type: state.Ceremony, Options: options}
	next.state, err = json.Marshal(state)
	return err
}

// holder is the user with the credential of the factor, or with those of all the others when it has none yet: these are not to be enrolled again.
func (s *Service) holder(r *http.Request, tx *store.Tx, user *store.User, f *factor) (webauthn.Holder, error) {
	out := webauthn.Holder{ID: user.ID, Name: nameOf(user)}
	if f.verified {
		if f.credential != nil {
			out.Credentials = []webauthn.Credential{*f.credential}
		}
		return out, nil
	}
	factors, err := factorsWith(r.Context(), tx, user.ID)
	for _, other := range factors {
		if other.credential != nil && other.id != f.id {
			out.Credentials = append(out.Credentials, *other.credential)
		}
	}
	return out, err
}

func nameOf(u *store.User) string {
	for _, name := range []string{u.Email, u.Phone} {
		if name != "" {
			return name
		}
	}
	return u.ID.String()
}
