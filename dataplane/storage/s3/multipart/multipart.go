// Package multipart is uploads in S3's parts: their rows are laid out as Supabase Storage's, their bytes are in a multipart upload of the object
// store, below the key that the object will have.
package multipart

import (
	"context"
	"crypto/rand"
	_ "embed" // the statements
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/internal/setting"
)

//go:embed sql/insert.sql
var insertSQL string

//go:embed sql/find.sql
var findSQL string

//go:embed sql/lock.sql
var lockSQL string

//go:embed sql/set_state.sql
var setStateSQL string

//go:embed sql/delete.sql
var deleteSQL string

//go:embed sql/size_of_part.sql
var sizeOfPartSQL string

//go:embed sql/delete_part.sql
var deletePartSQL string

//go:embed sql/insert_part.sql
var insertPartSQL string

//go:embed sql/list.sql
var listSQL string

//go:embed sql/under_way.sql
var underWaySQL string

//go:embed sql/used.sql
var usedSQL string

//go:embed sql/kept.sql
var keptSQL string

// Bounds.
const (
	MaxParts    = 10_000
	MaxPartSize = 5 << 30
	MinPartSize = 5 << 20
	// maxUploads is how many uploads of a project may be under way.
	maxUploads = 10_000
)

// KindExpired is the kind of the outbox's item that ends an upload: its payload is an Expired.
const KindExpired = "multipart_expired"

// Expired names the upload that ends.
type Expired struct {
	ID string `json:"id"`
}

// Sealer encrypts what the project's owner must not change; seal.Sealer does.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}

