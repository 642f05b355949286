package imaging

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// turns shares a few places fairly: projects that wait are served in a circle, none holds all places while there are several, and none can fill the
// queue for others.
type turns struct {
	places, each      int // at once: in all, of one project
	waitEach, waitAll int // in the queue
	longest           time.Duration
	mu                sync.Mutex
	taken, waiting    int
	lines             map[string]*line
	circle            []string // of projects that wait, the next one first
}

// line is a project's share.
type line struct {
	taken   int
	waiting []chan struct{}
}

const (
	waitEach = 32
	waitAll  = 512
)

func newTurns(places int, longest time.Duration) *turns {
	return &turns{places: places, each: max(1, places-1), waitEach: waitEach, waitAll: waitAll, longest: longest, lines: map[string]*line{}}
}

// busy refuses what would wait for too long.
func busy() error {
	return &fault.Error{Kind: fault.Exhausted, Reason: "SLOW_DOWN", RetryAfter: 2 * time.Second,
		Message: "Too many images are being made at once. Try again in a moment."}
}

// take waits for a place. What it returns gives the place back.
func (t *turns) take(ctx context.Context, project string) (func(), error) {
	ready, err := t.join(project)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(t.longest)
	defer timer.Stop()
	select {
	case <-ready:
		return sync.OnceFunc(func() { t.leave(project) }), nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = busy()
	}
	t.giveUp(project, ready)
	return nil, err
}

func (t *turns) join(project string) (chan struct{}, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lines[project]
	if t.waiting >= t.waitAll || l != nil && len(l.waiting) >= t.waitEach {
		return nil, busy()
	}
	if l == nil {
		l = &line{}
		t.lines[project] = l
	}
	if len(l.waiting) == 0 {
		t.circle = append(t.circle, project)
	}
	ready := make(chan struct{})
	l.waiting = append(l.waiting, ready)
	t.waiting++
	t.next()
	return ready, nil
}

// next gives free places to whoever's turn it is.
func (t *turns) next() {
	for t.taken < t.places {
		at := slices.IndexFunc(t.circle, func(project string) bool { return t.lines[project].taken < t.each })
		if at < 0 {
			return
		}
		project := t.circle[at]
		l := t.lines[project]
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
		l.taken++
		t.taken++
		t.waiting--
		t.circle = slices.Delete(t.circle, at, at+1)
		if len(l.waiting) > 0 {
			t.circle = append(t.circle, project)
		}
	}
}

func (t *turns) leave(project string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines[project].taken--
	t.taken--
	t.forget(project)
	t.next()
}

// giveUp takes somebody out of the queue, or gives back the place that came at the same moment.
func (t *turns) giveUp(project string, ready chan struct{}) {
	t.mu.Lock()
	l := t.lines[project]
	at := slices.Index(l.waiting, ready)
	if at < 0 {
		t.mu.Unlock()
		t.leave(project)
		return
	}
	defer t.mu.Unlock()
	l.waiting = slices.Delete(l.waiting, at, at+1)
	t.waiting--
	if len(l.waiting) == 0 {
		t.circle = slices.DeleteFunc(t.circle, func(p string) bool { return p == project })
	}
	t.forget(project)
}

func (t *turns) forget(project string) {
	if l := t.lines[project]; l.taken == 0 && len(l.waiting) == 0 {
		delete(t.lines, project)
	}
}
