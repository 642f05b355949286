package plan

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

func invalidBody(message string) *query.Error {
	return &query.Error{Status: http.StatusBadRequest, Code: "PGRST102", Message: message}
}

// PutMismatch refuses a PUT that wrote another number of rows than one: the payload is not what the URL names.
func PutMismatch() *query.Error {
	return &query.Error{Status: http.StatusBadRequest, Code: "PGRST115", Message: "Payload values do not match URL in primary key column(s)"}
}

// maxDefaults bounds the rows of nothing but defaults where each takes a place in the text of the statement.
const maxDefaults = 1000

// DefaultColumn is the column by which rows of nothing but defaults are inserted, or nil for a relation without columns: one whose
// default can be written, or else an identity. Listed tells that its default can only be asked for row by row: that of a computed
// column, and of a view's, which is the table's below.
func (w *Write) DefaultColumn() (c *catalog.Column, listed bool) {
	var identity *catalog.Column
	for _, c := range w.Relation.Columns {
		switch {
		case c.Generated || w.Relation.Kind == "v":
		case c.HasDefault && c.Default == "":
			identity = c
		default:
			return c, false
		}
	}
	if identity != nil || len(w.Relation.Columns) == 0 {
		return identity, false
	}
	return w.Relation.Columns[0], true
}

