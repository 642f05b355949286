// Package resumable is the surface of uploads by TUS 1.0.0: POST, HEAD, PATCH and DELETE below /upload/resumable, and below /upload/resumable/sign for
// who holds a token for one file.
//
// The protocol is tusd's. A handler of it is made for each request, which costs some maps and leaves nothing behind, over a data store of our own. What
// tusd's handler does not do is done around it: checksums, because whether a chunk counts is decided where it is stored, and expiration, which needs a
// clock that outlives requests. tusd's s3store is not used: it takes the sum of the parts that S3 lists for the offset, so that a part which fails between
// two others shifts all that follows; it removes an unfinished part before the next holds its bytes; and nothing but the lock keeps two writers apart.
// Here the row of the upload says which parts count, it is saved by its one writer only, and no byte is told as kept before it is.
package resumable

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
)

// Objects makes objects of what was uploaded.
type Objects interface {
	Begin(ctx context.Context, session *projectdb.Session, target object.Target) (*object.Ticket, error)
	ScanStored(ctx context.Context, session *projectdb.Session, t *object.Ticket, size int64) error
	Commit(ctx context.Context, session *projectdb.Session, t *object.Ticket, w blob.Written) (*object.Object, error)
}

// Queue does things later.
type Queue interface {
	AddAt(ctx context.Context, tx outbox.Tx, ref, schema, kind string, payload any, at time.Time) (uuid.UUID, error)
}

// Deps are what the surface needs.
type Deps struct {
	Objects Objects
	Blobs   *blob.Store
	// Queue ends uploads that are left unfinished.
	Queue Queue
	// Redis keeps the locks. While it is down uploads go on without.
	Redis redis.UniversalClient
	// Prefix begins the locks' names; "" is "fluxbase:upload:".
	Prefix string
	// TempDir is where a part waits until the object store has it; "" is the system's.
	TempDir string
	Log     *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

var (
	_ Objects = (*object.Service)(nil)
	_ Queue   = (*outbox.Queue)(nil)
)

// Service answers the routes of every project. It keeps nothing of projects.
type Service struct {
	d     Deps
	locks *locks
}

// New makes the surface.
func New(d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d: d, locks: newLocks(d.Redis, d.Prefix, d.Log)}
}

// Bounds of how many uploads may be under way, and of what one says of itself.
const (
	maxOfProject = 5000
	// maxOfUser is of one user, maxOfRole of all callers of a role who are nobody in particular: anon, a secret key, holders of tokens.
	maxOfUser, maxOfRole = 100, 2500
	maxMetadata          = 16 << 10
	maxPartials          = 100
)

// Schema is the logical schema of storage's tables, KindExpired the kind of the outbox's item that ends an upload.
const (
	Schema      = blob.Schema
	KindExpired = "resumable_expired"
)

// Expired is the payload of such an item.
type Expired struct {
	ID string `json:"id"`
}

// Where the surface is, below /storage/v1.
const (
	folder       = "/upload/resumable"
	signedFolder = folder + "/sign"
)

// Routes adds the surface's routes.
func (s *Service) Routes(rt *protocol.Router) {
	for _, at := range []string{folder, signedFolder} {
		signed := at == signedFolder
		rt.Handle(http.MethodOptions, at, s.options)
		rt.Handle(http.MethodOptions, at+"/{id}", s.options)
		rt.Handle(http.MethodPost, at, s.answer(signed, s.create))
		rt.Handle(http.MethodPost, at+"/{id}", s.answer(signed, s.override))
		rt.Handle(http.MethodHead, at+"/{id}", s.answer(signed, s.head))
		rt.Handle(http.MethodPatch, at+"/{id}", s.answer(signed, s.patch))
		rt.Handle(http.MethodDelete, at+"/{id}", s.answer(signed, s.terminate))
	}
}
