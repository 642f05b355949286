package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/api/fields"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/openapi"
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// table answers at /tables/{table}.
func (q *request) table(name string) error {
	r, err := q.find(q.http.Context(), name, false)
	if err != nil {
		return err
	}
	if err := q.allows(r, http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete); err != nil {
		return err
	}
	a, err := q.ask(nil)
	if err != nil {
		return err
	}
	switch q.http.Method {
	case http.MethodPost:
		return q.create(r, a)
	case http.MethodPatch, http.MethodDelete:
		if len(a.Where) == 0 {
			return errFilter
		}
		return q.change(r, a)
	}
	return q.read(q.begin(engine.Read, name, a))
}

var errFilter = &failure{status: http.StatusBadRequest, code: "FILTER_REQUIRED", message: "Rows are changed and deleted by a filter, and this request has none.",
	hint: "Add one, for example ?id=eq.5, or name one row by its key: /tables/{table}/{id}."}

// ask reads the query string: see parse.
func (q *request) ask(arguments map[string]bool) (*asked, error) {
	a, err := parse(q.http.URL.RawQuery, arguments)
	if err == nil && a.Columns != nil {
		return nil, badQuery("columns is not read here: a row's columns are the keys of its object.")
	}
	return a, err
}

// allows refuses methods that a relation, or its kind, does not have.
func (q *request) allows(r *catalog.Relation, methods ...string) error {
	if err := q.methods(methods...); err != nil {
		return err
	}
	if q.http.Method != http.MethodGet && q.http.Method != http.MethodHead && openapi.IsView(r) {
		return &failure{status: http.StatusMethodNotAllowed, code: "VIEW_READ_ONLY", message: "\"" + r.Name + "\" is a view: it can be read, and not written.",
			hint: "Write to the table that it shows, or call a function: POST /api/v1/rpc/{function}.", allow: "GET, HEAD"}
	}
	return nil
}

// read runs a read, or a call that returns rows, and writes them as they come.
func (q *request) read(r *engine.Request) error {
	asLines, err := q.wantsLines()
	if err != nil {
		return err
	}
	ctx := q.http.Context()
	action, err := q.Engine.Prepare(ctx, r)
	if err != nil {
		return err
	}
	s := &stream{w: q.w, discard: r.Bodiless}
	switch {
	case r.Op == engine.Call && (action.Function == nil || !action.Function.Set):
		s.shape = single
	case asLines:
		s.shape = lines
	}
	kind := jsonType
	if s.shape == lines {
		kind = ndjsonType
	}
	s.head = func() {
		q.head(kind)
		if total := action.Progress().Total; r.Prefer.Count != "" && total >= 0 {
			q.w.Header().Set("X-Total-Count", strconv.FormatInt(total, 10))
		}
	}
	action.Restart = s.restart
	out, err := action.Run(ctx, s.row)
	if err != nil && s.began {
		q.Log.WarnContext(ctx, "an answer broke off", "project", q.session.Project.Ref, "error", err)
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}
	if err != nil {
		return err
	}
	s.end()
	if !s.began {
		q.head(kind)
		if s.shape != single && out.Rows >= 0 {
			q.window(r, out)
		}
	}
	status := http.StatusOK
	if action.Function != nil && action.Function.Returns == "void" {
		q.w.Header().Del("Content-Type")
		status = http.StatusNoContent
	}
	status = q.obey(out, status)
	if status == http.StatusNoContent {
		q.w.WriteHeader(status)
		return nil
	}
	s.finish(q.http, status)
	return nil
}

func (q *request) head(kind string) {
	h := q.w.Header()
	h.Set("Content-Type", kind)
	if q.http.Method == http.MethodGet || q.http.Method == http.MethodHead {
		h.Set("Cache-Control", setting.Get[string](q.session.Project.Settings, "api.cache_control"))
	} else {
		h.Set("Cache-Control", "no-store")
	}
}

// obey sets the headers and the status that the database set.
func (q *request) obey(out *engine.Outcome, status int) int {
	set := map[string]bool{}
	for _, h := range out.Headers {
		name := http.CanonicalHeaderKey(h.Name)
		if !validHeader(name, h.Value) {
			continue
		}
		if set[name] {
			q.w.Header().Add(name, h.Value)
		} else {
			q.w.Header().Set(name, h.Value) // in place of ours
		}
		set[name] = true
	}
	if out.Status >= http.StatusOK {
		return out.Status
	}
	return status
}

