package sqlgen

import (
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
)

// where writes " where …", or nothing: the link of an embed with its parent, the filters, and that inner embeds have rows. For a write
// the scope is &scope{alias: "items"}.
func (b *builder) where(s *scope, list []plan.Condition) {
	glue := " where "
	if s.link != nil {
		start := len(b.buf)
		b.sql(glue)
		if b.link(s) {
			glue = " and "
		} else {
			b.buf = b.buf[:start]
		}
	}
	for i := range list {
		b.sql(glue)
		b.condition(s, &list[i])
		glue = " and "
	}
	if s.read == nil {
		return
	}
	for _, e := range s.read.Embeds {
		if e.Inner {
			b.sql(glue)
			b.exists(s, e)
			glue = " and "
		}
	}
}

func (b *builder) condition(s *scope, c *plan.Condition) {
	if c.Embed >= 0 && s.read != nil && c.Any == nil && c.All == nil {
		if c.Not == (c.Operand == "not_null") {
			b.sql("not ")
		}
		b.exists(s, s.read.Embeds[c.Embed])
		return
	}
	if c.Not {
		b.sql("not ")
	}
	switch {
	case c.Any != nil || c.All != nil:
		list, glue := c.All, " and "
		if c.Any != nil {
			list, glue = c.Any, " or "
		}
		b.sql("(")
		for i := range list {
			if i > 0 {
				b.sql(glue)
			}
			b.condition(s, &list[i])
		}
		b.sql(")")
		return
	case c.Not:
		b.sql("(")
		defer b.sql(")")
	}
	if _, ok := searches[c.Operator]; ok {
		b.search(s, c)
		return
	}
	b.value(s, &c.Value)
	b.comparison(c)
}

var comparisons = map[string]string{
	"eq": " = ", "neq": " <> ", "gt": " > ", "gte": " >= ", "lt": " < ", "lte": " <= ", "like": " like ", "ilike": " ilike ", "match": " ~ ",
	"imatch": " ~* ", "isdistinct": " is distinct from ", "cs": " @> ", "cd": " <@ ", "ov": " && ", "sl": " << ", "sr": " >> ", "nxr": " &< ",
	"nxl": " &> ", "adj": " -|- ",
}

var states = map[string]string{
	"null": " is null", "not_null": " is not null", "true": " is true", "false": " is false", "unknown": " is unknown",
}

// comparison writes what a value is compared with. Values are bound without a type: Postgres takes the one that fits the other side.
func (b *builder) comparison(c *plan.Condition) {
	fromText := ""
	if i := c.Value.Info; i != nil && i.Representation != nil && len(c.Value.Path) == 0 {
		fromText = i.Representation.FromText
	}
	switch c.Operator {
	case "is":
		b.sql(states[c.Operand])
		return
	case "in":
		b.sql(" = any (")
		b.list(arrayLiteral(c.List), fromText)
		return
	}
	operand := c.Operand
	pattern := false
	switch c.Operator {
	case "like", "ilike":
		operand, pattern = strings.ReplaceAll(operand, "*", "%"), true
	case "match", "imatch":
		pattern = true
	}
	b.sql(comparisons[c.Operator])
	switch c.Quantifier {
	case "any", "all":
		b.sql(c.Quantifier, " (")
		if pattern {
			fromText = ""
		}
		b.list(operand, fromText)
		return
	}
	if fromText != "" && !pattern {
		b.sql(fromText, "(").arg(operand).sql("::text)")
		return
	}
	b.arg(operand)
}

// list writes an array of values and the parenthesis after it.
func (b *builder) list(array, fromText string) {
	if fromText != "" {
		b.sql("array(select ", fromText, "(v) from pg_catalog.unnest(").arg(array).sql("::text[]) v))")
	} else {
		b.arg(array).sql(")")
	}
}

var searches = map[string]string{"fts": "to_tsquery", "plfts": "plainto_tsquery", "phfts": "phraseto_tsquery", "wfts": "websearch_to_tsquery"}

// search writes a full text search. What is no tsvector is made one, by the same configuration.
func (b *builder) search(s *scope, c *plan.Condition) {
	if v := &c.Value; (v.Info != nil && v.Info.Base != "tsvector") || len(v.Path) > 0 {
		b.sql("pg_catalog.to_tsvector(")
		b.configuration(c)
		b.value(s, v)
		b.sql(")")
	} else {
		b.value(s, v)
	}
	b.sql(" @@ pg_catalog.", searches[c.Operator], "(")
	b.configuration(c)
	b.arg(c.Operand).sql(")")
}

func (b *builder) configuration(c *plan.Condition) {
	if c.Language != "" {
		b.arg(c.Language).sql("::pg_catalog.regconfig, ")
	}
}
