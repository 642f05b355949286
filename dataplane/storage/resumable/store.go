package resumable

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	tusd "github.com/tus/tusd/v2/pkg/handler"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// The exchange is tusd's data store, for one request.
var (
	_ tusd.DataStore               = (*exchange)(nil)
	_ tusd.TerminaterDataStore     = (*exchange)(nil)
	_ tusd.ConcaterDataStore       = (*exchange)(nil)
	_ tusd.LengthDeferrerDataStore = (*exchange)(nil)
	_ tusd.Locker                  = (*exchange)(nil)
	_ tusd.Upload                  = (*upload)(nil)
	_ tusd.TerminatableUpload      = (*upload)(nil)
	_ tusd.ConcatableUpload        = (*upload)(nil)
	_ tusd.LengthDeclarableUpload  = (*upload)(nil)
)

// upload is one that the request works on.
type upload struct {
	s       *Service
	session *projectdb.Session
	row     *row
	// x is the request; nil when there is none.
	x *exchange
}

// note keeps an error of the data store, to be told in place of tusd's words.
func (x *exchange) note(err error) error {
	if err != nil {
		x.err = err
	}
	return err
}

func (x *exchange) of(r *row) *upload { return &upload{x.s, x.session, r, x} }

// lasting is the time of work that goes on when the client has left: what arrived is kept.
func lasting(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d)
}

// Patience. An upload is finished by one request at a time: nobody else touches it until the time is over that the commit may take.
const (
	bookTime   = 15 * time.Second // for rows
	commitTime = 45 * time.Second // above that of object.Commit
	cleanTime  = 30 * time.Second
)

// NewLock makes the lock of an upload.
func (x *exchange) NewLock(id string) (tusd.Lock, error) {
	return noting{x, x.s.locks.of(x.session.Project.Ref, id)}, nil
}

// noting is a lock whose errors are noted.
type noting struct {
	x    *exchange
	lock *lock
}

// Lock waits for the lock.
func (n noting) Lock(ctx context.Context, letGo func()) error {
	return n.x.note(n.lock.Lock(ctx, letGo))
}

// Unlock ends the hold.
func (n noting) Unlock() error { return n.lock.Unlock() }

// NewUpload judges a new upload and writes it down.
func (x *exchange) NewUpload(ctx context.Context, info tusd.FileInfo) (tusd.Upload, error) {
	u, err := x.begin(ctx, info)
	if err != nil {
		return nil, x.note(err)
	}
	x.made = u
	return u, nil
}

func (x *exchange) begin(ctx context.Context, info tusd.FileInfo) (*upload, error) {
	r := x.asked
	if r.size = info.Size; info.SizeIsDeferred {
		r.size = -1
	}
	ticket, err := x.s.d.Objects.Begin(ctx, x.session, r.target(operationCreate))
	if err != nil {
		return nil, err
	}
	r.state.Limit = ticket.Limit
	// This request is its first writer, if something is to be written now.
	r.state.Fence, r.state.Open = 1, x.r.Header.Get("Content-Type") == chunkType || r.state.Kind == final || r.size == 0
	ctx, cancel := lasting(ctx, bookTime)
	defer cancel()
	return x.of(r), x.s.add(ctx, x.session, r)
}

// GetUpload finds an upload of the caller's: for PATCH as its one writer. One whose bytes are all there is finished first, if its last request died
// before it could.
func (x *exchange) GetUpload(ctx context.Context, id string) (tusd.Upload, error) {
	u, err := x.get(ctx, id)
	if err != nil {
		return nil, x.note(err)
	}
	return u, nil
}

func (x *exchange) get(ctx context.Context, id string) (*upload, error) {
	waiting, cancel := lasting(ctx, lockWait)
	defer cancel()
	r, err := x.newest(waiting, id)
	if err != nil {
		return nil, err
	}
	if x.asked != nil && (r.state.Kind != partial || r.bucket != x.asked.bucket || r.name != x.asked.name) {
		return nil, errPartials
	}
	mend := func() bool { return r.full() && !r.whole() && x.r.Method != http.MethodDelete }
	if mend() && x.r.Method != http.MethodPatch {
		if r, err = claim(waiting, x.session, id, false); err != nil {
			return nil, err
		}
	}
	if x.shown != nil {
		x.shown = r
	}
	u := x.of(r)
	if mend() {
		err = u.finish(ctx)
	}
	return u, err
}

