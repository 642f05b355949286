package hot

import (
	"io"
	"os"
	"sync"
)

// Reader reads what is held.
type Reader struct {
	bytes []byte
	// file is read at an offset, so many bytes; nil: bytes are.
	file     *os.File
	at, left int64
	release  func()
}

var (
	_ io.ReadCloser = (*Reader)(nil)
	_ io.WriterTo   = (*Reader)(nil)
)

// Bytes are all that is left to be read, when that is in memory. Nobody may change them, nor keep them beyond Close.
func (r *Reader) Bytes() []byte { return r.bytes }

// Read reads on.
func (r *Reader) Read(p []byte) (int, error) {
	if r.file != nil {
		if r.left == 0 {
			return 0, io.EOF
		}
		n, err := r.file.ReadAt(p[:min(int64(len(p)), r.left)], r.at)
		r.at += int64(n)
		r.left -= int64(n)
		return n, err
	}
	if len(r.bytes) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.bytes)
	r.bytes = r.bytes[n:]
	return n, nil
}

// piece is how much of a file is read at once. In pieces that stay within a processor's cache, reading and writing costs less than to have the kernel do both
// (sendfile goes by single pages).
const piece = 256 << 10

var pieces = sync.Pool{New: func() any { return new([piece]byte) }}

// WriteTo writes what is left.
func (r *Reader) WriteTo(w io.Writer) (total int64, err error) {
	if r.file == nil {
		n, err := w.Write(r.bytes)
		r.bytes = r.bytes[n:]
		return int64(n), err
	}
	buffer := pieces.Get().(*[piece]byte)
	defer pieces.Put(buffer)
	for r.left > 0 {
		n, err := r.Read(buffer[:])
		if err != nil {
			return total, err
		}
		written, err := w.Write(buffer[:n])
		total += int64(written)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Close lets go of what was read.
func (r *Reader) Close() error {
	r.bytes, r.left = nil, 0
	r.release()
	return nil
}
