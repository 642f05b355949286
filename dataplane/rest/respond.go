package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/dataplane/rest/sqlgen"
	"github.com/wayli-app/fluxbase/internal/setting"
)

const (
	jsonType   = "application/json; charset=utf-8"
	objectType = "application/vnd.pgrst.object+json; charset=utf-8"
)

// action is a planned request.
type action struct {
	*request
	schema          *catalog.Schema
	function        *catalog.Function // nil but for a call
	statement       sqlgen.Statement
	readOnly, plain bool
	// unaware statements read nothing of the request but its claims.
	unaware bool
	offset  int64
}

// result is what a statement returned.
type result struct {
	body  []byte
	rows  int64
	total int64 // negative when not counted
}

func (a *action) run() (result, error) {
	extra := setting.Get[[]string](a.session.Project.Settings, "rest.extra_search_path")
	path := make([]string, 1, 1+len(extra))
	path[0] = a.schema.Name
	for _, name := range extra {
		if !slices.Contains(path, name) {
			path = append(path, name)
		}
	}
	o := projectdb.Options{ReadOnly: a.readOnly, SearchPath: path}
	if !a.unaware {
		o.Method, o.Path, o.Headers = a.http.Method, a.http.URL.Path, headersJSON(a.http.Header)
	}
	// An object that is not one row undoes a write.
	stmt := projectdb.Statement{SQL: a.statement.SQL, Args: a.statement.Args, Plain: a.plain, Hold: a.coerced() && !a.readOnly}
	out := result{total: -1}
	err := a.session.Query(a.http.Context(), o, stmt, func(rows pgx.Rows) error {
		if !rows.Next() {
			return rows.Err()
		}
		raw := rows.RawValues()
		out.body = append(out.body, raw[0]...)
		out.rows, _ = strconv.ParseInt(string(raw[1]), 10, 64)
		if len(raw) > 2 {
			out.total, _ = strconv.ParseInt(string(raw[2]), 10, 64)
		}
		if a.coerced() && out.rows != 1 {
			return notOne(out.rows)
		}
		return nil
	})
	return out, err
}

func notOne(rows int64) error {
	return &query.Error{Status: http.StatusNotAcceptable, Code: "PGRST116", Message: "Cannot coerce the result to a single JSON object",
		Details: fmt.Sprintf("The result contains %d rows", rows)}
}

// coerced reports whether the answer must be one row.
func (a *action) coerced() bool {
	if !a.single {
		return false
	}
	if a.function != nil {
		return a.function.Set
	}
	return a.reads() || a.prefer.Return == "representation"
}

// respond writes the answer.
func (a *action) respond(w http.ResponseWriter, r result) error {
	header := w.Header()
	if len(catalog.Schemas(a.session)) > 1 {
		header.Set("Content-Profile", a.schema.Name)
	}
	if applied := a.prefer.Applied(a.http.Method); applied != "" {
		header.Set("Preference-Applied", applied)
	}
	if a.function != nil {
		return a.respondCall(w, r)
	}
	switch a.http.Method {
	case http.MethodGet, http.MethodHead:
		return a.respondRows(w, r)
	case http.MethodPost:
		header.Set("Content-Range", "*/"+totalOf(a.prefer, r.rows))
		if a.prefer.Return == "headers-only" && r.rows == 1 {
			header.Set("Location", location(a.relation, r.body))
		}
		return a.finish(w, http.StatusCreated, r)
	case http.MethodPatch:
		header.Set("Content-Range", contentRange(0, r.rows, -1, totalOf(a.prefer, r.rows)))
	default:
		header.Set("Content-Range", "*/"+totalOf(a.prefer, r.rows))
	}
	if a.prefer.Return == "representation" {
		return a.finish(w, http.StatusOK, r)
	}
	return a.finish(w, http.StatusNoContent, r)
}

