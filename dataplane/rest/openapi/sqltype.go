package openapi

import (
	"encoding/json"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
)

// jsonTypes are the JSON types of Postgres' own; what is not here is a string.
var jsonTypes = map[string]string{
	"boolean": "boolean", "smallint": "integer", "integer": "integer", "bigint": "integer", "numeric": "number", "real": "number",
	"double precision": "number", "json": "", "jsonb": "",
}

// typeOf is the JSON type of a base type, or "" for any.
func typeOf(base string) string {
	if strings.HasSuffix(base, "[]") {
		return "array"
	}
	if t, ok := jsonTypes[base]; ok {
		return t
	}
	return "string"
}

// names turns the physical schema's name, with which a type may be qualified, into the logical one.
type names struct{ physical, logical string }

// shown is a type as the project's developers know it.
func (n names) shown(sqlType string) string {
	if n.physical == n.logical || !strings.Contains(sqlType, n.physical) {
		return sqlType
	}
	for _, quoted := range []string{n.physical + ".", `"` + n.physical + `".`} {
		sqlType = strings.ReplaceAll(sqlType, quoted, n.logical+".")
	}
	return sqlType
}

// local is a type without the schema, when it is the described one.
func (n names) local(sqlType string) string {
	for _, prefix := range []string{n.physical + ".", `"` + n.physical + `".`, n.logical + "."} {
		if rest, ok := strings.CutPrefix(sqlType, prefix); ok {
			return rest
		}
	}
	return n.shown(sqlType)
}

// bare is a type without its modifiers: "timestamp(3) with time zone" loses "(3)".
func bare(sqlType string) string {
	open := strings.IndexByte(sqlType, '(')
	if open < 0 || strings.Contains(sqlType[:open], `"`) {
		return sqlType
	}
	end := strings.IndexByte(sqlType[open:], ')')
	if end < 0 {
		return sqlType
	}
	return sqlType[:open] + sqlType[open+end+1:]
}

// formats are those that the specification has names for.
var formats = map[string]string{"smallint": "int32", "integer": "int32", "bigint": "int64"}

func formatOf(base string) string {
	if f, ok := formats[base]; ok {
		return f
	}
	return base
}

// items describes an array's elements.
func items(base string) object {
	var out object
	out.text("type", typeOf(strings.TrimSuffix(base, "[]")))
	return out
}

// columnBase is what a column's values are of in the end.
func columnBase(c *catalog.Column) string {
	if c.Base != "" {
		return bare(c.Base)
	}
	return bare(c.Type)
}

// defaultOf is a column's default as JSON, or nil: a constant's value, and of strings' types any expression's text.
func defaultOf(c *catalog.Column, n names) json.RawMessage {
	if c.Default == "" {
		return nil
	}
	text := n.shown(c.Default)
	if typeOf(columnBase(c)) == "string" {
		if constant, cast, ok := cutCast(text); ok && (cast == n.shown(bare(c.Type)) || cast == n.shown(columnBase(c)) || cast == n.shown(c.Type)) {
			text = constant
		}
		return appendString(nil, text)
	}
	if !json.Valid([]byte(text)) {
		return nil
	}
	return json.RawMessage(text)
}

// cutCast takes "'a”b'::text" apart, into a constant and a type.
func cutCast(text string) (constant, cast string, ok bool) {
	if !strings.HasPrefix(text, "'") {
		return "", "", false
	}
	for i := 1; i < len(text); i++ {
		if text[i] != '\'' {
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			i++
			continue
		}
		cast, ok = strings.CutPrefix(text[i+1:], "::")
		return strings.ReplaceAll(text[1:i], "''", "'"), cast, ok
	}
	return "", "", false
}

// headline takes a comment's first line off the rest.
func headline(comment string) (first, rest string) {
	first, rest, _ = strings.Cut(comment, "\n")
	return first, strings.TrimLeft(rest, "\n")
}
