package mfa

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/hook"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/auth/webauthn"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

type verification struct {
	ChallengeID uuid.UUID `json:"challenge_id"`
	Code        string    `json:"code"`
	WebAuthn    *struct {
		Type     string          `json:"type"`
		Response json.RawMessage `json:"credential_response"`
	} `json:"webauthn"`
}

// attempt is one answer to a challenge.
type attempt struct {
	s     *Service
	r     *http.Request
	bound *projectdb.Session
	in    verification
	id    uuid.UUID // of the factor

	user    *store.User
	session *store.Session
	factor  *locked

	valid bool
	// step is the time step of an authenticator app's code, credential a security key's as it is to be kept.
	step       int64
	credential *webauthn.Credential
	// checked is what the provider said of a code that it made itself; nil when it was not asked.
	checked *bool
}

// verify answers POST /factors/{id}/verify: the session rises to aal2, and gets new tokens.
func (s *Service) verify(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	id, err := factorID(r)
	if err != nil {
		return err
	}
	if err := s.d.Guard.Address(r, bound, "verify"); err != nil {
		return err
	}
	if err := s.limit(r, bound, "mfa_verify", &answers); err != nil {
		return err
	}
	a := attempt{s: s, r: r, bound: bound, id: id}
	if err := protocol.Decode(w, r, &a.in); err != nil {
		return err
	}
	if err := a.ask(); err != nil {
		return err
	}
	var granted *session.Grant
	var refused error // of a transaction that is to be committed all the same
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		if err := a.judge(tx); err != nil {
			return err
		}
		if granted, err = a.complete(tx); !a.valid {
			refused = a.refusal()
		}
		return err
	})
	if err := errors.Join(err, refused); err != nil {
		return err
	}
	return s.d.Sessions.Write(w, r, bound, granted)
}

// ask asks those outside whose word counts: the provider that made the code, and the project's hook. No transaction is open meanwhile; what it
// found is found again by the one that completes the attempt.
func (a *attempt) ask() error {
	ctx, p := a.r.Context(), a.bound.Project
	hooked := a.s.d.Hooks != nil && a.s.d.Hooks.Enabled(p, hook.MFAVerification)
	provider := message.ChecksCodes(p.Settings)
	if !hooked && !provider {
		return nil
	}
	if err := store.InTx(ctx, a.bound, a.judge); err != nil {
		return err
	}
	if provider && a.factor.kind == kindPhone {
		if _, test := message.TestOTP(p.Settings, a.factor.phone); !test {
			right, err := a.s.d.Messages.CheckCode(ctx, p, a.factor.phone, a.in.Code)
			if err != nil {
				return err
			}
			a.checked, a.valid = &right, right
		}
	}
	if !hooked {
		return nil
	}
	return a.askHook(ctx)
}

func (a *attempt) askHook(ctx context.Context) error {
	var out struct {
		Decision string `json:"decision"`
		Message  string `json:"message"`
	}
	input := map[string]any{"factor_id": a.factor.id, "factor_type": a.factor.kind, "user_id": a.user.ID, "valid": a.valid,
		"metadata": map[string]any{"uuid": uuid.NewString(), "time": a.s.d.Now().UTC().Format(time.RFC3339Nano), "name": "mfa-verification-attempt",
			"ip_address": addressOf(a.r)}}
	if err := a.s.d.Hooks.Call(ctx, a.bound, hook.MFAVerification, input, &out); err != nil {
		return err
	}
	switch out.Decision {
	case "continue":
		return nil
	case "reject":
	default:
		return fault.New(fault.Internal, "HOOK_INVALID", "The project's hook mfa_verification_attempt decided neither continue nor reject.")
	}
	// The project takes the attempt for an attack: the user is signed out everywhere.
	err := store.InTx(ctx, a.bound, func(tx *store.Tx) error {
		if err := store.Audit(ctx, tx, a.bound.Project, a.event(false)); err != nil {
			return err
		}
		return a.s.d.Sessions.End(ctx, tx, a.bound.Project, a.user.ID, nil, nil)
	})
	if err != nil {
		return err
	}
	if out.Message == "" {
		out.Message = "Further MFA verification attempts will be rejected."
	}
	return fault.New(fault.Denied, "MFA_VERIFICATION_REJECTED", "%s", out.Message)
}

// judge finds the factor and its challenge, holds the factor until the transaction ends, and decides whether the answer is right. It changes nothing.
func (a *attempt) judge(tx *store.Tx) (err error) {
	ctx, values := a.r.Context(), a.bound.Project.Settings
	if a.user, a.session, err = a.s.d.Sessions.Self(a.r, tx, a.bound); err != nil {
		return err
	}
	if a.factor, err = lock(ctx, tx, a.user.ID, a.id, a.in.ChallengeID, expiry(values)); err != nil {
		return err
	}
	switch f := a.factor; {
	case f == nil:
		return errFactorNotFound
	case f.kind != kindWebAuthn && a.in.Code == "":
		return protocol.ErrValidation("Code needs to be non-empty")
	case method[f.kind] == "":
		return errKind
	case !enabled(values, f.kind, "verify"):
		return errVerify[f.kind]
	case foreign(f, a.user, a.session):
		return errLevel
	case f.challenge == nil:
		return fault.New(fault.FailedPrecondition, "MFA_FACTOR_NOT_FOUND", "MFA factor with the provided challenge ID not found")
	case f.challenge.used || f.challenge.address != addressOf(a.r).String():
		return fault.New(fault.FailedPrecondition, "MFA_IP_ADDRESS_MISMATCH", "Challenge and verify IP addresses mismatch.")
	case f.challenge.expired:
		return fault.New(fault.FailedPrecondition, "MFA_CHALLENGE_EXPIRED",
			"MFA challenge %s has expired, verify against another challenge or create a new challenge.", f.challenge.id)
	}
	switch a.factor.kind {
	case kindTOTP:
		a.step, err = step(a.factor.secret, a.in.Code, a.factor.lastStep, a.s.d.Now())
		a.valid = a.step > 0
	case kindPhone:
		a.valid = a.checked != nil && *a.checked ||
			a.checked == nil && subtle.ConstantTimeCompare([]byte(onetime.Hash(a.factor.challenge.id.String(), strings.TrimSpace(a.in.Code))), []byte(a.factor.challenge.code)) == 1
	case kindWebAuthn:
		return a.judgeKey(tx)
	}
	return err
}

