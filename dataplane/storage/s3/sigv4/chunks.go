package sigv4

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// Bounds of what is around the bytes of chunks.
const (
	maxChunkLine   = 256
	maxTrailerLine = 1024
	maxTrailers    = 8
	// leastChunk is the least size of every chunk but the last that carries bytes: smaller ones cost more than they bring.
	leastChunk = 8 << 10
	// smallAllowed is how many smaller ones are let pass all the same.
	smallAllowed = 1024
	maxChunkSize = 5 << 30
)

var errChunk = fault.New(fault.Invalid, "INVALID_CHUNK", "The body's chunks are not well-formed.")

// chunks decodes aws-chunked, and verifies each chunk's signature.
type chunks struct {
	from *bufio.Reader
	// left is of the present chunk, total of all chunks.
	left, total int64
	small       int
	signed      bool
	trailing    bool

	// of signed streams
	key                []byte
	time, scope        string
	previous, expected string
	hash               hash.Hash

	trailer string  // the name of the header that the trailer has, or ""
	digest  *digest // where its value goes
	err     error
}

func newChunks(from io.Reader, size int64, signed, trailing bool) *chunks {
	return &chunks{from: bufio.NewReaderSize(from, 4<<10), total: size, signed: signed, trailing: trailing}
}

func (c *chunks) sign(s *Signature) {
	c.key, c.time, c.scope, c.previous, c.hash = s.key, s.Time.Format(timeForm), s.scope, hex.EncodeToString(s.value), sha256.New()
}

// Read reads bytes of chunks. After the last it reports io.EOF; end reads what follows.
func (c *chunks) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.left == 0 {
		if c.err = c.next(); c.err != nil {
			return 0, c.err
		}
	}
	p = p[:min(int64(len(p)), c.left)]
	n, err := c.from.Read(p)
	if c.left -= int64(n); c.signed {
		_, _ = c.hash.Write(p[:n])
	}
	if err != nil {
		c.err = err
		return n, err
	}
	if c.left == 0 {
		if c.err = c.closeChunk(); c.err != nil {
			return 0, c.err
		}
	}
	return n, nil
}

// next reads the line before a chunk that has bytes.
func (c *chunks) next() error {
	size, err := c.line()
	if err != nil {
		return err
	}
	switch {
	case size == 0:
		return io.EOF // too early: end is called for the last one
	case size > c.total:
		return fault.New(fault.Invalid, "INCOMPLETE_BODY", "The body has more bytes than x-amz-decoded-content-length says.")
	case size < leastChunk && size < c.total:
		if c.small++; c.small > smallAllowed {
			return fault.New(fault.Invalid, "INVALID_CHUNK_SIZE", "Only the last chunk is allowed to have a size less than 8192 bytes")
		}
	}
	c.left = size
	c.total -= size
	return nil
}

// line reads "<size in hex>[;chunk-signature=<signature>]".
func (c *chunks) line() (int64, error) {
	line, err := readLine(c.from, maxChunkLine)
	if err != nil {
		return 0, err
	}
	text, extension, extended := strings.Cut(line, ";")
	if c.signed {
		signature, ok := strings.CutPrefix(strings.TrimSpace(extension), "chunk-signature=")
		if !ok || len(signature) != 2*sha256.Size {
			return 0, errChunk
		}
		c.expected = signature
	} else if extended {
		return 0, errChunk
	}
	return parseSize(text)
}

// parseSize reads digits in hex: neither signs nor underscores nor spaces.
func parseSize(text string) (size int64, err error) {
	if text == "" || len(text) > 16 {
		return 0, errChunk
	}
	for i := range len(text) {
		digit := strings.IndexByte("0123456789abcdef", text[i]|0x20)
		if digit < 0 || text[i] < '0' {
			return 0, errChunk
		}
		if size = size<<4 | int64(digit); size > maxChunkSize {
			return 0, errChunk
		}
	}
	return size, nil
}

