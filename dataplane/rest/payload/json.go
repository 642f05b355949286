package payload

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// maxDepth bounds arrays and objects within each other, and maxKeys the keys that are kept: no table has so many columns, so that
// there is one that nothing knows among those.
const (
	maxDepth = 1000
	maxKeys  = 1700
)

func (b *Body) json(body []byte, o Options) error {
	body = bytes.Trim(body, " \t\r\n")
	if len(body) == 0 && o.Call {
		*b = *Empty()
		return nil
	}
	if !utf8.Valid(body) {
		return refuse(invalid, "The body is not UTF-8.")
	}
	s := scanner{in: body}
	if !b.scan(&s, o.Columns) || s.at != len(body) {
		if s.deep {
			return refuse(invalid, "Arrays and objects are nested too deep.")
		}
		return refuse(invalid, "")
	}
	b.JSON = body
	return nil
}

// scan looks at the objects one after the other. All at once they would take many times the size of the body.
func (b *Body) scan(s *scanner, columns []string) bool {
	k := keys{body: b, named: columns}
	b.Present = make([]int, len(columns))
	b.Uniform = true
	switch s.peek() {
	case '{':
		b.Object, b.Rows = true, 1
		return k.object(s)
	case '[':
	default:
		b.Uniform = false
		return s.value()
	}
	b.Array = true
	s.at++
	if s.depth++; s.space() == ']' {
		s.at++
		return true
	}
	for {
		if s.space() == '{' {
			if !k.object(s) {
				return false
			}
			b.Rows++
		} else {
			b.Array, b.Uniform = false, false
			if !s.value() {
				return false
			}
		}
		if more, ok := s.more(']'); !more {
			return ok
		}
	}
}

// keys compares the keys of each object with those of the first.
type keys struct {
	body *Body
	// raw are the first object's keys as they stand in the text.
	raw [][]byte
	// places are where the names are in the first object and in the columns. They are made when needed: objects mostly have their keys
	// in the same order, and the same text.
	places map[string]int
	seen   []bool
	number int
	// named are the columns that the request names.
	named []string
	// has tells which of named the object has.
	has []bool
}

func (k *keys) object(s *scanner) bool {
	first := k.number == 0
	k.number++
	if k.named != nil {
		return k.namedIn(s)
	}
	at, straight := 0, true
	ok := s.object(func(raw []byte) bool {
		switch {
		case first:
			return k.add(raw)
		case !k.body.Uniform:
		case straight && at < len(k.raw) && bytes.Equal(raw, k.raw[at]):
			at++
		default:
			if straight {
				straight = false
				k.unordered(at)
			}
			return k.mark(raw)
		}
		return true
	})
	if !ok || first || !k.body.Uniform {
		return ok
	}
	if straight {
		k.body.Uniform = at == len(k.raw)
		return true
	}
	for _, seen := range k.seen {
		k.body.Uniform = k.body.Uniform && seen
	}
	return true
}

// add takes a key of the first object.
func (k *keys) add(raw []byte) bool {
	name, ok := unquote(raw)
	if !ok || len(k.raw) == maxKeys {
		return ok
	}
	if k.places == nil {
		k.places = map[string]int{}
	}
	if _, twice := k.places[name]; twice {
		return true
	}
	k.places[name] = len(k.body.Keys)
	k.body.Keys = append(k.body.Keys, name)
	k.raw = append(k.raw, raw)
	return true
}

// unordered begins to look keys up, in an object of which the first n were as in the first object.
func (k *keys) unordered(n int) {
	if k.seen == nil {
		k.seen = make([]bool, len(k.raw))
	}
	for i := range k.seen {
		k.seen[i] = i < n
	}
}

func (k *keys) mark(raw []byte) bool {
	name, ok := unquote(raw)
	if !ok {
		return false
	}
	if i, known := k.places[name]; known {
		k.seen[i] = true
	} else {
		k.body.Uniform = false
	}
	return true
}

