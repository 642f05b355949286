package imaging

import (
	"context"
	_ "embed" // the statements
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

//go:embed sql/find.sql
var findSQL string

//go:embed sql/touch.sql
var touchSQL string

//go:embed sql/keep.sql
var keepSQL string

//go:embed sql/total.sql
var totalSQL string

//go:embed sql/oldest.sql
var oldestSQL string

//go:embed sql/of_versions.sql
var ofVersionsSQL string

//go:embed sql/remove.sql
var removeSQL string

// Prefix begins the keys of all renditions. What lies there and has no row in renditions belongs to nobody.
const Prefix = "renditions/"

// rendition is what the cache holds. The bytes of a key never change.
type rendition struct {
	key, mime string
	size      int64
	// fresh is until when its use need not be noted again.
	fresh time.Time
}

const (
	// noteEach is how often the use of a rendition is noted.
	noteEach = time.Hour
	// cacheTime bounds what is done for the cache's sake.
	cacheTime = 30 * time.Second
)

// budget is the room that the cache may take: what the project wants of it, and never more than its plan lets it store.
func budget(session *projectdb.Session) int64 {
	wanted := setting.Get[int64](session.Project.Settings, "storage.image_cache_bytes")
	if most := session.Project.Limits.StorageBytes; most > 0 {
		return min(wanted, most)
	}
	return wanted
}

// find looks into the cache. A cache that fails is an empty one.
func (s *Service) find(ctx context.Context, session *projectdb.Session, id, version string, recipe job.Recipe) *Rendition {
	if budget(session) == 0 || !blob.Valid(version) {
		return nil
	}
	if known, ok := s.kept.Get(id); ok {
		if found, _ := s.open(ctx, session, id, known); found != nil {
			return found
		}
	}
	known, err := s.look(ctx, session, version, recipe)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		s.complain(ctx, session, "look up a rendition", err)
		return nil
	}
	found, gone := s.open(ctx, session, id, known)
	if gone { // a row without bytes
		s.background(ctx, func(ctx context.Context) error { return s.removeRows(ctx, session, []string{known.key}) }, session, "forget a rendition")
	}
	return found
}

func (s *Service) look(ctx context.Context, session *projectdb.Session, version string, recipe job.Recipe) (rendition, error) {
	var out rendition
	var stale bool
	err := session.InService(ctx, blob.Schema, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, findSQL, version, recipe.String()).Scan(&out.key, &out.size, &out.mime, &stale)
	})
	if err == nil && !stale {
		out.fresh = time.Now().Add(noteEach)
	}
	return out, err
}

// open reads a rendition's bytes, and notes now and then that it is in use. It tells bytes that are gone from those that cannot be read now.
func (s *Service) open(ctx context.Context, session *projectdb.Session, id string, known rendition) (_ *Rendition, gone bool) {
	body, err := s.d.Bytes.GetKey(ctx, session.Project, known.key, 0, -1)
	if err != nil {
		s.kept.Remove(id)
		if gone = fault.From(err).Reason == "NO_SUCH_KEY"; !gone {
			s.complain(ctx, session, "read a rendition", err)
		}
		return nil, gone
	}
	if now := time.Now(); now.After(known.fresh) {
		known.fresh = now.Add(noteEach)
		s.background(ctx, func(ctx context.Context) error {
			return session.InService(ctx, blob.Schema, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, touchSQL, known.key)
				return err
			})
		}, session, "note the use of a rendition")
	}
	s.kept.Add(id, known)
	return &Rendition{MIME: known.mime, Size: known.size, Body: body}, false
}

// keep puts what was made into the cache, and makes room for it. Nothing depends on its success.
func (s *Service) keep(ctx context.Context, session *projectdb.Session, id, version string, recipe job.Recipe, made *picture) {
	most := budget(session)
	if made.size > most || !blob.Valid(version) {
		return
	}
	select {
	case s.storing <- struct{}{}:
		defer func() { <-s.storing }()
	default:
		return
	}
	ctx, cancel := context.WithTimeout(ctx, cacheTime)
	defer cancel()
	one := rendition{key: Prefix + version + "/" + uuid.NewString(), mime: made.mime, size: made.size, fresh: time.Now().Add(noteEach)}
	kept, err := s.store(ctx, session, version, recipe, one, made)
	if err != nil {
		s.complain(ctx, session, "keep a rendition", err)
	}
	if !kept {
		return
	}
	s.kept.Add(id, one)
	if err := s.makeRoom(ctx, session, most, made.size); err != nil {
		s.complain(ctx, session, "make room for renditions", err)
	}
}

