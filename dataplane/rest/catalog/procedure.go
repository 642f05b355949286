package catalog

import (
	"strconv"
	"strings"
)

// procedure makes a function of its details, or nil when it is gone.
func (l *loader) procedure(old *procedure) *procedure {
	d := l.details.procs[old.oid]
	if d == nil {
		return nil
	}
	p := &procedure{oid: old.oid, schema: old.schema, name: old.name, print: old.print, exposed: old.exposed, types: d.types()}
	p.typesDigest = l.types.digest(p.types)
	f := &Function{
		OID: p.oid, Schema: d.schema, Name: d.name, Volatility: d.volatility, Comment: d.comment, Set: d.set, Rows: d.rows,
		Settings: hoisted(d.configuration),
	}
	p.function = f
	l.signature(f, d)
	l.result(f, d)
	if len(d.arguments) == 1 {
		if row := l.types.list[d.arguments[0]]; row != nil && row.relation != "" && row.relkind != 'c' {
			f.RowSchema, f.RowName = row.relationFrom, row.relation
		}
	}
	return p
}

// hoisted are the settings of a function that count for the whole transaction.
func hoisted(configuration []string) map[string]string {
	var out map[string]string
	for _, entry := range configuration {
		name, value, _ := strings.Cut(entry, "=")
		if name != "statement_timeout" && name != "default_transaction_isolation" {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = value
	}
	return out
}

// signature sets the arguments, and for OUT and TABLE arguments the columns.
func (l *loader) signature(f *Function, d *proc) {
	all := d.all
	if all == nil {
		all = d.arguments
	}
	for i, oid := range all {
		mode, name := "i", ""
		if i < len(d.modes) {
			mode = d.modes[i]
		}
		if i < len(d.names) {
			name = d.names[i]
		}
		if mode == "i" || mode == "b" || mode == "v" {
			c := l.types.column(attribute{typ: oid, modifier: -1})
			f.Arguments = append(f.Arguments, Argument{
				Name: name, Type: c.Type, Base: c.Base, Required: len(f.Arguments) < d.inputs-d.defaults, Variadic: mode == "v",
				Representation: c.Representation,
			})
		}
		if mode == "o" || mode == "b" || mode == "t" {
			if name == "" {
				name = "column" + strconv.Itoa(len(f.Columns)+1)
			}
			f.Columns = append(f.Columns, l.types.column(attribute{name: name, typ: oid, modifier: -1}))
		}
	}
	if n := len(f.Arguments); d.variadic && n > 0 {
		f.Arguments[n-1].Variadic = true
	}
}

// result sets what is returned.
func (l *loader) result(f *Function, d *proc) {
	c := l.types.column(attribute{typ: d.result, modifier: -1})
	f.Type, f.Base = c.Type, c.Base
	if t := l.types.list[d.result]; t != nil && t.kind == 'd' && mediaType.MatchString(t.name) {
		f.MediaType = intern(strings.ToLower(t.name))
	}
	base, _ := l.types.base(d.result, -1)
	switch {
	case base == nil:
		f.Returns = "scalar"
	case len(f.Columns) > 0:
		f.Returns = "composite"
	case base.kind == 'c' && base.relkind == 'c':
		f.Returns = "composite"
		for _, field := range base.fields {
			f.Columns = append(f.Columns, l.types.column(field))
		}
	case base.kind == 'c':
		f.Returns, f.RelationSchema, f.RelationName = "composite", base.relationFrom, base.relation
	case base.oid == 2278:
		f.Returns = "void"
	case base.oid == 2249:
		f.Returns = "record"
	default:
		f.Returns = "scalar"
	}
}
