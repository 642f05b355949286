package openapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
)

// schemaFormats are JSON Schema's words for base types.
var schemaFormats = map[string]string{
	"smallint": "int32", "integer": "int32", "bigint": "int64", "real": "float", "double precision": "double", "uuid": "uuid", "date": "date",
	"timestamp with time zone": "date-time",
}

// schemaOf describes values of a base type; nullable ones may be null besides.
func schemaOf(base string, enum []string, nullable bool) object {
	var out object
	kind := typeOf(base)
	switch {
	case kind == "": // any JSON
	case nullable:
		out.set("type", []string{kind, "null"})
	default:
		out.set("type", kind)
	}
	if kind == "array" {
		out.set("items", schemaOf(strings.TrimSuffix(base, "[]"), enum, true))
		return out
	}
	out.text("format", schemaFormats[base])
	if len(enum) > 0 {
		values := make([]any, 0, len(enum)+1)
		for _, v := range enum {
			values = append(values, v)
		}
		if nullable {
			values = append(values, nil)
		}
		out.set("enum", values)
	}
	return out
}

// field describes a column. Its Postgres type stands beside, as x-postgres-type.
func (s *Source) field(r *catalog.Relation, c *catalog.Column) object {
	base := columnBase(c)
	if c.Composite && typeOf(base) == "string" {
		base = "json" // a row
	}
	out := schemaOf(base, c.Enum, !c.NotNull)
	if c.MaxLength > 0 && typeOf(base) == "string" {
		out.set("maxLength", c.MaxLength)
	}
	if value := constant(c, s.names()); value != nil {
		out.set("default", value)
	}
	description := c.Comment
	if table, column := s.target(r, c.Name); table != "" {
		if description != "" {
			description += "\n\n"
		}
		description += "Refers to " + table + "." + column + "."
	}
	out.text("description", description)
	if c.Generated {
		out.set("readOnly", true)
	}
	out.set("x-postgres-type", s.names().shown(c.Type))
	return out
}

// constant is a default that is no expression.
func constant(c *catalog.Column, n names) json.RawMessage {
	if typeOf(columnBase(c)) == "string" {
		if _, _, ok := cutCast(c.Default); !ok {
			return nil
		}
	}
	return defaultOf(c, n)
}

// rowSchema describes rows as they are read; every column is there unless another select is asked for.
func (s *Source) rowSchema(r *catalog.Relation) object {
	properties := make(object, 0, len(r.Columns))
	for _, c := range r.Columns {
		properties.set(c.Name, s.field(r, c))
	}
	out := object{{"type", "object"}}
	out.text("description", r.Comment)
	out.set("properties", properties)
	return out
}

// inputSchema describes rows as they are written: a new one has what has no default.
func (s *Source) inputSchema(r *catalog.Relation, fresh bool) object {
	var required []string
	properties := make(object, 0, len(r.Columns))
	for _, c := range r.Columns {
		if c.Generated {
			continue
		}
		properties.set(c.Name, s.field(r, c))
		if fresh && c.NotNull && !c.HasDefault {
			required = append(required, c.Name)
		}
	}
	out := object{{"type", "object"}, {"properties", properties}}
	if required != nil {
		out.set("required", required)
	}
	out.set("additionalProperties", false)
	return out
}

// identifiers gives names that may stand in operationIds and component keys, each once.
type identifiers map[string]bool

func (i identifiers) of(name string) string {
	var out strings.Builder
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
			out.WriteRune(r)
		default:
			fmt.Fprintf(&out, "_%x_", r)
		}
	}
	id := out.String()
	for n := 2; i[id]; n++ {
		id = fmt.Sprintf("%s_%d", out.String(), n)
	}
	i[id] = true
	return id
}

// keyOf are the columns of the primary key of a table, whose rows have addresses.
func keyOf(r *catalog.Relation) []*catalog.Column {
	var out []*catalog.Column
	for _, name := range r.PrimaryKey() {
		if c := r.Column(name); c != nil {
			out = append(out, c)
		}
	}
	return out
}

// IsView reports whether rows of a relation cannot be written through /api/v1.
func IsView(r *catalog.Relation) bool { return slices.Contains([]string{"v", "m"}, r.Kind) }
