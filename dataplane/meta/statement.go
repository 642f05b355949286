package meta

import "strings"

// statement is one of a text's statements.
type statement struct {
	text string
	// words are its first bare words in lower case: enough to know what it is.
	words []string
	// fromStdin tells of COPY … FROM STDIN, whose rows would come by another way than SQL.
	fromStdin bool
}

// maxStatements bounds the statements of one text.
const maxStatements = 200_000

// maxWords is how many words of a statement are kept.
const maxWords = 5

// starts reports whether the statement begins with these words.
func (s statement) starts(words ...string) bool {
	if len(s.words) < len(words) {
		return false
	}
	for i, w := range words {
		if s.words[i] != w {
			return false
		}
	}
	return true
}

// endsTransaction reports whether the statement begins or ends a transaction. One that only goes back to a savepoint does not.
func (s statement) endsTransaction() bool {
	if s.starts("rollback", "to") || s.starts("rollback", "work", "to") || s.starts("rollback", "transaction", "to") {
		return false
	}
	for _, word := range []string{"begin", "commit", "end", "abort", "rollback"} {
		if s.starts(word) {
			return true
		}
	}
	return s.starts("start", "transaction") || s.starts("prepare", "transaction")
}

// splitSQL takes a text apart at the semicolons that end statements, as psql does: not at those in strings, quoted names, comments,
// parentheses, and bodies of functions. Statements keep the comments before them; what holds nothing else is left out.
func splitSQL(text string) []statement {
	s := splitter{text: text}
	for s.at < len(s.text) {
		s.step()
	}
	s.cut(len(s.text))
	return s.out
}

type splitter struct {
	text      string
	at, start int
	out       []statement

	words     []string
	last      string // the word before
	some      bool   // whether the statement has anything but comments
	parens    int
	body      int // how many ends the body of a function waits for
	fromStdin bool
}

// cut ends the statement that goes on up to a place.
func (s *splitter) cut(end int) {
	if s.some && len(s.out) <= maxStatements { // one too many tells that there are
		s.out = append(s.out, statement{strings.TrimSpace(s.text[s.start:end]), s.words, s.fromStdin})
	}
	s.start, s.words, s.last, s.some, s.parens, s.body, s.fromStdin = end+1, nil, "", false, 0, 0, false
}

// step passes over one token.
func (s *splitter) step() {
	c, rest := s.text[s.at], s.text[s.at:]
	switch {
	case strings.HasPrefix(rest, "--"):
		s.to("\n", 2)
		return
	case strings.HasPrefix(rest, "/*"):
		s.comment()
		return
	case c == ';' && s.parens == 0 && s.body == 0:
		s.cut(s.at)
		s.at++
		return
	case c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\v':
		s.at++
		return
	}
	s.some = true
	switch {
	case c == '\'' || c == '"':
		s.quoted(c, c == '\'' && s.last == "e" && s.at > 0 && (s.text[s.at-1]|0x20) == 'e')
	case c == '$':
		s.dollar()
	case wordByte(c) && (c < '0' || c > '9'):
		s.word()
	case c == '(':
		s.parens++
		s.at++
	case c == ')':
		s.parens = max(0, s.parens-1)
		s.at++
	default:
		s.at++
	}
}

// to goes behind the next mark after skip bytes, or to the end.
func (s *splitter) to(mark string, skip int) {
	from := s.at + skip
	if i := strings.Index(s.text[from:], mark); i >= 0 {
		s.at = from + i + len(mark)
		return
	}
	s.at = len(s.text)
}

// comment passes over one that may hold others.
func (s *splitter) comment() {
	depth := 0
	for s.at < len(s.text) {
		switch rest := s.text[s.at:]; {
		case strings.HasPrefix(rest, "/*"):
			depth++
			s.at += 2
		case strings.HasPrefix(rest, "*/"):
			depth--
			s.at += 2
			if depth == 0 {
				return
			}
		default:
			s.at++
		}
	}
}

// quoted passes over a string or a quoted name. A quote in it is doubled, which reads as two strings; or escaped.
func (s *splitter) quoted(quote byte, escapes bool) {
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case escapes && c == '\\':
			s.at++
		case c == quote && escapes && s.at+1 < len(s.text) && s.text[s.at+1] == quote:
			s.at++
		case c == quote:
			s.at++
			return
		}
	}
	s.at = len(s.text)
}

// dollar passes over a string between dollar quotes, or a parameter.
func (s *splitter) dollar() {
	end := s.at + 1
	for end < len(s.text) && wordByte(s.text[end]) && s.text[end] != '$' {
		end++
	}
	digit := s.at+1 < end && s.text[s.at+1] >= '0' && s.text[s.at+1] <= '9'
	if end >= len(s.text) || s.text[end] != '$' || digit {
		s.at++
		return
	}
	tag := s.text[s.at : end+1]
	s.to(tag, len(tag))
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// word reads a bare word.
func (s *splitter) word() {
	end := s.at
	for end < len(s.text) && wordByte(s.text[end]) {
		end++
	}
	word := strings.ToLower(s.text[s.at:end])
	s.at = end
	if len(s.words) < maxWords {
		s.words = append(s.words, word)
	}
	if word == "stdin" && s.last == "from" && s.parens == 0 && s.words[0] == "copy" {
		s.fromStdin = true
	}
	if s.routine() && s.parens == 0 {
		switch {
		case word == "atomic" && s.last == "begin", word == "case" && s.body > 0:
			s.body++
		case word == "end" && s.body > 0:
			s.body--
		}
	}
	s.last = word
}

// routine reports whether the statement makes a function, whose body may hold statements without quotes around.
func (s *splitter) routine() bool {
	made := statement{words: s.words}
	for _, kind := range []string{"function", "procedure"} {
		if made.starts("create", kind) || made.starts("create", "or", "replace", kind) {
			return true
		}
	}
	return false
}