// window tells where the rows stand among all that match.
func (q *request) window(r *engine.Request, out *engine.Outcome) {
	h := q.w.Header()
	offset, total := max(r.Query.Offset, 0), "*"
	if out.Total >= 0 {
		total = strconv.FormatInt(out.Total, 10)
		h.Set("X-Total-Count", total)
	}
	if out.Rows == 0 {
		h.Set("Content-Range", "*/"+total)
		return
	}
	h.Set("Content-Range", strconv.FormatInt(offset, 10)+"-"+strconv.FormatInt(offset+out.Rows-1, 10)+"/"+total)
	limit := r.Query.Limit
	if q.config.MaxRows > 0 && (limit < 0 || limit > q.config.MaxRows) {
		limit = q.config.MaxRows
	}
	exact := r.Prefer.Count == "exact" && out.Total >= 0
	if out.Rows < limit || limit <= 0 || exact && offset+out.Rows >= out.Total {
		return
	}
	h.Set("Link", "<"+q.next(offset+out.Rows)+`>; rel="next"`)
}

// next is the address of the rows from an offset on. Keys are left out of it.
func (q *request) next(offset int64) string {
	var kept []string
	for pair := range strings.SplitSeq(q.http.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); pair == "" || err != nil || name == "offset" || name == "apikey" {
			continue
		}
		kept = append(kept, escapeLink(pair))
	}
	kept = append(kept, "offset="+strconv.FormatInt(offset, 10))
	return q.http.Header.Get("X-Forwarded-Prefix") + prefix + q.http.URL.EscapedPath() + "?" + strings.Join(kept, "&")
}

// escapeLink escapes what would end an address in a Link header.
func escapeLink(s string) string {
	return strings.NewReplacer("<", "%3C", ">", "%3E", `"`, "%22", " ", "%20").Replace(s)
}

// rowsOf reads and checks the body of a write. A column that is not known is looked for once in a newer catalog.
func (q *request) rowsOf(r *catalog.Relation, fresh bool) (*payload.Body, *fields.Rows, error) {
	b, err := q.body(payload.Options{})
	if err != nil {
		return nil, nil, err
	}
	checked, err := fields.Check(r, b.JSON, fresh)
	if err == nil && checked.Stale {
		if r, err = q.find(q.http.Context(), r.Name, true); err == nil {
			checked, err = fields.Check(r, b.JSON, fresh)
		}
	}
	if err == nil {
		err = checked.Err()
	}
	return b, checked, err
}

// create answers a POST: one row for an object, several for an array.
func (q *request) create(r *catalog.Relation, a *asked) error {
	if len(a.Where) > 0 || a.Order != nil || a.Limit >= 0 || a.Offset >= 0 || a.grouped {
		return badQuery("A POST creates rows: of parameters it takes select and on_conflict only.")
	}
	b, checked, err := q.rowsOf(r, true)
	if err != nil {
		return err
	}
	e := q.begin(engine.Insert, r.Name, a)
	e.Prefer.Missing = "default"
	if a.OnConflict != nil && e.Prefer.Resolution == "" {
		e.Prefer.Resolution = "merge-duplicates"
	}
	if e.Body, err = even(b, checked, a.Query); err != nil {
		return err
	}
	shape := single
	if checked.Array {
		shape = array
	}
	return q.write(e, shape, checked, func(out *engine.Outcome, body []byte) int {
		if !checked.Array && e.Prefer.Return == "representation" {
			q.locate(r, body)
		}
		if e.Prefer.Resolution != "" && out.Inserted == 0 {
			return http.StatusOK
		}
		return http.StatusCreated
	})
}

// even makes the body of rows with different keys one of the same: what a row lacks takes its default.
func even(b *payload.Body, checked *fields.Rows, q *query.Query) (*payload.Body, error) {
	if b.Uniform || checked.Count == 0 {
		return b, nil
	}
	q.Columns = checked.Columns
	return payload.Read(strings.NewReader(string(b.JSON)), query.MediaType{Type: "application/json"}, payload.Options{Columns: q.Columns, Size: int64(len(b.JSON))})
}

