package sqlgen

import (
	"strconv"

	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
)

// The names that SQL of this package gives begin with a dollar sign: "$row" is a row of the result, "$j" one of an embed, "$m" of a
// junction, "$0", "$1", … what is spread or grouped by, "$o0", … what is ordered by. Whole rows are written "name".*, which no column of
// that name can be taken for.

// scope is a source of rows that is being written of: its alias and what is read from it.
type scope struct {
	alias string
	// read is nil for the target of a write, whose conditions know no embeds.
	read   *plan.Read
	parent *scope
	// link is the embed whose rows these are; nil for the root.
	link  *plan.Embed
	depth int
}

// sourceAlias is what the rows of a read's source are called in SQL; Postgres names it in messages.
func sourceAlias(r *plan.Read) string {
	if r.Relation == nil || r.Call != nil {
		return "pgrst_source"
	}
	return r.Relation.Name
}

// embedded is the scope of an embed. Its alias is the relation's name and the depth, as PostgREST's is, unless something around it has
// that name or Postgres would cut it.
func (s *scope) embedded(e *plan.Embed) *scope {
	in := &scope{read: &e.Read, parent: s, link: e, depth: s.depth + 1}
	in.alias = e.Relation.Name + "_" + strconv.Itoa(in.depth)
	if len(in.alias) > 63 {
		in.alias = "$e" + strconv.Itoa(in.depth)
	}
	for p := s; p != nil; p = p.parent {
		if p.alias == in.alias {
			in.alias = "$e" + strconv.Itoa(in.depth)
		}
	}
	return in
}

// rows writes "select <form> from (<read>)", where from writes the FROM item of the read's source, its alias sourceAlias(r) included:
// for example `"public"."items" as "items"`.
func (b *builder) rows(r *plan.Read, f plan.Form, from func()) {
	s := &scope{alias: sourceAlias(r), read: r}
	switch f.Kind {
	case plan.FormColumns, plan.FormScalar:
		b.query(s, fieldsOf(r), from, false)
		return
	case plan.FormCount:
		b.sql("select pg_catalog.count(*) from (select")
		if r.Grouped {
			b.sql(" ")
			b.fields(s, fieldsOf(r), false)
		}
		b.body(s, fieldsOf(r), from)
		b.sql(`) "$row"`)
		return
	}
	row, end := `"$row".*`, ""
	b.sql("select ")
	switch f.Kind {
	case plan.FormGeoJSON:
		b.sql("ST_AsGeoJSON(") // PostGIS is wherever the search path finds it
		end = ")"
	case plan.FormHandler:
		b.relation(f.Handler.Schema, f.Handler.Function).sql("(")
		end = ")"
		if f.Handler.RelationName != "" {
			b.sql("(")
			end = ")::" + quoted(f.Handler.RelationSchema, f.Handler.RelationName) + ")"
		}
		end += ", pg_catalog.count(*)"
	default:
		if f.StripNulls {
			b.sql("pg_catalog.json_strip_nulls(")
			end = ")"
		}
		b.sql("pg_catalog.row_to_json(")
		end += ")"
		if whole(r) {
			b.ident(s.alias).sql(".*", end)
			b.body(s, nil, from)
			return
		}
	}
	b.sql(row, end, " from (")
	b.query(s, fieldsOf(r), from, false)
	b.sql(`) "$row"`)
}

// whole tells of a read whose rows are the source's own.
func whole(r *plan.Read) bool {
	if len(r.Outputs) != 1 || !r.Outputs[0].Star {
		return false
	}
	for _, c := range r.All() {
		if c.Representation != nil && c.Representation.ToJSON != "" {
			return false
		}
	}
	return true
}

// query writes a whole select of fields. Numbered fields are called "$c0", "$c1", … instead of by their names.
func (b *builder) query(s *scope, fields []field, from func(), numbered bool) {
	b.sql("select ")
	b.fields(s, fields, numbered)
	b.body(s, fields, from)
}

// body writes what comes after the select list.
func (b *builder) body(s *scope, fields []field, from func()) {
	r := s.read
	b.sql(" from ")
	from()
	for i, e := range r.Embeds {
		if apart(r, e) {
			b.joined(s, i)
		}
	}
	for i := range r.Order {
		if o := &r.Order[i]; o.Embed >= 0 && spreadOrder(r, o) < 0 {
			b.orderJoin(s, i)
		}
	}
	b.where(s, r.Where)
	if r.Grouped {
		b.group(s, fields)
	}
	b.order(s, r.Order)
	b.window(r.Limit, r.Offset)
}

// window writes " limit … offset …", or nothing; negative is none. The limit is in the text, where the planner sees it; an offset is
// bound, as there are many.
func (b *builder) window(limit, offset int64) {
	if limit >= 0 {
		b.sql(" limit ").number(limit)
	}
	if offset > 0 {
		b.sql(" offset ").arg(strconv.FormatInt(offset, 10)).sql("::bigint")
	}
}

// source writes the FROM item of a read of a relation or a call.
func (b *builder) source(r *plan.Read) {
	if r.Call != nil {
		b.called(r)
		return
	}
	b.relation(r.Relation.Schema, r.Relation.Name).sql(" as ").ident(sourceAlias(r))
}

// Count writes a statement whose one row and column is how many rows match, whatever the window.
func Count(r *plan.Read) Statement {
	b := &builder{buf: make([]byte, 0, 256)}
	b.sql("select pg_catalog.count(*)")
	b.matching(r)
	return b.statement()
}

// CountUpTo is Count that stops at a number of rows.
func CountUpTo(r *plan.Read, most int64) Statement {
	b := &builder{buf: make([]byte, 0, 256)}
	b.sql("select pg_catalog.count(*) from (select 1")
	b.matching(r)
	b.sql(" limit ").number(most).sql(") as counted")
	return b.statement()
}

// Explain writes the EXPLAIN (FORMAT JSON) of the rows that Count counts.
func Explain(r *plan.Read) Statement {
	b := &builder{buf: make([]byte, 0, 256)}
	b.sql("explain (format json) select 1")
	b.matching(r)
	return b.statement()
}

func (b *builder) matching(r *plan.Read) {
	b.sql(" from ")
	b.source(r)
	b.where(&scope{alias: sourceAlias(r), read: r}, r.Where)
}

// planOptions are those of EXPLAIN that a request may name.
var planOptions = map[string]bool{"ANALYZE": true, "VERBOSE": true, "SETTINGS": true, "BUFFERS": true, "WAL": true}

// explain writes "explain (…) " for a form that asks for the plan.
func (b *builder) explain(f plan.Form) {
	if f.ExplainFormat == "" {
		return
	}
	if b.sql("explain (format "); f.ExplainFormat == "JSON" {
		b.sql("json")
	} else {
		b.sql("text")
	}
	for _, o := range f.Explain {
		if planOptions[o] {
			b.sql(", ", o)
		}
	}
	b.sql(") ")
}
