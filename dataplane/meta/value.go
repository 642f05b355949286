package meta

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// maxSafeInteger is the largest integer that JavaScript's numbers hold exactly.
const maxSafeInteger = 1<<53 - 1

// encodeRow makes a JSON array of a row. Values that JSON numbers cannot hold exactly, JSON with such numbers or with a key that
// repeats in it, and all types without a JSON form, are strings as Postgres writes them.
func encodeRow(fields []pgconn.FieldDescription, values [][]byte) json.RawMessage {
	out := []byte{'['}
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendValue(out, fields[i].DataTypeOID, v)
	}
	return append(out, ']')
}

func appendValue(out []byte, oid uint32, text []byte) []byte {
	if text == nil {
		return append(out, "null"...)
	}
	switch oid {
	case pgtype.BoolOID:
		return strconv.AppendBool(out, string(text) == "t")
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID:
		if n, err := strconv.ParseInt(string(text), 10, 64); err == nil && n <= maxSafeInteger && n >= -maxSafeInteger {
			return append(out, text...)
		}
	case pgtype.Float4OID, pgtype.Float8OID:
		if f, err := strconv.ParseFloat(string(text), 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) && json.Valid(text) {
			return append(out, text...)
		}
	case pgtype.JSONOID, pgtype.JSONBOID:
		if json.Valid(text) && exactNumbers(text) && (oid == pgtype.JSONBOID || !repeatsKeys(text)) {
			return append(out, text...)
		}
	}
	quoted, err := json.Marshal(string(text))
	if err != nil { // strings always encode
		panic(err)
	}
	return append(out, quoted...)
}

// maxSafeDigits is how many significant digits any number of JavaScript keeps.
const maxSafeDigits = 15

// exactNumbers reports whether JavaScript reads each number of valid JSON as the one that is written there.
func exactNumbers(text []byte) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case c == '-', c >= '0' && c <= '9':
			end := i + 1
			for end < len(text) && strings.IndexByte("0123456789.eE+-", text[end]) >= 0 {
				end++
			}
			if !exactNumber(string(text[i:end])) {
				return false
			}
			i = end - 1
		}
	}
	return true
}

func exactNumber(text string) bool {
	if len(text) <= maxSafeDigits && !strings.ContainsAny(text, "eE") {
		return true
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n <= maxSafeInteger && n >= -maxSafeInteger
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	digits := strings.Trim(strings.Replace(mantissa, ".", "", 1), "-0")
	_, err := strconv.ParseFloat(text, 64)
	return err == nil && len(digits) <= maxSafeDigits
}

// repeatsKeys reports whether an object in valid JSON has a key twice: readers keep one of the values. The type jsonb has none.
func repeatsKeys(text []byte) bool {
	type level struct {
		keys map[string]struct{} // nil for arrays
		next bool                // a key comes next, or the end
	}
	open := []level{{}}
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		top := &open[len(open)-1]
		if key, is := token.(string); is && top.next {
			if _, seen := top.keys[key]; seen {
				return true
			}
			top.keys[key] = struct{}{}
			top.next = false
			continue
		}
		top.next = top.keys != nil
		switch token {
		case json.Delim('{'):
			open = append(open, level{keys: map[string]struct{}{}, next: true})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

// textArray writes texts as Postgres reads an array of them.
func textArray(texts []string) ([]byte, error) {
	return pgtype.NewMap().Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, texts, nil)
}
