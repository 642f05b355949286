package hot

import (
	"context"
	"io"
	"os"
	"time"
)

// atOnce is how many files are written to disk at once: what is read often is read again, so that the next one may wait.
const atOnce = 2

// spare is how many times what is held stays free of the file system, for everybody else.
const spare = 4

// window is the time in which a project has at most the budget written: readings are counted when they begin, and whoever breaks off many large ones would
// have the disk written to without end.
const window = unusedOnDisk / 4

// disk is where large files are held.
type disk struct {
	dir    string
	budget int64
	slots  chan struct{}
	// written is how much of each project was written since then. The cache's lock guards both.
	written map[string]int64
	since   time.Time
}

func newDisk(dir string, budget int64) *disk {
	return &disk{dir: dir, budget: budget, slots: make(chan struct{}, atOnce), written: map[string]int64{}}
}

// begin reports whether a project's file of so many bytes may be written now; then end follows. In memory it always may.
func (d *disk) begin(ref string, size int64, now time.Time) bool {
	if d == nil {
		return true
	}
	if now.Sub(d.since) >= window {
		clear(d.written)
		d.since = now
	}
	if d.written[ref]+size > d.budget {
		return false
	}
	select {
	case d.slots <- struct{}{}:
		d.written[ref] += size
		return true
	default:
		return false
	}
}

// refuse takes back what begin counted, as there is no room.
func (d *disk) refuse(ref string, size int64) {
	if d != nil {
		d.written[ref] -= size
		d.end()
	}
}

func (d *disk) end() {
	if d != nil {
		<-d.slots
	}
}

// read writes a file that is as long as it is said to be to disk, or returns nil: it is not that long, cannot be read, or there is no room. held is how much
// is held, this file included.
func (d *disk) read(ctx context.Context, size, held int64, fetch func(context.Context) (io.ReadCloser, error)) *os.File {
	if free(d.dir) < held*spare {
		return nil
	}
	body, err := fetch(ctx)
	if err != nil {
		return nil
	}
	defer func() { _ = body.Close() }()
	out, err := os.CreateTemp(d.dir, "fluxbase-held-*")
	if err != nil {
		return nil
	}
	// Its blocks live as long as it is open, and no longer than the process.
	if err := os.Remove(out.Name()); err != nil || !copied(out, body, size) {
		_ = out.Close()
		return nil
	}
	return out
}

// copied writes a body of so many bytes to a file, and reports whether it was of so many.
func copied(out *os.File, body io.ReadCloser, size int64) bool {
	whole, direct := body.(io.WriterTo)
	known, told := body.(interface{ Left() int64 })
	if !direct || !told {
		n, err := io.CopyN(out, body, size)
		return err == nil && n == size && ended(body)
	}
	if known.Left() != size {
		return false
	}
	n, err := whole.WriteTo(out)
	return err == nil && n == size
}
