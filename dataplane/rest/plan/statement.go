package plan

import (
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
)

// Relations calls fn for each relation whose rows the read uses, junctions included, until fn returns false.
func (r *Read) Relations(fn func(*catalog.Relation) bool) bool {
	if r.Relation != nil && !fn(r.Relation) {
		return false
	}
	for _, e := range r.Embeds {
		if j := e.Relationship.Junction; j != nil && !fn(j.Relation) {
			return false
		}
		if !e.Relations(fn) {
			return false
		}
	}
	return true
}

// ReadsSettings reports whether the policies of a relation read the request's settings besides its claims, or code of the project's
// runs that may.
func (s *Statement) ReadsSettings() bool {
	reads := !s.Plain()
	each := func(r *catalog.Relation) bool {
		reads = reads || r.ReadsSettings
		return !reads
	}
	if s.Read != nil {
		s.Read.Relations(each)
	}
	if s.Write != nil {
		each(s.Write.Relation)
		reads = reads || s.Write.Relation.WriteReadsSettings
		if s.Write.Returning != nil {
			s.Write.Returning.Relations(each)
		}
	}
	return reads
}

// Plain reports whether no code of the project's can run: no view, policy function, trigger, computed field, representation or operator.
func (s *Statement) Plain() bool {
	if s.Form.Kind == FormHandler || s.Form.Kind == FormGeoJSON || s.Form.Explain != nil {
		return false
	}
	if s.Write != nil {
		return s.Write.plain()
	}
	return s.Read.plain()
}

// plain relies on what Relation.PlainInsert and PlainChange say. Defaults are as good only where the table itself applies them: their text may mean
// something else in a query.
func (w *Write) plain() bool {
	if w.Verb == "insert" {
		if !w.Relation.PlainInsert || w.Put || (w.Resolution != "" && w.Resolution != "ignore-duplicates") || (len(w.Columns) == 0 && w.Rows > 1) {
			return false
		}
	} else if !w.Relation.PlainChange || !plainConditions(w.Where) {
		return false
	}
	if len(w.Defaults) > 0 {
		return false
	}
	for _, c := range w.Columns {
		if c.Representation != nil {
			return false
		}
	}
	return w.Returning == nil || w.Returning.plain()
}

// plain relies on what Relation.Plain says: that all its types are Postgres' own, and that the project has no operators.
func (r *Read) plain() bool {
	if r.Call != nil || r.Relation == nil || !r.Relation.Plain || !plainConditions(r.Where) || !plainOrders(r.Order) {
		return false
	}
	for i := range r.Outputs {
		o := &r.Outputs[i]
		switch {
		case o.Star || o.Embed >= 0:
		case o.Column != "" && !plainValue(&o.Value):
			return false
		case o.Cast != "" && !plainType(o.Cast), o.AggregateCast != "" && !plainType(o.AggregateCast):
			return false
		case o.Aggregate != "" && o.Aggregate != "count" && (len(o.Path) > 0 || o.Cast != "" || !summed[o.Info.Type]):
			return false
		}
	}
	for _, e := range r.Embeds {
		if e.Relationship.Function != nil || (e.Relationship.Junction != nil && !e.Relationship.Junction.Relation.Plain) || !e.plain() {
			return false
		}
	}
	return true
}

func plainValue(v *Value) bool { return v.Info != nil && v.Info.Representation == nil }

func plainConditions(list []Condition) bool {
	for i := range list {
		c := &list[i]
		switch {
		case c.Any != nil || c.All != nil:
			if !plainConditions(c.Any) || !plainConditions(c.All) {
				return false
			}
		case c.Embed < 0 && !plainValue(&c.Value):
			return false
		}
	}
	return true
}

func plainOrders(list []Order) bool {
	for i := range list {
		if !plainValue(&list[i].Value) {
			return false
		}
	}
	return true
}

// own are types of Postgres' own that casts may name: only a superuser can make casts between them.
var own = map[string]bool{
	"text": true, "int": true, "integer": true, "bigint": true, "smallint": true, "boolean": true, "numeric": true, "decimal": true, "real": true,
	"double precision": true, "float": true, "uuid": true, "date": true, "timestamp": true, "timestamptz": true, "timestamp with time zone": true,
	"timestamp without time zone": true, "time": true, "interval": true, "json": true, "jsonb": true, "varchar": true, "character varying": true,
	"int2": true, "int4": true, "int8": true, "float4": true, "float8": true, "bool": true,
}

func plainType(name string) bool {
	name, _, _ = strings.Cut(strings.ToLower(strings.TrimSuffix(name, "[]")), "(")
	return own[name]
}

// summed are types that Postgres has all aggregate functions for, so that none of the project's is called.
var summed = map[string]bool{"integer": true, "bigint": true, "smallint": true, "numeric": true, "real": true, "double precision": true}

// Columns lists the columns of the source that the read uses, so that a write returns no more than those (each needs the privilege to
// select it). All tells that it needs whole rows, or that columns are not known.
func (r *Read) Columns() (names []string, all bool) {
	seen := map[string]bool{}
	add := func(name string) {
		if name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	value := func(v *Value) {
		all = all || v.Computed != nil || (v.Info == nil && v.Column != "")
		add(v.Column)
	}
	var conditions func([]Condition)
	conditions = func(list []Condition) {
		for i := range list {
			conditions(list[i].Any)
			conditions(list[i].All)
			value(&list[i].Value)
		}
	}
	for i := range r.Outputs {
		switch o := &r.Outputs[i]; {
		case o.Star:
			all = true // what there is now, though the catalog may not know of it yet
		case o.Embed < 0:
			value(&o.Value)
		}
	}
	conditions(r.Where)
	for i := range r.Order {
		if r.Order[i].Embed < 0 {
			value(&r.Order[i].Value)
		}
	}
	for _, e := range r.Embeds {
		all = all || e.Relationship.Function != nil
		pairs := e.Relationship.Columns
		if e.Relationship.Junction != nil {
			pairs = e.Relationship.Junction.From
		}
		for _, p := range pairs {
			add(p.From)
		}
	}
	return names, all
}
