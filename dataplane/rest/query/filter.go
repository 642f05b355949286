package query

import "strings"

// operators are the comparisons that are built.
var operators = map[string]bool{
	"eq": true, "neq": true, "gt": true, "gte": true, "lt": true, "lte": true, "like": true, "ilike": true, "is": true, "in": true,
}

// later are those that the protocol has besides.
var later = map[string]bool{
	"match": true, "imatch": true, "isdistinct": true, "fts": true, "plfts": true, "phfts": true, "wfts": true, "cs": true, "cd": true,
	"ov": true, "sl": true, "sr": true, "nxr": true, "nxl": true, "adj": true,
}

// startsWithOperator tells a filter's value from an argument's.
func startsWithOperator(value string) bool {
	value = strings.TrimPrefix(value, "not.")
	op, _, dot := strings.Cut(value, ".")
	if paren := strings.IndexByte(op, '('); paren >= 0 {
		op = op[:paren]
		dot = true
	}
	return dot && (operators[op] || later[op])
}

// parseFilter parses a parameter like "id=not.eq.5".
func parseFilter(key, value string) (Condition, error) {
	s := scanner{in: key, what: "filter"}
	field, err := s.field()
	if err != nil {
		return Condition{}, err
	}
	if s.peek() == '.' {
		return Condition{}, Unsupported("Filters on related tables (\"relation.column=…\") are not built yet.")
	}
	if !s.done() {
		return Condition{}, s.fail("A filter's key is a column's name.")
	}
	v := scanner{in: value, what: "filter"}
	c := Condition{Not: v.takeString("not.")}
	op, err := v.operator()
	if err != nil {
		return Condition{}, err
	}
	f := &Filter{Field: field, Operator: op}
	c.Filter = f
	if op == "in" {
		if f.List, err = v.list(); err == nil && !v.done() {
			err = v.fail("Nothing can follow the list of in.")
		}
		return c, err
	}
	return c, f.setValue(&v, v.in[v.at:])
}

func (s *scanner) operator() (string, error) {
	end := s.at
	for end < len(s.in) && s.in[end] >= 'a' && s.in[end] <= 'z' {
		end++
	}
	op := s.in[s.at:end]
	switch {
	case later[op]:
		return "", Unsupported("The operator \"" + op + "\" is not built yet.")
	case !operators[op]:
		return "", s.fail("A filter's value starts with an operator and a dot, for example eq. or not.in.")
	case strings.HasPrefix(s.in[end:], "("):
		return "", Unsupported("The modifiers (any) and (all) are not built yet.")
	case !strings.HasPrefix(s.in[end:], "."):
		return "", s.fail("A dot must follow the operator.")
	}
	s.at = end + 1
	return op, nil
}

func (f *Filter) setValue(s *scanner, value string) error {
	f.Value = value
	if f.Operator == "is" {
		f.Value = strings.ToLower(value)
		switch f.Value {
		case "null", "not_null", "true", "false", "unknown":
		default:
			return s.fail("is takes null, not_null, true, false or unknown.")
		}
	}
	return nil
}

// list reads "(a,\"b,c\",d)".
func (s *scanner) list() ([]string, error) {
	if !s.take('(') {
		return nil, s.fail("in takes a list in parentheses.")
	}
	out := []string{}
	if s.take(')') {
		return out, nil
	}
	for {
		var value string
		var err error
		if s.peek() == '"' && !s.done() {
			value, err = s.quoted()
		} else {
			start := s.at
			for !s.done() && s.peek() != ',' && s.peek() != ')' {
				s.at++
			}
			value = s.in[start:s.at]
		}
		if err != nil {
			return nil, err
		}
		out = append(out, value)
		if s.take(')') {
			return out, nil
		}
		if !s.take(',') {
			return nil, s.fail("A list ends with a closing parenthesis.")
		}
	}
}

// parseTree parses a parameter like "or=(a.eq.1,and(b.gt.2,c.is.null))".
func parseTree(key, value string) (Condition, error) {
	s := scanner{in: key + value, what: "logic tree"}
	if !strings.HasPrefix(value, "(") {
		return Condition{}, s.fail("Conditions stand in parentheses.")
	}
	c, err := s.condition(0)
	if err == nil && !s.done() {
		err = s.fail("Nothing can follow the closing parenthesis.")
	}
	return c, err
}

func (s *scanner) condition(depth int) (c Condition, err error) {
	if s.nodes++; depth > maxDepth || s.nodes > maxNodes {
		return c, s.fail("It is too deep or too large.")
	}
	s.spaces()
	start := s.at
	c.Not = s.takeString("not.")
	switch {
	case s.takeString("and("):
		c.All, err = s.conditions(depth)
		return c, err
	case s.takeString("or("):
		c.Any, err = s.conditions(depth)
		return c, err
	}
	s.at, c.Not = start, false
	f := &Filter{}
	c.Filter = f
	if f.Field, err = s.field(); err != nil {
		return c, err
	}
	if !s.take('.') {
		return c, s.fail("A dot must follow a column's name.")
	}
	c.Not = s.takeString("not.")
	if f.Operator, err = s.operator(); err != nil {
		return c, err
	}
	if f.Operator == "in" {
		f.List, err = s.list()
		return c, err
	}
	value, err := s.treeValue()
	if err != nil {
		return c, err
	}
	return c, f.setValue(s, value)
}

// treeValue reads a value within a tree: quoted, or up to the next comma or closing parenthesis that is not inside braces.
func (s *scanner) treeValue() (string, error) {
	if s.peek() == '"' && !s.done() {
		return s.quoted()
	}
	start, braces := s.at, 0
	for !s.done() {
		switch c := s.peek(); {
		case c == '{':
			braces++
		case c == '}':
			braces--
		case (c == ',' || c == ')') && braces <= 0:
			return s.in[start:s.at], nil
		}
		s.at++
	}
	return s.in[start:s.at], nil
}

func (s *scanner) conditions(depth int) ([]Condition, error) {
	var out []Condition
	for {
		c, err := s.condition(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
		s.spaces()
		if s.take(')') {
			return out, nil
		}
		if !s.take(',') {
			return nil, s.fail("A comma must stand between conditions, and a closing parenthesis at their end.")
		}
	}
}
