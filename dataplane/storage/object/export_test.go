package object

import (
	"context"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
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

// CommitTogether stores an upload of nothing, and commits it for as long as ctx lasts.
func (s *Service) CommitTogether(ctx context.Context, session *projectdb.Session, target Target) error {
	t, err := s.Begin(ctx, session, target)
	if err != nil {
		return err
	}
	known, _ := s.known.rules.Get(knownKey{session.Project.Ref, t.Bucket})
	t.eager = &known.rules
	w, err := s.Store(ctx, session, t, strings.NewReader(""))
	if err != nil {
		return err
	}
	return s.commitTogether(ctx, session, t, w, projectdb.Options{SearchPath: searchPath})
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
