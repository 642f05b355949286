package resumable

import (
	"context"
	"crypto/rand"
	_ "embed" // the statements
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/get.sql
var getRow string

//go:embed sql/claim.sql
var claimRow string

//go:embed sql/save.sql
var saveRow string

//go:embed sql/finishing.sql
var saveFinishing string

//go:embed sql/turn.sql
var takeTurn string

//go:embed sql/prune.sql
var pruneRows string

//go:embed sql/count.sql
var countRows string

//go:embed sql/add.sql
var addRow string

//go:embed sql/add_lease.sql
var addLease string

//go:embed sql/turn_lease.sql
var takeLease string

//go:embed sql/end_lease.sql
var endLease string

//go:embed sql/kept.sql
var isKept string

//go:embed sql/remove.sql
var removeRow string

// row is an upload.
type row struct {
	id           string
	bucket, name string
	// version is where its bytes are, or will be; all that it writes is in the version's folder, which is a lease of its own.
	version string
	// size is -1 while it is not known.
	size        int64
	owner, role string
	upsert      bool
	// metadata is what the client said at the beginning.
	metadata map[string]string
	user     json.RawMessage
	state    state
	created  time.Time
	expires  time.Time
}

// Kinds of uploads to be put together.
const (
	partial = "partial"
	final   = "final"
)

// state is how far an upload is.
type state struct {
	// Fence grows with each writer: only the newest one's state is saved.
	Fence int64 `json:"fence"`
	// Open tells that a writer began and did not end. Strays that what such a one wrote may still be there.
	Open   bool `json:"open,omitempty"`
	Strays bool `json:"strays,omitempty"`
	// Offset is how many bytes are kept: those of the parts, and then of the tails.
	Offset int64 `json:"offset"`
	// Limit is the most bytes that an upload of unknown size may have.
	Limit int64 `json:"limit"`
	// Multipart is the object store's id of the upload of parts; Next is the first number of a part that nobody has taken.
	Multipart string `json:"multipart,omitempty"`
	Next      int32  `json:"next,omitempty"`
	Parts     []part `json:"parts,omitempty"`
	Tails     []tail `json:"tails,omitempty"`
	// Kind is "", partial or final; Of are a final one's partial ones.
	Kind string   `json:"kind,omitempty"`
	Of   []string `json:"of,omitempty"`
	// Stored tells that the version's bytes are whole, with their ETag.
	Stored bool   `json:"stored,omitempty"`
	ETag   string `json:"etag,omitempty"`
	// Finishing is until when nobody else may finish it or end it. Done is when it was finished, Ending that it is being removed.
	Finishing *time.Time `json:"finishing,omitempty"`
	Done      *time.Time `json:"done,omitempty"`
	Ending    bool       `json:"ending,omitempty"`
}

// part is one that the object store has.
type part struct {
	Number int32  `json:"n"`
	Size   int64  `json:"s"`
	ETag   string `json:"e"`
}

// tail are bytes behind the parts that are too few for one.
type tail struct {
	Version string `json:"v"`
	Size    int64  `json:"s"`
}

// full reports whether all bytes are kept.
func (r *row) full() bool { return r.size >= 0 && r.state.Offset == r.size }

// whole reports whether nothing is left to be done.
func (r *row) whole() bool {
	return r.state.Done != nil || r.state.Kind == partial && r.state.Stored
}

// lease is the upload's folder.
func (r *row) lease() string {
	lease, _, _ := strings.Cut(r.version, "/")
	return lease
}

// fresh is a version in the upload's folder.
func (r *row) fresh() string { return r.lease() + "/" + uuid.NewString() }

// newVersion is a version below a new lease.
func newVersion() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:]) + "/" + uuid.NewString()
}

// newID makes an id that nobody guesses.
func newID() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(random[:])
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

func scanRow(id string, from pgx.Row) (*row, error) {
	r := &row{id: id}
	var metadata, kept []byte
	err := from.Scan(&r.bucket, &r.name, &r.version, &r.size, &r.owner, &r.role, &r.upsert, &metadata, &r.user, &kept, &r.created, &r.expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errNoUpload
	}
	if err == nil {
		err = errors.Join(json.Unmarshal(metadata, &r.metadata), json.Unmarshal(kept, &r.state))
	}
	if err != nil {
		return nil, fmt.Errorf("read an upload: %w", err)
	}
	return r, nil
}

// inService runs fn on storage's own tables. What the database refuses there is our defect, not the project's.
func inService(ctx context.Context, session *projectdb.Session, fn func(pgx.Tx) error) error {
	return ours(session.InService(ctx, Schema, fn))
}

func ours(err error) error {
	if err == nil {
		return nil
	}
	return fault.From(err)
}

// find reads an upload.
func find(ctx context.Context, session *projectdb.Session, id string) (r *row, err error) {
	if !idForm.MatchString(id) {
		return nil, errNoUpload
	}
	err = inService(ctx, session, func(tx pgx.Tx) error {
		r, err = scanRow(id, tx.QueryRow(ctx, getRow, id))
		return err
	})
	return r, err
}

