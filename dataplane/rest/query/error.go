package query

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is a refusal in PostgREST's shape.
type Error struct {
	Status        int
	Code, Message string
	// Details is a string, or what becomes JSON (PGRST201 lists relationships). Nil and "" are null.
	Details any
	// Hint is null when empty.
	Hint string
	// Header is added to the answer.
	Header http.Header
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Unsupported refuses what the protocol has and this server has not.
func Unsupported(what string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "PGRST127", Message: "Feature not implemented", Details: what}
}

// NotEmbedded refuses a filter, order or window of an embed that the node does not have.
func NotEmbedded(n *Node, name string) *Error {
	e := &Error{Status: http.StatusBadRequest, Code: "PGRST108", Message: "'" + name + "' is not an embedded resource in this request",
		Hint: "Verify that '" + name + "' is included in the 'select' query parameter."}
	for i := range n.Select {
		if other := n.Select[i].Embed; other != nil && other.Relation == name && other.Alias != "" {
			e.Details = "Target names are not allowed in filters if they have an alias"
			e.Hint = "Change '" + name + "' to '" + other.Alias + "' in filters, orders or limits."
			break
		}
	}
	return e
}

// OutOfRange refuses an offset beyond the rows that there are.
func OutOfRange(offset, total int64) *Error {
	return rangeError(fmt.Sprintf("An offset of %d was requested, but there are only %d rows.", offset, total))
}

func rangeError(details string) *Error {
	return &Error{Status: http.StatusRequestedRangeNotSatisfiable, Code: "PGRST103", Message: "Requested range not satisfiable", Details: details}
}

// refuse makes the error of what cannot be parsed. Shown is what the message repeats; in is what was read, up to the byte at.
func refuse(what, shown, in string, at int, details string) *Error {
	line, column := 1, 1
	for _, r := range in[:at] {
		switch r {
		case '\n':
			line, column = line+1, 1
		case '\t':
			column += 8 - (column-1)%8
		default:
			column++
		}
	}
	message := `"failed to parse ` + what + " (" + shown + `)" (line ` + strconv.Itoa(line) + ", column " + strconv.Itoa(column) + ")"
	return &Error{Status: http.StatusBadRequest, Code: "PGRST100", Message: message, Details: details}
}

// fail refuses what stands at a byte, and names what could stand there.
func (s *scanner) fail(at int, expecting ...string) error {
	return s.unexpected(at, at, '"', expecting)
}

// failEnd is fail where the end of the input could stand as well: the character is quoted otherwise then.
func (s *scanner) failEnd(at int, expecting ...string) error {
	return s.unexpected(at, at, '\'', append(expecting, "end of input"))
}

// unexpected refuses at one byte because of the character at another.
func (s *scanner) unexpected(at, because int, quote byte, expecting []string) error {
	shown := s.in
	if s.shown != nil {
		shown = *s.shown
	}
	details := "unexpected end of input"
	if because < len(s.in) {
		r, _ := utf8.DecodeRuneInString(s.in[because:])
		details = "unexpected " + character(r, quote)
	}
	if n := len(expecting); n > 0 {
		details += " expecting "
		if n > 1 {
			details += strings.Join(expecting[:n-1], ", ") + " or "
		}
		details += expecting[n-1]
	}
	return refuse(s.what, shown, s.in, min(at, len(s.in)), details)
}

// excess refuses what is larger than the bounds.
func (s *scanner) excess(details string) error {
	shown := s.in
	if s.shown != nil {
		shown = *s.shown
	}
	if len(shown) > 100 {
		shown = strings.ToValidUTF8(shown[:100], "") + "…"
	}
	return refuse(s.what, shown, s.in, s.at, details)
}

// character writes one within quotes, with what does not print escaped, in the way of PostgREST's language.
func character(r rune, quote byte) string {
	text := string(r)
	switch {
	case r == rune(quote) || r == '\\':
		text = `\` + text
	case r == '\n':
		text = `\n`
	case r == '\t':
		text = `\t`
	case r == '\r':
		text = `\r`
	case r < ' ' || r > '~':
		text = `\` + strconv.Itoa(int(r))
	}
	return string(quote) + text + string(quote)
}
