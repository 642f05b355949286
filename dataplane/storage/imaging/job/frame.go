package job

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Ready is what the program says before it takes the first job. Another one speaks otherwise and is not used.
const Ready = "fluxbase-images 1\n"

// Code is how a job ended.
type Code string

// The codes.
const (
	Done        Code = "done"
	Unsupported Code = "unsupported" // no image, or of a format that is not read
	Broken      Code = "broken"      // it could not be decoded
	TooBig      Code = "too_big"     // the file is too large
	TooManyPx   Code = "too_many_px" // its header promises too many pixels
	ResultBig   Code = "result_big"  // what was made is too large
	Incomplete  Code = "incomplete"  // the file ended before its end: the worker gave up reading it
)

// Result tells what became of a job. Size bytes follow it.
type Result struct {
	Code   Code   `json:"code"`
	MIME   string `json:"mime,omitempty"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	Size   int64  `json:"size,omitempty"`
	// Detail is the library's own word, for the log.
	Detail string `json:"detail,omitempty"`
}

const (
	maxHeader = 16 << 10
	endOfFile = 0
	givenUp   = 0xFFFFFFFF
	maxChunk  = 1 << 20
)

var (
	errGarbage = errors.New("the other side does not speak the protocol")
	// ErrGivenUp is what ReadInput returns when the worker could not read the file to its end.
	ErrGivenUp = errors.New("the file was not sent to its end")
	// ErrTooBig is what ReadInput returns for a file over MaxInput.
	ErrTooBig = errors.New("the file is too large")
)

// WriteRecipe begins a job. The file's bytes follow.
func WriteRecipe(w io.Writer, r Recipe) error { return writeHeader(w, r) }

// ReadRecipe is the other end of WriteRecipe. io.EOF says that there is no further job.
func ReadRecipe(r io.Reader) (Recipe, error) {
	var out Recipe
	err := readHeader(r, &out)
	return out, err
}

// WriteResult ends a job.
func WriteResult(w io.Writer, r Result, body []byte) error {
	r.Size = int64(len(body))
	if len(r.Detail) > 1000 {
		r.Detail = r.Detail[:1000]
	}
	if err := writeHeader(w, r); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// ReadResult is the other end of WriteResult; Size bytes are left to read.
func ReadResult(r io.Reader) (Result, error) {
	var out Result
	if err := readHeader(r, &out); err != nil {
		return out, err
	}
	if out.Size < 0 || out.Size > MaxOutput {
		return out, fmt.Errorf("%w: a result of %d bytes", errGarbage, out.Size)
	}
	return out, nil
}

func writeHeader(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(raw)), uint32(len(raw))), raw...))
	return err
}

func readHeader(r io.Reader, v any) error {
	size, err := readLength(r)
	if err != nil {
		return err
	}
	if size > maxHeader {
		return fmt.Errorf("%w: a header of %d bytes", errGarbage, size)
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(r, raw); err != nil {
		return unexpected(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%w: %w", errGarbage, err)
	}
	return nil
}

func readLength(r io.Reader) (uint32, error) {
	var b [4]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(b[:]), nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// SendInput streams a file as a job's bytes. A reader that fails is the first error: the program is told and stays usable. A writer that
// fails is the second: the program is gone.
func SendInput(w io.Writer, from io.Reader) (read, write error) {
	buf := make([]byte, 4+64<<10)
	for {
		n, err := from.Read(buf[4:])
		if n > 0 {
			binary.BigEndian.PutUint32(buf, uint32(n))
			if _, err := w.Write(buf[:4+n]); err != nil {
				return nil, err
			}
		}
		if err == nil {
			continue
		}
		last := uint32(endOfFile)
		if !errors.Is(err, io.EOF) {
			read, last = err, givenUp
		}
		_, write = w.Write(binary.BigEndian.AppendUint32(nil, last))
		return read, write
	}
}

// ReadInput is the other end of SendInput. It reads all that is sent, whatever it returns.
func ReadInput(r io.Reader) ([]byte, error) {
	var out []byte
	tooBig := false
	for {
		size, err := readLength(r)
		switch {
		case err != nil:
			return nil, unexpected(err)
		case size == endOfFile && tooBig:
			return nil, ErrTooBig
		case size == endOfFile:
			return out, nil
		case size == givenUp:
			return nil, ErrGivenUp
		case size > maxChunk:
			return nil, fmt.Errorf("%w: a part of %d bytes", errGarbage, size)
		}
		if tooBig = tooBig || len(out)+int(size) > MaxInput; tooBig {
			out = nil
			if _, err := io.CopyN(io.Discard, r, int64(size)); err != nil {
				return nil, unexpected(err)
			}
			continue
		}
		at := len(out)
		out = append(out, make([]byte, size)...)
		if _, err := io.ReadFull(r, out[at:]); err != nil {
			return nil, unexpected(err)
		}
	}
}
