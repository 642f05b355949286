// Package password hashes and checks passwords, and says which are good enough.
package password

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

const (
	hashCost = 10
	// maxWaiting is how many hashes one project may have waiting on a worker.
	maxWaiting = 64
)

// nobodysHash is compared with when there is no user, so that the time taken does not tell. No password is known for it, and its outcome is not
// looked at.
const nobodysHash = "$2a$10$ho.r36BKDTOLF1Yj3rdu1eBvPp5.hURFSTgSPS0OEztuJ6xJP/akG"

// Hasher computes password hashes, a few at a time. Projects that wait take turns, so that one project under attack slows
// down itself and not its neighbours.
type Hasher struct {
	mu   sync.Mutex
	free int
	// waiting has an entry for each project that waits, turns their order.
	waiting map[string][]chan struct{}
	turns   []string

	done atomic.Int64
}

// Done is how many hashes were computed.
func (h *Hasher) Done() int64 { return h.done.Load() }

// NewHasher makes a hasher of so many hashes at once.
func NewHasher(atOnce int) *Hasher {
	return &Hasher{free: atOnce, waiting: map[string][]chan struct{}{}}
}

// Hash makes the hash of a new password.
func (h *Hasher) Hash(ctx context.Context, project, password string) (string, error) {
	if err := h.acquire(ctx, project); err != nil {
		return "", err
	}
	defer h.release()
	h.done.Add(1)
	hashed, err := bcrypt.GenerateFromPassword([]byte(password), hashCost)
	return string(hashed), err
}

// Matches tells whether the hash is of the password. Without a hash, or with one that nobody's password fits, it works as hard as for the decoy,
// which is some other user's hash or "", and says no: so its time tells nothing of a user whose hash costs as much as others' do.
func (h *Hasher) Matches(ctx context.Context, project, hash, decoy, password string) (bool, error) {
	if err := h.acquire(ctx, project); err != nil {
		return false, err
	}
	defer h.release()
	for _, candidate := range []string{hash, decoy, nobodysHash} {
		fits, err := parse(candidate)
		if err != nil {
			continue
		}
		h.done.Add(1)
		return fits([]byte(password)) && candidate == hash, nil
	}
	return false, nil
}

// Stale tells that a hash is of another make or cost than ours, so that it is to be replaced once its password is known.
func Stale(hash string) bool {
	cost, err := bcrypt.Cost([]byte(hash))
	return err != nil || cost != hashCost
}

func (h *Hasher) acquire(ctx context.Context, project string) error {
	h.mu.Lock()
	if h.free > 0 {
		h.free--
		h.mu.Unlock()
		return nil
	}
	queue := h.waiting[project]
	if len(queue) >= maxWaiting {
		h.mu.Unlock()
		return protocol.ErrTooManyRequests(time.Second)
	}
	if len(queue) == 0 {
		h.turns = append(h.turns, project)
	}
	turn := make(chan struct{})
	h.waiting[project] = append(queue, turn)
	h.mu.Unlock()

	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		if !h.leave(project, turn) { // its turn came at the same moment
			h.release()
		}
		return fault.Wrap(context.Cause(ctx), fault.Canceled, "CANCELED", "The request was given up.")
	}
}

// leave takes a request out of the queue; false says that it was not waiting any more.
func (h *Hasher) leave(project string, turn chan struct{}) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	queue := h.waiting[project]
	for i, waiting := range queue {
		if waiting != turn {
			continue
		}
		if len(queue) > 1 {
			h.waiting[project] = append(queue[:i], queue[i+1:]...)
			return true
		}
		delete(h.waiting, project)
		for j, name := range h.turns {
			if name == project {
				h.turns = append(h.turns[:j], h.turns[j+1:]...)
				break
			}
		}
		return true
	}
	return false
}

// release hands the slot to the project whose turn it is.
func (h *Hasher) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.turns) == 0 {
		h.free++
		return
	}
	project := h.turns[0]
	h.turns = h.turns[1:]
	queue := h.waiting[project]
	close(queue[0])
	if len(queue) > 1 {
		h.waiting[project] = queue[1:]
		h.turns = append(h.turns, project)
	} else {
		delete(h.waiting, project)
	}
}