// claim makes the caller the one writer of an upload. It waits while another finishes it. One that is done is only read. When ending, also one
// whose removal began can be claimed.
func claim(ctx context.Context, session *projectdb.Session, id string, ending bool) (r *row, err error) {
	for {
		err = inService(ctx, session, func(tx pgx.Tx) error {
			if r, err = scanRow(id, tx.QueryRow(ctx, claimRow, id, ending)); !errors.Is(err, errNoUpload) {
				return err
			}
			if r, err = scanRow(id, tx.QueryRow(ctx, getRow, id)); err != nil {
				return err
			}
			switch {
			case r.state.Done != nil:
				return nil
			case r.state.Ending && !ending:
				return errNoUpload
			}
			return errLocked
		})
		if !errors.Is(err, errLocked) {
			return r, err
		}
		select {
		case <-ctx.Done():
			return nil, errLocked
		case <-time.After(lockPoll):
		}
	}
}

// save writes down how far the upload is, unless another writer has claimed it.
func (r *row) save(ctx context.Context, session *projectdb.Session) error {
	return r.put(ctx, session, saveRow)
}

// finishing is save, and keeps all others off until a time is over.
func (r *row) finishing(ctx context.Context, session *projectdb.Session, d time.Duration) error {
	return r.put(ctx, session, saveFinishing, d.Seconds())
}

func (r *row) put(ctx context.Context, session *projectdb.Session, statement string, more ...any) error {
	kept, err := json.Marshal(r.state)
	if err != nil {
		return fmt.Errorf("encode an upload: %w", err)
	}
	return inService(ctx, session, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, statement, append([]any{r.id, r.state.Fence, r.version, r.size, kept}, more...)...)
		if err == nil && tag.RowsAffected() == 0 {
			return errLocked
		}
		return err
	})
}

// remove forgets the upload and its lease.
func (r *row) remove(ctx context.Context, session *projectdb.Session) error {
	return inService(ctx, session, func(tx pgx.Tx) error {
		_, err1 := tx.Exec(ctx, removeRow, r.id)
		_, err2 := tx.Exec(ctx, endLease, r.lease())
		return errors.Join(err1, err2)
	})
}

// committed reports whether an object has the upload's bytes, or had them.
func (r *row) committed(ctx context.Context, session *projectdb.Session) (kept bool, err error) {
	err = inService(ctx, session, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, isKept, r.version).Scan(&kept)
	})
	return kept, err
}

// close ends the upload's lease, and reports whether an object has its bytes. If none has, none ever will.
func (r *row) close(ctx context.Context, session *projectdb.Session) (kept bool, err error) {
	err = inService(ctx, session, func(tx pgx.Tx) error {
		_, err1 := tx.Exec(ctx, takeLease, r.lease())
		_, err2 := tx.Exec(ctx, endLease, r.lease())
		return errors.Join(err1, err2, tx.QueryRow(ctx, isKept, r.version).Scan(&kept))
	})
	return kept, err
}

// count tells how many uploads are under way, of the project and of the caller, and refuses more bytes than there is room for beside them. A final upload's
// are those of its partial ones.
func (r *row) count(ctx context.Context, tx pgx.Tx, p *directory.Project, more int64) (all, own int64, err error) {
	var bytes, used int64
	if err := tx.QueryRow(ctx, countRows, r.role, r.owner).Scan(&all, &own, &bytes, &used); err != nil {
		return 0, 0, err
	}
	if quota := p.Limits.StorageBytes; quota > 0 && r.state.Kind != final && used+bytes+more > quota {
		return 0, 0, fault.New(fault.Exhausted, "QUOTA_STORAGE", "The project's storage has no room for this upload: %d of %d bytes are used, and %d are being uploaded.", used, quota, bytes)
	}
	return all, own, nil
}

// room refuses bytes of an upload whose size is not known, when there is no room for them.
func (r *row) room(ctx context.Context, session *projectdb.Session, more int64) error {
	if session.Project.Limits.StorageBytes <= 0 {
		return nil
	}
	return inService(ctx, session, func(tx pgx.Tx) error {
		_, _, err := r.count(ctx, tx, session.Project, max(more, 0))
		return err
	})
}

// add writes a new upload down, and that it ends, unless too much is under way.
func (s *Service) add(ctx context.Context, session *projectdb.Session, r *row) error {
	kept, err1 := json.Marshal(r.state)
	metadata, err2 := json.Marshal(r.metadata)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("encode an upload: %w", err)
	}
	var user any
	if len(r.user) > 0 {
		user = string(r.user)
	}
	p := session.Project
	return ours(outbox.InService(ctx, session, Schema, func(tx *outbox.ServiceTx) error {
		if _, err := tx.Exec(ctx, takeTurn); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, pruneRows); err != nil {
			return err
		}
		all, own, err := r.count(ctx, tx, p, max(r.size, 0))
		if err != nil {
			return err
		}
		most := int64(maxOfRole)
		if r.owner != "" {
			most = maxOfUser
		}
		if all >= maxOfProject || own >= most {
			return fault.New(fault.Exhausted, "SLOW_DOWN", "Too many uploads are under way. Finish or terminate some first.")
		}
		if _, err := tx.Exec(ctx, addRow, r.id, r.bucket, r.name, r.version, r.size, r.owner, r.role, r.upsert, metadata, user, kept, r.expires); err != nil {
			return fmt.Errorf("add an upload: %w", err)
		}
		if _, err := tx.Exec(ctx, addLease, r.lease(), r.expires); err != nil {
			return fmt.Errorf("take a lease: %w", err)
		}
		_, err = s.d.Queue.AddAt(ctx, tx, p.Ref, Schema, KindExpired, Expired{r.id}, r.expires)
		return err
	}))
}
