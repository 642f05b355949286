package imaging

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// inMemory is the largest picture that is held in memory; another waits in a file without a name.
const inMemory = 256 << 10

// picture is what a program has made, for as long as somebody reads it.
type picture struct {
	mime    string
	size    int64
	at      io.ReaderAt
	file    *os.File
	holders atomic.Int32
	// closed is called when the file is.
	closed func()
}

// keep reads a picture of a known size from a program.
func keep(from io.Reader, size int64, mime, tempDir string) (*picture, error) {
	p := &picture{mime: mime, size: size}
	p.holders.Store(1)
	if size <= inMemory {
		raw := make([]byte, size)
		if _, err := io.ReadFull(from, raw); err != nil {
			return nil, err
		}
		p.at = bytes.NewReader(raw)
		return p, nil
	}
	file, err := os.CreateTemp(tempDir, "fluxbase-image-*")
	if err != nil {
		return nil, fmt.Errorf("keep an image: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, fmt.Errorf("keep an image: %w", err)
	}
	if _, err := io.CopyN(file, from, size); err != nil {
		file.Close()
		return nil, fmt.Errorf("keep an image: %w", err)
	}
	p.at, p.file = file, file
	return p, nil
}

func (p *picture) hold() { p.holders.Add(1) }

func (p *picture) release() {
	if p.holders.Add(-1) == 0 && p.file != nil {
		p.file.Close()
		if p.closed != nil {
			p.closed()
		}
	}
}

// waiting are the bytes of pictures in files, by project: readers may take long, and may ask for another one each time.
type waiting struct {
	mu    sync.Mutex
	bytes map[string]int64
}

// mostWaiting is how much of one project waits at once.
const mostWaiting = 1 << 30

func (w *waiting) full(project string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes[project] >= mostWaiting
}

// hold counts a picture until its file is closed.
func (w *waiting) hold(project string, p *picture) {
	if p.file == nil {
		return
	}
	w.add(project, p.size)
	p.closed = func() { w.add(project, -p.size) }
}

func (w *waiting) add(project string, n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bytes[project] += n; w.bytes[project] == 0 {
		delete(w.bytes, project)
	}
}

// reader reads the picture from its begin. Closing it releases the picture.
func (p *picture) reader() io.ReadCloser {
	return &pictureReader{SectionReader: io.NewSectionReader(p.at, 0, p.size), of: p}
}

type pictureReader struct {
	*io.SectionReader
	of     *picture
	closed atomic.Bool
}

// Close releases the picture once.
func (r *pictureReader) Close() error {
	if !r.closed.Swap(true) {
		r.of.release()
	}
	return nil
}
