package sqlgen

import (
	"slices"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
)

// The names that writes give: "$written" are the rows that were written, "$v" those of the payload, "$e" its objects, "$p" those of a PUT.

// write writes a write, and the read over what it returns. A plain one that returns nothing is left as it is: Postgres tells the number
// of its rows.
func (b *builder) write(s *plan.Statement) {
	w := s.Write
	if w.Returning == nil && len(w.Location) == 0 && !w.Nothing() && s.Plain() {
		b.change(w)
		return
	}
	b.sql(`with "$written" as (`)
	if w.Nothing() {
		b.sql("select ")
		b.returned(w)
		b.sql(" from ")
		b.target(w)
		b.sql(" where false")
	} else {
		b.change(w)
		b.sql(" returning ")
		b.returned(w)
	}
	b.sql(") ")
	if w.Returning != nil {
		b.rows(w.Returning, s.Form, func() { b.sql(`"$written" as `).ident(sourceAlias(w.Returning)) })
		return
	}
	b.sql("select pg_catalog.count(*)")
	for _, name := range w.Location {
		b.sql(`, (select pg_catalog.to_json("$written".`).ident(name).sql(`) #>> '{}' from "$written" limit 1) as `).ident(name)
	}
	b.sql(` from "$written"`)
}

// change writes the insert, update or deletion.
func (b *builder) change(w *plan.Write) {
	switch w.Verb {
	case "insert":
		b.insert(w)
	case "update":
		b.update(w)
	default:
		b.sql("delete from ")
		b.target(w)
		b.where(&scope{alias: w.Relation.Name}, w.Where)
	}
}

func (b *builder) target(w *plan.Write) {
	b.relation(w.Relation.Schema, w.Relation.Name).sql(" as ").ident(w.Relation.Name)
}

// returned lists what the write returns: no more than what is asked for, as each column needs the privilege to select it.
func (b *builder) returned(w *plan.Write) {
	names, all := w.Location, false
	if w.Returning != nil {
		names, all = w.Returning.Columns()
	}
	switch {
	case all:
		b.ident(w.Relation.Name).sql(".*")
	case len(names) == 0:
		b.sql("1")
	}
	for i, name := range names {
		if all {
			break
		}
		if i > 0 {
			b.sql(", ")
		}
		b.ident(w.Relation.Name).sql(".").ident(name)
	}
}

func (b *builder) insert(w *plan.Write) {
	b.sql("insert into ")
	b.target(w)
	switch {
	case len(w.Columns) > 0:
		b.sql(" (").names(w.Columns).sql(") ")
		b.inserted(w)
	case w.Rows == 1:
		b.sql(" default values")
	default:
		b.allDefaults(w)
	}
	if w.Resolution != "" {
		b.conflict(w)
	}
}

// count changes the number of rows that an upsert inserts: it counts what it is given, less what is there already.
func (b *builder) count(by string) {
	b.sql(`pg_catalog.set_config('rest.inserted', (coalesce(nullif(pg_catalog.current_setting('rest.inserted', true), ''), '0')::bigint `,
		by, ` 1)::text, true) is not null`)
}

// inserted writes the select of the rows to insert.
func (b *builder) inserted(w *plan.Write) {
	counted := w.Resolution == "merge-duplicates"
	if w.Put {
		// What the URL says of the key is asked of the values as the table would have them.
		b.sql(`select "$p".* from (select "$v".* from (select `)
		b.values(w, true)
		b.sql(" from ")
		b.objects(w)
		b.sql(`) "$v"`)
		b.where(&scope{alias: "$v"}, w.Where)
		b.sql(` limit 1) "$p" where `)
		b.count("+")
		return
	}
	b.sql("select ")
	b.values(w, false)
	b.sql(" from ")
	b.objects(w)
	if counted {
		b.sql(" where ")
		b.count("+")
	}
}

// allDefaults inserts several rows of nothing but defaults, for which SQL has no form: one column is named that takes its default.
func (b *builder) allDefaults(w *plan.Write) {
	c, listed := w.DefaultColumn()
	if c == nil {
		b.sql(" default values")
		return
	}
	b.sql(" (").ident(c.Name)
	switch {
	case listed:
		b.sql(") values (default)")
		for range w.Rows - 1 {
			b.sql(", (default)")
		}
		return
	case c.HasDefault && c.Default == "": // an identity makes its own value, whatever it is given
		b.sql(") overriding user value select cast(null as ", c.Type, ")")
	default:
		b.sql(") select ")
		b.defaultOf(w, c)
	}
	b.sql(" from pg_catalog.generate_series(1, ").number(int64(w.Rows)).sql(")")
}

