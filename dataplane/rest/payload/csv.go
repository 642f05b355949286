package payload

import (
	"bytes"
	"strconv"
)

const unequal = "All lines must have same number of fields"

// csv makes JSON of lines. The first line names the columns; what is NULL is null.
func (b *Body) csv(body []byte, o Options) error {
	if err := checkText(body); err != nil {
		return err
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	l := lines{in: body}
	header, more, err := l.next()
	if err != nil {
		return err
	}
	if !more {
		return refuse("Empty or invalid csv", "The first line has the names of the columns.")
	}
	places := make(map[string]int, len(header))
	for i, raw := range header {
		name := string(raw)
		if _, twice := places[name]; twice {
			return refuse("Empty or invalid csv", "The column "+strconv.Quote(name)+" is named twice.")
		}
		places[name] = i
		b.Keys = append(b.Keys, name)
		b.Fields = append(b.Fields, strconv.Itoa(i))
	}
	out := append(make([]byte, 0, len(body)+len(body)/2+2), '[')
	for {
		fields, more, err := l.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if len(fields) != len(b.Keys) {
			return refuse(unequal, "")
		}
		if b.Rows > 0 {
			out = append(out, ',')
		}
		out = appendLine(out, fields)
		b.Rows++
	}
	out = append(out, ']')
	b.JSON = out
	b.Array, b.Uniform = true, true
	b.Present = make([]int, len(o.Columns))
	for i, name := range o.Columns {
		if _, ok := places[name]; ok {
			b.Present[i] = b.Rows
		}
	}
	return nil
}

func appendLine(out []byte, fields [][]byte) []byte {
	for i, f := range fields {
		if i == 0 {
			out = append(out, `{"`...)
		} else {
			out = append(out, `,"`...)
		}
		out = strconv.AppendInt(out, int64(i), 10)
		out = append(out, `":`...)
		if string(f) == "NULL" {
			out = append(out, "null"...)
		} else {
			out = appendText(out, f)
		}
	}
	return append(out, '}')
}

// appendText writes text as JSON. It is UTF-8 without the character zero.
func appendText[T string | []byte](out []byte, text T) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c == '\n':
			out = append(out, '\\', 'n')
		case c < ' ':
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

// lines goes through the lines of a CSV. What it returns is good until the next line.
type lines struct {
	in     []byte
	at     int
	fields [][]byte
	number int
}

// next returns the fields of the next line that is not empty; more is false at the end.
func (l *lines) next() (fields [][]byte, more bool, err error) {
	for l.newline() { // lines without anything are none
	}
	if l.at == len(l.in) {
		return nil, false, nil
	}
	l.number++
	l.fields = l.fields[:0]
	for {
		field, err := l.field()
		if err != nil {
			return nil, false, err
		}
		if len(l.fields) == maxKeys { // a line can have as many as the body has bytes
			return nil, false, refuse("Empty or invalid csv", "There are too many columns.")
		}
		l.fields = append(l.fields, field)
		if l.at == len(l.in) || l.newline() {
			return l.fields, true, nil
		}
		l.at++ // the comma
	}
}

// newline goes over the end of a line.
func (l *lines) newline() bool {
	switch rest := l.in[l.at:]; {
	case bytes.HasPrefix(rest, []byte("\r\n")):
		l.at += 2
	case len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r'):
		l.at++
	default:
		return false
	}
	return true
}

// field returns a field, and stops at the comma or the end of the line after it.
func (l *lines) field() ([]byte, error) {
	if l.at < len(l.in) && l.in[l.at] == '"' {
		return l.quoted()
	}
	rest := l.in[l.at:]
	end := bytes.IndexAny(rest, ",\r\n\"")
	if end < 0 {
		end = len(rest)
	} else if rest[end] == '"' {
		return nil, l.fail("A quote stands only around a field.")
	}
	l.at += end
	return rest[:end], nil
}

func (l *lines) quoted() ([]byte, error) {
	l.at++
	start, doubled := l.at, false
	for {
		n := bytes.IndexByte(l.in[l.at:], '"')
		if n < 0 {
			return nil, l.fail("A quote is not closed.")
		}
		l.at += n + 1
		if l.at < len(l.in) && l.in[l.at] == '"' {
			doubled = true
			l.at++
			continue
		}
		break
	}
	field := l.in[start : l.at-1]
	if doubled {
		field = bytes.ReplaceAll(field, []byte(`""`), []byte(`"`))
	}
	if l.at < len(l.in) {
		if c := l.in[l.at]; c != ',' && c != '\n' && c != '\r' {
			return nil, l.fail("After a quoted field comes a comma or the end of the line.")
		}
	}
	return field, nil
}

func (l *lines) fail(why string) error {
	return refuse("Empty or invalid csv", "Line "+strconv.Itoa(l.number)+": "+why)
}
