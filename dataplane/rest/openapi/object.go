package openapi

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	key   string
	value any
}

// set adds a member.
func (o *object) set(key string, value any) { *o = append(*o, member{key, value}) }

// text adds a member unless it is empty.
func (o *object) text(key, value string) {
	if value != "" {
		o.set(key, value)
	}
}

// ref is a reference to another part of the document.
func ref(pointer string) object { return object{{"$ref", pointer}} }

// appendValue writes a value as JSON.
func appendValue(out []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(out, "null"...)
	case string:
		return appendString(out, v)
	case bool:
		return strconv.AppendBool(out, v)
	case int:
		return strconv.AppendInt(out, int64(v), 10)
	case json.RawMessage:
		return append(out, v...)
	case object:
		out = append(out, '{')
		for i, m := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendString(out, m.key)
			out = append(out, ':')
			out = appendValue(out, m.value)
		}
		return append(out, '}')
	case []object:
		return appendList(out, v)
	case []string:
		return appendList(out, v)
	case []any:
		return appendList(out, v)
	}
	panic("openapi: a value of no known type")
}

func appendList[T any](out []byte, list []T) []byte {
	out = append(out, '[')
	for i, v := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendValue(out, v)
	}
	return append(out, ']')
}

func appendString(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			encoded, err := json.Marshal(s)
			if err != nil { // a string only
				panic(err)
			}
			return append(out, encoded...)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}
