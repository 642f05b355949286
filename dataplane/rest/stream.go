package rest

import (
	"bytes"
	"sync"

	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
)

const (
	// whole is how many bytes of an answer wait until all of it is known. What is longer goes out while the query runs.
	whole = 1 << 20
	// chunk is how much goes out at once then.
	chunk = 64 << 10
)

// framing is how rows make a body.
type framing int

const (
	framedArray   framing = iota // JSON values in an array
	framedOne                    // the one row as it is
	framedLines                  // lines of a plan
	framedCSV                    // columns, with a header
	framedGeoJSON                // features in a collection
	framedNothing                // no body
)

// stream is the body of an answer. It is written straight to the connection when it is long, so a client that reads slowly slows
// the query.
type stream struct {
	*exchange
	framing framing
	buf     []byte
	pooled  *[]byte
	rows    int64
	sent    bool
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

func (s *stream) open() {
	s.pooled = buffers.Get().(*[]byte)
	s.buf = (*s.pooled)[:0]
}

func (s *stream) close() {
	if cap(s.buf) <= 2*chunk { // a larger one is not kept
		*s.pooled = s.buf
	}
	buffers.Put(s.pooled)
	s.buf, s.pooled = nil, nil
}

func framingOf(a *engine.Action) framing {
	form := a.Statement.Form
	switch {
	case form.ExplainFormat != "":
		return framedLines
	case form.Kind == plan.FormCount:
		return framedNothing
	case form.Kind == plan.FormScalar, form.Kind == plan.FormHandler:
		return framedOne
	case form.Kind == plan.FormColumns:
		return framedCSV
	case form.Kind == plan.FormGeoJSON:
		return framedGeoJSON
	case a.Single, a.Bare:
		return framedOne
	}
	return framedArray
}

// row takes a row.
func (s *stream) row(columns [][]byte) error {
	if s.rows == 0 {
		s.framing = framingOf(s.action) // it may have been planned again
	}
	switch s.framing {
	case framedArray:
		s.separate("[", ",\n")
		s.value(columns[0])
	case framedGeoJSON:
		s.separate(`{"type" : "FeatureCollection", "features" : [`, ",\n")
		s.value(columns[0])
	case framedOne:
		if columns[0] == nil && s.action.Statement.Form.Kind == plan.FormJSON {
			s.buf = append(s.buf, "null"...)
		}
		s.buf = append(s.buf, columns[0]...)
	case framedLines:
		s.separate("", "\n")
		s.buf = append(s.buf, columns[0]...)
	case framedCSV:
		if s.rows == 0 {
			s.head()
		}
		s.separate("", "\n")
		s.line(columns)
	case framedNothing:
	}
	s.rows++
	if len(s.buf) >= whole || (s.sent && len(s.buf) >= chunk) {
		return s.flush()
	}
	return nil
}

func (s *stream) separate(first, other string) {
	if s.rows == 0 {
		s.buf = append(s.buf, first...)
	} else {
		s.buf = append(s.buf, other...)
	}
}

func (s *stream) value(json []byte) {
	if json == nil {
		s.buf = append(s.buf, "null"...)
		return
	}
	s.buf = append(s.buf, json...)
}

func (s *stream) head() {
	for i, name := range s.action.Columns() {
		if i > 0 {
			s.buf = append(s.buf, ',')
		}
		s.buf = append(s.buf, name...)
	}
	s.buf = append(s.buf, '\n')
}

// line writes a row as Postgres writes one, without its parentheses.
func (s *stream) line(columns [][]byte) {
	for i, c := range columns {
		if i > 0 {
			s.buf = append(s.buf, ',')
		}
		switch {
		case c == nil:
		case len(c) == 0 || bytes.ContainsAny(c, "\"\\(), \t\n\v\f\r"):
			s.buf = append(s.buf, '"')
			for _, b := range c {
				if b == '"' || b == '\\' {
					s.buf = append(s.buf, b)
				}
				s.buf = append(s.buf, b)
			}
			s.buf = append(s.buf, '"')
		default:
			s.buf = append(s.buf, c...)
		}
	}
}

// end writes what comes after the rows.
func (s *stream) end() {
	if s.rows == 0 {
		s.framing = framingOf(s.action)
	}
	switch s.framing {
	case framedArray:
		if s.rows == 0 {
			s.buf = append(s.buf, '[')
		}
		s.buf = append(s.buf, ']')
	case framedGeoJSON:
		if s.rows == 0 {
			s.buf = append(s.buf, `{"type" : "FeatureCollection", "features" : [`...)
		}
		s.buf = append(s.buf, "]}"...)
	case framedCSV:
		if s.rows == 0 {
			s.buf = append(s.buf, '\n')
		}
	}
}

// flush sends what there is.
func (s *stream) flush() error {
	if !s.sent {
		s.begin(s)
		s.sent = true
	}
	_, err := s.w.Write(s.buf)
	if cap(s.buf) > 2*chunk { // not needed any more
		s.close()
		s.open()
	}
	s.buf = s.buf[:0]
	return err
}

// again forgets rows that come once more.
func (s *stream) again() error {
	if s.sent {
		return errTwice
	}
	s.buf, s.rows = s.buf[:0], 0
	return nil
}
