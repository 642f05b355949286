package object

import (
	"context"
	_ "embed" // the statements
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
)

//go:embed sql/rules_same.sql
var rulesSameSQL string

// Bounds of uploads that begin without a look.
const (
	// eagerMost is how large they may be, eagerNew if the name may turn out to be taken.
	eagerMost = 8 << 20
	eagerNew  = 256 << 10
	// knownFor is for how long a bucket's rules count as known.
	knownFor = 2 * time.Second
	// maxKnown is of how many buckets they are.
	maxKnown = 10_000
)

// known are the rules of buckets that were looked at a moment ago.
type known struct {
	rules *lru.Cache[knownKey, knownRules]
}

type knownKey struct{ ref, bucket string }

type knownRules struct {
	rules
	until time.Time
}

func newKnown() *known {
	cache, err := lru.New[knownKey, knownRules](maxKnown)
	if err != nil {
		panic(err) // the size is above nought
	}
	return &known{cache}
}

// note remembers the rules of a bucket, where an upload may begin by them.
func (k *known) note(session *projectdb.Session, bucket string, r rules) {
	if r.triggers {
		k.rules.Remove(knownKey{session.Project.Ref, bucket})
		return
	}
	k.rules.Add(knownKey{session.Project.Ref, bucket}, knownRules{r, time.Now().Add(knownFor)})
}

// stored remembers what the project stores.
func (k *known) stored(session *projectdb.Session, bucket string, bytes, blobs int64) {
	key := knownKey{session.Project.Ref, bucket}
	if r, ok := k.rules.Peek(key); ok {
		r.bytes, r.blobs = bytes, blobs
		k.rules.Add(key, r)
	}
}

// hurry begins a small upload by whom no policy holds without a look, where the bucket's rules are known and let it through with room to spare: its bytes are written
// first, and its row only if the rules still are what they were. What might be refused is looked at before, and so is everything that policies judge.
func (s *Service) hurry(session *projectdb.Session, t *Ticket) bool {
	if !unbound(session) || t.Most <= 0 || t.Most > eagerMost || t.Most > eagerNew && !t.Upsert || t.replaces() || t.IfMatch != "" || t.IfNoneMatch != "" || t.scan {
		return false
	}
	r, ok := s.known.rules.Get(knownKey{session.Project.Ref, t.Bucket})
	if !ok || time.Now().After(r.until) {
		return false
	}
	trial := *t
	if trial.bound(session, r.rules) != nil || t.Most > trial.Limit {
		return false
	}
	if quota := session.Project.Limits.StorageBytes; quota > 0 && r.bytes > quota-quota/4 {
		return false
	}
	*t = trial
	t.eager, t.plain = &r.rules, true
	return true
}

// same is the statement that fails where the rules are others than those that the upload began by.
func (r *rules) same(bucket string) projectdb.Statement {
	return projectdb.Statement{SQL: rulesSameSQL, Args: []any{bucket, strconv.FormatInt(r.sizeLimit, 10), r.written}}
}

// again judges an upload whose bucket's rules have changed since they were known.
func (s *Service) again(ctx context.Context, session *projectdb.Session, t *Ticket, w blob.Written) (*Object, error) {
	t.eager = nil
	found, err := s.look(ctx, session, t)
	if err == nil {
		t.Size = w.Size
		err = t.bound(session, found)
	}
	if err != nil {
		s.drop(ctx, session, w.Version)
		return nil, err
	}
	t.plain = !found.triggers
	return s.Commit(ctx, session, t, w)
}
