package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/api/fields"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

func escape(s string) string { return url.QueryEscape(s) }

// pair is a member of a JSON object.
type pair struct {
	name  string
	value json.RawMessage
}

// maxMembers bounds what is read of a small object: filters, and operators in them.
const maxMembers = 200

// members reads a small object in its order; null and nothing have none.
func members(raw json.RawMessage) ([]pair, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var out []pair
	err := fields.Members(raw, func(name string, value json.RawMessage) bool {
		out = append(out, pair{name, bytes.Clone(value)})
		return len(out) <= maxMembers
	})
	if err == nil && len(out) > maxMembers {
		err = malformed("It has too many members.")
	}
	return out, err
}

// reference reports what a value refers to: {"$ref":"order.0.id"} and nothing besides.
func reference(value json.RawMessage) (string, bool) {
	if len(value) == 0 || len(value) > 2*maxReference || value[0] != '{' || !bytes.Contains(value, []byte(`"$ref"`)) {
		return "", false
	}
	in, err := members(value)
	if err != nil || len(in) != 1 || in[0].name != "$ref" {
		return "", false
	}
	var path string
	return path, json.Unmarshal(in[0].value, &path) == nil
}

// resolve puts values in the place of references, of an object or of the objects in an array. A reference stands for the whole value of a
// key: deeper ones are data.
func (t *transaction) resolve(raw json.RawMessage, where string) ([]byte, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || !bytes.Contains(raw, []byte(`"$ref"`)) {
		return raw, nil
	}
	out := make([]byte, 0, len(raw))
	if raw[0] == '[' {
		var failed error
		err := fields.Each(raw, func(i int, one json.RawMessage) bool {
			out = separate(out, '[')
			out, failed = t.resolveObject(out, one, where+"."+strconv.Itoa(i))
			return failed == nil
		})
		if failed != nil {
			err = failed
		}
		return append(out, ']'), err
	}
	return t.resolveObject(out, raw, where)
}

// separate puts a comma after what is not the first, or the opening before what is.
func separate(out []byte, opening byte) []byte {
	if len(out) == 0 {
		return append(out, opening)
	}
	return append(out, ',')
}

// resolveObject appends an object without its references.
func (t *transaction) resolveObject(out []byte, raw json.RawMessage, where string) ([]byte, error) {
	if raw[0] != '{' {
		return append(out, raw...), nil // whoever reads it next says what is wrong
	}
	var failed error
	first := true
	err := fields.Members(raw, func(name string, value json.RawMessage) bool {
		if path, ok := reference(value); ok {
			if value, failed = t.follow(path, where+"."+name); failed != nil {
				return false
			}
			if t.size -= len(value); t.size < 0 {
				failed = errResults
				return false
			}
		}
		if first {
			out = append(out, '{')
		} else {
			out = append(out, ',')
		}
		first = false
		encoded, err := json.Marshal(name)
		if failed = err; failed != nil {
			return false
		}
		out = append(append(append(out, encoded...), ':'), value...)
		return true
	})
	if first {
		out = append(out, '{')
	}
	if failed != nil {
		err = failed
	}
	return append(out, '}'), err
}

// follow finds what a path names: an operation by its id or its number, a row by its number, and what is within; or of a function's
// value directly what is within. "count" after the operation is the number of rows.
func (t *transaction) follow(path, where string) (json.RawMessage, error) {
	if value, ok := t.followed[path]; ok {
		return value, nil
	}
	if len(t.followed) >= maxReferences || len(path) > maxReference {
		return nil, errReferences
	}
	value, err := t.lookUp(path, where)
	if err == nil {
		if t.followed == nil {
			t.followed = map[string]json.RawMessage{}
		}
		t.followed[path] = value
	}
	return value, err
}

// Bounds of references: how many different ones, the length of one, and the bytes that are looked through for all.
const (
	maxReferences = 1000
	maxReference  = 500
	maxRead       = 256 << 20
)

var errReferences = &failure{status: http.StatusBadRequest, code: "TOO_MANY_REFERENCES",
	message: fmt.Sprintf("The operations refer to more than %d different values, to too large ones, or by a path that is too long.", maxReferences),
	hint:    "Let a function do what so many values are needed for."}

func (t *transaction) lookUp(path, where string) (json.RawMessage, error) {
	unknown := func(why string) error {
		return &failure{status: http.StatusBadRequest, code: "UNKNOWN_REFERENCE", message: "The reference " + strconv.Quote(path) + " leads nowhere: " + why,
			hint: `A reference is an earlier operation's id or number, a row's number and a column: {"$ref":"order.0.id"}.`, fields: fields.Errors{{Field: where, Message: "The reference leads nowhere."}}}
	}
	steps := strings.Split(path, ".")
	at := slices.IndexFunc(t.results, func(r result) bool { return r.ID != "" && r.ID == steps[0] })
	if at < 0 {
		n, err := strconv.Atoi(steps[0])
		if err != nil || n < 0 || n >= len(t.results) || strconv.Itoa(n) != steps[0] {
			return nil, unknown("no earlier operation is called " + strconv.Quote(steps[0]) + ".")
		}
		at = n
	}
	r, rest := &t.results[at], steps[1:]
	if len(rest) == 1 && rest[0] == "count" {
		return json.RawMessage(strconv.FormatInt(r.Count, 10)), nil
	}
	value := r.Data
	if value == nil {
		if len(rest) == 0 {
			return nil, unknown("it names no row.")
		}
		n, err := strconv.Atoi(rest[0])
		if err != nil || n < 0 || n >= len(r.Rows) {
			return nil, unknown(fmt.Sprintf("the operation returned %d rows, and %q is none of them.", len(r.Rows), rest[0]))
		}
		value, rest = r.Rows[n], rest[1:]
	}
	for _, step := range rest {
		if t.looked += len(value); t.looked > maxRead {
			return nil, errReferences
		}
		next, ok := within(value, step)
		if !ok {
			return nil, unknown("there is no " + strconv.Quote(step) + " in what the operation returned.")
		}
		value = next
	}
	return value, nil
}

