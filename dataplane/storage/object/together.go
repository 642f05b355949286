package object

import (
	"context"
	_ "embed" // the statements
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/keep_many.sql
var keepManySQL string

//go:embed sql/insert_many.sql
var insertManySQL string

//go:embed sql/upsert_many.sql
var upsertManySQL string

// Bounds of what is committed together.
const (
	// linger is for how long a transaction is put off where several wait, but fewer than crowded: more are about to come.
	linger  = time.Millisecond
	crowded = 12
	// maxTogether is how many uploads one of them commits, and maxTogetherBytes how much their rows may hold beside the last's.
	maxTogether      = 64
	maxTogetherBytes = 256 << 10
)

// versionColumn is where insert.sql takes the version.
const versionColumn = 5

// errAlone tells an upload to try by itself: a statement of a transaction for several was refused, or waited for a row, maybe because of another.
var errAlone = errors.New("object: to be committed alone")

// together commits small uploads that end at about the same time in one transaction. An upload is committed at once unless others of
// its line are being committed, and then with all who came meanwhile.
type together struct {
	mu    sync.Mutex
	lines map[lineKey]*line
}

// lineKey is what uploads of one transaction have in common: everything but their rows.
type lineKey struct {
	project        *directory.Project // where it lives and what it may, as the directory told it at one time
	bucket, claims string
	upsert         bool
	sizeLimit      int64
	types          string
}

func lineOf(session *projectdb.Session, t *Ticket) lineKey {
	return lineKey{session.Project, t.Bucket, string(session.Caller.Claims), t.Upsert, t.eager.sizeLimit, t.eager.written}
}

// line is there while a transaction of it is under way. Who comes meanwhile waits for the next.
type line struct{ waiting []*joint }

// joint is an upload in a line.
type joint struct {
	ticket *Ticket
	row    []any // what insert.sql takes
	size   int64
	turn   chan turn
}

// turn is what happens to an upload that waited: it commits these, itself the first, or was committed by another.
type turn struct {
	batch []*joint
	stored
	err error
}

type stored struct{ bytes, blobs int64 }

// enter returns what is to be committed now, or nil: then a turn comes.
func (g *together) enter(key lineKey, j *joint) []*joint {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l := g.lines[key]; l != nil {
		l.waiting = append(l.waiting, j)
		return nil
	}
	g.lines[key] = &line{}
	return []*joint{j}
}

// leave reports whether the upload still waited.
func (g *together) leave(key lineKey, j *joint) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.lines[key]
	if l == nil {
		return false
	}
	for i, w := range l.waiting {
		if w == j {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// next lets those who wait follow a transaction that has ended.
func (g *together) next(key lineKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := len(g.lines[key].waiting); n > 1 && n < crowded {
		time.AfterFunc(linger, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.start(key)
		})
		return
	}
	g.start(key)
}

// start has the next transaction of a line begin, with all who wait.
func (g *together) start(key lineKey) {
	if batch := g.lines[key].take(); len(batch) > 0 {
		batch[0].turn <- turn{batch: batch}
		return
	}
	delete(g.lines, key)
}

// take takes who may be committed together from those who wait: of each name one, in the order in which they came.
func (l *line) take() (batch []*joint) {
	names, bytes := map[string]bool{}, 0
	rest := l.waiting[:0]
	for _, j := range l.waiting {
		if len(batch) == maxTogether || bytes > maxTogetherBytes || names[j.ticket.Name] {
			rest = append(rest, j)
			continue
		}
		names[j.ticket.Name] = true
		for _, v := range j.row {
			if text, ok := v.(string); ok {
				bytes += len(text)
			}
		}
		batch = append(batch, j)
	}
	clear(l.waiting[len(rest):])
	l.waiting = rest
	return batch
}

// joins reports whether an upload may be committed with others: only its row is its own, and nothing that is run for it is the project's.
func (t *Ticket) joins(o projectdb.Options) bool {
	return t.eager != nil && t.plain && len(o.Settings) == 0 && !t.replaces() && t.IfNoneMatch == ""
}

// commitTogether commits an upload, with others or for others. Where the transaction of several is refused, it returns errAlone: which of them it was about, each finds out by itself.
func (s *Service) commitTogether(ctx context.Context, session *projectdb.Session, t *Ticket, w blob.Written, o projectdb.Options) error {
	key := lineOf(session, t)
	j := &joint{ticket: t, row: t.statement(w.Size, w.Version, w.ETag).Args, size: w.Size, turn: make(chan turn, 1)}
	batch := s.together.enter(key, j)
	if batch == nil {
		got, ended := s.wait(ctx, key, j)
		if ended != nil { // nothing of it was written, for certain
			s.drop(ctx, session, w.Version)
			return fault.Wrap(ended, fault.DeadlineExceeded, "REQUEST_TIMEOUT", "The request took too long and was stopped.")
		}
		if got.batch == nil {
			t.stored = got.stored
			return got.err
		}
		batch = got.batch
	}
	result := turn{err: errAlone} // also when what follows does not return
	defer func() {
		for _, other := range batch[1:] {
			other.turn <- result
		}
		s.together.next(key)
	}()
	result = s.commitAll(ctx, session, o, batch)
	t.stored = result.stored
	return result.err
}

// wait returns the upload's turn. Who has waited in vain leaves the line, and what it should have committed to the next.
func (s *Service) wait(ctx context.Context, key lineKey, j *joint) (turn, error) {
	var got turn
	select {
	case got = <-j.turn:
	case <-ctx.Done():
		if s.together.leave(key, j) {
			return turn{}, context.Cause(ctx)
		}
		got = <-j.turn
	}
	if got.batch == nil || ctx.Err() == nil {
		return got, nil
	}
	if len(got.batch) > 1 {
		got.batch[1].turn <- turn{batch: got.batch[1:]}
	} else {
		s.together.next(key)
	}
	return turn{}, context.Cause(ctx)
}

// commitAll commits uploads in one transaction, in a time of its own: that of the first may be about to end.
func (s *Service) commitAll(ctx context.Context, session *projectdb.Session, o projectdb.Options, batch []*joint) (out turn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	most := strconv.FormatInt(session.Project.Limits.StorageBytes, 10)
	first := batch[0].ticket
	versions, sizes, tickets := make([]string, len(batch)), make([]int64, len(batch)), make(map[string]*Ticket, len(batch))
	row := projectdb.Statement{SQL: insertManySQL, Args: []any{first.Bucket}, Plain: true}
	if first.Upsert {
		row.SQL = upsertManySQL
	}
	for i, j := range batch {
		versions[i], sizes[i], tickets[j.ticket.Name] = j.row[versionColumn].(string), j.size, j.ticket
	}
	for c := 1; c < len(batch[0].row); c++ {
		column := make([]*string, len(batch))
		for i, j := range batch {
			if text, ok := j.row[c].(string); ok {
				column[i] = &text
			}
		}
		row.Args = append(row.Args, column)
	}
	keep := projectdb.Statement{SQL: keepManySQL, Args: []any{versions, sizes, most}, Plain: true, Fresh: true}
	same := first.eager.same(first.Bucket)
	same.Plain = true
	out.err = session.Run(ctx, o, projectdb.Batch{Statements: []projectdb.Statement{keep, same, row}}, func(i int, rows pgx.Rows) error {
		for rows.Next() {
			var err error
			switch i {
			case 0:
				err = rows.Scan(&out.bytes, &out.blobs)
			case 2:
				var name *string
				w := first.written
				if err = rows.Scan(&name, &w.id, moment{&w.created}, moment{&w.updated}, moment{&w.lastAccessed}); err != nil || name == nil {
					break
				}
				if t := tickets[*name]; t != nil { // code of the project's that nobody knows of may have changed it
					t.written = w
				}
			}
			if err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if isRefusal(out.err) {
		out.err = errAlone
	}
	return out
}
