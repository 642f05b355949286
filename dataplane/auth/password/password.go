// Package password hashes and checks passwords, and says which are good enough.
package password

import (
	"context"
	"errors"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

const (
	hashCost = 10
	// maxPassword is what bcrypt reads; it would ignore the rest.
	maxPassword = 72
	// maxWaiting is how many hashes one project may have waiting on a worker.
	maxWaiting = 64
)

// nobodysHash is compared with when there is no user, so that the time taken does not tell. No password is known for it,
// and its outcome is not looked at.
const nobodysHash = "$2a$10$ho.r36BKDTOLF1Yj3rdu1eBvPp5.hURFSTgSPS0OEztuJ6xJP/akG"

// CheckNew refuses passwords that the project does not take.
func CheckNew(p *directory.Project, password string) error {
	if len(password) > maxPassword {
		return protocol.ErrValidation("Password cannot be longer than %d bytes", maxPassword)
	}
	least := int(setting.Get[int64](p.Settings, "auth.password_min_length"))
	if utf8.RuneCountInString(password) < least {
		return protocol.ErrWeakPassword("length", "Password should be at least %d characters.", least)
	}
	return nil
}

// Hasher computes password hashes, a few at a time. Projects that wait take turns, so that one project under attack slows
// down itself and not its neighbours.
type Hasher struct {
	mu   sync.Mutex
	free int
	// waiting has an entry for each project that waits, turns their order.
	waiting map[string][]chan struct{}
	turns   []string
}

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
	hashed, err := bcrypt.GenerateFromPassword([]byte(password), hashCost)
	return string(hashed), err
}

// Matches tells whether the hash is of the password. It takes as long without a hash, and then says no.
func (h *Hasher) Matches(ctx context.Context, project, hash, password string) (bool, error) {
	if err := h.acquire(ctx, project); err != nil {
		return false, err
	}
	defer h.release()
	if hash == "" || len(password) > maxPassword {
		_ = bcrypt.CompareHashAndPassword([]byte(nobodysHash), []byte("nobody's"))
		return false, nil
	}
	err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
	if err != nil && !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil // a hash of another make: no password fits it
	}
	return err == nil, nil
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
