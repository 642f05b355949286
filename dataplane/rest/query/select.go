package query

import (
	"net/http"
	"strings"
)

// parseSelect parses "a,alias:b::text,data->x".
func parseSelect(value string) ([]Item, error) {
	if value == "" || value == "*" {
		return nil, nil
	}
	s := scanner{in: value, what: "select parameter"}
	var out []Item
	for {
		item, err := s.item()
		if err != nil {
			return nil, err
		}
		out = append(out, item)
		if len(out) > maxNodes {
			return nil, s.fail("It names too many columns.")
		}
		s.spaces()
		if s.done() {
			return out, nil
		}
		if !s.take(',') {
			return nil, s.fail("A comma must stand between columns.")
		}
	}
}

func (s *scanner) item() (item Item, err error) {
	s.spaces()
	if strings.HasPrefix(s.in[s.at:], "...") {
		return item, Unsupported("Embedding of related tables (\"...relation(...)\" in select) is not built yet.")
	}
	if s.take('*') {
		return Item{Star: true}, nil
	}
	if item.Field, err = s.field(); err != nil {
		return item, err
	}
	if s.peek() == ':' && !strings.HasPrefix(s.in[s.at:], "::") {
		if len(item.Path) > 0 {
			return item, s.fail("An alias has no arrow.")
		}
		s.at++
		item.Alias = item.Column
		if item.Field, err = s.field(); err != nil {
			return item, err
		}
	}
	if s.takeString("::") {
		if item.Cast, err = s.typeName(); err != nil {
			return item, err
		}
	}
	switch s.peek() {
	case '(', '!':
		return item, Unsupported("Embedding of related tables (\"relation(...)\" in select) is not built yet.")
	case '.':
		if strings.HasSuffix(s.in, "()") || strings.Contains(s.in[s.at:], "()") {
			return item, &Error{Status: http.StatusBadRequest, Code: "PGRST123", Message: "Use of aggregate functions is not allowed"}
		}
	}
	if strings.Contains(item.Column, "!") && strings.Contains(s.in[s.at:], "(") {
		return item, Unsupported("Embedding of related tables (\"relation!hint(...)\" in select) is not built yet.")
	}
	return item, nil
}

// typeName reads a type: letters, digits, underscores and spaces, and "[]" after it.
func (s *scanner) typeName() (string, error) {
	start := s.at
	for !s.done() {
		c := s.peek()
		if c != '_' && c != ' ' && c != '[' && c != ']' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			break
		}
		s.at++
	}
	name := strings.TrimSpace(s.in[start:s.at])
	base := strings.TrimSuffix(name, "[]")
	if base == "" || strings.ContainsAny(base, "[]") {
		return "", s.fail("A type's name is missing or malformed after \"::\".")
	}
	return name, nil
}
