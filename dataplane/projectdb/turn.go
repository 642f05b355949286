package projectdb

import (
	"context"
	"sync"
	"time"
)

// turns bounds the sessions of developers, of each project, whichever login they are of: their SQL decides how long they take, and may not keep so many
// connections of the worker as requests may.
type turns struct {
	most     int
	mu       sync.Mutex
	projects map[string]*projectTurns
}

// projectTurns are a project's. Its users are the sessions there are and those that wait.
type projectTurns struct {
	taken chan struct{}
	users int
}

func newTurns(perPool int) *turns {
	return &turns{most: max(perPool/2, 2), projects: map[string]*projectTurns{}}
}

// begin waits for a turn. Call end when the session is closed.
func (t *turns) begin(ctx context.Context, ref string, patience time.Duration) (end func(), err error) {
	t.mu.Lock()
	p := t.projects[ref]
	if p == nil {
		p = &projectTurns{taken: make(chan struct{}, t.most)}
		t.projects[ref] = p
	}
	p.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if p.users--; p.users == 0 {
			delete(t.projects, ref)
		}
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case p.taken <- struct{}{}:
		return func() { <-p.taken; leave() }, nil
	case <-ctx.Done():
		err = contextFault(ctx)
	case <-timer.C:
		err = errExhausted(context.DeadlineExceeded)
	}
	leave()
	return nil, err
}