// namedIn counts which of the named columns an object has.
func (k *keys) namedIn(s *scanner) bool {
	if k.places == nil {
		k.places, k.has = make(map[string]int, len(k.named)), make([]bool, len(k.named))
		for i := len(k.named) - 1; i >= 0; i-- {
			k.places[k.named[i]] = i
		}
	}
	clear(k.has)
	ok := s.object(func(raw []byte) bool {
		if bytes.IndexByte(raw, '\\') < 0 {
			if i, known := k.places[string(raw)]; known {
				k.has[i] = true
			}
			return true
		}
		name, ok := unquote(raw)
		if i, known := k.places[name]; known {
			k.has[i] = true
		}
		return ok
	})
	for i, has := range k.has {
		if has {
			k.body.Present[i]++
		}
	}
	return ok
}

// unquote gives the text of what stands between quotes.
func unquote(raw []byte) (string, bool) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw), true
	}
	var out string
	quoted := append(append([]byte{'"'}, raw...), '"')
	return out, json.Unmarshal(quoted, &out) == nil
}

// scanner goes through JSON without keeping any of it.
type scanner struct {
	in    []byte
	at    int
	depth int
	// deep tells that it ended because of maxDepth.
	deep bool
}

// peek is the byte at the place, or zero at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.in) {
		return s.in[s.at]
	}
	return 0
}

// space goes over white space, and returns what follows.
func (s *scanner) space() byte {
	for s.at < len(s.in) {
		switch c := s.in[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// value goes over a value, which begins at the place.
func (s *scanner) value() bool {
	switch c := s.peek(); {
	case c == '{':
		return s.object(nil)
	case c == '[':
		return s.array()
	case c == '"':
		_, ok := s.text()
		return ok
	case c == '-' || (c >= '0' && c <= '9'):
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	}
	return s.word("null")
}

func (s *scanner) word(w string) bool {
	if !bytes.HasPrefix(s.in[s.at:], []byte(w)) {
		return false
	}
	s.at += len(w)
	return true
}

// object gives each key, as it stands between its quotes, to key, which may refuse it.
func (s *scanner) object(key func(raw []byte) bool) bool {
	if !s.enter() {
		return false
	}
	defer func() { s.depth-- }()
	if s.space() == '}' {
		s.at++
		return true
	}
	for {
		if s.space() != '"' {
			return false
		}
		raw, ok := s.text()
		if !ok || (key != nil && !key(raw)) || s.space() != ':' {
			return false
		}
		s.at++
		s.space()
		if !s.value() {
			return false
		}
		if more, ok := s.more('}'); !more {
			return ok
		}
	}
}

func (s *scanner) array() bool {
	if !s.enter() {
		return false
	}
	defer func() { s.depth-- }()
	if s.space() == ']' {
		s.at++
		return true
	}
	for {
		s.space()
		if !s.value() {
			return false
		}
		if more, ok := s.more(']'); !more {
			return ok
		}
	}
}

// more goes over what stands behind an element: a comma, or the end of the list. ok tells that it was one of the two.
func (s *scanner) more(end byte) (more, ok bool) {
	c := s.space()
	if c != ',' && c != end {
		return false, false
	}
	s.at++
	return c == ',', true
}

func (s *scanner) enter() bool {
	s.at++
	s.depth++
	s.deep = s.depth > maxDepth
	return !s.deep
}

// text goes over a string, and returns what stands between its quotes.
func (s *scanner) text() ([]byte, bool) {
	s.at++
	start := s.at
	for s.at < len(s.in) {
		switch c := s.in[s.at]; {
		case c == '"':
			s.at++
			return s.in[start : s.at-1], true
		case c == '\\':
			if !s.escape() {
				return nil, false
			}
		case c < ' ':
			return nil, false
		default:
			s.at++
		}
	}
	return nil, false
}

func (s *scanner) escape() bool {
	if s.at+1 >= len(s.in) {
		return false
	}
	switch s.in[s.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at += 2
		return true
	case 'u':
		if s.at+6 > len(s.in) {
			return false
		}
		for _, c := range s.in[s.at+2 : s.at+6] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
		}
		s.at += 6
		return true
	}
	return false
}

func (s *scanner) number() bool {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return false
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return false
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		return s.digits()
	}
	return true
}

// digits goes over at least one digit.
func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.in) && s.in[s.at] >= '0' && s.in[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}
