package mfa

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/webauthn"
)

//go:embed sql/lock_user.sql
var lockUser string

//go:embed sql/delete_stale_factors.sql
var deleteStaleFactors string

//go:embed sql/delete_unverified_factors.sql
var deleteUnverifiedFactors string

//go:embed sql/factors_of_user.sql
var factorsOfUser string

//go:embed sql/insert_factor.sql
var insertFactor string

//go:embed sql/lock_factor.sql
var lockFactor string

//go:embed sql/challenge.sql
var challengeByID string

//go:embed sql/last_step.sql
var lastStep string

//go:embed sql/put_challenge.sql
var putChallenge string

//go:embed sql/use_challenge.sql
var useChallenge string

//go:embed sql/delete_challenge.sql
var deleteChallenge string

//go:embed sql/verify_factor.sql
var verifyFactor string

// factor is a row of mfa_factors.
type factor struct {
	id             uuid.UUID
	kind           string
	verified       bool
	name           string
	secret         string
	phone          string
	lastChallenged *time.Time
	// credential is that of a security key, once there is one.
	credential *webauthn.Credential
}

func (f *factor) setCredential(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	f.credential = &webauthn.Credential{}
	return json.Unmarshal(raw, f.credential)
}

// lockedFactors holds the user's row, clears what was begun and left, and returns the factors that are left.
func lockedFactors(ctx context.Context, tx pgx.Tx, userID uuid.UUID) ([]factor, error) {
	var out []factor
	var batch pgx.Batch
	batch.Queue(lockUser, userID)
	batch.Queue(deleteStaleFactors, userID, stale.Seconds())
	queueFactors(&batch, userID, &out)
	err := tx.SendBatch(ctx, &batch).Close()
	return out, err
}

func queueFactors(batch *pgx.Batch, userID uuid.UUID, out *[]factor) {
	batch.Queue(factorsOfUser, userID).Query(func(rows pgx.Rows) (err error) {
		*out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (f factor, err error) {
			var status string
			var credential json.RawMessage
			if err := row.Scan(&f.id, &f.kind, &status, &f.name, &f.phone, &f.lastChallenged, &credential); err != nil {
				return f, err
			}
			f.verified = status == verified
			return f, f.setCredential(credential)
		})
		return err
	})
}

// challenge is a row of mfa_challenges.
type challenge struct {
	id      uuid.UUID
	used    bool
	address string
	expired bool
	code    string
	state   json.RawMessage
}

// locked is a factor that is held until the transaction ends, with what an answer is judged by.
type locked struct {
	factor
	challenge *challenge // nil for none
	// lastStep is the last time step whose code was accepted.
	lastStep int64
}

// lock holds a user's factor and reads one of its challenges; uuid.Nil for none. It returns nil when the user has no such factor.
func lock(ctx context.Context, tx pgx.Tx, userID, factorID, challengeID uuid.UUID, expiry time.Duration) (*locked, error) {
	out := locked{factor: factor{id: factorID}}
	found := false
	var batch pgx.Batch
	if challengeID != uuid.Nil { // answers of one user take turns, because each may end the other's session
		batch.Queue(lockUser, userID)
	}
	batch.Queue(lockFactor, userID, factorID).QueryRow(func(row pgx.Row) error {
		var status string
		var credential json.RawMessage
		err := row.Scan(&out.kind, &status, &out.name, &out.secret, &out.phone, &out.lastChallenged, &credential)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		found = err == nil
		out.verified = status == verified
		return errors.Join(err, out.setCredential(credential))
	})
	if challengeID != uuid.Nil {
		// Statements of their own: they must see what the answer before this one has written.
		batch.Queue(challengeByID, factorID, challengeID, expiry.Seconds()).QueryRow(func(row pgx.Row) error {
			c := challenge{id: challengeID}
			err := row.Scan(&c.used, &c.address, &c.expired, &c.code, &c.state)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			out.challenge = &c
			return err
		})
		batch.Queue(lastStep, factorID).QueryRow(func(row pgx.Row) error { return row.Scan(&out.lastStep) })
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil || !found {
		return nil, err
	}
	return &out, nil
}

// factorsWith reads a user's factors.
func factorsWith(ctx context.Context, tx pgx.Tx, userID uuid.UUID) (out []factor, err error) {
	var batch pgx.Batch
	queueFactors(&batch, userID, &out)
	err = tx.SendBatch(ctx, &batch).Close()
	return out, err
}
