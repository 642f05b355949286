package query

import (
	"slices"
	"strings"
)

// parseSelect parses "a,alias:b::text,data->x,rel(c),count()"; a lone star is nil.
func parseSelect(value string) ([]Item, error) {
	if value == "*" {
		return nil, nil
	}
	s := scanner{in: value, what: "select parameter"}
	if s.spaces(); s.done() {
		return []Item{}, nil
	}
	items, err := s.items(0)
	if len(items) == 1 && items[0].Star {
		return nil, err
	}
	return items, err
}

// items reads those of a select, or of an embed, up to and with its closing parenthesis. What follows the parenthesis of the
// outermost embed and is no comma is not read.
func (s *scanner) items(depth int) ([]Item, error) {
	if depth > maxDepth {
		return nil, s.excess("Embeds are nested too deep.")
	}
	out := []Item{}
	if s.spaces(); depth > 0 && s.take(')') {
		return out, nil
	}
	for {
		item, err := s.item(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
		if s.nodes++; s.nodes > maxNodes {
			return nil, s.excess("It names too many columns.")
		}
		s.spaces()
		switch {
		case s.take(','):
		case depth == 0:
			return out, nil
		case s.take(')'):
			return out, nil
		default:
			return nil, s.fail(s.at, `","`, `")"`)
		}
	}
}

func (s *scanner) item(depth int) (item Item, err error) {
	s.spaces()
	if s.takeString("...") {
		name, err := s.name()
		if err != nil {
			return item, err
		}
		item.Embed, err = s.embed(name, depth)
		if err == nil {
			item.Embed.Spread = true
		}
		return item, err
	}
	if s.take('*') {
		item.Star = true
		return item, s.itemEnd()
	}
	quoted := s.peek() == '"'
	name, err := s.name()
	if err != nil {
		return item, err
	}
	if s.peek() == ':' && !s.ahead("::") {
		s.at++
		s.spaces()
		item.Alias = name
		quoted = s.peek() == '"'
		if name, err = s.name(); err != nil {
			return item, err
		}
	}
	switch c := s.peek(); {
	case name == "count" && !quoted && s.takeString("()"):
		item.Aggregate = "count"
	case c == '(' || c == '!':
		alias := item.Alias
		item.Alias = ""
		if item.Embed, err = s.embed(name, depth); err == nil {
			item.Embed.Alias = alias
		}
		return item, err
	default:
		item.Column = name
		if err = s.calculation(&item); err != nil {
			return item, err
		}
	}
	if item.Aggregate != "" && s.takeString("::") {
		if item.AggregateCast, err = s.typeName(); err != nil {
			return item, err
		}
	}
	return item, s.itemEnd()
}

// calculation reads what is made of a column: a path, a cast, an aggregate.
func (s *scanner) calculation(item *Item) (err error) {
	if item.Path, err = s.path(); err != nil {
		return err
	}
	if s.takeString("::") {
		if item.Cast, err = s.typeName(); err != nil {
			return err
		}
	}
	for _, a := range aggregates {
		if s.takeString(a.text) {
			item.Aggregate = a.name
			break
		}
	}
	return nil
}

var aggregates = []struct{ text, name string }{
	{".sum()", "sum"}, {".avg()", "avg"}, {".count()", "count"}, {".max()", "max"}, {".min()", "min"},
}

// itemEnd holds that an item ends here.
func (s *scanner) itemEnd() error {
	s.spaces()
	switch c := s.peek(); {
	case s.done() || c == ',' || c == ')':
		return nil
	default:
		return s.failEnd(s.at, "letter", "digit", `"-"`, `"->>"`, `"->"`, `"::"`, `"."`, `")"`, `","`)
	}
}

// embed reads "!hint!inner(…)". The hint and the join come in any order.
func (s *scanner) embed(relation string, depth int) (*Embed, error) {
	if s.embeds++; s.embeds > maxEmbeds {
		return nil, s.excess("It embeds too many resources.")
	}
	e := &Embed{Relation: relation, Node: Node{Limit: -1, Offset: -1}}
	for s.take('!') {
		start := s.at
		quoted := s.peek() == '"'
		param, err := s.name()
		switch {
		case err != nil:
			return nil, err
		case !quoted && (param == "inner" || param == "left") && e.Join == "":
			e.Join = param
		case e.Hint == "":
			e.Hint = param
		default:
			return nil, s.fail(start, `"("`)
		}
	}
	if !s.take('(') {
		return nil, s.fail(s.at, `"!"`, `"("`)
	}
	var err error
	e.Select, err = s.items(depth + 1)
	return e, err
}

// typeName reads a type: its name, perhaps "(n)" or "(n,m)", and perhaps "[]".
func (s *scanner) typeName() (string, error) {
	start := s.at
	for s.at < len(s.in) && identifier[s.in[s.at]] {
		s.at++
	}
	name := strings.TrimSpace(s.in[start:s.at])
	if name == "" {
		return "", s.fail(s.at, "letter", "digit")
	}
	if s.take('(') {
		var sizes []string
		for len(sizes) == 0 || len(sizes) < 3 && s.take(',') {
			s.spaces()
			from := s.at
			for s.at < len(s.in) && s.in[s.at] >= '0' && s.in[s.at] <= '9' {
				s.at++
			}
			if from == s.at || s.at-from > 9 {
				return "", s.fail(from, "digit")
			}
			sizes = append(sizes, s.in[from:s.at])
			s.spaces()
		}
		if !s.take(')') {
			return "", s.fail(s.at, `")"`)
		}
		name += "(" + strings.Join(slices.Clip(sizes), ",") + ")"
	}
	if s.takeString("[]") {
		name += "[]"
	}
	return name, nil
}
