package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
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
	var objects []map[string]json.RawMessage
	if len(body) == 0 {
		return nil, invalidBody("Empty or invalid json", "The body is an object or an array of objects.")
	}
	if err := json.Unmarshal(body, &objects); err != nil || body[0] != '[' {
		return nil, invalidBody("Empty or invalid json", "The body is an object or an array of objects.")
	}
	w.Payload, w.Rows = string(body), len(objects)
	names := q.Columns
	if names == nil && len(objects) > 0 {
		for name := range objects[0] {
			names = append(names, name)
		}
		for _, o := range objects[1:] {
			if !sameKeys(o, objects[0]) {
				return nil, invalidBody("All object keys must match", "Name the columns in the columns parameter, or give each object the same keys.")
			}
		}
		sort.Strings(names)
	}
	if p.Missing == "default" && lacks(objects, names) {
		return nil, query.Unsupported("Prefer: missing=default with objects that lack columns.")
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

func lacks(objects []map[string]json.RawMessage, names []string) bool {
	for _, o := range objects {
		for _, name := range names {
			if _, ok := o[name]; !ok {
				return true
			}
		}
	}
	return false
}

func sameKeys(a, b map[string]json.RawMessage) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if _, ok := b[k]; !ok {
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
