package api

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

const (
	jsonType   = "application/json; charset=utf-8"
	ndjsonType = "application/x-ndjson; charset=utf-8"
	// held is how much of an answer waits for its end, so that its headers and errors come right; chunk is how much is sent at once
	// from then on, and how much of lines is held.
	held  = 1 << 20
	chunk = 64 << 10
)

// shape is how rows are written.
type shape int

const (
	array shape = iota
	lines
	single
)

// stream writes rows as they come: the first of them are held, then all goes out at the client's pace. What is held is bounded.
type stream struct {
	w     http.ResponseWriter
	shape shape
	// head writes the headers of an answer that goes out before its end, and status is its status; zero is 200.
	head   func()
	status int
	// discard counts rows only (HEAD).
	discard bool
	buffer  []byte
	rows    int64
	began   bool
}

// row takes a row: one column of JSON.
func (s *stream) row(columns [][]byte) error {
	s.rows++
	if s.discard {
		return nil
	}
	value := []byte("null")
	if len(columns) > 0 && columns[0] != nil {
		value = columns[0]
	}
	switch {
	case s.shape == lines:
		s.buffer = appendLine(s.buffer, value)
	case s.shape == single && s.rows > 1: // whoever asked looks at the number
		return nil
	case s.shape == single:
		s.buffer = append(s.buffer, value...)
	default:
		if s.rows > 1 {
			s.buffer = append(s.buffer, ',')
		} else {
			s.buffer = append(s.buffer, '[')
		}
		s.buffer = append(s.buffer, value...)
	}
	bound := chunk
	if !s.began && s.shape != lines {
		bound = held
	}
	if len(s.buffer) < bound || s.shape == single {
		return nil
	}
	return s.send()
}

// restart forgets the rows that were held: they come again.
func (s *stream) restart() error {
	if s.began {
		return errRestarted
	}
	s.buffer, s.rows = s.buffer[:0], 0
	return nil
}

var errRestarted = errors.New("api: rows that were sent came again")

// appendLine writes a value on a line of its own. Columns of type json keep the line breaks of their input; within strings there are none.
func appendLine(out, value []byte) []byte {
	start := len(out)
	out = append(out, value...)
	if bytes.IndexByte(value, '\n') >= 0 || bytes.IndexByte(value, '\r') >= 0 {
		for i := start; i < len(out); i++ {
			if out[i] == '\n' || out[i] == '\r' {
				out[i] = ' '
			}
		}
	}
	return append(out, '\n')
}

// send sends what is held. An error is the client's going away.
func (s *stream) send() error {
	if !s.began {
		s.began = true
		s.head()
		s.w.WriteHeader(cmp.Or(s.status, http.StatusOK))
	}
	_, err := s.w.Write(s.buffer)
	s.buffer = s.buffer[:0]
	if cap(s.buffer) > 2*chunk { // what was held at first
		s.buffer = nil
	}
	if err == nil {
		err = http.NewResponseController(s.w).Flush()
	}
	return err
}

// end closes what was written so far.
func (s *stream) end() {
	if s.shape != array || s.discard {
		return
	}
	if s.rows == 0 {
		s.buffer = append(s.buffer, '[')
	}
	s.buffer = append(s.buffer, ']')
}

// finish sends the last of an answer that has begun, or all of one that has not, with a status.
func (s *stream) finish(r *http.Request, status int) {
	if s.began {
		_ = s.send() // who is gone is gone
		return
	}
	h := s.w.Header()
	if status == http.StatusOK && r.Method == http.MethodGet && h.Get("ETag") == "" {
		sum := sha256.New()
		_, _ = sum.Write([]byte(h.Get("Content-Range") + "\n"))
		_, _ = sum.Write(s.buffer)
		tag := `"` + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:18]) + `"`
		h.Set("ETag", tag)
		if matches(r.Header.Values("If-None-Match"), tag) {
			h.Del("Content-Type")
			s.w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if r.Method != http.MethodHead {
		h.Set("Content-Length", strconv.Itoa(len(s.buffer)))
	}
	s.w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = s.w.Write(s.buffer)
	}
}

// matches compares weakly, as If-None-Match does.
func matches(headers []string, tag string) bool {
	for _, header := range headers {
		for candidate := range strings.SplitSeq(header, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
				return true
			}
		}
	}
	return false
}
