package query

import "strings"

// scanner reads names and values off a parameter.
type scanner struct {
	// in is what is read, what its name in messages, and shown what messages repeat of it; nil for all.
	in, what string
	shown    *string
	at       int
	// nodes counts what was read, embeds those among it, unclosed the braces that were not closed.
	nodes, embeds, unclosed int
}

func (s *scanner) done() bool { return s.at >= len(s.in) }

func (s *scanner) peek() byte {
	if s.at >= len(s.in) {
		return 0
	}
	return s.in[s.at]
}

func (s *scanner) take(c byte) bool {
	if s.at < len(s.in) && s.in[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) ahead(t string) bool { return strings.HasPrefix(s.in[s.at:], t) }

func (s *scanner) takeString(t string) bool {
	if s.ahead(t) {
		s.at += len(t)
		return true
	}
	return false
}

func (s *scanner) spaces() {
	for s.at < len(s.in) && (s.in[s.at] == ' ' || s.in[s.at] == '\t') {
		s.at++
	}
}

// identifier tells of the bytes of a name that is not quoted. All beyond ASCII are.
var identifier = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ' ' || c == '$' || c >= 0x80
	}
	return t
}()

// What messages say could stand in a place.
const (
	fieldName  = "field name (* or [a..z0..9_$])"
	jsonKey    = "any non reserved character different from: .,>()"
	operatorIs = "operator (eq, gt, ...)"
)

// name reads an identifier, quoted or not. Dashes are part of it; "->" ends it. Spaces around it are not part of it.
func (s *scanner) name() (string, error) {
	if s.peek() == '"' {
		start := s.at
		name, ok := s.quoted()
		switch {
		case !ok:
			return "", s.fail(len(s.in), `"\""`)
		case name == "":
			return "", s.fail(start, fieldName)
		}
		return name, nil
	}
	in, i := s.in, s.at
	for i < len(in) && (identifier[in[i]] || in[i] == '-' && !strings.HasPrefix(in[i:], "->")) {
		i++
	}
	name := trimSegments(in[s.at:i])
	s.at = i
	if name == "" {
		return "", s.fail(s.at, fieldName)
	}
	return name, nil
}

// trimSegments takes away the spaces around a name and around its dashes.
func trimSegments(name string) string {
	if name == "" {
		return name
	}
	if first, last := name[0], name[len(name)-1]; first <= ' ' || first >= 0x80 || last <= ' ' || last >= 0x80 {
		name = strings.TrimSpace(name)
	}
	if strings.IndexByte(name, ' ') < 0 || strings.IndexByte(name, '-') < 0 {
		return name
	}
	segments := strings.Split(name, "-")
	for i := range segments {
		segments[i] = strings.TrimSpace(segments[i])
	}
	return strings.Join(segments, "-")
}

// quoted reads a string in double quotes; a backslash takes the next character as it is. It reads nothing where the string does
// not end.
func (s *scanner) quoted() (string, bool) {
	start := s.at + 1
	i := start
	for i < len(s.in) && s.in[i] != '"' && s.in[i] != '\\' {
		i++
	}
	if i < len(s.in) && s.in[i] == '"' {
		s.at = i + 1
		return s.in[start:i], true
	}
	out := append([]byte(nil), s.in[start:i]...)
	for ; i < len(s.in); i++ {
		switch c := s.in[i]; {
		case c == '"':
			s.at = i + 1
			return string(out), true
		case c == '\\' && i+1 < len(s.in):
			i++
			out = append(out, s.in[i])
		default:
			out = append(out, c)
		}
	}
	return "", false
}

// field reads a column and the path into it.
func (s *scanner) field() (f Field, err error) {
	if f.Column, err = s.name(); err != nil {
		return f, err
	}
	f.Path, err = s.path()
	return f, err
}

func (s *scanner) path() (path []Step, err error) {
	for s.takeString("->") {
		step := Step{Text: s.take('>')}
		if err := s.step(&step); err != nil {
			return nil, err
		}
		if path = append(path, step); len(path) > maxDepth {
			return nil, s.excess("It goes too deep.")
		}
	}
	return path, nil
}

// step reads an index, a quoted key, or a key of any characters that are not reserved.
func (s *scanner) step(step *Step) error {
	if key, next := s.index(); next > s.at {
		step.Key, step.Index, s.at = key, true, next
		return nil
	}
	if s.peek() == '"' {
		if key, ok := s.quoted(); ok {
			step.Key = key
			return nil
		}
	}
	start := s.at
	if s.peek() == '-' {
		return s.fail(s.at+1, "digit")
	}
	for s.at < len(s.in) && strings.IndexByte("(:.,>)", s.in[s.at]) < 0 && !s.ahead("->") {
		s.at++
	}
	if step.Key = trimSegments(s.in[start:s.at]); step.Key == "" {
		return s.fail(s.at, `"-"`, "digit", jsonKey)
	}
	return nil
}

// index reads a whole number that ends the step; next is where it ends.
func (s *scanner) index() (key string, next int) {
	i := s.at
	if i < len(s.in) && s.in[i] == '-' {
		i++
	}
	digits := i
	for i < len(s.in) && s.in[i] >= '0' && s.in[i] <= '9' {
		i++
	}
	rest := s.in[i:]
	if i == digits || i-digits > 9 || rest != "" && strings.IndexByte(".,)", rest[0]) < 0 && !strings.HasPrefix(rest, "->") && !strings.HasPrefix(rest, "::") {
		return "", 0
	}
	return s.in[s.at:i], i
}