// newest reads an upload of the caller's, and claims it for PATCH, which has looked already whose it is.
func (x *exchange) newest(ctx context.Context, id string) (*row, error) {
	if x.r.Method != http.MethodPatch {
		return x.find(ctx, id)
	}
	r, err := claim(ctx, x.session, id, false)
	if err == nil {
		err = x.allow(r)
	}
	return r, err
}

// AsTerminatableUpload and the like are what tusd asks of stores that can do more.
func (x *exchange) AsTerminatableUpload(u tusd.Upload) tusd.TerminatableUpload { return u.(*upload) }

// AsConcatableUpload is as AsTerminatableUpload.
func (x *exchange) AsConcatableUpload(u tusd.Upload) tusd.ConcatableUpload { return u.(*upload) }

// AsLengthDeclarableUpload is as AsTerminatableUpload.
func (x *exchange) AsLengthDeclarableUpload(u tusd.Upload) tusd.LengthDeclarableUpload {
	return u.(*upload)
}

// GetInfo tells tusd of the upload.
func (u *upload) GetInfo(context.Context) (tusd.FileInfo, error) {
	r := u.row
	return tusd.FileInfo{
		ID: r.id, Size: max(r.size, 0), SizeIsDeferred: r.size < 0, Offset: r.state.Offset, MetaData: r.metadata,
		IsPartial: r.state.Kind == partial, IsFinal: r.state.Kind == final, PartialUploads: r.state.Of,
	}, nil
}

// GetReader is not asked for: uploads are read when they are objects.
func (u *upload) GetReader(context.Context) (io.ReadCloser, error) { return nil, tusd.ErrNotFound }

// DeclareLength judges the length of an upload that did not know it before.
func (u *upload) DeclareLength(ctx context.Context, n int64) error {
	target := u.row.target(operationPart)
	target.Size = n
	if _, err := u.s.d.Objects.Begin(ctx, u.session, target); err != nil {
		return u.x.note(err)
	}
	u.row.size = n
	ctx, cancel := lasting(ctx, bookTime)
	defer cancel()
	return u.x.note(u.row.save(ctx, u.session))
}

// WriteChunk keeps what arrives. tusd hides from it why a body ended: what came before is kept all the same.
func (u *upload) WriteChunk(ctx context.Context, _ int64, body io.Reader) (int64, error) {
	n, err := u.write(ctx, body)
	return n, u.x.note(err)
}

// FinishUpload makes an object of the upload.
func (u *upload) FinishUpload(ctx context.Context) error { return u.x.note(u.finish(ctx)) }

// Terminate gives the upload up, and removes what it has written.
func (u *upload) Terminate(ctx context.Context) error { return u.x.note(u.end(ctx)) }

// end removes the upload and all that it has written. Bytes that an object has are no longer the upload's.
func (u *upload) end(ctx context.Context) error {
	ctx, cancel := lasting(ctx, cleanTime)
	defer cancel()
	waiting, stop := context.WithTimeout(ctx, lockWait)
	r, err := claim(waiting, u.session, u.row.id, true)
	stop()
	if err != nil {
		return err
	}
	if r.state.Done != nil {
		return errFinished
	}
	u.row = r
	r.state.Ending = true
	if err := r.save(ctx, u.session); err != nil {
		return err
	}
	kept, err := r.close(ctx, u.session)
	if err != nil {
		return err
	}
	if kept { // its request died right after
		r.state.Ending = false
		u.done(ctx)
		return errFinished
	}
	if err := u.s.sweep(ctx, u.session.Project, r.lease(), ""); err != nil {
		return err
	}
	return r.remove(ctx, u.session)
}

// discard removes an upload that nobody knows of.
func (x *exchange) discard() {
	ctx, cancel := lasting(x.r.Context(), cleanTime)
	defer cancel()
	if err := x.of(x.made.row).end(ctx); err != nil && !errors.Is(err, errFinished) {
		x.s.d.Log.WarnContext(ctx, "an upload that nobody knows of stays until it expires", "project", x.session.Project.Ref, "error", err)
	}
}
