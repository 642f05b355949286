package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/rest/api/fields"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/openapi"
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// Bounds of a transaction: operations, bytes of what they return and of what references stand for, and bytes of one's select and the like.
const (
	maxOperations = 100
	maxResults    = 10 << 20
	maxText       = 8 << 10
)

// operation is one of a transaction.
type operation struct {
	ID    string          `json:"id"`
	Op    string          `json:"op"`
	Table string          `json:"table"`
	Fn    string          `json:"fn"`
	Data  json.RawMessage `json:"data"`
	Args  json.RawMessage `json:"args"`
	// Filters are by column: a value, or an object of operators and values.
	Filters    json.RawMessage `json:"filters"`
	Select     string          `json:"select"`
	Order      string          `json:"order"`
	Limit      *int64          `json:"limit"`
	Offset     *int64          `json:"offset"`
	OnConflict string          `json:"on_conflict"`
	// Returning is true, false, or a select.
	Returning json.RawMessage `json:"returning"`

	returning string
	silent    bool
	relation  *catalog.Relation
}

// result is what an operation returned.
type result struct {
	ID string `json:"id,omitempty"`
	// Count is how many rows were read or written; Rows are what came of them. Data is a function's value that is not rows.
	Count int64             `json:"count"`
	Rows  []json.RawMessage `json:"rows,omitempty"`
	Data  json.RawMessage   `json:"data,omitempty"`
}

