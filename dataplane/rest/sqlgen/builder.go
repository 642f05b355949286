// Package sqlgen writes the SQL of plans. Identifiers come quoted, values are bound; the only other text is this package's own and
// type names of the catalog.
package sqlgen

import (
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
)

// Statement is SQL with its bound values.
type Statement struct {
	SQL  string
	Args []any
}

// Rows writes a statement whose rows are of its form.
func Rows(s *plan.Statement) Statement {
	b := &builder{buf: make([]byte, 0, 512)}
	b.explain(s.Form)
	switch {
	case s.Write != nil:
		b.write(s) // of write.go
	case s.Read.Call != nil:
		b.call(s.Read, s.Form) // of call.go
	default:
		b.rows(s.Read, s.Form, func() { b.source(s.Read) })
	}
	return b.statement()
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

// quoted is a qualified name.
func quoted(schema, name string) string {
	b := builder{}
	return string(b.relation(schema, name).buf)
}

// builtin are the types whose names are more than one identifier, or other than in pg_type.
var builtin = map[string]bool{
	"int": true, "integer": true, "smallint": true, "bigint": true, "real": true, "double precision": true, "decimal": true, "dec": true,
	"numeric": true, "boolean": true, "character varying": true, "character": true, "timestamp with time zone": true,
	"timestamp without time zone": true, "time with time zone": true, "time without time zone": true, "varchar": true, "char": true, "nchar": true,
	"bit varying": true, "bit": true, "float": true, "timestamp": true, "time": true, "interval": true, "national character": true,
	"char varying": true, "national character varying": true,
}

// typeName writes a type that a request names, perhaps with sizes and as an array: "numeric(10,2)[]". As in SQL without quotes, case does
// not matter.
func (b *builder) typeName(name string) *builder {
	base := strings.ToLower(name)
	arrays := 0
	for strings.HasSuffix(base, "[]") {
		base = strings.TrimSuffix(base, "[]")
		arrays++
	}
	base, sizes, sized := strings.Cut(base, "(")
	if base = strings.TrimSpace(base); builtin[base] {
		b.sql(base)
	} else {
		b.ident(base)
	}
	if sized {
		b.sql("(")
		for i, size := range strings.Split(strings.TrimSuffix(sizes, ")"), ",") {
			if i > 0 {
				b.sql(", ")
			}
			n, _ := strconv.ParseInt(strings.TrimSpace(size), 10, 32)
			b.number(n)
		}
		b.sql(")")
	}
	for range arrays {
		b.sql("[]")
	}
	return b
}
