package hot

import (
	"context"
	"io"
	"os"
)

// atOnce is how many files are written to disk at once: what is read often is read again, so that the next one may wait.
const atOnce = 2

// spare is how many times what is held stays free of the file system, for everybody else.
const spare = 4

// disk is where large files are held.
type disk struct {
	dir   string
	slots chan struct{}
}

func newDisk(dir string) *disk { return &disk{dir: dir, slots: make(chan struct{}, atOnce)} }

// begin reports whether a file may be written now; then end follows. In memory they always may.
func (d *disk) begin() bool {
	if d == nil {
		return true
	}
	select {
	case d.slots <- struct{}{}:
		return true
	default:
		return false
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