// clip shortens a name that nothing in a database has, so that a refusal is no longer than the request.
func clip(name string) string {
	const most = 200
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

// writer plans a write.
type writer struct {
	catalog *catalog.Catalog
	schema  *catalog.Schema
	options Options
	query   *query.Query
	prefer  query.Preferences
	*Write
}

// NewInsert plans an insert of the body's objects, or an upsert.
func NewInsert(c *catalog.Catalog, s *catalog.Schema, r *catalog.Relation, q *query.Query, p query.Preferences, b *payload.Body, o Options) (*Write, error) {
	w := &writer{c, s, o, q, p, &Write{Verb: "insert", Relation: r}}
	if err := w.take(b); err != nil {
		return nil, err
	}
	if len(w.Columns) == 0 && w.Rows > maxDefaults {
		if c, listed := w.DefaultColumn(); c == nil || listed {
			return nil, invalidBody(fmt.Sprintf("More than %d objects without keys", maxDefaults))
		}
	}
	if p.Resolution != "" {
		if err := w.conflict(q.OnConflict); err != nil {
			return nil, err
		}
	}
	return w.finish()
}

// NewPut plans the upsert of the one row that the URL names by its key.
func NewPut(c *catalog.Catalog, s *catalog.Schema, r *catalog.Relation, q *query.Query, p query.Preferences, b *payload.Body, o Options) (*Write, error) {
	if q.Limit >= 0 || q.Offset >= 0 {
		return nil, &query.Error{Status: http.StatusBadRequest, Code: "PGRST114", Message: "limit/offset querystring parameters are not allowed for PUT"}
	}
	key := r.PrimaryKey()
	if !namesKey(q.Where, key) {
		return nil, &query.Error{Status: http.StatusMethodNotAllowed, Code: "PGRST105",
			Message: "Filters must include all and only primary key columns with 'eq' operators"}
	}
	w := &writer{c, s, o, q, p, &Write{Verb: "insert", Relation: r, Put: true, Conflict: key, Resolution: "merge-duplicates"}}
	if err := w.take(b); err != nil {
		return nil, err
	}
	for _, name := range key {
		if !slices.ContainsFunc(w.Columns, func(c *catalog.Column) bool { return c.Name == name }) {
			return nil, PutMismatch()
		}
	}
	var err error
	if w.Where, err = Conditions(c, s, r, q.Where); err != nil {
		return nil, err
	}
	return w.finish()
}

// namesKey reports whether filters say what each column of a key is, and nothing else.
func namesKey(where []query.Condition, key []string) bool {
	seen := map[string]bool{}
	for _, c := range where {
		f := c.Filter
		if f == nil || c.Not || f.Operator != "eq" || f.Quantifier != "" || len(f.Path) > 0 || !slices.Contains(key, f.Column) {
			return false
		}
		seen[f.Column] = true
	}
	return len(key) > 0 && len(seen) == len(key)
}

// NewUpdate plans an update of the rows that match. The URL's limit and offset do not bound it: PostgREST's do not either, and clients
// send them with what they want returned.
func NewUpdate(c *catalog.Catalog, s *catalog.Schema, r *catalog.Relation, q *query.Query, p query.Preferences, b *payload.Body, o Options) (*Write, error) {
	w := &writer{c, s, o, q, p, &Write{Verb: "update", Relation: r}}
	if err := w.take(b); err != nil {
		return nil, err
	}
	if err := w.matching(); err != nil {
		return nil, err
	}
	return w.finish()
}

// NewDelete plans a deletion of the rows that match.
func NewDelete(c *catalog.Catalog, s *catalog.Schema, r *catalog.Relation, q *query.Query, p query.Preferences, o Options) (*Write, error) {
	w := &writer{c, s, o, q, p, &Write{Verb: "delete", Relation: r}}
	if err := w.matching(); err != nil {
		return nil, err
	}
	return w.finish()
}

func (w *writer) matching() (err error) {
	if w.options.RequireFilter && len(w.query.Where) == 0 && !w.Nothing() {
		verb := "UPDATE"
		if w.Verb == "delete" {
			verb = "DELETE"
		}
		return &query.Error{Status: http.StatusBadRequest, Code: "21000", Message: verb + " requires a WHERE clause"}
	}
	w.Where, err = Conditions(w.catalog, w.schema, w.Relation, w.query.Where)
	return err
}

// take takes the columns from the query or the body.
func (w *writer) take(b *payload.Body) error {
	if b == nil || len(b.JSON) == 0 || (!b.Object && b.JSON[0] != '[') {
		return invalidBody("Empty or invalid json")
	}
	switch {
	case w.query.Columns == nil && !b.Uniform:
		return invalidBody("All object keys must match")
	case !b.Array && !b.Object: // what Postgres would say of it
		return &query.Error{Status: http.StatusBadRequest, Code: "22023", Message: "argument of json_to_recordset must be an array of objects"}
	}
	w.Payload, w.List, w.Rows = b.JSON, b.Array, b.Rows
	names := w.query.Columns
	if names == nil {
		names = b.Keys
	}
	for i, name := range names {
		col := w.Relation.Column(name)
		if col == nil {
			return &query.Error{Status: http.StatusBadRequest, Code: "PGRST204",
				Message: fmt.Sprintf("Could not find the '%s' column of '%s' in the schema cache", clip(name), w.Relation.Name)}
		}
		if slices.Index(names, name) < i {
			continue
		}
		if present, absent := presence(w.query, b, i); w.prefer.Missing == "default" && absent {
			if !present {
				w.lack(col)
				continue
			}
			w.Defaults = append(w.Defaults, col)
		}
		w.Columns = append(w.Columns, col)
		if b.Fields != nil {
			field := "" // one that the payload does not have
			if at := slices.Index(b.Keys, name); at >= 0 {
				field = b.Fields[at]
			}
			w.Fields = append(w.Fields, field)
		}
	}
	return nil
}

// presence reports whether some objects have the i-th column that the query names, and whether some lack it. An update takes the first,
// and so nothing else counts for it.
func presence(q *query.Query, b *payload.Body, i int) (present, absent bool) {
	if q.Columns == nil || i >= len(b.Present) {
		return true, false
	}
	return b.Present[i] > 0, b.Present[i] < b.Rows
}

// lack leaves a column to its default. One that is computed has no other.
func (w *writer) lack(col *catalog.Column) {
	if w.Verb == "update" && !col.Generated {
		w.Reset = append(w.Reset, col)
	}
}

func (w *writer) conflict(names []string) error {
	if len(names) == 0 {
		names = w.Relation.PrimaryKey()
	}
	for _, name := range names {
		if w.Relation.Column(name) == nil {
			return &query.Error{Status: http.StatusBadRequest, Code: "42703", Message: fmt.Sprintf("column %q does not exist", clip(name))}
		}
	}
	if len(names) > 0 { // without a key there are no duplicates
		w.Conflict, w.Resolution = names, w.prefer.Resolution
	}
	return nil
}

// finish plans what the write returns.
func (w *writer) finish() (*Write, error) {
	switch w.prefer.Return {
	case "representation":
		read, err := NewSourceRead(w.catalog, w.schema, Source{Relation: w.Relation, Written: true}, &w.query.Node, w.options)
		if err != nil {
			return nil, err
		}
		w.Returning = read
	case "headers-only":
		if w.Verb == "insert" && !w.Put {
			w.Location = w.Relation.PrimaryKey()
		}
	}
	return w.Write, nil
}
