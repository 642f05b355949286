package sqlgen

import (
	"slices"
	"strconv"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
)

// embed writes an embed as a subquery of one value. Postgres computes it for the rows that are returned only, after any limit.
func (b *builder) embed(parent *scope, e *plan.Embed) {
	b.sql("(")
	b.embedded(parent.embedded(e), "")
	b.sql(")")
}

// embedded writes "select <JSON> from <the embed's rows>": an object or null for a to-one, an array for a to-many.
func (b *builder) embedded(s *scope, name string) {
	e := s.link
	one := e.Relationship.One()
	aggregate := "pg_catalog.row_to_json("
	end := ")"
	if !one {
		aggregate, end = "coalesce(pg_catalog.json_agg(", "), '[]')"
	}
	b.sql("select ", aggregate)
	if whole(&e.Read) && (one || (len(e.Order) == 0 && e.Limit < 0 && e.Offset <= 0)) {
		b.ident(s.alias).sql(".*", end, name)
		b.body(s, nil, func() { b.related(s) })
	} else {
		b.sql(`"$j".*`, end, name, " from (")
		b.query(s, fieldsOf(&e.Read), func() { b.related(s) }, false)
		b.sql(`) "$j"`)
	}
	b.first(e)
}

// first bounds the rows of a function that says that it returns one.
func (b *builder) first(e *plan.Embed) {
	if e.Relationship.Function != nil && e.Relationship.One() && e.Limit < 0 {
		b.sql(" limit 1")
	}
}

// apart tells that an embed is joined to the parent: what is spread or grouped by, and one row of a view, whose rows Postgres may want to
// find all at once rather than one by one.
func apart(r *plan.Read, e *plan.Embed) bool {
	if e.Silent {
		return false
	}
	return e.Spread || r.Grouped || (e.Relationship.One() && e.Relationship.Function == nil && (e.Relation.Kind == "v" || e.Relation.Kind == "m"))
}

// related writes the FROM item of an embed: its relation, with the junction that leads there, or the function of a computed relationship.
func (b *builder) related(s *scope) {
	r := s.link.Relationship
	if f := r.Function; f != nil {
		b.relation(f.Schema, f.Name).sql("(")
		b.wholeRow(s.parent)
		b.sql(") as ").ident(s.alias)
		return
	}
	b.relation(r.To.Schema, r.To.Name).sql(" as ").ident(s.alias)
	if j := r.Junction; j != nil {
		b.sql(" join ").relation(j.Relation.Schema, j.Relation.Name).sql(` as "$m" on `)
		b.pairs(j.To, "$m", s.alias)
	}
}

// link writes the condition by which an embed's rows belong to the parent's row. A computed relationship has none.
func (b *builder) link(s *scope) bool {
	r := s.link.Relationship
	switch {
	case r.Function != nil:
		return false
	case r.Junction != nil:
		b.pairs(r.Junction.From, s.parent.alias, "$m")
	default:
		b.pairs(r.Columns, s.parent.alias, s.alias)
	}
	return true
}

// pairs writes that columns of one source equal those of another.
func (b *builder) pairs(list []catalog.Pair, from, to string) {
	for i, p := range list {
		if i > 0 {
			b.sql(" and ")
		}
		b.ident(to).sql(".").ident(p.To).sql(" = ").ident(from).sql(".").ident(p.From)
	}
}

// joined writes the lateral join of an embed whose fields are spread, or by whose value rows are grouped.
func (b *builder) joined(parent *scope, i int) {
	e := parent.read.Embeds[i]
	s := parent.embedded(e)
	b.sql(" left join lateral (")
	switch {
	case !e.Spread && parent.read.Grouped:
		b.sql(`select "$j"."$v"::pg_catalog.jsonb as "$v" from (`)
		b.embedded(s, ` as "$v"`)
		b.sql(`) "$j"`)
	case !e.Spread:
		b.embedded(s, ` as "$v"`)
	case e.Relationship.One():
		b.query(s, spreadFields(e), func() { b.related(s) }, true)
		b.first(e)
	default:
		fields := spreadFields(e)
		b.sql("select ")
		for k := range fields {
			n := strconv.Itoa(k)
			if k > 0 {
				b.sql(", ")
			}
			b.sql(`coalesce(pg_catalog.json_agg("$j"."$c`, n, `"), '[]') as "$c`, n, `"`)
		}
		b.sql(" from (")
		b.query(s, fields, func() { b.related(s) }, true)
		b.sql(`) "$j"`)
	}
	b.sql(`) "$`, strconv.Itoa(i), `" on true`)
}

// orderJoin writes the lateral join of a to-one by whose value the parent's rows are ordered.
func (b *builder) orderJoin(parent *scope, i int) {
	o := &parent.read.Order[i]
	e := parent.read.Embeds[o.Embed]
	s := parent.embedded(e)
	b.sql(" left join lateral (select ")
	b.value(s, &o.Value)
	b.sql(` as "$v" from `)
	b.related(s)
	b.where(s, e.Where)
	b.first(e)
	b.sql(`) "$o`, strconv.Itoa(i), `" on true`)
}

// spreadOrder is the field of a spread embed that an order means, or -1: what is spread is joined already.
func spreadOrder(r *plan.Read, o *plan.Order) int {
	e := r.Embeds[o.Embed]
	if !e.Spread || e.Silent {
		return -1
	}
	return slices.IndexFunc(spreadFields(e), func(f field) bool {
		switch {
		case len(o.Path) > 0 || f.aggregate != "" || f.embed >= 0:
			return false
		case f.column != nil:
			return f.column.Name == o.Column && f.column.Representation == nil
		}
		return f.out.Column == o.Column && len(f.out.Path) == 0 && f.out.Cast == "" && (f.out.Info == nil || f.out.Info.Representation == nil)
	})
}

// exists writes whether an embed has rows for the parent's row.
func (b *builder) exists(parent *scope, e *plan.Embed) {
	if e.Limit == 0 {
		b.sql("false")
		return
	}
	s := parent.embedded(e)
	b.sql("exists (select 1 from ")
	b.related(s)
	b.where(s, e.Where)
	b.window(-1, e.Offset)
	b.sql(")")
}

// order writes " order by …", or nothing.
func (b *builder) order(s *scope, list []plan.Order) {
	for i := range list {
		o := &list[i]
		if i == 0 {
			b.sql(" order by ")
		} else {
			b.sql(", ")
		}
		switch k := -1; {
		case o.Embed >= 0:
			if k = spreadOrder(s.read, o); k >= 0 {
				b.sql(`"$`, strconv.Itoa(o.Embed), `"."$c`, strconv.Itoa(k), `"`)
			} else {
				b.sql(`"$o`, strconv.Itoa(i), `"."$v"`)
			}
		default:
			if s.read != nil && s.read.Grouped && len(o.Path) > 0 {
				k = groupedBy(s.read, o)
			}
			if k >= 0 {
				b.number(int64(k + 1))
			} else {
				b.value(s, &o.Value)
			}
		}
		switch o.Direction {
		case "asc":
			b.sql(" asc")
		case "desc":
			b.sql(" desc")
		}
		switch o.Nulls {
		case "first":
			b.sql(" nulls first")
		case "last":
			b.sql(" nulls last")
		}
	}
}

// groupedBy is the field that is the same place within a column as an order's, or -1.
func groupedBy(r *plan.Read, o *plan.Order) int {
	return slices.IndexFunc(fieldsOf(r), func(f field) bool {
		return f.out != nil && f.aggregate == "" && f.out.Column == o.Column && f.out.Cast == "" && slices.Equal(f.out.Path, o.Path)
	})
}
