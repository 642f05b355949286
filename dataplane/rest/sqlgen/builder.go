// Package sqlgen writes the SQL of plans. Identifiers come quoted from the catalog, values are bound; the only other text is
// this package's own.
package sqlgen

import (
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
)

// Statement is SQL with its bound values. Its result is one row: the rows as a JSON array in text, their number and, if
// asked for, the number of all that match.
type Statement struct {
	SQL  string
	Args []any
}

type builder struct {
	buf  []byte
	args []any
}

func (b *builder) statement() Statement { return Statement{string(b.buf), b.args} }

func (b *builder) sql(parts ...string) *builder {
	for _, p := range parts {
		b.buf = append(b.buf, p...)
	}
	return b
}

// ident writes a quoted identifier.
func (b *builder) ident(name string) *builder {
	b.buf = append(b.buf, '"')
	for i := range len(name) {
		switch name[i] {
		case 0: // no identifier has one
		case '"':
			b.buf = append(b.buf, '"', '"')
		default:
			b.buf = append(b.buf, name[i])
		}
	}
	b.buf = append(b.buf, '"')
	return b
}

// relation writes a qualified name.
func (b *builder) relation(schema, name string) *builder {
	return b.ident(schema).sql(".").ident(name)
}

// arg binds a value and writes its place.
func (b *builder) arg(v any) *builder {
	b.args = append(b.args, v)
	b.buf = append(b.buf, '$')
	b.buf = strconv.AppendInt(b.buf, int64(len(b.args)), 10)
	return b
}

func (b *builder) number(n int64) *builder {
	b.buf = strconv.AppendInt(b.buf, n, 10)
	return b
}

// source is the alias of what a statement reads or writes.
const source = `r`

func (b *builder) value(v plan.Value) {
	if v.Row {
		b.sql("pg_catalog.to_jsonb(")
	}
	b.sql(source, ".").ident(v.Column)
	if v.Row {
		b.sql(")")
	}
	for _, step := range v.Path {
		if step.Text {
			b.sql("->>")
		} else {
			b.sql("->")
		}
		// An index is digits by its syntax.
		if step.Index {
			b.sql("(", step.Key, ")")
		} else {
			b.arg(step.Key).sql("::text")
		}
	}
}

func (b *builder) outputs(list []plan.Output) {
	for i, o := range list {
		if i > 0 {
			b.sql(", ")
		}
		if o.Star {
			b.sql(source, ".*")
			continue
		}
		if o.Cast != "" {
			b.sql("cast(")
		}
		b.value(o.Value)
		if o.Cast != "" {
			b.sql(" as ").typeName(o.Cast).sql(")")
		}
		if o.Alias != "" {
			b.sql(" as ").ident(o.Alias)
		} else if o.Cast != "" {
			b.sql(" as ").ident(o.Column)
		}
	}
}

// builtin are the types whose names are more than one identifier or an alias of the grammar.
var builtin = map[string]bool{
	"int": true, "integer": true, "smallint": true, "bigint": true, "real": true, "double precision": true, "decimal": true, "numeric": true,
	"boolean": true, "character varying": true, "character": true, "timestamp": true, "timestamp with time zone": true,
	"timestamp without time zone": true, "time": true, "time with time zone": true, "time without time zone": true, "interval": true, "varchar": true,
	"char": true, "bit varying": true, "bit": true, "float": true,
}

// typeName writes a type that a request names.
func (b *builder) typeName(name string) *builder {
	base, array := strings.CutSuffix(name, "[]")
	if lower := strings.ToLower(base); builtin[lower] {
		b.sql(lower)
	} else {
		b.ident(base)
	}
	if array {
		b.sql("[]")
	}
	return b
}

var comparisons = map[string]string{
	"eq": " = ", "neq": " <> ", "gt": " > ", "gte": " >= ", "lt": " < ", "lte": " <= ", "like": " like ", "ilike": " ilike ",
}

func (b *builder) where(list []plan.Condition) {
	if len(list) == 0 {
		return
	}
	b.sql(" where ")
	b.conditions(list, " and ")
}

func (b *builder) conditions(list []plan.Condition, glue string) {
	for i, c := range list {
		if i > 0 {
			b.sql(glue)
		}
		b.condition(c)
	}
}

func (b *builder) condition(c plan.Condition) {
	if c.Not {
		b.sql("not ")
	}
	switch {
	case c.Any != nil || c.All != nil:
		b.sql("(")
		if c.Any != nil {
			b.conditions(c.Any, " or ")
		} else {
			b.conditions(c.All, " and ")
		}
		b.sql(")")
		return
	case c.Not:
		b.sql("(")
		defer b.sql(")")
	}
	b.value(c.Value)
	switch c.Operator {
	case "is":
		if c.Operand == "not_null" {
			b.sql(" is not null")
		} else {
			b.sql(" is ", c.Operand) // one of five words, by its syntax
		}
	case "in":
		b.sql(" = any (").arg(arrayLiteral(c.List)).sql(")")
	case "like", "ilike":
		b.sql(comparisons[c.Operator]).arg(strings.ReplaceAll(c.Operand, "*", "%"))
	default:
		b.sql(comparisons[c.Operator]).arg(c.Operand)
	}
}

// arrayLiteral writes an array in Postgres' text form.
func arrayLiteral(list []string) string {
	var out strings.Builder
	out.WriteByte('{')
	for i, v := range list {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('"')
		for j := range len(v) {
			if v[j] == '"' || v[j] == '\\' {
				out.WriteByte('\\')
			}
			out.WriteByte(v[j])
		}
		out.WriteByte('"')
	}
	out.WriteByte('}')
	return out.String()
}

func (b *builder) order(list []plan.Order) {
	for i, o := range list {
		if i == 0 {
			b.sql(" order by ")
		} else {
			b.sql(", ")
		}
		b.value(o.Value)
		if o.Descending {
			b.sql(" desc")
		}
		if o.Nulls != "" {
			b.sql(" nulls ", o.Nulls)
		}
	}
}

// limit writes the limit into the text, where the planner sees it; an offset is bound, as there are many.
func (b *builder) limit(s plan.Shape) {
	if s.Limit >= 0 {
		b.sql(" limit ").number(s.Limit)
	}
	if s.Offset > 0 {
		b.sql(" offset ").arg(strconv.FormatInt(s.Offset, 10)).sql("::bigint")
	}
}
