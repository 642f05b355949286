package passkey

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	lib "github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/webauthn"
)

//go:embed sql/put_challenge.sql
var putChallenge string

//go:embed sql/take_challenge.sql
var takeChallenge string

//go:embed sql/lock_user.sql
var lockUser string

//go:embed sql/passkeys_of_user.sql
var passkeysOfUser string

//go:embed sql/lock_passkey.sql
var lockPasskey string

//go:embed sql/insert_passkey.sql
var insertPasskey string

//go:embed sql/use_passkey.sql
var usePasskey string

//go:embed sql/rename_passkey.sql
var renamePasskey string

//go:embed sql/delete_passkey.sql
var deletePasskey string

// The types of challenges.
const (
	registration   = "registration"
	authentication = "authentication"
)

// passkey is a row of webauthn_credentials.
type passkey struct {
	id, userID uuid.UUID
	name       string
	created    time.Time
	used       *time.Time
	credential webauthn.Credential
}

func scanPasskey(row pgx.Row) (*passkey, error) {
	var p passkey
	var c = &p.credential
	var aaguid *uuid.UUID
	var count int64
	var transports []string
	err := row.Scan(&p.id, &p.userID, &c.ID, &c.PublicKey, &c.AttestationType, &aaguid, &count, &transports, &c.Flags.BackupEligible, &c.Flags.BackupState,
		&p.name, &p.created, &p.used)
	if err != nil {
		return nil, err
	}
	c.Flags.UserPresent, c.Flags.UserVerified = true, true
	c.Authenticator.SignCount = uint32(min(max(count, 0), math.MaxUint32))
	if aaguid != nil {
		c.Authenticator.AAGUID = aaguid[:]
	}
	for _, t := range transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return &p, nil
}

func queuePasskeys(batch *pgx.Batch, userID uuid.UUID, out *[]*passkey) {
	batch.Queue(passkeysOfUser, userID).Query(func(rows pgx.Rows) (err error) {
		*out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*passkey, error) { return scanPasskey(row) })
		return err
	})
}

// queueLock finds a passkey by its credential and holds it; out stays nil when there is none.
func queueLock(batch *pgx.Batch, credentialID []byte, out **passkey) {
	batch.Queue(lockPasskey, credentialID).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*passkey, error) { return scanPasskey(row) })
		if len(found) == 1 {
			*out = found[0]
		}
		return err
	})
}

func passkeysOf(ctx context.Context, tx pgx.Tx, userID uuid.UUID) (out []*passkey, err error) {
	var batch pgx.Batch
	queuePasskeys(&batch, userID, &out)
	err = tx.SendBatch(ctx, &batch).Close()
	return out, err
}

// taken is a challenge that was taken out.
type taken struct {
	state   webauthn.State
	expired bool
}

// queueTake takes a challenge out, so that it is answered once; out stays nil when there is none.
func queueTake(batch *pgx.Batch, id uuid.UUID, kind string, userID *uuid.UUID, out **taken) {
	batch.Queue(takeChallenge, id, kind, userID).QueryRow(func(row pgx.Row) error {
		var t taken
		var state json.RawMessage
		if err := row.Scan(&state, &t.expired); errors.Is(err, pgx.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		*out = &t
		return json.Unmarshal(state, &t.state)
	})
}

// put keeps a challenge and tells until when it may be answered.
func put(ctx context.Context, tx pgx.Tx, userID *uuid.UUID, kind string, state webauthn.State) (id uuid.UUID, expires time.Time, err error) {
	id = uuid.New()
	encoded, err := json.Marshal(state)
	if err != nil {
		return id, expires, err
	}
	err = tx.QueryRow(ctx, putChallenge, id, userID, kind, encoded, expiry.Seconds()).Scan(&expires)
	return id, expires, err
}

func insert(ctx context.Context, tx pgx.Tx, userID uuid.UUID, c *webauthn.Credential) (*passkey, error) {
	p := &passkey{id: uuid.New(), userID: userID, name: webauthn.MadeBy(c), credential: *c}
	transports := []string{}
	for _, t := range c.Transport {
		transports = append(transports, string(t))
	}
	err := tx.QueryRow(ctx, insertPasskey, p.id, userID, c.ID, c.PublicKey, c.AttestationType, webauthn.AAGUID(c), int64(c.Authenticator.SignCount),
		transports, c.Flags.BackupEligible, c.Flags.BackupState, p.name).Scan(&p.created)
	return p, err
}

func credentials(passkeys []*passkey) []lib.Credential {
	out := make([]lib.Credential, len(passkeys))
	for i, p := range passkeys {
		out[i] = p.credential
	}
	return out
}
