package query

import "strings"

// maxUnclosed bounds the arrays that are looked for and not there, so that reading stays linear.
const maxUnclosed = 16

// parseTree parses a parameter like "or=(a.eq.1,and(b.gt.2,c.is.null))". What follows the last parenthesis is not read.
func parseTree(word, value string) (Condition, error) {
	s := scanner{in: word + value, what: "logic tree", shown: &value, at: len(word)}
	var c Condition
	err := s.group(&c, word, 0)
	return c, err
}

// group reads the conditions of an and or or.
func (s *scanner) group(c *Condition, word string, depth int) error {
	if s.spaces(); !s.take('(') {
		return s.fail(s.at, `"("`)
	}
	if depth > maxDepth {
		return s.excess("Conditions are nested too deep.")
	}
	var list []Condition
	for {
		s.spaces()
		if s.nodes++; s.nodes > maxNodes {
			return s.excess("There are too many conditions.")
		}
		inner, err := s.condition(depth)
		if err != nil {
			return err
		}
		list = append(list, inner)
		s.spaces()
		switch {
		case s.take(','):
			continue
		case s.take(')'):
		default:
			return s.fail(s.at, `","`, `")"`)
		}
		if word == "or" {
			c.Any = list
		} else {
			c.All = list
		}
		return nil
	}
}

func (s *scanner) condition(depth int) (c Condition, err error) {
	start := s.at
	negated := s.takeString("not.")
	word := ""
	if s.takeString("and") {
		word = "and"
	} else if s.takeString("or") {
		word = "or"
	}
	if after := s.at; word != "" {
		if s.spaces(); s.peek() == '(' {
			c.Not = negated
			err = s.group(&c, word, depth+1)
			return c, err
		}
		s.at = after
	}
	after := s.at
	s.at = start
	c.Filter = &Filter{}
	if c.Filter.Field, err = s.field(); err != nil {
		return c, err
	}
	if !s.take('.') {
		if word != "" {
			s.at = after
			s.spaces()
			return c, s.fail(s.at, `"("`)
		}
		return c, s.fail(s.at, "letter", "digit", `"-"`, `"->>"`, `"->"`, `"."`)
	}
	c.Not = s.takeString("not.")
	if !s.operator(c.Filter) {
		switch {
		case negated && word == "":
			return c, s.fail(start+len("not."), "logic operator (and, or)")
		case negated:
			return c, s.fail(after, `"("`)
		}
		return c, s.operatorError(c.Not)
	}
	switch c.Filter.Operator {
	case "in":
		err = s.list(c.Filter)
	case "is":
		err = s.is(c.Filter)
	default:
		c.Filter.Value = s.treeValue()
	}
	return c, err
}

// treeValue reads a value within a tree: quoted, an array in braces, or up to the next comma or closing parenthesis.
func (s *scanner) treeValue() string {
	if s.peek() == '{' && s.unclosed < maxUnclosed {
		if end := closing(s.in, s.at); end > 0 {
			start := s.at
			s.at = end
			return s.in[start:end]
		}
		s.unclosed++
	}
	return s.element()
}

// closing returns where the array that opens at a byte ends, if a comma or a closing parenthesis follows; else 0. It looks past
// quoted elements first, and at bare braces if that leads nowhere.
func closing(in string, at int) int {
	for _, quotes := range []bool{true, false} {
		depth, quoted := 0, false
		for i := at; i < len(in); i++ {
			switch c := in[i]; {
			case quotes && c == '\\':
				i++
			case quotes && c == '"':
				quoted = !quoted
			case quoted:
			case c == '{':
				depth++
			case c == '}':
				depth--
			}
			if depth == 0 && !quoted {
				if rest := strings.TrimLeft(in[i+1:], " \t"); i+1 < len(in) && rest != "" && (rest[0] == ',' || rest[0] == ')') {
					return i + 1
				}
				break
			}
		}
	}
	return 0
}