// Deps are what Uploads need.
type Deps struct {
	Objects *object.Service
	Blobs   *blob.Store
	Queue   *outbox.Queue
	Sealer  Sealer
	Log     *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Uploads are the uploads in parts of all projects. It keeps nothing of them.
type Uploads struct{ d Deps }

// New makes Uploads.
func New(d Deps) *Uploads {
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Uploads{d}
}

// ErrNoSuchUpload refuses what is not there, or somebody else's.
var ErrNoSuchUpload = fault.New(fault.NotFound, "NO_SUCH_UPLOAD",
	"The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")

// state is what counts of an upload. It is sealed in the column upload_signature: the table is the project's own, and its other columns may say
// anything.
type state struct {
	Bucket  string    `json:"bucket"`
	Key     string    `json:"key"`
	Version string    `json:"version"`
	Role    string    `json:"role"`
	Owner   string    `json:"owner,omitempty"`
	Store   string    `json:"store,omitempty"` // the object store's id of it
	Size    int64     `json:"size"`            // of the parts
	Limit   int64     `json:"limit"`
	Expires time.Time `json:"expires"`
	// Claim is of who completes or ends it, until Claimed.
	Claim   string    `json:"claim,omitempty"`
	Claimed time.Time `json:"claimed,omitzero"`
}

// Upload is an upload that is under way.
type Upload struct {
	ID      string
	Bucket  string
	Key     string
	Owner   string
	Created time.Time

	state          state
	metadata, user []byte
}

// place is what a state is sealed for.
func place(session *projectdb.Session, id string) string {
	return "project/" + session.Project.ID + "/s3-upload/" + id
}

func (u *Uploads) seal(session *projectdb.Session, id string, s state) (string, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	sealed, err := u.d.Sealer.Seal(plain, place(session, id))
	if err != nil {
		return "", fmt.Errorf("seal an upload's state: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sealed), nil
}

func (u *Uploads) open(session *projectdb.Session, id, signature string) (s state, err error) {
	sealed, err := base64.StdEncoding.DecodeString(signature)
	if err == nil {
		var plain []byte
		if plain, err = u.d.Sealer.Open(sealed, place(session, id)); err == nil {
			err = json.Unmarshal(plain, &s)
		}
	}
	if err != nil {
		return s, fault.Wrap(err, fault.NotFound, ErrNoSuchUpload.Reason, "The upload's row was changed by other hands: begin anew.")
	}
	return s, nil
}

// options are how the service reads and writes the rows: whether the caller may have them is judged by what is sealed.
func options(readOnly bool) projectdb.Options {
	return projectdb.Options{ReadOnly: readOnly, SearchPath: []string{object.Schema, "public", "extensions"},
		Settings: []projectdb.Setting{{Name: "storage.operation", Value: "storage.s3.upload"}}}
}

// Create begins an upload. The caller must be allowed to write the object.
func (u *Uploads) Create(ctx context.Context, session *projectdb.Session, target object.Target) (string, error) {
	target.Size, target.Operation = -1, "storage.s3.upload.create"
	ticket, err := u.d.Objects.Begin(ctx, session, target)
	if err != nil {
		return "", err
	}
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	id := hex.EncodeToString(random[:])
	lasts := time.Duration(setting.Get[int64](session.Project.Settings, "storage.resumable_expiry")) * time.Second
	s := state{Bucket: ticket.Bucket, Key: ticket.Name, Version: ticket.Version, Role: session.Caller.Role, Owner: session.Caller.Subject, Limit: ticket.Limit, Expires: u.d.Now().Add(lasts)}
	// First what ends it: nothing that follows is left behind, whatever dies.
	err = outbox.InService(ctx, session, object.Schema, func(tx *outbox.ServiceTx) error {
		_, err := u.d.Queue.AddAt(ctx, tx, session.Project.Ref, object.Schema, KindExpired, Expired{id}, s.Expires)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("see to the end of an upload: %w", err)
	}
	if err := u.insert(ctx, session, id, s, ticket); err != nil {
		return "", err
	}
	if err := u.begin(ctx, session, id, s, ticket.MimeType); err != nil {
		u.forget(ctx, session, id)
		return "", err
	}
	return id, nil
}

// said is what an upload says of the object; it is in the column metadata.
type said struct {
	MimeType           string            `json:"mimetype"`
	CacheControl       string            `json:"cacheControl"`
	ContentEncoding    string            `json:"contentEncoding,omitempty"`
	ContentDisposition string            `json:"contentDisposition,omitempty"`
	ContentLanguage    string            `json:"contentLanguage,omitempty"`
	Expires            string            `json:"expires,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`
}

func (u *Uploads) insert(ctx context.Context, session *projectdb.Session, id string, s state, t *object.Ticket) error {
	metadata, err := json.Marshal(said{t.MimeType, t.CacheControl, t.ContentEncoding, t.ContentDisposition, t.ContentLanguage, t.Expires, t.Tags})
	if err != nil {
		return err
	}
	signature, err := u.seal(session, id, s)
	if err != nil {
		return err
	}
	var owner, user any
	if s.Owner != "" {
		owner = s.Owner
	}
	if len(t.UserMetadata) > 0 {
		user = string(t.UserMetadata)
	}
	err = session.Elevated().InTx(ctx, options(false), func(tx pgx.Tx) error {
		var count, bytes int64
		if err := tx.QueryRow(ctx, underWaySQL).Scan(&count, &bytes); err != nil {
			return err
		}
		if count >= maxUploads {
			return fault.New(fault.Exhausted, "SLOW_DOWN", "The project has %d uploads in parts under way. Complete or abort some.", count)
		}
		_, err := tx.Exec(ctx, insertSQL, id, signature, s.Bucket, s.Key, s.Version, owner, string(metadata), user)
		return err
	})
	if pg.Code(err) == pgerrcode.ForeignKeyViolation {
		return fault.Wrap(err, fault.NotFound, "NO_SUCH_BUCKET", "Bucket not found")
	}
	return err
}

// scanUpload reads a row, and what is sealed in it.
func (u *Uploads) scanUpload(session *projectdb.Session, row pgx.Row) (*Upload, error) {
	up := &Upload{}
	var signature string
	err := row.Scan(&up.ID, &signature, &up.Created, &up.metadata, &up.user)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNoSuchUpload
	}
	if err != nil {
		return nil, err
	}
	if up.state, err = u.open(session, up.ID, signature); err != nil {
		return nil, err
	}
	up.Bucket, up.Key, up.Owner = up.state.Bucket, up.state.Key, up.state.Owner
	return up, nil
}

// admit lets through who began the upload, and the service role; for the same object only, and until it expires.
func (u *Uploads) admit(session *projectdb.Session, up *Upload, bucket, key string) error {
	caller := session.Caller
	mine := caller.Role == "service_role" || up.state.Role == caller.Role && up.Owner == caller.Subject
	if !mine || up.Bucket != bucket || up.Key != key || !u.d.Now().Before(up.state.Expires) || up.state.Store == "" {
		return ErrNoSuchUpload
	}
	return nil
}

// Find returns an upload that is the caller's.
func (u *Uploads) Find(ctx context.Context, session *projectdb.Session, bucket, key, id string) (*Upload, error) {
	var up *Upload
	err := session.Elevated().InTx(ctx, options(true), func(tx pgx.Tx) (err error) {
		up, err = u.scanUpload(session, tx.QueryRow(ctx, findSQL, id))
		return err
	})
	if err != nil {
		return nil, err
	}
	return up, u.admit(session, up, bucket, key)
}

// change locks an upload's row, and writes what fn makes of its state.
func (u *Uploads) change(ctx context.Context, session *projectdb.Session, id string, fn func(pgx.Tx, *Upload) error) (*Upload, error) {
	var up *Upload
	err := session.Elevated().InTx(ctx, options(false), func(tx pgx.Tx) (err error) {
		if up, err = u.scanUpload(session, tx.QueryRow(ctx, lockSQL, id)); err != nil {
			return err
		}
		if err := fn(tx, up); err != nil {
			return err
		}
		signature, err := u.seal(session, id, up.state)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, setStateSQL, id, up.state.Size, signature)
		return err
	})
	return up, err
}

// claimTime is for how long a claim holds without being renewed.
const claimTime = time.Minute

// errClaimed tells that another request completes or ends the upload.
var errClaimed = fault.New(fault.Unavailable, "SLOW_DOWN", "The upload is being completed or aborted by another request. Try again in a moment.")

// claim takes an upload for one who completes or ends it, and renews until stop is called. The context ends when the claim is lost.
func (u *Uploads) claim(ctx context.Context, session *projectdb.Session, id string, judge func(*Upload) error) (held context.Context, up *Upload, stop func(), err error) {
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails
	mine := hex.EncodeToString(random[:])
	up, err = u.change(ctx, session, id, func(_ pgx.Tx, up *Upload) error {
		if err := judge(up); err != nil {
			return err
		}
		if up.state.Claim != "" && u.d.Now().Before(up.state.Claimed) {
			return errClaimed
		}
		up.state.Claim, up.state.Claimed = mine, u.d.Now().Add(claimTime)
		return nil
	})
	if err != nil {
		return nil, nil, nil, err
	}
	held, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(claimTime / 4)
		defer tick.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-tick.C:
				if err := u.renew(held, session, id, mine); err != nil {
					cancel(err)
					return
				}
			}
		}
	}()
	up.state.Claim = mine
	return held, up, func() { cancel(context.Canceled); <-done; u.unclaim(ctx, session, id, mine) }, nil
}