var operationID = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,62}$`)

// transaction answers at /transaction: several operations, all or none.
func (q *request) transaction() error {
	if err := q.methods(http.MethodPost); err != nil {
		return err
	}
	if q.http.URL.RawQuery != "" && !strings.HasPrefix(q.http.URL.RawQuery, "apikey=") {
		return badQuery("A transaction takes no parameters: they are in its operations.")
	}
	body, err := q.body(payload.Options{})
	if err != nil {
		return err
	}
	operations, err := q.readOperations(body.JSON)
	if err != nil {
		return err
	}
	for i := range operations {
		if err := q.checkOperation(operations, i); err != nil {
			return q.at(i, err)
		}
	}
	results, err := q.runAll(operations)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(struct {
		Results []result `json:"results"`
	}{results})
	if err != nil {
		return err
	}
	q.head(jsonType)
	q.w.Header().Set("Content-Length", strconv.Itoa(len(encoded)))
	q.w.WriteHeader(http.StatusOK)
	_, _ = q.w.Write(encoded)
	return nil
}

// at makes an error name the operation.
func (q *request) at(i int, err error) error {
	f := *q.failed(q.http.Context(), q.session, err)
	f.operation = &i
	return &f
}

// readOperations reads a list of operations, or an object that has one.
func (q *request) readOperations(body []byte) ([]operation, error) {
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '{' {
		var in struct {
			Operations json.RawMessage `json:"operations"`
		}
		if err := strictly(body, &in); err != nil {
			return nil, err
		}
		body = in.Operations
	}
	var out []operation
	var failed error
	err := fields.Each(body, func(i int, one json.RawMessage) bool {
		if i == maxOperations {
			failed = &failure{status: http.StatusBadRequest, code: "TOO_MANY_OPERATIONS", message: fmt.Sprintf("There are more than %d operations.", maxOperations),
				hint: "One insert can take many rows: give its data as an array."}
			return false
		}
		var o operation
		if err := strictly(one, &o); err != nil {
			failed = q.at(i, err)
		}
		out = append(out, o)
		return failed == nil
	})
	if failed != nil {
		return nil, failed
	}
	if err != nil || len(out) == 0 {
		return nil, &failure{status: http.StatusBadRequest, code: "INVALID_BODY", message: "A transaction is a list of operations, at least one.",
			hint: `For example [{"op":"insert","table":"notes","data":{"title":"first"}}].`}
	}
	return out, nil
}

// strictly decodes an object that may have nothing besides.
func strictly(raw []byte, into any) error {
	in := json.NewDecoder(bytes.NewReader(raw))
	in.DisallowUnknownFields()
	err := in.Decode(into)
	if err == nil {
		return nil
	}
	message := "It is not an object as it must be."
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		message = "There is nothing that is called " + name + "."
	}
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) && mistyped.Field != "" {
		return wrong(mistyped.Field, "It must be a "+mistyped.Type.String()+".")
	}
	return &failure{status: http.StatusBadRequest, code: "INVALID_BODY", message: "The operation cannot be read: " + message,
		hint: "An operation has op, table or fn, and as it needs them id, data, args, filters, select, order, limit, offset, on_conflict and returning."}
}

func wrong(field, message string) error { return fields.Errors{{Field: field, Message: message}} }

// checkOperation refuses what is wrong with an operation whatever the others return.
func (q *request) checkOperation(all []operation, i int) error {
	o := &all[i]
	if o.ID != "" {
		if !operationID.MatchString(o.ID) {
			return wrong("id", "It must start with a letter, and have letters, digits, _ and - only, 63 at most.")
		}
		if slices.ContainsFunc(all[:i], func(other operation) bool { return other.ID == o.ID }) {
			return wrong("id", "Another operation has it.")
		}
	}
	if err := o.readReturning(); err != nil {
		return err
	}
	for _, part := range []struct{ name, text string }{{"select", o.Select}, {"returning", o.returning}, {"order", o.Order}, {"on_conflict", o.OnConflict}} {
		if len(part.text) > maxText {
			return wrong(part.name, fmt.Sprintf("It must have %d bytes at most.", maxText))
		}
	}
	if o.Op == "rpc" {
		if o.Fn == "" {
			return wrong("fn", "It must name a function.")
		}
		return o.without("data", "table", "on_conflict")
	}
	if o.Table == "" {
		return wrong("table", "It must name a table.")
	}
	r, err := q.find(q.http.Context(), o.Table, false)
	if err != nil {
		return err
	}
	o.relation = r
	if o.Op != "select" && openapi.IsView(r) {
		return &failure{status: http.StatusMethodNotAllowed, code: "VIEW_READ_ONLY", message: "\"" + r.Name + "\" is a view: it can be read, and not written.",
			hint: "Write to the table that it shows, or call a function."}
	}
	return o.checkParts()
}

// checkParts refuses an operation that has not what it needs, or has what it cannot use.
func (o *operation) checkParts() error {
	switch o.Op {
	case "select":
		return o.without("data", "args", "fn", "on_conflict", "returning")
	case "insert", "upsert":
		if len(o.Data) == 0 {
			return wrong("data", "It must be given: an object, or an array of objects.")
		}
		if o.Op == "insert" && o.OnConflict != "" {
			return wrong("on_conflict", "It is for upsert.")
		}
		return o.without("args", "fn", "filters", "order", "limit", "offset")
	case "update", "delete":
		if fs, err := members(o.Filters); err != nil || len(fs) == 0 {
			f := *errFilter
			f.hint = `Give filters, for example {"id":5} or {"price":{"lt":50}}.`
			return &f
		}
		if o.Op == "delete" {
			return o.without("args", "fn", "data", "on_conflict", "order", "limit", "offset")
		}
		if len(o.Data) == 0 || bytes.TrimSpace(o.Data)[0] != '{' {
			return wrong("data", "It must be given: an object.")
		}
		return o.without("args", "fn", "on_conflict", "order", "limit", "offset")
	}
	return wrong("op", "It must be one of insert, update, upsert, delete, select, rpc.")
}

// without refuses parts that the operation does not take.
func (o *operation) without(names ...string) error {
	given := map[string]bool{
		"table": o.Table != "", "fn": o.Fn != "", "data": len(o.Data) > 0, "args": len(o.Args) > 0, "filters": len(o.Filters) > 0, "order": o.Order != "",
		"limit": o.Limit != nil, "offset": o.Offset != nil, "on_conflict": o.OnConflict != "", "returning": len(o.Returning) > 0,
	}
	for _, name := range names {
		if given[name] {
			return wrong(name, "It is not for "+o.Op+".")
		}
	}
	return nil
}

// readReturning reads what is to come back of a write: by default whole rows.
func (o *operation) readReturning() error {
	o.returning = o.Select
	switch text := string(bytes.TrimSpace(o.Returning)); {
	case text == "" || text == "true" || text == "null":
	case text == "false":
		o.silent = true
	case text[0] == '"':
		if o.Select != "" {
			return wrong("returning", "Give it or select: they are the same.")
		}
		return json.Unmarshal(o.Returning, &o.returning)
	default:
		return wrong("returning", "It must be true, false or what to select.")
	}
	return nil
}

// runAll runs the operations in one transaction.
func (q *request) runAll(operations []operation) ([]result, error) {
	var t *transaction
	frame := q.begin(engine.Call, "", &asked{Query: &query.Query{}})
	frame.Prefer.Count, frame.Prefer.Resolution = "", ""
	at := -1
	err := q.Engine.InTx(q.http.Context(), frame, func(ctx context.Context, tx pgx.Tx) error {
		inner := *q
		inner.http = q.http.WithContext(ctx)
		t = &transaction{request: &inner, size: maxResults}
		for i := range operations {
			at = i
			r, err := t.run(ctx, tx, &operations[i])
			if err != nil {
				return err
			}
			t.results = append(t.results, *r)
		}
		at = -1 // what fails now fails at the end: a deferred constraint
		return nil
	})
	if err != nil && at >= 0 {
		return nil, q.at(at, err)
	}
	if err != nil {
		return nil, err
	}
	return t.results, nil
}

// transaction is one that runs.
type transaction struct {
	*request
	results []result
	// size is how many bytes may still come.
	size int
	// followed are references that were followed, and looked is how many bytes were looked through for them.
	followed map[string]json.RawMessage
	looked   int
}

var errResults = &failure{status: http.StatusRequestEntityTooLarge, code: "RESULT_TOO_LARGE", message: fmt.Sprintf("The operations return, or refer to, more than %d MiB.", maxResults>>20),
	hint: `Return less: set "returning" to false, or name columns.`}

// run runs an operation.
func (t *transaction) run(ctx context.Context, tx pgx.Tx, o *operation) (*result, error) {
	e, checked, err := t.plan(o)
	if err != nil {
		return nil, err
	}
	action, err := t.Engine.Prepare(ctx, e)
	if err != nil {
		return nil, err
	}
	out := &result{ID: o.ID}
	value := o.Op == "rpc" && (action.Function == nil || !action.Function.Set)
	outcome, err := action.RunTx(ctx, tx, func(columns [][]byte) error {
		row := json.RawMessage("null")
		if len(columns) > 0 && columns[0] != nil {
			row = bytes.Clone(columns[0])
		}
		if t.size -= len(row); t.size < 0 {
			return errResults
		}
		if value {
			out.Data = row
		} else {
			out.Rows = append(out.Rows, row)
		}
		return nil
	})
	if err != nil {
		return nil, lacking(t.failed(ctx, t.session, err), checked)
	}
	out.Count = outcome.Rows
	if value && action.Function != nil && action.Function.Returns == "void" {
		out.Data, out.Count = nil, 0
	}
	return out, nil
}

// plan makes the engine's request of an operation, now that what it refers to is known.
func (t *transaction) plan(o *operation) (*engine.Request, *fields.Rows, error) {
	raw := "select=" + escape(o.returning)
	if o.returning == "" {
		raw = ""
	}
	if o.Order != "" {
		raw += "&order=" + escape(o.Order)
	}
	if o.OnConflict != "" {
		raw += "&on_conflict=" + escape(o.OnConflict)
	}
	a, err := parse(strings.TrimPrefix(raw, "&"), nil)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range []struct {
		from *int64
		to   *int64
		name string
	}{{o.Limit, &a.Limit, "limit"}, {o.Offset, &a.Offset, "offset"}} {
		if n.from != nil && *n.from < 0 {
			return nil, nil, wrong(n.name, "It must not be negative.")
		}
		if n.from != nil {
			*n.to = *n.from
		}
	}
	if a.Where, err = t.filters(o.Filters); err != nil {
		return nil, nil, err
	}
	ops := map[string]engine.Op{"select": engine.Read, "insert": engine.Insert, "upsert": engine.Insert, "update": engine.Update, "delete": engine.Delete, "rpc": engine.Call}
	target := o.Table
	if o.Op == "rpc" {
		target = o.Fn
	}
	e := t.begin(ops[o.Op], target, a)
	e.Prefer.Count, e.Prefer.Resolution, e.Prefer.Return, e.Prefer.Missing, e.ReadOnly = "", "", "representation", "default", false
	if o.silent {
		e.Prefer.Return = "minimal"
	}
	if o.Op == "upsert" {
		e.Prefer.Resolution = "merge-duplicates"
	}
	if o.Op == "rpc" {
		e.Body, err = t.arguments(o)
		return e, nil, err
	}
	if len(o.Data) == 0 {
		return e, nil, nil
	}
	checked, err := t.data(o, e)
	return e, checked, err
}

// arguments are those of a call.
func (t *transaction) arguments(o *operation) (*payload.Body, error) {
	if len(o.Args) == 0 || string(o.Args) == "null" {
		return payload.Empty(), nil
	}
	text, err := t.resolve(o.Args, "args")
	if err != nil {
		return nil, err
	}
	body, err := jsonBody(text, payload.Options{Call: true})
	if err != nil {
		return nil, err
	}
	if !body.Object {
		return nil, wrong("args", "It must be an object.")
	}
	return body, t.checkCall(o.Fn, text)
}

// data are the rows of a write.
func (t *transaction) data(o *operation, e *engine.Request) (*fields.Rows, error) {
	text, err := t.resolve(o.Data, "data")
	if err != nil {
		return nil, err
	}
	fresh := o.Op != "update"
	checked, err := fields.Check(o.relation, text, fresh)
	if err == nil && checked.Stale {
		var r *catalog.Relation
		if r, err = t.find(t.http.Context(), o.Table, true); err == nil {
			checked, err = fields.Check(r, text, fresh)
		}
	}
	if err == nil {
		err = checked.Err()
	}
	if err != nil {
		return nil, err
	}
	if !fresh && len(checked.Columns) == 0 {
		return nil, wrong("data", "It names no column to change.")
	}
	body, err := jsonBody(text, payload.Options{})
	if err == nil {
		e.Body, err = even(body, checked, e.Query)
	}
	return checked, err
}

func jsonBody(text []byte, o payload.Options) (*payload.Body, error) {
	o.Size = int64(len(text))
	return payload.Read(bytes.NewReader(text), query.MediaType{Type: "application/json"}, o)
}
