package object

import (
	"io"
	"sync"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// coming are the bytes of uploads that are under way to this worker, by project: each of many at once may take all the room that there is, and all of
// them no more.
type coming struct {
	mu    sync.Mutex
	bytes map[string]int64
}

// add returns how many there are then.
func (c *coming) add(ref string, n int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.bytes[ref] + n
	if sum == 0 {
		delete(c.bytes, ref)
	} else {
		c.bytes[ref] = sum
	}
	return sum
}

// bounded ends a body beyond its limit, or beyond the room that the project has for all that are under way.
type bounded struct {
	from io.Reader
	left int64
	over error

	coming *coming
	ref    string
	room   int64 // 0 is no limit
	came   int64
}

// Read reads on.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, b.over
	}
	if b.room > 0 {
		b.came += int64(n)
		if b.coming.add(b.ref, int64(n)) > b.room {
			return 0, fault.New(fault.Exhausted, "QUOTA_STORAGE", "The project's storage has no room for all that is being uploaded to it now. Delete files, or move to a larger plan.")
		}
	}
	return n, err
}

// end counts the body no more.
func (b *bounded) end() { b.coming.add(b.ref, -b.came) }