// change answers PATCH and DELETE of the rows that match.
func (q *request) change(r *catalog.Relation, a *asked) error {
	e, checked, err := q.changing(r, a)
	if err != nil {
		return err
	}
	return q.write(e, array, checked, func(*engine.Outcome, []byte) int { return http.StatusOK })
}

// changing makes the engine's request of a PATCH or a DELETE. What was deleted is returned only when asked for.
func (q *request) changing(r *catalog.Relation, a *asked) (*engine.Request, *fields.Rows, error) {
	if a.grouped {
		return nil, nil, badQuery("group_by is for reading.")
	}
	if q.http.Method == http.MethodDelete {
		e := q.begin(engine.Delete, r.Name, a)
		if q.prefer.Return == "" {
			e.Prefer.Return = "minimal"
		}
		return e, nil, nil
	}
	b, checked, err := q.rowsOf(r, false)
	switch {
	case err != nil:
		return nil, nil, err
	case checked.Array:
		return nil, nil, malformed("A change is one object.")
	case len(checked.Columns) == 0:
		return nil, nil, malformed("It names no column to change.")
	}
	e := q.begin(engine.Update, r.Name, a)
	e.Body = b
	return e, checked, nil
}

// write runs a write and writes what it returned; status is told the outcome and the body.
func (q *request) write(e *engine.Request, shape shape, checked *fields.Rows, status func(*engine.Outcome, []byte) int) error {
	ctx := q.http.Context()
	action, err := q.Engine.Prepare(ctx, e)
	if err != nil {
		return err
	}
	silent := e.Prefer.Return != "representation"
	s := &stream{w: q.w, shape: shape, discard: silent}
	s.head = func() { q.head(jsonType) }
	if e.Op == engine.Insert && e.Prefer.Resolution == "" {
		s.status = http.StatusCreated
	}
	action.Restart = s.restart
	out, err := action.Run(ctx, s.row)
	if err != nil && s.began {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		f := q.failed(ctx, q.session, err)
		if f.code == "PERMISSION_DENIED" && !silent && e.Op != engine.Delete {
			f.hint += " What is written is returned, and must be readable: Prefer: return=minimal returns nothing."
		}
		return lacking(f, checked)
	}
	s.end()
	code := status(out, s.buffer)
	if code == http.StatusNotFound {
		return errRow
	}
	if !s.began {
		q.w.Header().Set("X-Affected-Count", strconv.FormatInt(out.Rows, 10))
	}
	if silent || shape == single && s.rows == 0 { // nothing to return: a duplicate was ignored
		q.w.WriteHeader(q.obey(out, http.StatusNoContent))
		return nil
	}
	if !s.began {
		q.head(jsonType)
		code = q.obey(out, code)
	}
	s.finish(q.http, code)
	return nil
}

var errRow = &failure{status: http.StatusNotFound, code: "ROW_NOT_FOUND", message: "There is no row with this key.",
	hint: "It may have been deleted, or a policy hides it from you."}

// lacking names all fields that must be there, once the database said that one is missing.
func lacking(f *failure, checked *fields.Rows) error {
	if f.sqlState == "23502" && checked != nil && checked.Lacking != nil {
		f.fields = checked.Lacking
	}
	return f
}

// locate names the address of a new row, when its key is in what is returned.
func (q *request) locate(r *catalog.Relation, body []byte) {
	key := r.PrimaryKey()
	if len(key) == 0 {
		return
	}
	var row map[string]json.RawMessage
	if json.Unmarshal(body, &row) != nil {
		return
	}
	id := make([]string, len(key))
	for i, column := range key {
		value, ok := row[column]
		if !ok || len(value) == 0 || string(value) == "null" {
			return
		}
		text, ok := fields.Scalar(value)
		if !ok || text == "" {
			return
		}
		id[i] = strings.ReplaceAll(url.PathEscape(text), ",", "%2C")
	}
	q.w.Header().Set("Location", q.http.Header.Get("X-Forwarded-Prefix")+prefix+"/tables/"+url.PathEscape(r.Name)+"/"+strings.Join(id, ","))
}