// finish writes the rows of a write, if they were asked for.
func (a *action) finish(w http.ResponseWriter, status int, r result) error {
	if a.prefer.Return != "representation" {
		w.WriteHeader(status)
		return nil
	}
	a.write(w, status, r.body)
	return nil
}

// write writes rows, as an array or as the object in it.
func (a *action) write(w http.ResponseWriter, status int, body []byte) {
	kind := jsonType
	if a.coerced() {
		kind = objectType
		body = body[1 : len(body)-1]
	}
	header := w.Header()
	header.Set("Content-Type", kind)
	if a.http.Method != http.MethodHead {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	if a.http.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func totalOf(p query.Preferences, rows int64) string {
	if p.Count == "" {
		return "*"
	}
	return strconv.FormatInt(rows, 10)
}

// respondRows writes the answer to a read.
func (a *action) respondRows(w http.ResponseWriter, r result) error {
	status := http.StatusOK
	if r.total >= 0 {
		switch {
		case a.offset > r.total:
			w.Header().Set("Content-Range", "*/"+strconv.FormatInt(r.total, 10))
			return &query.Error{Status: http.StatusRequestedRangeNotSatisfiable, Code: "PGRST103", Message: "Requested range not satisfiable",
				Details: fmt.Sprintf("An offset of %d was requested, but there are only %d rows.", a.offset, r.total)}
		case r.rows < r.total:
			status = http.StatusPartialContent
		}
	}
	w.Header().Set("Content-Range", contentRange(a.offset, r.rows, r.total, "*"))
	a.write(w, status, r.body)
	return nil
}

func contentRange(offset, rows, total int64, otherwise string) string {
	if total >= 0 {
		otherwise = strconv.FormatInt(total, 10)
	}
	if rows == 0 {
		return "*/" + otherwise
	}
	return strconv.FormatInt(offset, 10) + "-" + strconv.FormatInt(offset+rows-1, 10) + "/" + otherwise
}

// respondCall writes the answer to a call.
func (a *action) respondCall(w http.ResponseWriter, r result) error {
	f := a.function
	if f.Returns == "void" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if f.Set {
		return a.respondRows(w, r)
	}
	w.Header().Set("Content-Range", contentRange(0, r.rows, r.total, "*"))
	body := r.body
	if len(body) >= 2 {
		body = body[1 : len(body)-1] // one value in an array
	}
	if r.rows == 0 {
		body = []byte("null")
	}
	kind := jsonType
	if a.single {
		kind = objectType
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if a.http.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
	return nil
}

// location names the new row by its key.
func location(relation string, body []byte) string {
	var rows []map[string]json.RawMessage
	if json.Unmarshal(body, &rows) != nil || len(rows) != 1 {
		return "/" + url.PathEscape(relation)
	}
	var filters []string
	for key, raw := range rows[0] {
		value := string(raw)
		var text string
		if json.Unmarshal(raw, &text) == nil {
			value = text
		}
		filters = append(filters, url.QueryEscape(key)+"=eq."+url.QueryEscape(value))
	}
	slices.Sort(filters)
	return "/" + url.PathEscape(relation) + "?" + strings.Join(filters, "&")
}

// codeOf returns the code of a refusal or of the server's error, or "".
func codeOf(err error) string {
	var refusal *query.Error
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refusal):
		return refusal.Code
	case errors.As(err, &refused):
		return refused.Code
	}
	return ""
}

// headersJSON is what request.headers reads: names in lower case.
func headersJSON(h http.Header) []byte {
	out := make([]byte, 0, 256)
	out = append(out, '{')
	for name, values := range h {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = appendString(out, strings.ToLower(name))
		out = append(out, ':')
		if len(values) == 1 {
			out = appendString(out, values[0])
		} else {
			out = appendString(out, strings.Join(values, ", "))
		}
	}
	return append(out, '}')
}

func appendString(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			encoded, err := json.Marshal(s)
			if err != nil {
				encoded = []byte(`""`)
			}
			return append(out, encoded...)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}
