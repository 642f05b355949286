package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/api/fields"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/openapi"
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// row answers at /tables/{table}/{id}; id is as escaped in the path.
func (q *request) row(name, id string) error {
	r, err := q.find(q.http.Context(), name, false)
	if err != nil {
		return err
	}
	if err := q.allows(r, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPut, http.MethodDelete); err != nil {
		return err
	}
	key, err := keyOf(r, id)
	if err != nil {
		return err
	}
	a, err := q.ask(nil)
	if err != nil {
		return err
	}
	if len(a.Where) > 0 || a.Order != nil || a.Limit >= 0 || a.Offset >= 0 || a.grouped || a.count != "" {
		return badQuery("A row is named by its key: of parameters this path takes select only.")
	}
	for i, column := range r.PrimaryKey() {
		a.Where = append(a.Where, query.Condition{Filter: &query.Filter{Field: query.Field{Column: column}, Operator: "eq", Value: key[i]}})
	}
	switch q.http.Method {
	case http.MethodPut:
		return q.put(r, key, a)
	case http.MethodPatch, http.MethodDelete:
		e, checked, err := q.changing(r, a)
		if err != nil {
			return err
		}
		return q.write(e, single, checked, func(out *engine.Outcome, _ []byte) int {
			if out.Rows == 0 {
				return http.StatusNotFound
			}
			return http.StatusOK
		})
	}
	return q.one(r, a)
}

// keyOf reads the values of a primary key: in its order, with commas between, each escaped.
func keyOf(r *catalog.Relation, id string) ([]string, error) {
	columns := r.PrimaryKey()
	if len(columns) == 0 {
		hint := "Ask by a filter: /tables/" + url.PathEscape(r.Name) + "?column=eq.value."
		if openapi.IsView(r) {
			return nil, &failure{status: http.StatusNotFound, code: "NO_PRIMARY_KEY", message: "The view \"" + r.Name + "\" shows no primary key: its rows have no addresses.", hint: hint}
		}
		return nil, &failure{status: http.StatusNotFound, code: "NO_PRIMARY_KEY", message: "The table \"" + r.Name + "\" has no primary key: its rows have no addresses.", hint: hint}
	}
	parts := []string{id}
	if len(columns) > 1 {
		parts = strings.Split(id, ",")
	}
	if len(parts) != len(columns) {
		return nil, &failure{status: http.StatusBadRequest, code: "INVALID_KEY", message: "The primary key of \"" + r.Name + "\" is " + strings.Join(columns, ",") + ", and the path has not as many values.",
			hint: "Put a comma between the values, and write one within a value as %2C."}
	}
	for i, part := range parts {
		value, err := url.PathUnescape(part)
		if err != nil {
			return nil, errRoute
		}
		parts[i] = value
		c := r.Column(columns[i])
		if c == nil {
			continue
		}
		quoted, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if problem := fields.Value(c, quoted); problem != "" {
			return nil, wrong(columns[i], problem)
		}
	}
	return parts, nil
}

// one reads a row.
func (q *request) one(r *catalog.Relation, a *asked) error {
	if _, err := q.wantsLines(); err != nil {
		return err
	}
	ctx := q.http.Context()
	e := q.begin(engine.Read, r.Name, a)
	e.Bodiless = false // its being there is the answer to HEAD
	action, err := q.Engine.Prepare(ctx, e)
	if err != nil {
		return err
	}
	s := &stream{w: q.w, shape: single}
	action.Restart = s.restart
	out, err := action.Run(ctx, s.row)
	if err != nil {
		return err
	}
	if s.rows == 0 {
		return errRow
	}
	q.head(jsonType)
	s.finish(q.http, q.obey(out, http.StatusOK))
	return nil
}

// put creates or replaces the row of a key. The body need not repeat the key.
func (q *request) put(r *catalog.Relation, key []string, a *asked) error {
	b, checked, err := q.rowsOf(r, true)
	if err != nil {
		return err
	}
	if checked.Array {
		return malformed("A row is one object.")
	}
	text := b.JSON
	lacks := checked.Lacking[:0:0]
	for _, f := range checked.Lacking {
		if !slices.Contains(r.PrimaryKey(), f.Field) {
			lacks = append(lacks, f)
		}
	}
	checked.Lacking = lacks
	for i, column := range r.PrimaryKey() {
		if !checked.Names(column) {
			if text, err = with(text, column, key[i]); err != nil {
				return err
			}
		}
	}
	e := q.begin(engine.Put, r.Name, a)
	e.Prefer.Missing = "default"
	if e.Body, err = payload.Read(bytes.NewReader(text), query.MediaType{Type: "application/json"}, payload.Options{Size: int64(len(text))}); err != nil {
		return err
	}
	return q.write(e, single, checked, func(out *engine.Outcome, _ []byte) int {
		if out.Inserted > 0 {
			return http.StatusCreated
		}
		return http.StatusOK
	})
}

// with adds a member to the text of an object.
func with(object []byte, name, value string) ([]byte, error) {
	member, err := json.Marshal(map[string]string{name: value})
	if err != nil {
		return nil, err
	}
	rest := bytes.TrimSpace(object)[1:]
	if bytes.TrimSpace(rest)[0] != '}' {
		member[len(member)-1] = ','
		return append(member, rest...), nil
	}
	return member, nil
}