// judgeKey judges a security key's answer. Which ceremony it belongs to is what the factor and the challenge say, not the client: whoever may only
// show a key must not make one.
func (a *attempt) judgeKey(tx *store.Tx) error {
	a.valid = false
	switch in := a.in.WebAuthn; {
	case in == nil:
		return protocol.ErrValidation("WebAuthn config required")
	case in.Type != webauthn.Create && in.Type != webauthn.Request:
		return protocol.ErrValidation("WebAuthn type must be create or request")
	case len(in.Response) == 0 || string(in.Response) == "null":
		return protocol.ErrValidation("credential_response required")
	}
	var state webauthn.State
	if err := json.Unmarshal(a.factor.challenge.state, &state); err != nil {
		return fmt.Errorf("state of challenge %s: %w", a.factor.challenge.id, err)
	}
	want := webauthn.Create
	if a.factor.verified {
		want = webauthn.Request
	}
	if state.Ceremony != want || a.in.WebAuthn.Type != want {
		return nil
	}
	party, err := webauthn.Of(a.bound.Project.Settings)
	if err != nil {
		return err
	}
	holder, err := a.s.holder(a.r, tx, a.user, &a.factor.factor)
	if err != nil {
		return err
	}
	if want == webauthn.Create {
		a.credential, err = party.Created(holder, state, a.in.WebAuthn.Response)
	} else {
		a.credential, err = party.Asserted(holder, state, a.in.WebAuthn.Response)
	}
	switch {
	case webauthn.Malformed(err):
		return protocol.ErrValidation("Invalid credential_response")
	case errors.Is(err, webauthn.ErrRefused):
		return nil
	}
	a.valid = err == nil
	return err
}

func (a *attempt) refusal() error {
	message := map[string]string{kindTOTP: "Invalid TOTP code entered", kindPhone: "Invalid MFA Phone code entered",
		kindWebAuthn: "Invalid WebAuthn credential response"}[a.factor.kind]
	return fault.New(fault.FailedPrecondition, "MFA_VERIFICATION_FAILED", "%s", message)
}

func (a *attempt) event(valid bool) store.Event {
	return event(a.r, "verification_attempted", a.user, map[string]any{"factor_id": a.factor.id, "factor_type": a.factor.kind,
		"challenge_id": a.factor.challenge.id, "valid": valid})
}

// complete records an answer that was judged. A right one raises the session, makes the factor count, and ends what the user has signed in elsewhere
// without a second factor.
func (a *attempt) complete(tx *store.Tx) (*session.Grant, error) {
	ctx, p, f := a.r.Context(), a.bound.Project, a.factor
	if err := a.keep(ctx, tx); err != nil || !a.valid {
		return nil, err
	}
	granted, err := a.s.d.Sessions.Upgrade(ctx, tx, p, a.session, method[f.kind], "aal2", &f.id, protocol.Client(a.r))
	if err != nil {
		return nil, err
	}
	if err := a.s.d.Sessions.EndBelow(ctx, tx, p, a.user.ID, "aal2"); err != nil {
		return nil, err
	}
	if f.verified {
		return granted, nil
	}
	return granted, a.s.notify(ctx, tx, p, a.user, "mfa_factor_enrolled", f.kind)
}

// keep writes what is remembered of an answer. Of a right one: that the challenge is used and the code with it, how far a security key's counter went,
// that the factor counts now, and that others of its kind which were begun are not needed. Of a wrong one: that it was tried; a code may have been
// mistyped, but a security key's challenge is gone.
func (a *attempt) keep(ctx context.Context, tx *store.Tx) error {
	f := a.factor
	var batch pgx.Batch
	store.QueueAudit(&batch, a.bound.Project, a.event(a.valid))
	switch {
	case !a.valid && f.kind == kindWebAuthn:
		batch.Queue(deleteChallenge, f.challenge.id)
	case a.valid:
		code := ""
		if f.kind == kindTOTP {
			code = "step:" + strconv.FormatInt(a.step, 10)
		}
		batch.Queue(useChallenge, f.challenge.id, code)
		if err := a.queueFactor(&batch); err != nil {
			return err
		}
	}
	return tx.SendBatch(ctx, &batch).Close()
}

func (a *attempt) queueFactor(batch *pgx.Batch) error {
	f := a.factor
	if f.verified && a.credential == nil {
		return nil
	}
	var credential []byte
	var aaguid *uuid.UUID
	if a.credential != nil {
		var err error
		if credential, err = json.Marshal(a.credential); err != nil {
			return err
		}
		aaguid = webauthn.AAGUID(a.credential)
	}
	batch.Queue(verifyFactor, f.id, credential, aaguid)
	if !f.verified {
		batch.Queue(deleteUnverifiedFactors, a.user.ID, f.kind, nil)
	}
	return nil
}
