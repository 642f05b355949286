package scan

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// piece is how much is sent to clamd as one chunk.
const piece = 64 << 10

// maxAnswer bounds what clamd says of one file.
const maxAnswer = 4 << 10

// stream is one INSTREAM of clamd: chunks, each with its length before it, and an empty one at the end.
type stream struct {
	scanner *Scanner
	conn    net.Conn
	ref     string
	release func() bool
	gone    <-chan struct{} // closed when the caller has gone away
	failed  error
	judged  bool
	once    sync.Once
}

// Write sends bytes on. Its errors are faults: the file cannot be kept.
func (s *stream) Write(p []byte) (int, error) {
	if s.judged {
		return 0, errors.New("scan: written to after the verdict")
	}
	written := 0
	for len(p) > 0 {
		if s.failed != nil {
			return written, s.failed
		}
		part := p[:min(len(p), piece)]
		if err := s.chunk(part); err != nil {
			s.failed = s.hungUp(err)
			return written, s.failed
		}
		written += len(part)
		p = p[len(part):]
	}
	return written, nil
}

func (s *stream) chunk(p []byte) error {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(p)))
	return s.send(length[:], p)
}

func (s *stream) send(parts ...[]byte) error {
	if err := s.deadline(writeTimeout); err != nil {
		return err
	}
	buffers := net.Buffers(parts)
	_, err := buffers.WriteTo(s.conn)
	return err
}

// deadline bounds what is done next, unless the caller has gone away.
func (s *stream) deadline(wait time.Duration) error {
	if err := s.conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	select {
	case <-s.gone:
		return s.conn.SetDeadline(time.Unix(1, 0))
	default:
		return nil
	}
}

// hungUp finds out why the scanner takes no more: it says so before it closes.
func (s *stream) hungUp(cause error) error {
	var timeout net.Error
	if errors.As(cause, &timeout) && timeout.Timeout() {
		return s.away(cause)
	}
	if err := s.deadline(lastWords); err != nil {
		return s.away(cause)
	}
	if answer, err := s.read(); err == nil && answer != "stream: OK" { // it cannot know
		return s.judge(answer)
	}
	return s.away(cause)
}

// away refuses the file; nobody needs to hear of the scanner when it was the caller who left.
func (s *stream) away(err error) error {
	select {
	case <-s.gone:
		s.scanner.count("canceled")
		return fault.Wrap(err, fault.Canceled, "CANCELED", "The request was canceled.")
	default:
		return s.scanner.away(err)
	}
}

// Verdict says that this was all, and waits for what the scanner found.
func (s *stream) Verdict() error {
	if s.judged || s.failed != nil {
		return s.failed
	}
	s.judged = true
	if err := s.send([]byte{0, 0, 0, 0}); err != nil {
		s.failed = s.hungUp(err)
		return s.failed
	}
	err := s.deadline(s.scanner.answer)
	var answer string
	if err == nil {
		answer, err = s.read()
	}
	if err != nil {
		s.failed = s.away(err)
		return s.failed
	}
	s.failed = s.judge(answer)
	return s.failed
}

func (s *stream) read() (string, error) {
	answer, err := bufio.NewReader(io.LimitReader(s.conn, maxAnswer)).ReadString(0)
	if err != nil {
		return "", fmt.Errorf("read the scanner's answer: %w", err)
	}
	return strings.TrimSuffix(answer, "\x00"), nil
}

// judge reads an answer. Whatever is not known to mean that the file is clean refuses it.
func (s *stream) judge(answer string) error {
	found, ok := strings.CutPrefix(answer, "stream: ")
	switch {
	case answer == "stream: OK":
		s.scanner.count("clean")
		return nil
	case ok && strings.HasSuffix(found, " FOUND"):
		s.scanner.count("infected")
		return infected(strings.TrimSuffix(found, " FOUND"))
	case strings.HasPrefix(answer, "INSTREAM size limit exceeded"):
		s.scanner.count("too_large")
		return tooLarge()
	}
	return s.away(fmt.Errorf("the scanner answered %.200q", answer))
}

// Close gives the connection back. It may be called more than once.
func (s *stream) Close() error {
	var err error
	s.once.Do(func() {
		s.release()
		err = s.conn.Close()
		s.scanner.leave(s.ref)
	})
	return err
}
