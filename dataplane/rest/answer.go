package rest

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

var errTwice = errors.New("rest: rows came twice after the answer began")

// rangeTrailer tells after a long answer what Content-Range would have, had it been known before. HTTP has no trailer of that name.
const rangeTrailer = "X-Content-Range"

// Headers that most answers have. They are shared: nobody appends to them.
var (
	jsonHeader = []string{engine.JSON}
	varyHeader = []string{"Accept, Prefer, Range"}
)

// answer runs the action and writes what comes back.
func (x *exchange) answer(ctx context.Context) error {
	s := &x.body
	s.exchange = x
	s.open()
	defer s.close()
	x.action.Restart = s.again
	out, err := x.action.Run(ctx, s.row)
	if err != nil {
		if s.sent { // half an answer must not look whole
			x.log.WarnContext(ctx, "rest answer broke off", "project", x.session.Project.Ref, "rows", s.rows, "error", err)
			panic(http.ErrAbortHandler)
		}
		return err
	}
	x.clock.lap(transacting)
	s.end()
	if s.sent {
		if err := s.flush(); err != nil {
			panic(http.ErrAbortHandler)
		}
		if x.w.Header().Get("Trailer") != "" {
			x.w.Header().Set(rangeTrailer, contentRange(x.offset(), out.Rows, out.Total))
		}
		return nil
	}
	status, err := x.heads(out)
	if err != nil {
		return err
	}
	return x.finish(status, out, s)
}

// finish writes an answer that is known in whole.
func (x *exchange) finish(status int, out *engine.Outcome, s *stream) error {
	header := x.w.Header()
	body := status != http.StatusNoContent && s.framing != framedNothing
	if body || x.request.Bodiless && status != http.StatusNoContent {
		x.contentType(header)
	}
	if len(out.Headers) > 0 {
		setHeaders(header, out.Headers)
	}
	if out.Status != 0 {
		status = out.Status
		body = body && status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
	}
	if body {
		x.put(header, "Content-Length", strconv.Itoa(len(s.buf)))
	}
	x.clock.lap(responding)
	if timing := x.clock.header(); timing != "" {
		header.Set("Server-Timing", timing)
	}
	x.w.WriteHeader(max(status, http.StatusOK))
	if body {
		_, _ = x.w.Write(s.buf) // whoever asked is gone: nothing to tell
	}
	return nil
}

// begin sends the header of an answer that goes out while the query runs.
func (x *exchange) begin(s *stream) {
	known := *x.action.Progress()
	header := x.w.Header()
	status := http.StatusOK
	x.common(header)
	x.contentType(header)
	switch x.request.Op {
	case engine.Insert, engine.Put:
		status = http.StatusCreated
	case engine.Read, engine.Call:
		if known.Total < 0 || s.framing == framedOne {
			header.Set("Trailer", rangeTrailer)
			break
		}
		known.Rows = max(known.Total-x.offset(), 0)
		if most := x.action.Limit(); most >= 0 {
			known.Rows = min(known.Rows, most)
		}
		header.Set("Content-Range", contentRange(x.offset(), known.Rows, known.Total))
		if known.Rows < known.Total {
			status = http.StatusPartialContent
		}
	}
	setHeaders(header, known.Headers) // of the function before requests
	if s := known.Status; s >= http.StatusOK && s != http.StatusNoContent && s != http.StatusNotModified {
		status = known.Status
	}
	x.clock.lap(transacting)
	if timing := x.clock.header(); timing != "" {
		header.Set("Server-Timing", timing)
	}
	x.w.WriteHeader(status)
}

func (x *exchange) contentType(header http.Header) {
	if x.action.MediaType == engine.JSON {
		header["Content-Type"] = jsonHeader
		return
	}
	x.put(header, "Content-Type", x.action.MediaType)
}

func (x *exchange) offset() int64 { return x.action.Offset() }

// common sets the headers that every answer has.
func (x *exchange) common(header http.Header) {
	header["Vary"] = varyHeader
	if len(x.config.Schemas) > 1 {
		x.put(header, "Content-Profile", x.action.Schema.Name)
	}
	if x.r.Header["Prefer"] != nil {
		if applied := x.applied(); applied != "" {
			x.put(header, "Preference-Applied", applied)
		}
	}
	if legacy := x.request.Query.Legacy; len(legacy) > 0 {
		x.put(header, "Warning", warning(legacy))
	}
	if x.request.Op == engine.Read {
		if location := x.contentLocation(); len(location) <= maxContentLocation {
			x.put(header, "Content-Location", location)
		}
	}
}

// warning tells of names in filters that will not be understood for ever.
func warning(names []string) string {
	out := []byte(`299 PostgREST "Deprecated: filters, orders or limits name aliased resources by their relation: `)
	for i, name := range names {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = appendEscaped(out, name)
	}
	return string(append(out, `. Use the alias."`...))
}

// applied tells which preferences were followed.
func (x *exchange) applied() string {
	w := x.action.Statement.Write
	f := query.Follows(x.r.Method, x.call, w != nil && w.Resolution != "")
	f.Tx = f.Tx && strings.HasSuffix(x.config.TxEnd, "-allow-override")
	f.Timezone = f.Timezone && x.action.Timezone() != ""
	return x.request.Prefer.Applied(f)
}

// heads sets the headers of an answer and tells its status.
func (x *exchange) heads(out *engine.Outcome) (status int, err error) {
	header := x.w.Header()
	switch {
	case x.action.Statement.Form.ExplainFormat != "":
		x.common(header)
		return http.StatusOK, nil
	case x.request.Op == engine.Read, x.request.Op == engine.Call:
		return x.headsOfRows(header, out)
	}
	x.common(header)
	total := int64(-1)
	if x.request.Prefer.Count != "" {
		total = out.Rows
	}
	full := x.request.Prefer.Return == "representation"
	switch x.request.Op {
	case engine.Insert:
		x.put(header, "Content-Range", contentRange(0, 0, total))
		if out.Location != nil {
			x.put(header, "Location", location(x.target, out))
		}
		if w := x.action.Statement.Write; w.Resolution == "merge-duplicates" && out.Inserted == 0 {
			return http.StatusOK, nil
		}
		return http.StatusCreated, nil
	case engine.Put:
		switch {
		case !full:
			return http.StatusNoContent, nil
		case out.Inserted > 0:
			return http.StatusCreated, nil
		}
		return http.StatusOK, nil
	case engine.Update:
		x.put(header, "Content-Range", contentRange(0, out.Rows, total))
	default:
		x.put(header, "Content-Range", contentRange(0, 0, total))
	}
	if full {
		return http.StatusOK, nil
	}
	return http.StatusNoContent, nil
}

func (x *exchange) headsOfRows(header http.Header, out *engine.Outcome) (status int, err error) {
	status = http.StatusOK
	if out.Total >= 0 {
		switch {
		case x.offset() > out.Total:
			refusal := query.OutOfRange(x.offset(), out.Total)
			refusal.Header = http.Header{"Content-Range": {contentRange(0, 0, out.Total)}}
			return 0, refusal
		case out.Rows < out.Total:
			status = http.StatusPartialContent
		}
	}
	x.common(header)
	x.put(header, "Content-Range", contentRange(x.offset(), out.Rows, out.Total))
	if f := x.action.Function; f != nil && f.Returns == "void" {
		return http.StatusNoContent, nil
	}
	return status, nil
}
