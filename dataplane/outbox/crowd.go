package outbox

import (
	"context"
	"slices"
	"sync"
	"time"
)

// crowd keeps one project's slow servers from taking all workers: of each project only so many items are handled at once. Some more wait their
// turn for a moment, so that a burst of quick ones goes through; the others are put off.
type crowd struct {
	// most is how many of a project are handled at once, room how many of all projects wait, half of them of one project at most.
	most, room int
	// closed ends all waiting.
	closed chan struct{}

	mu      sync.Mutex
	waiting int
	lines   map[string]*line
}

type line struct {
	busy int
	// turns are those who wait, first come first served. A closed one has its turn.
	turns []chan struct{}
}

// turnWait is how long one waits for its turn.
const turnWait = 20 * time.Second

// enter waits for a turn, and reports whether it came. Then leave must follow.
func (c *crowd) enter(ctx context.Context, ref string) bool {
	turn, now := c.join(ref)
	if turn == nil {
		return now
	}
	timer := time.NewTimer(turnWait)
	defer timer.Stop()
	select {
	case <-turn:
		return true
	case <-timer.C:
	case <-c.closed:
	case <-ctx.Done():
	}
	return !c.giveUp(ref, turn)
}

// join has its turn at once, or gets one to wait for, or neither where there is no room.
func (c *crowd) join(ref string) (turn chan struct{}, now bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lines == nil {
		c.lines = map[string]*line{}
	}
	l := c.lines[ref]
	if l == nil {
		l = &line{}
		c.lines[ref] = l
	}
	if l.busy < c.most {
		l.busy++
		return nil, true
	}
	if c.waiting >= c.room || 2*len(l.turns) >= c.room {
		return nil, false
	}
	c.waiting++
	turn = make(chan struct{})
	l.turns = append(l.turns, turn)
	return turn, false
}

// giveUp reports whether it was still waiting.
func (c *crowd) giveUp(ref string, turn chan struct{}) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[ref]
	if l == nil {
		return false
	}
	at := slices.Index(l.turns, turn)
	if at < 0 {
		return false
	}
	l.turns = slices.Delete(l.turns, at, at+1)
	c.waiting--
	return true
}

// leave gives the turn to the next.
func (c *crowd) leave(ref string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[ref]
	if len(l.turns) > 0 {
		close(l.turns[0])
		l.turns = l.turns[1:]
		c.waiting--
		return
	}
	if l.busy--; l.busy == 0 {
		delete(c.lines, ref)
	}
}
