package object

import (
	"context"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
)

// Waiting is how many uploads wait to be committed with others.
func (s *Service) Waiting() (n int) {
	s.together.mu.Lock()
	defer s.together.mu.Unlock()
	for _, l := range s.together.lines {
		n += len(l.waiting)
	}
	return n
}

// Lines is how many lines of such uploads there are.
func (s *Service) Lines() int {
	s.together.mu.Lock()
	defer s.together.mu.Unlock()
	return len(s.together.lines)
}

// CommitTogether commits an upload of nothing, for as long as ctx lasts.
func (s *Service) CommitTogether(ctx context.Context, session *projectdb.Session, target Target) error {
	t, err := s.Begin(ctx, session, target)
	if err != nil {
		return err
	}
	known, _ := s.known.rules.Get(knownKey{session.Project.Ref, t.Bucket})
	t.eager = &known.rules
	return s.commitTogether(ctx, session, t, blob.Written{Version: t.Version}, projectdb.Options{SearchPath: searchPath})
}

// Remember keeps the rules that are known, however slow the machine is.
func (s *Service) Remember() {
	for _, key := range s.known.rules.Keys() {
		if r, ok := s.known.rules.Peek(key); ok {
			r.until = time.Now().Add(time.Hour)
			s.known.rules.Add(key, r)
		}
	}
}

// Occupy makes uploads wait as if others like target were being committed, until release is called.
func (s *Service) Occupy(session *projectdb.Session, target Target) (release func()) {
	known, _ := s.known.rules.Get(knownKey{session.Project.Ref, target.Bucket})
	key := lineOf(session, &Ticket{Target: target, eager: &known.rules})
	s.together.enter(key, nil)
	return func() { s.together.next(key) }
}