// defaultOf writes the default of a column as its owner wrote it. An identity has none of its own, but a sequence.
func (b *builder) defaultOf(w *plan.Write, c *catalog.Column) {
	switch {
	case c.Default != "":
		b.sql("(", c.Default, ")")
	case c.HasDefault:
		b.sql("pg_catalog.nextval(pg_catalog.pg_get_serial_sequence(").arg(quoted(w.Relation.Schema, w.Relation.Name)).sql("::text, ")
		b.arg(c.Name).sql("::text)::pg_catalog.regclass)")
	default:
		b.sql("cast(null as ", c.Type, ")")
	}
}

func (b *builder) names(cols []*catalog.Column) *builder {
	for i, c := range cols {
		if i > 0 {
			b.sql(", ")
		}
		b.ident(c.Name)
	}
	return b
}

// field is what the payload calls a column; "" for one that it does not have.
func fieldName(w *plan.Write, i int) string {
	if w.Fields != nil {
		return w.Fields[i]
	}
	return w.Columns[i].Name
}

// values lists what the columns become, under their names if they are needed.
func (b *builder) values(w *plan.Write, named bool) {
	for i, c := range w.Columns {
		if i > 0 {
			b.sql(", ")
		}
		b.written(w, i)
		if named {
			b.sql(" as ").ident(c.Name)
		}
	}
}

// written writes the value that the payload gives a column.
func (b *builder) written(w *plan.Write, i int) {
	c, name := w.Columns[i], fieldName(w, i)
	lacking := slices.Contains(w.Defaults, c)
	if lacking {
		b.sql(`case when pg_catalog.json_object_field("$e".o, `).arg(name).sql(`::text) is null then `)
		b.defaultOf(w, c)
		b.sql(" else ")
	}
	represented := fromJSON(c)
	switch {
	case name == "":
		b.sql("cast(null as ", c.Type, ")")
	case represented != "":
		b.sql(represented, `("$v".`).ident(name).sql(")")
	default:
		b.sql(`"$v".`).ident(name)
	}
	if lacking {
		b.sql(" end")
	}
}

// fromJSON is the function that reads a column's JSON, or "".
func fromJSON(c *catalog.Column) string {
	if c.Representation == nil {
		return ""
	}
	return c.Representation.FromJSON
}

// objects writes the payload as a source of rows "$v". An update takes the first only.
func (b *builder) objects(w *plan.Write) {
	switch {
	case len(w.Defaults) > 0 && w.Verb == "update":
		b.sql("(select pg_catalog.json_array_element(").arg(w.Payload).sql(`::json, 0) as o) "$e", lateral pg_catalog.json_to_record("$e".o)`)
	case len(w.Defaults) > 0:
		b.sql("pg_catalog.json_array_elements(").arg(w.Payload).sql(`::json) as "$e"(o), lateral pg_catalog.json_to_record("$e".o)`)
	case w.List && w.Verb == "update":
		b.sql("pg_catalog.json_to_record(pg_catalog.json_array_element(").arg(w.Payload).sql("::json, 0))")
	case w.List:
		b.sql("pg_catalog.json_to_recordset(").arg(w.Payload).sql("::json)")
	default:
		b.sql("pg_catalog.json_to_record(").arg(w.Payload).sql("::json)")
	}
	b.sql(` as "$v"(`)
	first := true
	for i, c := range w.Columns {
		name := fieldName(w, i)
		if name == "" {
			continue
		}
		if !first {
			b.sql(", ")
		}
		first = false
		b.ident(name)
		if fromJSON(c) != "" {
			b.sql(" json")
		} else {
			b.sql(" ", c.Type)
		}
	}
	if first { // a record has at least one column
		b.sql(`"$none" text`)
	}
	b.sql(")")
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
	b.sql(" where ")
	b.count("-")
}

func (b *builder) update(w *plan.Write) {
	b.sql("update ")
	b.target(w)
	b.sql(" set ")
	for i, c := range w.Columns {
		if i > 0 {
			b.sql(", ")
		}
		b.ident(c.Name).sql(" = ")
		b.written(w, i)
	}
	for i, c := range w.Reset {
		if i > 0 || len(w.Columns) > 0 {
			b.sql(", ")
		}
		b.ident(c.Name).sql(" = default")
	}
	if len(w.Columns) > 0 {
		b.sql(" from ")
		b.objects(w)
	}
	b.where(&scope{alias: w.Relation.Name}, w.Where)
}