// store writes the bytes, then the row. Bytes without a row are removed again.
func (s *Service) store(ctx context.Context, session *projectdb.Session, version string, recipe job.Recipe, one rendition, made *picture) (kept bool, _ error) {
	made.hold()
	body := made.reader()
	defer body.Close()
	if _, err := s.d.Bytes.PutKey(ctx, session.Project, one.key, body, one.size, one.mime); err != nil {
		return false, err
	}
	err := session.InService(ctx, blob.Schema, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, keepSQL, version, recipe.String(), one.key, one.size, one.mime)
		kept = err == nil && tag.RowsAffected() == 1
		return err
	})
	if err == nil && kept {
		return true, nil
	}
	if err != nil {
		err = fmt.Errorf("write the row: %w", err)
	}
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), cacheTime)
	defer cancel()
	return false, errors.Join(err, s.d.Bytes.RemoveKeys(after, session.Project, one.key))
}

// room estimates what projects' caches hold, so that a rendition more needs no sum over all.
type room struct {
	mu    sync.Mutex
	known *lru.Cache[string, *estimate]
}

type estimate struct {
	mu    sync.Mutex // held while room is made
	bytes int64
	until time.Time
}

// estimateFor is how long an estimate is trusted, as other workers add to the same cache.
const estimateFor = 5 * time.Minute

func newRoom() *room {
	known, err := lru.New[string, *estimate](10_000)
	if err != nil {
		panic(err) // the size is above nought
	}
	return &room{known: known}
}

func (r *room) of(ref string) *estimate {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.known.Get(ref)
	if !ok {
		e = &estimate{}
		r.known.Add(ref, e)
	}
	return e
}

// makeRoom removes what was used the longest ago, once the cache holds more than it may.
func (s *Service) makeRoom(ctx context.Context, session *projectdb.Session, most, added int64) error {
	e := s.room.of(session.Project.Ref)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bytes += added
	if now := time.Now(); e.bytes > most || now.After(e.until) {
		if err := session.InService(ctx, blob.Schema, func(tx pgx.Tx) error { return tx.QueryRow(ctx, totalSQL).Scan(&e.bytes) }); err != nil {
			return err
		}
		e.until = now.Add(estimateFor)
	}
	if e.bytes <= most {
		return nil
	}
	for enough := most - most/10; e.bytes > enough; {
		keys, freed, err := s.oldest(ctx, session, e.bytes-enough)
		if err != nil || len(keys) == 0 {
			return err
		}
		if err := s.remove(ctx, session, keys); err != nil {
			return err
		}
		e.bytes -= freed
	}
	return nil
}

func (s *Service) oldest(ctx context.Context, session *projectdb.Session, want int64) (keys []string, freed int64, err error) {
	err = session.InService(ctx, blob.Schema, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, oldestSQL)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() && freed < want {
			var key string
			var size int64
			if err := rows.Scan(&key, &size); err != nil {
				return err
			}
			keys, freed = append(keys, key), freed+size
		}
		rows.Close()
		return rows.Err()
	})
	return keys, freed, err
}

// remove removes bytes, then rows: what fails in between is found and removed by whoever asks for it.
func (s *Service) remove(ctx context.Context, session *projectdb.Session, keys []string) error {
	if err := s.d.Bytes.RemoveKeys(ctx, session.Project, keys...); err != nil {
		return err
	}
	return s.removeRows(ctx, session, keys)
}

func (s *Service) removeRows(ctx context.Context, session *projectdb.Session, keys []string) error {
	return session.InService(ctx, blob.Schema, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, removeSQL, keys)
		return err
	})
}

// Forget removes what was made of versions, whose blobs are marked as being removed. It is safe to call twice.
func (s *Service) Forget(ctx context.Context, session *projectdb.Session, versions []string) error {
	for {
		var keys []string
		err := session.InService(ctx, blob.Schema, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, ofVersionsSQL, versions)
			if err == nil {
				keys, err = pgx.CollectRows(rows, pgx.RowTo[string])
			}
			return err
		})
		if err != nil || len(keys) == 0 {
			return err
		}
		if err := s.remove(ctx, session, keys); err != nil {
			return err
		}
	}
}

// background does something for the cache's sake that nobody waits for.
func (s *Service) background(ctx context.Context, do func(context.Context) error, session *projectdb.Session, doing string) {
	s.work.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cacheTime)
		defer cancel()
		if err := do(ctx); err != nil {
			s.complain(ctx, session, doing, err)
		}
	})
}

func (s *Service) complain(ctx context.Context, session *projectdb.Session, doing string, err error) {
	if ctx.Err() != nil {
		return
	}
	s.d.Log.LogAttrs(ctx, slog.LevelWarn, "the cache of images failed", slog.String("project", session.Project.Ref), slog.String("doing", doing), slog.Any("error", err))
}
