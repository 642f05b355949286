package sqlgen

import (
	"strconv"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
)

// field is one column of a query: a value of the source, an embed's JSON, or a field of what is spread into it.
type field struct {
	// name is what the result calls it.
	name string
	// out is the output, or nil for a column that a star stands for, which is column. A star over unknown columns is an output.
	out    *plan.Output
	column *catalog.Column
	// embed is the index of the embed that it comes from, or -1; sub is the index of the field within what is spread, or -1.
	embed, sub int
	// json tells of JSON that this package makes, which rows cannot be grouped by unless it is jsonb.
	json bool
	// aggregate and cast are of what is to be aggregated, here or where this is spread into.
	aggregate, cast string
}

// fieldsOf lists the columns of a read, those that are spread into it included.
func fieldsOf(r *plan.Read) []field {
	fields := make([]field, 0, len(r.Outputs))
	for i := range r.Outputs {
		o := &r.Outputs[i]
		switch {
		case o.Star:
			all := r.All()
			if len(all) == 0 || plainStar(r, all) {
				fields = append(fields, field{out: o, embed: -1, sub: -1})
				continue
			}
			for _, c := range all {
				fields = append(fields, field{name: c.Name, column: c, embed: -1, sub: -1, json: c.Representation != nil})
			}
		case o.Embed >= 0 && r.Embeds[o.Embed].Spread:
			for k, sub := range spreadFields(r.Embeds[o.Embed]) {
				fields = append(fields, field{
					name: sub.name, embed: o.Embed, sub: k, json: sub.json || !r.Embeds[o.Embed].Relationship.One(), aggregate: sub.aggregate, cast: sub.cast,
				})
			}
		case o.Embed >= 0:
			fields = append(fields, field{name: o.Name, embed: o.Embed, sub: -1, json: true})
		default:
			f := field{name: o.Name, out: o, embed: -1, sub: -1, aggregate: o.Aggregate, cast: o.AggregateCast}
			f.json = o.Info != nil && o.Info.Representation != nil && o.Cast == "" && len(o.Path) == 0
			if f.name == "" {
				if f.name = o.Column; o.Aggregate != "" {
					f.name = o.Aggregate
				}
			}
			fields = append(fields, f)
		}
	}
	return fields
}

// plainStar tells that "*" can be written as such: nothing is shown by a representation, and no place of a column matters.
func plainStar(r *plan.Read, all []*catalog.Column) bool {
	if r.Grouped {
		return false
	}
	for _, c := range all {
		if c.Representation != nil && c.Representation.ToJSON != "" {
			return false
		}
	}
	return true
}

// spreadFields lists what an embed spreads. A star is always written out, as each column is named for itself.
func spreadFields(e *plan.Embed) []field {
	list := fieldsOf(&e.Read)
	out := make([]field, 0, len(list))
	for _, f := range list {
		if f.out != nil && f.out.Star {
			for _, c := range e.All() {
				out = append(out, field{name: c.Name, column: c, embed: -1, sub: -1})
			}
			continue
		}
		out = append(out, f)
	}
	return out
}

func (b *builder) fields(s *scope, fields []field, numbered bool) {
	for i := range fields {
		f := &fields[i]
		if i > 0 {
			b.sql(", ")
		}
		if f.out != nil && f.out.Star {
			b.ident(s.alias).sql(".*")
			continue
		}
		named := b.field(s, f)
		switch {
		case numbered:
			b.sql(` as "$c`, strconv.Itoa(i), `"`)
		case !named:
			b.sql(" as ").ident(f.name)
		}
	}
}

