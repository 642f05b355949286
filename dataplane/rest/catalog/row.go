package catalog

import (
	"bytes"
	"strconv"
	"unique"
)

// row is a row of a result, in text.
type row [][]byte

// text copies a value. Catalogs share what is the same, also with those of other projects.
func (r row) text(i int) string { return intern(string(r[i])) }

// long is text that hardly repeats.
func (r row) long(i int) string { return string(r[i]) }

func (r row) flag(i int) bool { return len(r[i]) == 1 && r[i][0] == 't' }

func (r row) oid(i int) uint32 { return uint32(r.number(i)) }

// number is zero for null.
func (r row) number(i int) int64 { return number(r[i]) }

func (r row) real(i int) float64 {
	f, _ := strconv.ParseFloat(string(r[i]), 64)
	return f
}

func (r row) null(i int) bool { return r[i] == nil }

// oids reads an array of numbers, or a vector.
func (r row) oids(i int) []uint32 {
	fields := bytes.FieldsFunc(r[i], func(c rune) bool { return c == ',' || c == ' ' || c == '{' || c == '}' })
	if len(fields) == 0 {
		return nil
	}
	out := make([]uint32, len(fields))
	for at, f := range fields {
		out[at] = uint32(number(f))
	}
	return out
}

// texts reads an array of texts of one dimension. Null elements are "".
func (r row) texts(i int) []string {
	b := r[i]
	if len(b) < 2 || b[0] != '{' {
		return nil
	}
	var out []string
	for at := 1; at < len(b) && b[at] != '}'; at++ {
		var element []byte
		if b[at] == '"' {
			for at++; at < len(b) && b[at] != '"'; at++ {
				if b[at] == '\\' && at+1 < len(b) {
					at++
				}
				element = append(element, b[at])
			}
			at++
		} else {
			start := at
			for at < len(b) && b[at] != ',' && b[at] != '}' {
				at++
			}
			if element = b[start:at]; string(element) == "NULL" {
				element = nil
			}
		}
		out = append(out, intern(string(element)))
		if at < len(b) && b[at] == '}' {
			break
		}
	}
	return out
}

func number(b []byte) int64 {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		return -n
	}
	return n
}

func intern(s string) string {
	if s == "" {
		return ""
	}
	return unique.Make(s).Value()
}