// closeChunk reads the line's end after a chunk, and verifies its signature.
func (c *chunks) closeChunk() error {
	if err := c.newline(); err != nil {
		return err
	}
	return c.verify()
}

func (c *chunks) newline() error {
	var end [2]byte
	if _, err := io.ReadFull(c.from, end[:]); err != nil {
		return err
	}
	if end != [2]byte{'\r', '\n'} {
		return errChunk
	}
	return nil
}

var emptyHash = hex.EncodeToString(sha256.New().Sum(nil))

func (c *chunks) verify() error {
	if !c.signed {
		return nil
	}
	text := "AWS4-HMAC-SHA256-PAYLOAD\n" + c.time + "\n" + c.scope + "\n" + c.previous + "\n" + emptyHash + "\n" + hex.EncodeToString(c.hash.Sum(nil))
	want := hex.EncodeToString(sum(c.key, text))
	if !hmac.Equal([]byte(want), []byte(strings.ToLower(c.expected))) {
		return ErrMismatch
	}
	c.previous = want
	c.hash.Reset()
	return nil
}

// end reads the last chunk, which is empty, and the trailer, and sees to it that nothing follows.
func (c *chunks) end() error {
	if c.err != nil {
		return c.err
	}
	if c.total != 0 || c.left != 0 {
		return io.ErrUnexpectedEOF
	}
	size, err := c.line()
	switch {
	case err != nil:
		return err
	case size != 0:
		return fault.New(fault.Invalid, "INCOMPLETE_BODY", "The body has more bytes than x-amz-decoded-content-length says.")
	}
	if err := c.verify(); err != nil {
		return err
	}
	if c.trailing {
		if err := c.readTrailers(); err != nil {
			return err
		}
	} else if err := c.newline(); err != nil && !errors.Is(err, io.EOF) { // some clients leave the last line's end out
		return err
	}
	if n, _ := io.CopyN(io.Discard, c.from, 1); n > 0 {
		return errChunk
	}
	return nil
}

// readTrailers reads "name:value" lines up to an empty one, and verifies their signature.
func (c *chunks) readTrailers() error {
	var canonical bytes.Buffer
	found, signature := false, ""
	for range maxTrailers {
		line, err := readLine(c.from, maxTrailerLine)
		if errors.Is(err, io.EOF) && line == "" {
			break
		}
		if err != nil {
			return err
		}
		if line == "" {
			if c.signed && signature == "" && found { // some put an empty line before the signature
				continue
			}
			break
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case !ok || name == "":
			return errChunk
		case c.signed && name == "x-amz-trailer-signature" && signature == "":
			signature = value
			continue
		case name != c.trailer || found || signature != "":
			return fault.New(fault.Invalid, "MALFORMED_TRAILER_ERROR", "The trailer has another header than x-amz-trailer says.")
		}
		found = true
		canonical.WriteString(name + ":" + value + "\n")
		if err := c.digest.read(value); err != nil {
			return err
		}
	}
	if c.trailer != "" && !found {
		return fault.New(fault.Invalid, "MALFORMED_TRAILER_ERROR", "The trailer lacks the header that x-amz-trailer names.")
	}
	if !c.signed {
		return nil
	}
	hashed := sha256.Sum256(canonical.Bytes())
	want := hex.EncodeToString(sum(c.key, "AWS4-HMAC-SHA256-TRAILER\n"+c.time+"\n"+c.scope+"\n"+c.previous+"\n"+hex.EncodeToString(hashed[:])))
	if !hmac.Equal([]byte(want), []byte(strings.ToLower(signature))) {
		return ErrMismatch
	}
	return nil
}

// readLine reads a line of up to so many bytes, and cuts its end off. A last line without an end comes with io.EOF.
func readLine(from *bufio.Reader, most int) (string, error) {
	var line []byte
	for len(line) <= most {
		b, err := from.ReadByte()
		if err != nil {
			return string(line), err
		}
		if b == '\n' {
			return string(bytes.TrimSuffix(line, []byte("\r"))), nil
		}
		line = append(line, b)
	}
	return "", errChunk
}
