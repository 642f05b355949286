package imaging

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Objects reads the bytes of what is made into something else.
type Objects interface {
	Open(ctx context.Context, session *projectdb.Session, o *object.Object, from, to int64) (io.ReadCloser, error)
}

// Bytes keeps what was made in projects' buckets.
type Bytes interface {
	GetKey(ctx context.Context, p *directory.Project, key string, from, to int64) (io.ReadCloser, error)
	PutKey(ctx context.Context, p *directory.Project, key string, body io.Reader, size int64, mime string) (blob.Written, error)
	RemoveKeys(ctx context.Context, p *directory.Project, keys ...string) error
}

// Deps are what a Service needs.
type Deps struct {
	Pool    *Pool
	Objects Objects
	Bytes   Bytes
	Log     *slog.Logger
}

// Service gives images made of objects: from the cache, or fresh ones.
type Service struct {
	d       Deps
	kept    *lru.Cache[string, rendition] // what this worker knows of the cache, by id
	refused *lru.Cache[string, refusal]   // what cannot be made, for a while
	room    *room
	rules   *bucketRules
	storing chan struct{}

	mu      sync.Mutex
	flights map[string]*flight
	work    sync.WaitGroup
	stop    context.CancelFunc
	life    context.Context
}

// refusal is why an image could not be made of a version; it would be the same again.
type refusal struct {
	err   error
	until time.Time
}

const (
	maxKept = 20_000
	// refuseFor is how long a file that no image can be made of is not tried again.
	refuseFor = time.Minute
	// maxStoring is how many renditions are put into the cache at once; others are not cached this time.
	maxStoring = 16
)

// Rendition is an image that was made of another. Its reader closes Body.
type Rendition struct {
	MIME string
	Size int64
	Body io.ReadCloser
}

// New makes a Service.
func New(d Deps) (*Service, error) {
	kept, err := lru.New[string, rendition](maxKept)
	if err != nil {
		return nil, err
	}
	refused, err := lru.New[string, refusal](maxKept)
	if err != nil {
		return nil, err
	}
	rules, err := newBucketRules()
	if err != nil {
		return nil, err
	}
	s := &Service{d: d, kept: kept, refused: refused, room: newRoom(), rules: rules, storing: make(chan struct{}, maxStoring), flights: map[string]*flight{}}
	s.life, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Close waits until what is being made and kept has ended, or ctx, and ends all processes.
func (s *Service) Close(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	s.stop()
	s.d.Pool.Close()
	<-done
}

// madeBy marks how images are made. It is part of ETags, so that a change of the program reaches clients that have older ones.
const madeBy = "1"

// ETag is the entity tag of a rendition. It is known before the rendition is made.
func ETag(o *object.Object, recipe job.Recipe) string {
	sum := sha256.Sum256([]byte(madeBy + "\n" + o.Version + "\n" + recipe.String()))
	return `W/"` + hex.EncodeToString(sum[:16]) + `"`
}

// Check refuses what is not to be tried.
func Check(session *projectdb.Session, o *object.Object) error {
	if !setting.Get[bool](session.Project.Settings, "storage.image_transformations_enabled") {
		return fault.New(fault.Denied, "FEATURE_NOT_ENABLED",
			"Images are not transformed in this project: its setting storage.image_transformations_enabled is off.")
	}
	if o.Metadata.Size > job.MaxInput {
		return errFile
	}
	return nil
}

// Get returns an image made of an object. Whoever calls it has judged the caller.
func (s *Service) Get(ctx context.Context, session *projectdb.Session, o *object.Object, recipe job.Recipe) (*Rendition, error) {
	if err := Check(session, o); err != nil {
		return nil, err
	}
	id := session.Project.Ref + "/" + o.Version + "/" + recipe.String()
	if known, ok := s.refused.Get(id); ok {
		if time.Now().Before(known.until) {
			return nil, known.err
		}
		s.refused.Remove(id)
	}
	if found := s.find(ctx, session, id, o.Version, recipe); found != nil {
		return found, nil
	}
	return s.join(ctx, session, id, o, recipe)
}

// flight is a rendition that is being made, for all who asked for it meanwhile.
type flight struct {
	made    chan struct{} // closed when picture or err is there
	picture *picture
	err     error
	waiting int
	ended   bool
	cancel  context.CancelFunc
}

// join waits for a rendition that is being made already, or begins.
func (s *Service) join(ctx context.Context, session *projectdb.Session, id string, o *object.Object, recipe job.Recipe) (*Rendition, error) {
	f := s.board(ctx, session, id, o, recipe)
	select {
	case <-f.made:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.waiting--
	defer f.drop()
	if err := ctx.Err(); err != nil {
		select {
		case <-f.made:
		default:
			if f.waiting == 0 { // nobody wants it any more
				f.cancel()
				s.land(id, f)
			}
		}
		return nil, fault.Wrap(err, fault.Canceled, "ABORTED", "The request ended before the image was made.")
	}
	if f.err != nil {
		return nil, f.err
	}
	f.picture.hold()
	return &Rendition{MIME: f.picture.mime, Size: f.picture.size, Body: f.picture.reader()}, nil
}

func (s *Service) board(ctx context.Context, session *projectdb.Session, id string, o *object.Object, recipe job.Recipe) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flights[id]
	if f == nil {
		life, cancel := context.WithCancel(context.WithoutCancel(ctx))
		stop := context.AfterFunc(s.life, cancel)
		f = &flight{made: make(chan struct{}), cancel: cancel}
		s.flights[id] = f
		s.work.Go(func() {
			defer stop()
			defer cancel()
			s.fly(life, session, id, f, o, recipe)
		})
	}
	f.waiting++
	return f
}

// fly makes a rendition, gives it to all who wait, and keeps it. Who comes before it is kept has it from here too.
func (s *Service) fly(ctx context.Context, session *projectdb.Session, id string, f *flight, o *object.Object, recipe job.Recipe) {
	made, err := s.d.Pool.make(ctx, session.Project.Ref, recipe, func(ctx context.Context) (io.ReadCloser, error) {
		return s.d.Objects.Open(ctx, session, o, 0, -1)
	})
	if lasting(err) {
		s.refused.Add(id, refusal{err, time.Now().Add(refuseFor)})
	}
	s.mu.Lock()
	f.picture, f.err = made, err
	close(f.made)
	if err != nil {
		s.land(id, f)
	}
	s.mu.Unlock()
	if err == nil {
		s.keep(ctx, session, id, o.Version, recipe, made)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.land(id, f)
	f.ended = true
	f.drop()
}

// drop lets the flight's own hold on its picture go, when nobody can come any more.
func (f *flight) drop() {
	if f.ended && f.waiting == 0 && f.picture != nil {
		f.picture.release()
		f.picture = nil
	}
}

// land takes a flight off the board, unless a later one is there.
func (s *Service) land(id string, f *flight) {
	if s.flights[id] == f {
		delete(s.flights, id)
	}
}

// lasting tells failures that would be the same again from those that pass.
func lasting(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && (f.Reason == errInvalid.Reason || f.Reason == "IMAGE_TIMEOUT")
}
