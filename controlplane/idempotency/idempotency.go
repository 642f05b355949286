// Package idempotency answers a repeated request with its first response. The response is kept, sealed, in the transaction
// of what the request made: either both stand or neither.
package idempotency

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// Life is how long a response is kept.
const Life = 24 * time.Hour

// ErrMismatch says that a key was used before for another request.
var ErrMismatch = &fault.Error{Kind: fault.Invalid, Reason: "IDEMPOTENCY_KEY_REUSED",
	Message: "This idempotency key was used before with another request. Use a new key for a new request.",
	Fields:  map[string]string{"idempotency_key": "was used before with another request"}}

// Keys remembers responses.
type Keys struct {
	pool   *pgxpool.Pool
	sealer *seal.Sealer
	now    func() time.Time
}

// New makes Keys of the control database. A nil clock is time.Now.
func New(pool *pgxpool.Pool, sealer *seal.Sealer, now func() time.Time) (*Keys, error) {
	if pool == nil || sealer == nil {
		return nil, errors.New("idempotency: a dependency is missing")
	}
	if now == nil {
		now = time.Now
	}
	return &Keys{pool, sealer, now}, nil
}

// Request names a request: who asks what, with which key.
type Request struct {
	Account   uuid.UUID
	Procedure string
	Key       string
	// Body is the whole request, encoded in the same way each time.
	Body []byte
}

// Do runs fn once for a key and returns its response, also to later and concurrent repeats. The context given to fn carries
// the transaction in which the response is kept; what fn changes through store.InTx commits with it. An error is not kept: a
// repeat tries again. It fails with ErrMismatch for another request under the same key.
func (k *Keys) Do(ctx context.Context, r Request, fn func(context.Context) ([]byte, error)) ([]byte, error) {
	name := r.Account.String() + r.Procedure + "\x00" + r.Key
	hash := sha256.Sum256(r.Body)
	var response []byte
	err := store.InTx(ctx, k.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		if err := q.LockIdempotencyKey(ctx, fmt.Sprintf("idempotency/%x", sha256.Sum256([]byte(name)))); err != nil {
			return fmt.Errorf("lock idempotency key: %w", err)
		}
		kept, err := q.FindIdempotencyKey(ctx, store.FindIdempotencyKeyParams{
			AccountID: r.Account, Procedure: r.Procedure, Key: r.Key, Since: k.now().Add(-Life),
		})
		switch {
		case err == nil && subtle.ConstantTimeCompare(kept.RequestHash, hash[:]) != 1:
			return ErrMismatch
		case err == nil:
			response, err = k.sealer.Open(kept.Response, sealContext(r))
			return err
		case !errors.Is(err, pgx.ErrNoRows):
			return fmt.Errorf("find idempotency key: %w", err)
		}
		if response, err = fn(ctx); err != nil {
			return err
		}
		sealed, err := k.sealer.Seal(response, sealContext(r))
		if err != nil {
			return fmt.Errorf("seal response: %w", err)
		}
		return q.SaveIdempotencyKey(ctx, store.SaveIdempotencyKeyParams{
			AccountID: r.Account, Procedure: r.Procedure, Key: r.Key, RequestHash: hash[:], Response: sealed,
		})
	})
	return response, err
}

// Sweep forgets what is older than Life.
func (k *Keys) Sweep(ctx context.Context) (int64, error) {
	return store.New(k.pool).ForgetIdempotencyKeys(ctx, k.now().Add(-Life))
}

func sealContext(r Request) string {
	return "idempotency/" + r.Account.String() + r.Procedure + "/" + r.Key
}
