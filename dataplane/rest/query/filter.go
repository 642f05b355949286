package query

import "strings"

// operators are the comparisons.
var operators = []string{
	"eq", "neq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch", "isdistinct", "is", "in", "fts", "plfts", "phfts", "wfts",
	"cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj",
}

// quantified tells of operators that take (any) and (all), searching of those that take a language.
func quantified(op string) bool {
	switch op {
	case "eq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch":
		return true
	}
	return false
}

func searching(op string) bool { return op == "fts" || op == "plfts" || op == "phfts" || op == "wfts" }

func isOperator(op string) bool {
	switch op {
	case "neq", "isdistinct", "is", "in", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj":
		return true
	}
	return quantified(op) || searching(op)
}

// parseFilter parses a parameter like "relation.id=not.eq.5". For a call, a value that begins with no operator makes it an
// argument, whose name is the condition's column.
func parseFilter(key, value string, call bool) (path []string, c Condition, argument bool, err error) {
	f := &Filter{}
	c.Filter = f
	k := scanner{in: key, what: "tree path"}
	for {
		if f.Column, err = k.name(); err != nil {
			return nil, c, false, err
		}
		if !k.take('.') {
			break
		}
		if path = append(path, f.Column); len(path) > maxDepth {
			return nil, c, false, k.excess("It goes too deep.")
		}
	}
	if f.Path, err = k.path(); err != nil {
		return nil, c, false, err
	}
	v := scanner{in: value, what: "filter"}
	c.Not = v.takeString("not.")
	if !v.operator(f) {
		if call {
			return nil, c, true, nil
		}
		return nil, c, false, v.operatorError(c.Not)
	}
	switch f.Operator {
	case "in":
		err = v.list(f)
	case "is":
		err = v.is(f)
	default:
		f.Value = v.in[v.at:]
	}
	return path, c, false, err
}

// operator reads an operator with what modifies it, and the dot. It reads nothing where there is none.
func (s *scanner) operator(f *Filter) bool {
	end := s.at
	for end < len(s.in) && s.in[end] >= 'a' && s.in[end] <= 'z' {
		end++
	}
	op, rest := s.in[s.at:end], s.in[end:]
	if !isOperator(op) {
		return false
	}
	f.Operator, f.Quantifier, f.Language = op, "", ""
	switch {
	case rest == "" || rest[0] == '.':
	case rest[0] != '(':
		return false
	case quantified(op) && strings.HasPrefix(rest, "(any)"):
		f.Quantifier, rest = "any", rest[len("(any)"):]
	case quantified(op) && strings.HasPrefix(rest, "(all)"):
		f.Quantifier, rest = "all", rest[len("(all)"):]
	case searching(op):
		i := 1
		for i < len(rest) && identifier[rest[i]] {
			i++
		}
		if f.Language = strings.TrimSpace(rest[1:i]); f.Language == "" || i == len(rest) || rest[i] != ')' {
			return false
		}
		rest = rest[i+1:]
	}
	if rest == "" || rest[0] != '.' {
		return false
	}
	s.at = len(s.in) - len(rest) + 1
	return true
}

// operatorError tells what is wrong with what is no operator.
func (s *scanner) operatorError(negated bool) error {
	rest, at := s.in[s.at:], 0
	for _, op := range operators {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		end := len(op)
		if strings.HasPrefix(rest[end:], "(") && (quantified(op) || searching(op)) {
			for end++; end < len(rest) && searching(op) && identifier[rest[end]]; {
				end++
			}
			if quantified(op) && (strings.HasPrefix(rest[end:], "any") || strings.HasPrefix(rest[end:], "all")) {
				end += len("any")
			}
			if strings.HasPrefix(rest[end:], ")") {
				end++
			}
		}
		at = max(at, end)
	}
	switch {
	case at > 0 || negated:
		return s.fail(s.at+at, operatorIs)
	case strings.HasPrefix(rest, "not"):
		return s.fail(s.at+len("not"), `"."`)
	}
	for at < len(rest) && rest[at] == "not"[at] {
		at++
	}
	return s.unexpected(s.at, s.at+at, '"', []string{`"not"`, operatorIs})
}

// is reads what a value can be besides a value.
func (s *scanner) is(f *Filter) error {
	rest, far := s.in[s.at:], 0
	for _, word := range []string{"null", "not_null", "true", "false", "unknown"} {
		n := 0
		for n < len(word) && n < len(rest) && rest[n]|0x20 == word[n]|0x20 && (rest[n] == '_') == (word[n] == '_') {
			n++
		}
		if n == len(word) {
			f.Value = word
			s.at += n
			return nil
		}
		far = max(far, n)
	}
	return s.fail(s.at+far, "isVal: (null, not_null, true, false, unknown)")
}

// list reads "(a,\"b,c\",d)". "()" is a list of nothing.
func (s *scanner) list(f *Filter) error {
	if s.spaces(); !s.take('(') {
		return s.fail(s.at, `"("`)
	}
	s.spaces()
	f.List = []string{}
	start := s.at
	if s.take(')') {
		return nil
	}
	f.List = make([]string, 0, 1+strings.Count(s.in[start:], ","))
	for {
		f.List = append(f.List, s.element())
		switch {
		case s.take(','):
		case s.take(')'):
			return nil
		default:
			return s.fail(s.at, `","`, `")"`)
		}
	}
}

// element reads a value up to the next comma or closing parenthesis; quoted, it may contain them.
func (s *scanner) element() string {
	start := s.at
	if s.peek() == '"' {
		if value, ok := s.quoted(); ok && (s.done() || s.in[s.at] == ',' || s.in[s.at] == ')') {
			return value
		}
		s.at = start
	}
	for s.at < len(s.in) && s.in[s.at] != ',' && s.in[s.at] != ')' {
		s.at++
	}
	return s.in[start:s.at]
}
