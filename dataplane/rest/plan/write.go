package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sort"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

func invalidBody(message, details string) *query.Error {
	return &query.Error{Status: http.StatusBadRequest, Code: "PGRST102", Message: message, Details: details}
}

// NewInsert plans an insert of an object or an array of objects.
func NewInsert(r *catalog.Relation, q *query.Query, p query.Preferences, body []byte) (*Write, error) {
	w := &Write{Relation: r, Resolution: p.Resolution}
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '{' {
		body = append(append([]byte{'['}, body...), ']')
	}
	found, err := scanRows(body, q.Columns)
	if err != nil {
		return nil, err
	}
	w.Payload, w.Rows = string(body), found.number
	if p.Missing == "default" && found.lacking {
		return nil, query.Unsupported("Prefer: missing=default with objects that lack columns.")
	}
	names := q.Columns
	if names == nil {
		names = found.names
	}
	if err := w.columns(names); err != nil {
		return nil, err
	}
	if w.Resolution != "" {
		if err := w.conflict(q.OnConflict); err != nil {
			return nil, err
		}
	}
	return w, w.returning(q, p)
}

// rows is what the body of an insert has.
type rows struct {
	number int
	// names are the keys of the first object, sorted.
	names []string
	// lacking tells of an object without one of the columns that the request names.
	lacking bool
}

// scanRows looks at the objects of an array one by one: all at once they would take fifty times the size of the body. Without
// columns all must have the keys of the first.
func scanRows(body []byte, columns []string) (rows, error) {
	refused := invalidBody("Empty or invalid json", "The body is an object or an array of objects.")
	var out rows
	in := json.NewDecoder(bytes.NewReader(body))
	if start, err := in.Token(); err != nil || start != json.Delim('[') {
		return out, refused
	}
	named := slices.Compact(slices.Sorted(slices.Values(columns)))
	object := map[string]json.RawMessage{}
	for ; in.More(); out.number++ {
		clear(object)
		if err := in.Decode(&object); err != nil {
			return out, refused
		}
		switch {
		case columns != nil:
			out.lacking = out.lacking || !hasAll(object, named)
		case out.number == 0:
			out.names = slices.Sorted(maps.Keys(object))
		case len(object) != len(out.names) || !hasAll(object, out.names):
			return out, invalidBody("All object keys must match", "Name the columns in the columns parameter, or give each object the same keys.")
		}
	}
	if _, err := in.Token(); err != nil { // the closing bracket
		return out, refused
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return out, refused
	}
	return out, nil
}

func hasAll(object map[string]json.RawMessage, names []string) bool {
	for _, name := range names {
		if _, ok := object[name]; !ok {
			return false
		}
	}
	return true
}

func (w *Write) columns(names []string) error {
	seen := map[string]bool{}
	for _, name := range names {
		col := w.Relation.Column(name)
		if col == nil {
			return &query.Error{Status: http.StatusBadRequest, Code: "PGRST204",
				Message: fmt.Sprintf("Could not find the '%s' column of '%s' in the schema cache", name, w.Relation.Name)}
		}
		if !seen[name] {
			seen[name] = true
			w.Columns = append(w.Columns, col)
		}
	}
	return nil
}

func (w *Write) conflict(names []string) error {
	w.Conflict = names
	if len(names) == 0 {
		w.Conflict = w.Relation.PrimaryKey()
	}
	for _, name := range w.Conflict {
		if w.Relation.Column(name) == nil {
			return &query.Error{Status: http.StatusBadRequest, Code: "42703",
				Message: fmt.Sprintf("column %q does not exist", name)}
		}
	}
	if len(w.Conflict) == 0 {
		w.Resolution = "" // no key by which a row could be there already
	}
	return nil
}

// NewUpdate plans an update of the rows that match.
func NewUpdate(r *catalog.Relation, q *query.Query, p query.Preferences, body []byte) (*Write, error) {
	w := &Write{Relation: r}
	body = bytes.TrimSpace(body)
	var list []json.RawMessage
	if len(body) > 0 && body[0] == '[' {
		if err := json.Unmarshal(body, &list); err != nil || len(list) != 1 {
			return nil, invalidBody("Empty or invalid json", "The body of an update is one object.")
		}
		body = list[0]
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, invalidBody("Empty or invalid json", "The body of an update is one object.")
	}
	w.Payload = string(body)
	names := q.Columns
	if names == nil {
		for name := range object {
			names = append(names, name)
		}
		sort.Strings(names)
	}
	if err := w.columns(names); err != nil {
		return nil, err
	}
	return w, w.matching(q, p)
}

// NewDelete plans a deletion of the rows that match.
func NewDelete(r *catalog.Relation, q *query.Query, p query.Preferences) (*Write, error) {
	w := &Write{Relation: r}
	return w, w.matching(q, p)
}

func (w *Write) matching(q *query.Query, p query.Preferences) (err error) {
	if q.Limit >= 0 || q.Offset >= 0 {
		return query.Unsupported("limit and offset with an update or a deletion.")
	}
	if w.Where, err = (resolver{w.Relation}).conditions(q.Where); err != nil {
		return err
	}
	return w.returning(q, p)
}

func (w *Write) returning(q *query.Query, p query.Preferences) (err error) {
	switch p.Return {
	case "representation":
		w.Returning, err = resolver{w.Relation}.outputs(q.Select)
	case "headers-only":
		for _, name := range w.Relation.PrimaryKey() {
			w.Returning = append(w.Returning, Output{Value: Value{Column: name}})
		}
	}
	return err
}
