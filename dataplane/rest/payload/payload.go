// Package payload reads the bodies of writes and calls: JSON, CSV and forms. It looks at them object by object and holds no more
// than the body itself.
package payload

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// Body is a request's body, read and checked.
type Body struct {
	// JSON is an array of objects, an object, or any other JSON value, as text. CSV and a table's form have become JSON. For a raw body
	// and a call's form it is nil.
	JSON []byte
	// Raw is a body of a type that only functions of a single unnamed argument take (text/plain, text/xml, application/octet-stream).
	Raw []byte
	// Type is the Content-Type without parameters, in lower case; "application/json" when there was none.
	Type string
	// Array tells that JSON is an array of objects, Object that it is one object.
	Array, Object bool
	// Rows is how many objects there are.
	Rows int
	// Keys are those of the first object, in its order, none twice; Uniform tells that all objects have the same.
	Keys    []string
	Uniform bool
	// Fields are what JSON calls the Keys, where it calls them differently: those of a CSV are numbers, as names would be repeated on
	// every line. It is nil otherwise.
	Fields []string
	// Present counts, for each of Options.Columns, the objects that have it.
	Present []int
	// Arguments are those of a call's form, in its order.
	Arguments []query.Argument
}

// Options say what a body is for.
type Options struct {
	// Call is for a function: an empty body is an object without arguments, and raw bodies are taken.
	Call bool
	// Columns are those that a write names. Then what else the objects have does not matter.
	Columns []string
	// Limit bounds the bytes of a body; zero for no bound.
	Limit int64
	// Size is what Content-Length says; zero or negative when that is not known.
	Size int64
}

// invalid is what PostgREST says of JSON that is none.
const invalid = "Empty or invalid json"

func refuse(message, details string) *query.Error {
	e := &query.Error{Status: http.StatusBadRequest, Code: "PGRST102", Message: message}
	if details != "" {
		e.Details = details
	}
	return e
}

// Read reads a body of a type. Its errors are *query.Error (PGRST102), but for those of the reader.
func Read(r io.Reader, contentType query.MediaType, o Options) (*Body, error) {
	b := &Body{Type: contentType.Type}
	if b.Type == "" {
		b.Type = "application/json"
	}
	var take func([]byte, Options) error
	switch b.Type {
	case "application/json":
		take = b.json
	case "text/csv":
		take = b.csv
	case "application/x-www-form-urlencoded":
		take = b.form
	case "text/plain", "text/xml", "application/octet-stream":
		if o.Call {
			take = b.raw
		}
	}
	if take == nil || (o.Call && b.Type == "text/csv") {
		return nil, refuse("Content-Type not acceptable: "+b.Type, "")
	}
	body, err := readAll(r, o)
	if err != nil {
		return nil, err
	}
	return b, take(body, o)
}

// Empty is the body of a call that has none.
func Empty() *Body {
	return &Body{JSON: []byte("{}"), Type: "application/json", Object: true, Rows: 1, Uniform: true}
}

// firstRead bounds what is set aside for a body that only says it will come.
const firstRead = 1 << 20

func readAll(r io.Reader, o Options) ([]byte, error) {
	size := int64(4 << 10)
	if o.Size > 0 {
		size = min(o.Size+1, firstRead) // one more, so that the end is seen without growing
	}
	out := make([]byte, 0, size)
	for {
		if len(out) == cap(out) {
			out = slices.Grow(out, max(cap(out)/4, 4<<10))
		}
		n, err := r.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		if o.Limit > 0 && int64(len(out)) > o.Limit {
			return nil, &http.MaxBytesError{Limit: o.Limit}
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (b *Body) raw(body []byte, _ Options) error {
	if b.Type != "application/octet-stream" {
		if err := checkText(body); err != nil {
			return err
		}
	}
	b.Raw = body
	return nil
}

// checkText refuses what no text of Postgres can be, in its words.
func checkText(body []byte) error {
	at := bytes.IndexByte(body, 0)
	if at < 0 && utf8.Valid(body) {
		return nil
	}
	message := `invalid byte sequence for encoding "UTF8"`
	if at >= 0 {
		message += ": 0x00"
	}
	return &query.Error{Status: http.StatusBadRequest, Code: "22021", Message: message, Hint: "Text is UTF-8, without the character zero."}
}
