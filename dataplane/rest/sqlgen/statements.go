package sqlgen

import (
	"slices"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
)

// The alias "$row" stands for whole rows: a column of that name would take its place, and no one names one so.
const (
	aggregate = `select coalesce(pg_catalog.json_agg("$row"), '[]')::text, pg_catalog.count(*)`
	numberOf  = `select null::text, pg_catalog.count(*)`
)

// Read writes a read.
func Read(r *plan.Read) Statement {
	b := &builder{buf: make([]byte, 0, 384)}
	b.shaped(r.Shape, func() { b.relation(r.Relation.Schema, r.Relation.Name).sql(" as ", source) })
	return b.statement()
}

// shaped writes the aggregate over a source, which from writes.
func (b *builder) shaped(s plan.Shape, from func()) {
	if s.Bodiless {
		b.sql(numberOf)
	} else {
		b.sql(aggregate)
	}
	if s.Count {
		b.sql(", (select pg_catalog.count(*) from ")
		from()
		b.where(s.Where)
		b.sql(")")
	}
	b.sql(" from (select ")
	b.outputs(s.Outputs)
	b.sql(" from ")
	from()
	b.where(s.Where)
	b.order(s.Order)
	b.limit(s)
	b.sql(`) "$row"`)
}

// Insert writes an insert or an upsert.
func Insert(w *plan.Write) Statement {
	b := &builder{buf: make([]byte, 0, 512)}
	b.sql(`with "$row" as (insert into `).relation(w.Relation.Schema, w.Relation.Name).sql(" as ", source)
	switch {
	case len(w.Columns) > 0:
		b.sql(" (").names(w.Columns, "").sql(") select ").names(w.Columns, "v.")
		b.sql(" from pg_catalog.json_to_recordset(").payload(w).sql(") as v (").definitions(w.Columns).sql(")")
	case w.Rows == 1:
		b.sql(" default values")
	default: // no rows, or several of defaults alone, which SQL has no form for but this
		b.sql(" select ", source, "0.* from ").relation(w.Relation.Schema, w.Relation.Name).sql(" as ", source, "0 where false")
	}
	if w.Resolution != "" {
		b.conflict(w)
	}
	return b.written(w)
}

// payload writes the rows of an insert.
func (b *builder) payload(w *plan.Write) *builder { return b.arg(w.Payload).sql("::json") }

func (b *builder) names(cols []*catalog.Column, prefix string) *builder {
	for i, c := range cols {
		if i > 0 {
			b.sql(", ")
		}
		b.sql(prefix).ident(c.Name)
	}
	return b
}

// definitions writes "name type, …". Types are the catalog's own text.
func (b *builder) definitions(cols []*catalog.Column) *builder {
	for i, c := range cols {
		if i > 0 {
			b.sql(", ")
		}
		b.ident(c.Name).sql(" ", c.Type)
	}
	return b
}

func (b *builder) conflict(w *plan.Write) {
	b.sql(" on conflict (")
	for i, name := range w.Conflict {
		if i > 0 {
			b.sql(", ")
		}
		b.ident(name)
	}
	b.sql(")")
	if w.Resolution == "ignore-duplicates" || len(w.Columns) == 0 {
		b.sql(" do nothing")
		return
	}
	// The key is set too: it is the same, and so a row is always returned.
	b.sql(" do update set ")
	for i, c := range w.Columns {
		if i > 0 {
			b.sql(", ")
		}
		b.ident(c.Name).sql(" = excluded.").ident(c.Name)
	}
}

// Update writes an update.
func Update(w *plan.Write) Statement {
	b := &builder{buf: make([]byte, 0, 512)}
	if len(w.Columns) == 0 { // nothing to set: nothing is changed or returned
		b.sql(`with "$row" as (select from (select) v where false`)
		return b.written(&plan.Write{})
	}
	b.sql(`with "$row" as (update `).relation(w.Relation.Schema, w.Relation.Name).sql(" as ", source, " set ")
	for i, c := range w.Columns {
		if i > 0 {
			b.sql(", ")
		}
		b.ident(c.Name).sql(" = v.").ident(c.Name)
	}
	b.sql(" from pg_catalog.json_to_record(").payload(w).sql(") as v (").definitions(w.Columns).sql(")")
	b.where(w.Where)
	return b.written(w)
}

// Delete writes a deletion.
func Delete(w *plan.Write) Statement {
	b := &builder{buf: make([]byte, 0, 384)}
	b.sql(`with "$row" as (delete from `).relation(w.Relation.Schema, w.Relation.Name).sql(" as ", source)
	b.where(w.Where)
	return b.written(w)
}

func (b *builder) written(w *plan.Write) Statement {
	switch {
	case w.Relation == nil:
		b.sql(") ", aggregate, ` from "$row"`)
	case len(w.Returning) > 0:
		b.sql(" returning ")
		b.outputs(w.Returning)
		b.sql(") ", aggregate, ` from "$row"`)
	default:
		b.sql(" returning 1) ", numberOf, ` from "$row"`)
	}
	return b.statement()
}

// Call writes a call of a function.
func Call(c *plan.Call) Statement {
	b := &builder{buf: make([]byte, 0, 512)}
	f := c.Function
	from := func() { b.call(c) }
	if c.Count && f.Returns != "void" { // counted and returned from one call
		b.sql(`with "$call" as materialized (select `, source, ".* from ")
		b.call(c)
		b.sql(") ")
		from = func() { b.sql(`"$call" as `, source) }
	}
	switch f.Returns {
	case "composite", "record":
		b.shaped(c.Shape, from)
	case "void":
		b.sql("select null::text, pg_catalog.count(*) from ")
		from()
	default:
		b.sql(`select coalesce(pg_catalog.json_agg("$row".value), '[]')::text, pg_catalog.count(*)`)
		if c.Count {
			b.sql(", (select pg_catalog.count(*) from ")
			from()
			b.sql(")")
		}
		b.sql(" from (select ", source, ".value from ")
		from()
		b.limit(c.Shape)
		b.sql(`) "$row"`)
	}
	return b.statement()
}

// call writes the function with its arguments, as a source of rows.
func (b *builder) call(c *plan.Call) {
	f := c.Function
	if len(c.Arguments) > 0 && c.Values == nil {
		b.sql("pg_catalog.json_to_record(").arg(c.Payload).sql("::json) as a (")
		for i, a := range c.Arguments {
			if i > 0 {
				b.sql(", ")
			}
			b.ident(a.Name).sql(" ", a.Type)
		}
		b.sql("), lateral ")
	}
	b.relation(f.Schema, f.Name).sql("(")
	for i, a := range c.Arguments {
		if i > 0 {
			b.sql(", ")
		}
		if a.Variadic {
			b.sql("variadic ")
		}
		b.ident(a.Name).sql(" => ")
		if c.Values != nil {
			b.arg(c.Values[i]).sql("::", a.Type)
		} else {
			b.sql("a.").ident(a.Name)
		}
	}
	b.sql(") as ", source)
	if !slices.Contains([]string{"composite", "record"}, f.Returns) {
		b.sql(" (value)")
	}
}