// within takes a step into an object or an array.
func within(value json.RawMessage, step string) (json.RawMessage, bool) {
	value = bytes.TrimSpace(value)
	if len(value) == 0 {
		return nil, false
	}
	switch value[0] {
	case '{':
		var object map[string]json.RawMessage
		if json.Unmarshal(value, &object) != nil {
			return nil, false
		}
		next, ok := object[step]
		return next, ok
	case '[':
		var list []json.RawMessage
		n, err := strconv.Atoi(step)
		if err != nil || json.Unmarshal(value, &list) != nil || n < 0 || n >= len(list) {
			return nil, false
		}
		return list[n], true
	}
	return nil, false
}

// filters makes conditions of {"id":5,"price":{"lt":50,"gte":{"$ref":"a.0.price"}},"state":{"in":["new","paid"]},"gone":null}.
func (t *transaction) filters(raw json.RawMessage) ([]query.Condition, error) {
	in, err := members(raw)
	if err != nil {
		return nil, wrong("filters", "It must be an object: columns, and a value or operators for each.")
	}
	var out []query.Condition
	for _, m := range in {
		column, err := parse(escape(m.name)+"=is.null", nil)
		if err != nil || len(column.Where) != 1 || column.Where[0].Filter == nil {
			return nil, wrong("filters."+m.name, "It must be a column's name.")
		}
		field := column.Where[0].Filter.Field
		where := "filters." + m.name
		if m.value[0] != '{' {
			c, err := condition(field, "eq", m.value, where)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
			continue
		}
		if path, ok := reference(m.value); ok {
			value, err := t.follow(path, where)
			if err != nil {
				return nil, err
			}
			c, err := condition(field, "eq", value, where)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
			continue
		}
		operators, err := members(m.value)
		if err != nil || len(operators) == 0 {
			return nil, wrong(where, "It must be a value, or an object of operators.")
		}
		for _, o := range operators {
			value := o.value
			if path, ok := reference(value); ok {
				if value, err = t.follow(path, where+"."+o.name); err != nil {
					return nil, err
				}
			}
			c, err := condition(field, o.name, value, where+"."+o.name)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// maxList bounds the values of an "in".
const maxList = 10_000

// condition compares a field with a JSON value. Equality with null is "is null".
func condition(f query.Field, operator string, value json.RawMessage, where string) (query.Condition, error) {
	out := query.Condition{}
	if positive, ok := strings.CutPrefix(operator, "not."); ok {
		out.Not, operator = true, positive
	}
	if !operators[operator] {
		return out, wrong(where, strconv.Quote(operator)+" is no operator.")
	}
	value = bytes.TrimSpace(value)
	filter := &query.Filter{Field: f, Operator: operator}
	out.Filter = filter
	if operator == "in" {
		problem := ""
		filter.List = []string{}
		err := fields.Each(value, func(_ int, one json.RawMessage) bool {
			text, ok := fields.Scalar(one)
			switch {
			case !ok || string(one) == "null":
				problem = "Its elements must be strings, numbers or booleans."
			case len(filter.List) == maxList:
				problem = fmt.Sprintf("It must have %d elements at most.", maxList)
			}
			filter.List = append(filter.List, text)
			return problem == ""
		})
		if err != nil {
			problem = "It must be an array."
		}
		if problem != "" {
			return out, wrong(where, problem)
		}
		return out, nil
	}
	null := string(value) == "null"
	switch {
	case null && (operator == "eq" || operator == "neq"):
		if operator == "neq" {
			out.Not = !out.Not
		}
		filter.Operator, filter.Value = "is", "null"
		return out, nil
	case operator == "is":
		return is(out, value, where)
	case null:
		return out, wrong(where, "Nothing compares so with null: use is, eq or neq.")
	}
	text, ok := fields.Scalar(value)
	if !ok {
		text = string(value) // of a column of JSON, of a range or an array
		if value[0] == '[' {
			text = arrayText(value)
		}
	}
	filter.Value = text
	return out, nil
}

func is(c query.Condition, value json.RawMessage, where string) (query.Condition, error) {
	text := string(value)
	if value[0] == '"' {
		text, _ = fields.Scalar(value)
	}
	if !slices.Contains([]string{"null", "not_null", "true", "false", "unknown"}, text) {
		return c, wrong(where, "It must be null, not_null, true, false or unknown.")
	}
	c.Filter.Value = text
	return c, nil
}

// arrayText writes a JSON array of scalars as Postgres reads arrays.
func arrayText(value json.RawMessage) string {
	out := []byte{}
	plain := true
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	err := fields.Each(value, func(_ int, one json.RawMessage) bool {
		text, ok := fields.Scalar(one)
		out = separate(out, '{')
		switch {
		case !ok:
			plain = false
		case string(one) == "null":
			out = append(out, "NULL"...)
		default:
			out = append(append(append(out, '"'), escape.Replace(text)...), '"')
		}
		return plain
	})
	switch {
	case err != nil || !plain:
		return string(value)
	case len(out) == 0:
		return "{}"
	}
	return string(append(out, '}'))
}
