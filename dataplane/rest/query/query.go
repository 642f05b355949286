// Package query parses what a REST request asks for, its URL and its headers, into a syntax tree. It knows nothing of the
// database.
package query

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Query is the parsed query string of a request.
type Query struct {
	// Node is what the URL asks of the target itself: its select, filters, order and window. An embed's own are in the embed.
	Node
	// Columns names the columns that an insert or update writes, whatever its body has; nil when not given.
	Columns []string
	// OnConflict names the columns by which an upsert finds the row that is there.
	OnConflict []string
	// Arguments are those of a function called by GET, in the order of the URL. A name may come several times (variadic).
	Arguments []Argument
}

// Node is what is asked of one source of rows: the target or an embed.
type Node struct {
	// Select lists what to return; nil is everything. (An explicit empty list, "select=" or "rel()", is not nil and has no items.)
	Select []Item
	// Where is the conjunction of all filters, in the order of the URL.
	Where []Condition
	Order []Order
	// Limit and Offset are negative when not given.
	Limit, Offset int64
}

// Argument is a function's named argument as text.
type Argument struct{ Name, Value string }

// Field is a column, or a place within a JSON column.
type Field struct {
	Column string
	Path   []Step
}

// Step goes one level into a JSON value.
type Step struct {
	// Key is an object's key, or an array's index when Index is set.
	Key   string
	Index bool
	// Text takes the value as text (->>) instead of JSON (->). Only the last step may.
	Text bool
}

// Item is one thing to return: exactly one of a star, a field (perhaps aggregated), or an embed.
type Item struct {
	// Star is "*", all columns; nothing else is set then.
	Star bool
	// Embed is a related resource; nothing else is set then.
	Embed *Embed
	// Field is empty for count().
	Field
	// Alias names the output; Cast is the type that the field is cast to, before it is aggregated.
	Alias, Cast string
	// Aggregate is "", "count", "sum", "avg", "min" or "max"; AggregateCast is the type that its result is cast to.
	Aggregate, AggregateCast string
}

// Embed is a related resource within a select: "alias:relation!hint!inner(…)" or "...relation(…)".
type Embed struct {
	// Relation is the name of the related table or view, of the computed relationship, or of the column that is its foreign key.
	Relation string
	Alias    string
	// Hint is what stands after "!": a column, constraint or junction table.
	Hint string
	// Join is "", "inner" or "left".
	Join   string
	Spread bool
	// Node is what is selected of it, and the filters, order and window addressed to it ("relation.column=eq.1",
	// "relation.order=…", "relation.limit=…", "relation.or=(…)").
	Node
}

// Name is how the request calls the embed: its alias or else its relation.
func (e *Embed) Name() string {
	if e.Alias != "" {
		return e.Alias
	}
	return e.Relation
}

// Order is one key of the order.
type Order struct {
	// Relation is the embed whose column it is ("order=relation(column)"), or "".
	Relation string
	Field
	// Direction is "", "asc" or "desc".
	Direction string
	// Nulls is "", "first" or "last".
	Nulls string
}

// Condition is a filter, or several combined.
type Condition struct {
	Not bool
	// Any and All combine; exactly one of Any, All and Filter is set.
	Any, All []Condition
	Filter   *Filter
}

// Filter compares a field with a value.
type Filter struct {
	Field
	// Operator is as in the URL: eq neq gt gte lt lte like ilike match imatch is isdistinct in fts plfts phfts wfts cs cd ov sl sr
	// nxr nxl adj.
	Operator string
	// Quantifier is "", "any" or "all", for eq gt gte lt lte like ilike match imatch: Value is then an array in Postgres' text form,
	// "{a,b}".
	Quantifier string
	// Language is the text search configuration, for fts plfts phfts wfts, or "".
	Language string
	// Value is the operand as text; for is one of null, not_null, true, false, unknown in lower case.
	Value string
	// List is the value of "in".
	List []string
}

// Error is a refusal in PostgREST's shape.
type Error struct {
	Status        int
	Code, Message string
	// Details is a string, or what becomes JSON (PGRST201 lists relationships). Nil and "" are null.
	Details any
	// Hint is null when empty.
	Hint string
	// Header is added to the answer.
	Header http.Header
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func parseError(what, input, details string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "PGRST100", Message: fmt.Sprintf("%q (%s)", "failed to parse "+what, input), Details: details}
}

// Unsupported refuses what the protocol has and this server has not.
func Unsupported(what string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "PGRST127", Message: "Feature not implemented", Details: what}
}

// maxNodes bounds the size of a tree, and maxDepth its depth.
const (
	maxNodes = 1000
	maxDepth = 32
)

// Parse parses a raw query string. For a call of a function by GET, what is not a filter is an argument.
func Parse(raw string, call bool) (*Query, error) {
	q := &Query{Node: Node{Limit: -1, Offset: -1}}
	for n := 0; raw != ""; n++ {
		if n > maxNodes {
			return nil, parseError("query string", "", "There are too many parameters.")
		}
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		key, err := unescape(k)
		if err != nil {
			return nil, err
		}
		value, err := unescape(v)
		if err != nil {
			return nil, err
		}
		if err := q.parameter(key, value, call); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func unescape(s string) (string, error) {
	if !strings.ContainsAny(s, "%+") {
		return s, nil
	}
	out, err := url.QueryUnescape(s)
	if err != nil {
		return "", parseError("query string", s, "A percent sign must be followed by two hexadecimal digits.")
	}
	return out, nil
}

func (q *Query) parameter(key, value string, call bool) (err error) {
	switch key {
	case "select":
		q.Select, err = parseSelect(value)
	case "order":
		q.Order, err = parseOrder(value)
	case "limit":
		q.Limit, err = parseCount(key, value)
	case "offset":
		q.Offset, err = parseCount(key, value)
	case "columns":
		q.Columns, err = parseNames(key, value)
	case "on_conflict":
		q.OnConflict, err = parseNames(key, value)
	case "and", "or", "not.and", "not.or":
		var c Condition
		c, err = parseTree(key, value)
		q.Where = append(q.Where, c)
	case "apikey": // a key may come in the URL
	default:
		if call && !startsWithOperator(value) {
			q.Arguments = append(q.Arguments, Argument{key, value})
			return nil
		}
		var c Condition
		c, err = parseFilter(key, value)
		q.Where = append(q.Where, c)
	}
	return err
}

func parseCount(key, value string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return 0, parseError(key+" parameter", value, "It must be a whole number, not negative.")
	}
	return n, nil
}

func parseNames(key, value string) ([]string, error) {
	s := scanner{in: value, what: key + " parameter"}
	var out []string
	for {
		s.spaces()
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		out = append(out, name)
		s.spaces()
		if s.done() {
			return out, nil
		}
		if !s.take(',') {
			return nil, s.fail("A comma must stand between columns.")
		}
	}
}
