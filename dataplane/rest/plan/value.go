package plan

import (
	"fmt"
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// known tells that the catalog has the source's columns.
func (s *Source) known() bool {
	return s.Relation != nil || (s.Call != nil && len(s.Call.Function.Columns) > 0)
}

// column finds a column of the source, or returns nil.
func (s *Source) column(name string) *catalog.Column {
	if s.Relation != nil {
		return s.Relation.Column(name)
	}
	if s.Call != nil {
		for _, c := range s.Call.Function.Columns {
			if c.Name == name {
				return c
			}
		}
	}
	return nil
}

// All lists the source's columns as the catalog knows them, or nil.
func (s *Source) All() []*catalog.Column {
	switch {
	case s.Relation != nil:
		return s.Relation.Columns
	case s.Call != nil:
		return s.Call.Function.Columns
	}
	return nil
}

// aggregates are functions of Postgres that take any row. Postgres reads a column that is not there as a call of a function with the row:
// so a request could turn any number of rows into one value, past every limit.
var aggregates = map[string]bool{
	"array_agg": true, "json_agg": true, "jsonb_agg": true, "json_agg_strict": true, "jsonb_agg_strict": true, "any_value": true, "count": true,
	"min": true, "max": true, "first_value": true, "last_value": true, "lag": true, "lead": true, "mode": true, "rank": true, "dense_rank": true,
}

func (p *planner) value(src *Source, f query.Field) (Value, error) {
	v := Value{Column: f.Column, Path: f.Path}
	if err := p.weigh(1 + len(f.Path)); err != nil {
		return v, err
	}
	if v.Info = src.column(f.Column); v.Info != nil {
		v.Row = len(f.Path) > 0 && !v.Info.JSON
		return v, nil
	}
	if src.Relation != nil {
		if fn := src.Relation.Computed[f.Column]; fn != nil {
			v.Computed = fn
			v.Row = len(f.Path) > 0 && fn.Base != "json" && fn.Base != "jsonb"
			return v, nil
		}
	}
	if aggregates[f.Column] && src.known() {
		name := "pgrst_call"
		if src.Relation != nil {
			name = src.Relation.Name
		}
		return v, &query.Error{Status: http.StatusBadRequest, Code: "42703", Message: fmt.Sprintf("column %s.%s does not exist", name, f.Column)}
	}
	v.Row = len(f.Path) > 0
	return v, nil
}

func (p *planner) conditions(r *Read, list []query.Condition) ([]Condition, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make([]Condition, len(list))
	for i := range list {
		c := &list[i]
		o := &out[i]
		o.Not, o.Embed = c.Not, -1
		var err error
		switch {
		case c.Filter != nil:
			err = p.filter(r, c.Filter, o)
		case c.Any != nil:
			o.Any, err = p.conditions(r, c.Any)
		default:
			o.All, err = p.conditions(r, c.All)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p *planner) filter(r *Read, f *query.Filter, o *Condition) (err error) {
	o.Operator, o.Quantifier, o.Language, o.Operand, o.List = f.Operator, f.Quantifier, f.Language, f.Value, f.List
	if len(r.Embeds) > 0 && len(f.Path) == 0 {
		if i := r.embedNamed(f.Column); i >= 0 {
			if f.Operator == "is" && (f.Value == "null" || f.Value == "not_null") {
				o.Embed = i
				return p.weigh(r.Embeds[i].weight)
			}
			if r.column(f.Column) == nil {
				return &query.Error{Status: http.StatusBadRequest, Code: "PGRST120",
					Message: fmt.Sprintf("Bad operator on the '%s' embedded resource", f.Column),
					Details: "Only is null or not is null filters are allowed on embedded resources"}
			}
		}
	}
	o.Value, err = p.value(&r.Source, f.Field)
	return err
}

// embedNamed finds an embed by what the request calls it, or returns -1.
func (r *Read) embedNamed(name string) int {
	for i, e := range r.Embeds {
		if e.Name == name {
			return i
		}
	}
	return -1
}

func (p *planner) orders(r *Read, list []query.Order) ([]Order, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make([]Order, len(list))
	for i := range list {
		o := &list[i]
		out[i].Direction, out[i].Nulls, out[i].Embed = o.Direction, o.Nulls, -1
		src := &r.Source
		if o.Relation != "" {
			e, err := r.orderedBy(o.Relation)
			if err != nil {
				return nil, err
			}
			out[i].Embed = e
			src = &r.Embeds[e].Source
			if v := r.Embeds[e].called(o.Column); v != nil && len(o.Path) == 0 {
				out[i].Value = *v
				continue
			}
		}
		var err error
		if out[i].Value, err = p.value(src, o.Field); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// orderedBy finds the to-one embed that an order names.
func (r *Read) orderedBy(name string) (int, error) {
	i := r.embedNamed(name)
	if i < 0 {
		return 0, query.NotEmbedded(&query.Node{}, name)
	}
	e := r.Embeds[i]
	if e.Relationship.One() {
		return i, nil
	}
	from := ""
	if e.Relationship.From != nil {
		from = e.Relationship.From.Name
	}
	return 0, &query.Error{Status: http.StatusBadRequest, Code: "PGRST118", Message: fmt.Sprintf("A related order on '%s' is not possible", name),
		Details: fmt.Sprintf("'%s' and '%s' do not form a many-to-one or one-to-one relationship", from, name)}
}

// called finds the value of an output that the request gave another name.
func (e *Embed) called(name string) *Value {
	for i := range e.Outputs {
		if o := &e.Outputs[i]; o.Name == name && o.Embed < 0 && o.Aggregate == "" && o.Cast == "" {
			return &o.Value
		}
	}
	return nil
}
