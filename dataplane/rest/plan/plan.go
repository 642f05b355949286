// Package plan resolves the names of a query against a project's catalog: it chooses relationships, representations and
// functions, and refuses what the protocol does not allow.
package plan

import (
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

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
	if r, ok := s.Relations[name]; ok && !r.Partition {
		return r, nil
	}
	e := &query.Error{Status: http.StatusNotFound, Code: "PGRST205",
		Message: fmt.Sprintf("Could not find the table '%s.%s' in the schema cache", s.Name, name)}
	if near := similar(name, listed(s), 0.75); near != "" {
		e.Hint = fmt.Sprintf("Perhaps you meant the table '%s.%s'", s.Name, near)
	}
	return nil, e
}

// listed are the names of relations but partitions, which stand for themselves to nobody.
func listed(s *catalog.Schema) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name, r := range s.Relations {
			if !r.Partition && !yield(name) {
				return
			}
		}
	}
}

// planner plans one request.
type planner struct {
	catalog *catalog.Catalog
	schema  *catalog.Schema
	options Options
	// bounded tells that MaxRows holds: not for what a write returns.
	bounded bool
	// weight counts what SQL is made of so far: a short request can make much of it, as each filter of an embed by null repeats the
	// embed's own filters.
	weight int
}

// maxWeight bounds the SQL of one statement to about a megabyte, and its bound values to what the protocol allows.
const maxWeight = 20_000

func (p *planner) weigh(n int) error {
	if p.weight += n; p.weight > maxWeight {
		return &query.Error{Status: http.StatusBadRequest, Code: "PGRST100", Message: "The request is too complex",
			Details: "It selects and filters too much at once."}
	}
	return nil
}

// NewRead plans a read of a relation.
func NewRead(c *catalog.Catalog, s *catalog.Schema, r *catalog.Relation, n *query.Node, o Options) (*Read, error) {
	return NewSourceRead(c, s, Source{Relation: r}, n, o)
}

// NewSourceRead plans a read of any source: of a call's rows (Relation is what they are like, or nil when they are no relation's) or of
// the rows that a write returns (Written), whose own filters and window are the write's and are left out. Columns that the catalog does
// not know are left to Postgres to judge.
func NewSourceRead(c *catalog.Catalog, s *catalog.Schema, src Source, n *query.Node, o Options) (*Read, error) {
	p := &planner{catalog: c, schema: s, options: o, bounded: !src.Written}
	r := &Read{Source: src}
	if src.Written {
		returned := *n
		returned.Where, returned.Limit, returned.Offset = nil, -1, -1
		n = &returned
	}
	aggregated, err := p.read(r, n, 1)
	if err != nil {
		return nil, err
	}
	r.Grouped = aggregated
	return r, nil
}

// Conditions resolves the filters of an update or a deletion. Filters of embeds are not among them: they are the read's over the
// written rows.
func Conditions(c *catalog.Catalog, s *catalog.Schema, r *catalog.Relation, list []query.Condition) ([]Condition, error) {
	p := &planner{catalog: c, schema: s}
	return p.conditions(&Read{Source: Source{Relation: r}}, list)
}

// Orders resolves the order of an update or a deletion.
func Orders(c *catalog.Catalog, s *catalog.Schema, r *catalog.Relation, list []query.Order) ([]Order, error) {
	p := &planner{catalog: c, schema: s}
	return p.orders(&Read{Source: Source{Relation: r}}, list)
}

// read plans one source. It reports whether an output of it, or of what is spread into it, is aggregated.
func (p *planner) read(r *Read, n *query.Node, depth int) (aggregated bool, err error) {
	if p.options.MaxDepth > 0 && depth > p.options.MaxDepth+1 {
		return false, &query.Error{Status: http.StatusBadRequest, Code: "PGRST100", Message: "The select embeds too deeply",
			Details: fmt.Sprintf("Embeds may be nested %d levels deep.", p.options.MaxDepth)}
	}
	r.Limit, r.Offset = n.Limit, n.Offset
	if p.bounded && p.options.MaxRows > 0 && (r.Limit < 0 || r.Limit > p.options.MaxRows) {
		r.Limit = p.options.MaxRows
	}
	if aggregated, err = p.outputs(r, n.Select, depth); err != nil {
		return false, err
	}
	before := p.weight
	if r.Where, err = p.conditions(r, n.Where); err != nil {
		return false, err
	}
	for _, e := range r.Embeds {
		if e.Inner {
			if err = p.weigh(e.weight); err != nil {
				return false, err
			}
		}
	}
	r.weight = p.weight - before + 2
	r.Order, err = p.orders(r, n.Order)
	return aggregated, err
}

func (p *planner) outputs(r *Read, items []query.Item, depth int) (aggregated bool, err error) {
	if len(items) == 0 {
		r.Outputs = []Output{{Star: true, Embed: -1}}
		return false, p.weigh(len(r.All()))
	}
	r.Outputs = make([]Output, 0, len(items))
	for i := range items {
		item := &items[i]
		if item.Star {
			r.Outputs = append(r.Outputs, Output{Star: true, Embed: -1})
			if err := p.weigh(len(r.All())); err != nil {
				return false, err
			}
			continue
		}
		if item.Embed != nil {
			e, spread, err := p.embed(r, item.Embed, depth)
			if err != nil {
				return false, err
			}
			aggregated = aggregated || spread
			r.Embeds = append(r.Embeds, e)
			if !e.Silent {
				r.Outputs = append(r.Outputs, Output{Embed: len(r.Embeds) - 1, Name: e.Name})
			}
			continue
		}
		o, err := p.output(&r.Source, item)
		if err != nil {
			return false, err
		}
		aggregated = aggregated || o.Aggregate != ""
		r.Outputs = append(r.Outputs, o)
	}
	return aggregated, nil
}

func (p *planner) output(src *Source, item *query.Item) (Output, error) {
	o := Output{Name: item.Alias, Cast: item.Cast, Aggregate: item.Aggregate, AggregateCast: item.AggregateCast, Embed: -1}
	if o.Aggregate != "" && !p.options.Aggregates {
		return o, &query.Error{Status: http.StatusBadRequest, Code: "PGRST123", Message: "Use of aggregate functions is not allowed"}
	}
	if item.Column == "" && o.Aggregate != "" {
		return o, nil
	}
	if item.Column == "count" && o.Aggregate == "" && len(item.Path) == 0 && src.column("count") == nil && src.known() {
		// What clients wrote before there was count(), and still do.
		return Output{Name: item.Alias, Aggregate: "count", AggregateCast: item.Cast, Embed: -1}, nil
	}
	var err error
	if o.Value, err = p.value(src, item.Field); err != nil {
		return o, err
	}
	if o.Name == "" && o.Aggregate == "" && len(item.Path) > 0 {
		o.Name = pathName(item.Field)
	}
	return o, nil
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
