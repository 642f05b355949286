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
	// Select lists what to return; empty is everything.
	Select []Item
	// Where is the conjunction of all filters, in the order of the URL.
	Where []Condition
	Order []Order
	// Limit and Offset are negative when not given.
	Limit, Offset int64
	// Columns names the columns that an insert writes, whatever its body has.
	Columns []string
	// OnConflict names the columns by which an upsert finds the row that is there.
	OnConflict []string
	// Arguments are those of a function called by GET.
	Arguments []Argument
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

// Item is one thing to return.
type Item struct {
	Field
	// Star is "*", all columns; nothing else is set then.
	Star        bool
	Alias, Cast string
}

// Order is one key of the order.
type Order struct {
	Field
	Descending bool
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
	Operator string
	Value    string
	// List is the value of "in".
	List []string
}

// Error is a refusal in PostgREST's shape. Empty Details and Hint are null.
type Error struct {
	Status                       int
	Code, Message, Details, Hint string
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
	q := &Query{Limit: -1, Offset: -1}
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