// field writes a field's expression. It reports whether SQL calls it by the field's name of itself.
func (b *builder) field(s *scope, f *field) (named bool) {
	aggregated := f.aggregate != "" && s.read.Grouped
	if aggregated {
		if f.cast != "" {
			b.sql("cast(")
		}
		b.sql(aggregateFunctions[f.aggregate], "(")
	}
	switch {
	case f.column != nil:
		named = b.shown(s, f.column)
	case f.sub >= 0:
		if b.sql(`"$`, strconv.Itoa(f.embed), `"."$c`, strconv.Itoa(f.sub), `"`); f.json && s.read.Grouped && !aggregated {
			b.sql("::pg_catalog.jsonb")
		}
	case f.embed >= 0 && apart(s.read, s.read.Embeds[f.embed]):
		b.sql(`"$`, strconv.Itoa(f.embed), `"."$v"`)
	case f.embed >= 0:
		b.embed(s, s.read.Embeds[f.embed])
	case f.out.Column == "" && aggregated:
		b.sql("*")
	case f.out.Column == "": // to be counted where it is spread into
		b.sql("1")
	default:
		named = b.output(s, f.out) && f.name == f.out.Column
	}
	if !aggregated {
		return named
	}
	if b.sql(")"); f.cast != "" {
		b.sql(" as ").typeName(f.cast).sql(")")
	}
	return false
}

// aggregateFunctions are those that a request may name. Types of the project's may have their own.
var aggregateFunctions = map[string]string{"count": "pg_catalog.count", "sum": "sum", "avg": "avg", "min": "min", "max": "max"}

// output writes a value as it is shown. It reports whether it is no more than a column.
func (b *builder) output(s *scope, o *plan.Output) bool {
	plain := len(o.Path) == 0 && o.Computed == nil
	if o.Cast != "" {
		b.sql("cast(")
	}
	if plain && o.Info != nil && o.Aggregate == "" {
		plain = b.shown(s, o.Info)
	} else {
		b.value(s, &o.Value)
	}
	if o.Cast != "" {
		b.sql(" as ").typeName(o.Cast).sql(")")
		return false
	}
	return plain
}

// shown writes a column by its representation, if it has one. It reports whether it has none.
func (b *builder) shown(s *scope, c *catalog.Column) bool {
	if c.Representation == nil || c.Representation.ToJSON == "" {
		b.ident(s.alias).sql(".").ident(c.Name)
		return true
	}
	b.sql(c.Representation.ToJSON, "(").ident(s.alias).sql(".").ident(c.Name).sql(")")
	return false
}

// value writes a column, a computed one, or a place within one, as the database has it.
func (b *builder) value(s *scope, v *plan.Value) {
	if v.Row {
		b.sql("pg_catalog.to_jsonb(")
	}
	if v.Computed != nil {
		b.relation(v.Computed.Schema, v.Computed.Name).sql("(")
		b.wholeRow(s)
		b.sql(")")
	} else {
		b.ident(s.alias).sql(".").ident(v.Column)
	}
	if v.Row {
		b.sql(")")
	}
	text := false
	for _, step := range v.Path {
		if step.Text {
			b.sql("->>")
		} else {
			b.sql("->")
		}
		if n, err := strconv.ParseInt(step.Key, 10, 32); step.Index && err == nil {
			b.sql("(").number(n).sql(")")
		} else if b.arg(step.Key); !text {
			b.sql("::text")
		}
		text = text || step.Text
	}
}

// wholeRow writes a row of the source, of its relation's type.
func (b *builder) wholeRow(s *scope) {
	if s.read == nil || s.read.Relation == nil || (!s.read.Written && s.read.Call == nil) {
		b.ident(s.alias).sql(".*")
		return
	}
	b.sql("(").ident(s.alias).sql(".*)::").relation(s.read.Relation.Schema, s.read.Relation.Name)
}

// group writes " group by …" of all that is not aggregated, by its place in the list: a value with bound parameters would not be
// taken for the same when written again.
func (b *builder) group(s *scope, fields []field) {
	n := 0
	for i := range fields {
		f := &fields[i]
		if f.aggregate != "" {
			continue
		}
		if n++; n == 1 {
			b.sql(" group by ")
		} else {
			b.sql(", ")
		}
		switch {
		case f.column != nil && f.column.Representation != nil:
			b.ident(s.alias).sql(".").ident(f.column.Name)
		case f.out != nil && f.out.Info != nil && f.out.Info.Representation != nil && len(f.out.Path) == 0:
			b.ident(s.alias).sql(".").ident(f.out.Info.Name)
		default:
			b.number(int64(i + 1))
		}
	}
}
