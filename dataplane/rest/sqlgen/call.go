package sqlgen

import (
	"encoding/hex"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
)

// call writes a call and the read of its rows. A value that is no row is called "pgrst_scalar", as PostgREST calls it.
func (b *builder) call(r *plan.Read, f plan.Form) {
	from := func() { b.called(r) }
	if !r.Call.Scalar() || !whole(r) || f.Kind == plan.FormCount || f.Kind == plan.FormColumns {
		b.rows(r, f, from)
		return
	}
	s := &scope{alias: sourceAlias(r), read: r}
	open, end := "", ""
	switch f.Kind {
	case plan.FormScalar:
	case plan.FormHandler:
		open, end = quoted(f.Handler.Schema, f.Handler.Function)+"(", "), pg_catalog.count(*)"
	default:
		open, end = "pg_catalog.to_json(", ")"
		if f.StripNulls {
			open, end = "pg_catalog.json_strip_nulls("+open, "))"
		}
	}
	b.sql("select ", open).ident(s.alias).sql(".pgrst_scalar", end)
	b.body(s, nil, from)
}

// called writes the function with its arguments, as the FROM item of a read.
func (b *builder) called(r *plan.Read) {
	c := r.Call
	switch f := c.Function; {
	case f.Returns == "record":
		// A row whose columns nobody declared can only be selected.
		b.sql("(select ")
		b.function(c)
		b.sql(" as pgrst_scalar")
		if byName(c) {
			b.sql(" from ")
			b.named(c)
		}
		b.sql(") as ").ident(sourceAlias(r))
		return
	case f.RelationName == "" && len(f.Columns) == 1:
		// To Postgres a function of a single column returns that value; as a subquery's it is a row.
		b.sql("(select ").ident("$f").sql(".* from ")
		if byName(c) {
			b.named(c)
			b.sql(", lateral ")
		}
		b.function(c)
		b.sql(" as ").ident("$f").sql(") as ").ident(sourceAlias(r))
		return
	}
	if byName(c) {
		b.named(c)
		b.sql(", lateral ")
	}
	b.function(c)
	b.sql(" as ").ident(sourceAlias(r))
	if c.Scalar() {
		b.sql("(pgrst_scalar)")
	}
}

// byName tells of a call whose arguments come from JSON by their names.
func byName(c *plan.Call) bool { return c.Payload != nil && len(c.Arguments) > 0 && !c.HasRaw }

// named writes the JSON of the arguments as a source of one row, "$a".
func (b *builder) named(c *plan.Call) {
	b.sql("pg_catalog.json_to_record(")
	if c.List {
		b.sql("pg_catalog.json_array_element(").arg(c.Payload).sql("::json, 0)")
	} else {
		b.arg(c.Payload).sql("::json")
	}
	b.sql(`) as "$a"(`)
	for i, a := range c.Arguments {
		if i > 0 {
			b.sql(", ")
		}
		b.ident(a.Name).sql(" ", argumentType(a))
	}
	b.sql(")")
}

// function writes the call itself.
func (b *builder) function(c *plan.Call) {
	b.relation(c.Function.Schema, c.Function.Name).sql("(")
	for i, a := range c.Arguments {
		if i > 0 {
			b.sql(", ")
		}
		if a.Variadic {
			b.sql("variadic ")
		}
		switch {
		case c.HasRaw && a.Type == "bytea":
			b.arg(hexadecimal(c.Raw)).sql("::bytea")
		case c.HasRaw:
			b.arg(c.Raw).sql("::", a.Type)
		case c.Payload != nil:
			b.ident(a.Name).sql(` => "$a".`).ident(a.Name)
		default:
			b.ident(a.Name).sql(" => ").arg(argument(a, c.Values[i])).sql("::", argumentType(a))
		}
	}
	b.sql(")")
}

// argumentType is the type of an argument. One of characters or bits has no length as it is declared, and would take one only.
func argumentType(a catalog.Argument) string {
	element, array := strings.CutSuffix(a.Type, "[]")
	switch element {
	case "character", "bit":
		element += " varying"
	}
	if array {
		element += "[]"
	}
	return element
}

// argument is the text of an argument. Of one that is given several times the last counts, but a variadic one is an array of all: a
// single value that is an array already stays, unless its elements may look so.
func argument(a catalog.Argument, values []string) string {
	last := values[len(values)-1]
	if !a.Variadic {
		return last
	}
	if len(values) == 1 && strings.HasPrefix(last, "{") && strings.HasSuffix(last, "}") {
		switch argumentType(a) {
		case "text[]", "character varying[]":
		default:
			return last
		}
	}
	return arrayLiteral(values)
}

// hexadecimal is bytea's text form.
func hexadecimal(raw []byte) []byte {
	return hex.AppendEncode(append(make([]byte, 0, 2+2*len(raw)), `\x`...), raw)
}