func (u *Uploads) renew(ctx context.Context, session *projectdb.Session, id, mine string) error {
	_, err := u.change(ctx, session, id, func(_ pgx.Tx, up *Upload) error {
		if up.state.Claim != mine {
			return errClaimed
		}
		up.state.Claimed = u.d.Now().Add(claimTime)
		return nil
	})
	return err
}

// unclaim gives an upload back, when it is still there.
func (u *Uploads) unclaim(ctx context.Context, session *projectdb.Session, id, mine string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, err := u.change(ctx, session, id, func(_ pgx.Tx, up *Upload) error {
		if up.state.Claim == mine {
			up.state.Claim, up.state.Claimed = "", time.Time{}
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrNoSuchUpload) {
		u.d.Log.WarnContext(ctx, "an upload in parts stays claimed for a minute", "project", session.Project.Ref, "upload", id, "error", err)
	}
}

// forget deletes an upload's row.
func (u *Uploads) forget(ctx context.Context, session *projectdb.Session, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := session.Elevated().Query(ctx, options(false), projectdb.Statement{SQL: deleteSQL, Args: []any{id}}, nil); err != nil {
		u.d.Log.WarnContext(ctx, "the row of an upload in parts stays until it expires", "project", session.Project.Ref, "upload", id, "error", err)
	}
}
