package meta

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// Bounds of requests whose bodies are large: read and taken apart, a body takes some ten times its length.
const (
	heavyBody = 256 << 10
	// heavyMost is how many of a project are under way, heavyWait how long others wait for them.
	heavyMost = 4
	heavyWait = 10 * time.Second
)

var errHeavy = fault.New(fault.Unavailable, "TOO_MANY_LARGE_REQUESTS", "%d requests with large bodies are under way in this project already. Send them one after another.", heavyMost)

// heavy counts the requests with large bodies of each project.
type heavy struct {
	mu       sync.Mutex
	projects map[string]*turns
}

// turns are a project's. Its users are those that are under way and those that wait.
type turns struct {
	taken chan struct{}
	users int
}

// isHeavy reports whether a request's body is large, or may be.
func isHeavy(r *http.Request) bool { return r.ContentLength < 0 || r.ContentLength > heavyBody }

// begin waits for a turn. Call end when the request is over.
func (h *heavy) begin(ctx context.Context, ref string) (end func(), err error) {
	h.mu.Lock()
	t := h.projects[ref]
	if t == nil {
		t = &turns{taken: make(chan struct{}, heavyMost)}
		h.projects[ref] = t
	}
	t.users++
	h.mu.Unlock()
	leave := func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(h.projects, ref)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, heavyWait)
	defer cancel()
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, errHeavy
	}
}
