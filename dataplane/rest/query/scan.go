package query

import "strings"

// scanner reads names and values off a parameter.
type scanner struct {
	in, what string
	at       int
	nodes    int
}

func (s *scanner) done() bool { return s.at >= len(s.in) }

func (s *scanner) peek() byte {
	if s.done() {
		return 0
	}
	return s.in[s.at]
}

func (s *scanner) take(c byte) bool {
	if s.peek() == c && !s.done() {
		s.at++
		return true
	}
	return false
}

func (s *scanner) takeString(t string) bool {
	if strings.HasPrefix(s.in[s.at:], t) {
		s.at += len(t)
		return true
	}
	return false
}

func (s *scanner) spaces() {
	for s.peek() == ' ' {
		s.at++
	}
}

func (s *scanner) fail(details string) error { return parseError(s.what, s.in, details) }

// reserved end a name that is not quoted.
const reserved = `,.():"`

// name reads an identifier, quoted or not. "->" ends it, a single "-" does not.
func (s *scanner) name() (string, error) {
	if s.peek() == '"' && !s.done() {
		return s.quoted()
	}
	start := s.at
	for !s.done() && !strings.ContainsRune(reserved, rune(s.peek())) && !strings.HasPrefix(s.in[s.at:], "->") {
		s.at++
	}
	name := strings.TrimSpace(s.in[start:s.at])
	if name == "" {
		return "", s.fail("A column's name is missing.")
	}
	return name, nil
}

// quoted reads a string in double quotes; a backslash takes the next character as it is.
func (s *scanner) quoted() (string, error) {
	s.at++
	var out strings.Builder
	for !s.done() {
		c := s.in[s.at]
		s.at++
		switch {
		case c == '"':
			return out.String(), nil
		case c == '\\' && !s.done():
			out.WriteByte(s.in[s.at])
			s.at++
		default:
			out.WriteByte(c)
		}
	}
	return "", s.fail("A double quote is not closed.")
}

// field reads a column and what goes into it.
func (s *scanner) field() (f Field, err error) {
	if f.Column, err = s.name(); err != nil {
		return f, err
	}
	for s.takeString("->") {
		if len(f.Path) > 0 && f.Path[len(f.Path)-1].Text {
			return f, s.fail("Nothing can follow ->>.")
		}
		step := Step{Text: s.take('>')}
		quoted := s.peek() == '"'
		if step.Key, err = s.name(); err != nil {
			return f, err
		}
		step.Index = !quoted && isIndex(step.Key)
		f.Path = append(f.Path, step)
		if len(f.Path) > maxDepth {
			return f, s.fail("It goes too deep.")
		}
	}
	return f, nil
}

func isIndex(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > 9 {
		return false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
