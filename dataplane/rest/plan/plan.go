// Package plan resolves the names of a query against a project's catalog. What it lets through names only what is there.
package plan

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// Value is a column of the source, or a place within it.
type Value struct {
	Column string
	Path   []query.Step
	// Row tells that the column is a row or an array, which becomes JSON before a path goes into it.
	Row bool
}

// Output is something to return.
type Output struct {
	Value
	Star        bool
	Alias, Cast string
}

// Condition is a resolved filter, or several combined.
type Condition struct {
	Not      bool
	Any, All []Condition
	Value    Value
	Operator string
	Operand  string
	List     []string
}

// Order is a resolved key of the order.
type Order struct {
	Value
	Descending bool
	Nulls      string
}

// Shape is what a source's rows become.
type Shape struct {
	Outputs       []Output
	Where         []Condition
	Order         []Order
	Limit, Offset int64 // negative for none
	// Count asks for the number of all rows that match, whatever the limit.
	Count bool
	// Bodiless asks for no rows, only their number.
	Bodiless bool
}

// Read returns rows of a relation.
type Read struct {
	Relation *catalog.Relation
	Shape
}

// Plain reports whether the read runs none of the project's code.
func (r *Read) Plain() bool {
	return r.Relation.Plain && !slices.ContainsFunc(r.Outputs, func(o Output) bool { return o.Cast != "" })
}

// Write inserts, updates or deletes rows of a relation.
type Write struct {
	Relation *catalog.Relation
	// Columns are those that the payload sets.
	Columns []*catalog.Column
	// Payload is an array of objects for an insert, an object for an update.
	Payload string
	// Rows is how many objects an insert has.
	Rows int
	// Conflict and Resolution are those of an upsert; Resolution is "" for a plain insert.
	Conflict   []string
	Resolution string
	Where      []Condition
	// Returning is nil for nothing but the number of rows.
	Returning []Output
}

// Call calls a function.
type Call struct {
	Function *catalog.Function
	// Arguments are those that are given, in the function's order.
	Arguments []catalog.Argument
	// Payload is a JSON object with the arguments; Values are their texts instead, for a call by URL.
	Payload string
	Values  []string
	Shape
}

// Schema picks the schema that a request names, or the first.
func Schema(c *catalog.Catalog, exposed []string, profile string) (*catalog.Schema, error) {
	if profile == "" {
		profile = exposed[0]
	}
	if s, ok := c.Schemas[profile]; ok {
		return s, nil
	}
	return nil, &query.Error{Status: http.StatusNotAcceptable, Code: "PGRST106", Message: "Invalid schema: " + profile,
		Hint: "Only the following schemas are exposed: " + strings.Join(exposed, ", ")}
}

// Relation finds a relation.
func Relation(s *catalog.Schema, name string) (*catalog.Relation, error) {
	if r, ok := s.Relations[name]; ok {
		return r, nil
	}
	e := &query.Error{Status: http.StatusNotFound, Code: "PGRST205",
		Message: fmt.Sprintf("Could not find the table '%s.%s' in the schema cache", s.Name, name)}
	if near := nearest(name, s.Relations); near != "" {
		e.Hint = fmt.Sprintf("Perhaps you meant the table '%s.%s'", s.Name, near)
	}
	return nil, e
}

// resolver resolves fields of a source. A nil relation has columns that are not known, of a function.
type resolver struct{ relation *catalog.Relation }

func (r resolver) value(f query.Field) (Value, error) {
	v := Value{Column: f.Column, Path: f.Path}
	if r.relation == nil {
		return v, nil
	}
	col := r.relation.Column(f.Column)
	if col == nil {
		return v, &query.Error{Status: http.StatusBadRequest, Code: "42703",
			Message: fmt.Sprintf("column %s.%s does not exist", r.relation.Name, f.Column)}
	}
	if len(f.Path) > 0 {
		v.Row = !col.JSON
	}
	return v, nil
}

func (r resolver) outputs(items []query.Item) ([]Output, error) {
	if len(items) == 0 {
		return []Output{{Star: true}}, nil
	}
	out := make([]Output, len(items))
	for i, item := range items {
		if item.Star {
			out[i].Star = true
			continue
		}
		v, err := r.value(item.Field)
		if err != nil {
			return nil, err
		}
		out[i] = Output{Value: v, Alias: item.Alias, Cast: item.Cast}
		if item.Alias == "" && len(item.Path) > 0 {
			out[i].Alias = pathName(item.Field)
		}
	}
	return out, nil
}

// pathName is what a place within a column is called: its last key, or the last one before an index.
func pathName(f query.Field) string {
	for i := len(f.Path) - 1; i >= 0; i-- {
		if !f.Path[i].Index {
			return f.Path[i].Key
		}
	}
	return f.Column
}

func (r resolver) conditions(list []query.Condition) ([]Condition, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make([]Condition, len(list))
	for i, c := range list {
		out[i].Not = c.Not
		var err error
		switch {
		case c.Filter != nil:
			f := c.Filter
			out[i].Value, err = r.value(f.Field)
			out[i].Operator, out[i].Operand, out[i].List = f.Operator, f.Value, f.List
		case c.Any != nil:
			out[i].Any, err = r.conditions(c.Any)
		default:
			out[i].All, err = r.conditions(c.All)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r resolver) shape(q *query.Query) (s Shape, err error) {
	s.Limit, s.Offset = q.Limit, q.Offset
	if s.Outputs, err = r.outputs(q.Select); err != nil {
		return s, err
	}
	if s.Where, err = r.conditions(q.Where); err != nil {
		return s, err
	}
	if len(q.Order) > 0 {
		s.Order = make([]Order, len(q.Order))
	}
	for i, o := range q.Order {
		s.Order[i].Descending, s.Order[i].Nulls = o.Descending, o.Nulls
		if s.Order[i].Value, err = r.value(o.Field); err != nil {
			return s, err
		}
	}
	return s, nil
}

// NewRead plans a read.
func NewRead(r *catalog.Relation, q *query.Query) (*Read, error) {
	shape, err := resolver{r}.shape(q)
	return &Read{Relation: r, Shape: shape}, err
}

// nearest finds the name that is most like one that is not there, or "".
func nearest[T any](name string, names map[string]T) string {
	best, least := "", len(name)/3+1
	for n := range names {
		if d := distance(name, n, least+1); d < least || (d == least && (best == "" || n < best)) {
			best, least = n, d
		}
	}
	return best
}

// distance is Levenshtein's, or limit when it is not below that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > 63 || len(b) > 63 {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}
