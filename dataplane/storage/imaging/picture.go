package imaging

import (
	"bytes"
	"fmt"
	"io"
	"os"
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
