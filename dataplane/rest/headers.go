package rest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
)

// put sets a header of the answer.
func (x *exchange) put(header http.Header, name, value string) {
	if x.set == len(x.values) {
		header[name] = []string{value}
		return
	}
	x.values[x.set] = value
	x.set++
	header[name] = x.values[x.set-1 : x.set : x.set]
}

// headers is what request.headers reads: names in lower case.
func (x *exchange) headers() []byte {
	out := make([]byte, 0, 512)
	out = append(out, '{')
	add := func(name, value string) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(appendText(out, strings.ToLower(name)), ':')
		out = appendText(out, value)
	}
	for name, values := range x.r.Header {
		if name == "Cookie" {
			continue // request.cookies reads them
		}
		if len(values) == 1 {
			add(name, values[0])
		} else {
			add(name, strings.Join(values, ", "))
		}
	}
	if x.r.Header["Host"] == nil && x.r.Host != "" {
		add("host", x.r.Host)
	}
	return append(out, '}')
}

// cookies is what request.cookies reads.
func (x *exchange) cookies() []byte {
	out := []byte{'{'}
	for _, c := range x.r.Cookies() {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(appendText(out, c.Name), ':')
		out = appendText(out, c.Value)
	}
	return append(out, '}')
}

// appendText writes text as JSON.
func appendText(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			encoded, err := json.Marshal(s)
			if err != nil {
				encoded = []byte(`""`)
			}
			return append(out, encoded...)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}

// reserved are headers that belong to the connection: the database does not set them.
var reserved = []string{"Connection", "Content-Length", "Keep-Alive", "Proxy-Authenticate", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// setHeaders sets what the database set: the first of a name replaces the server's own.
func setHeaders(h http.Header, list []engine.Header) {
	for i, set := range list {
		name := http.CanonicalHeaderKey(set.Name)
		if !token(name) || slices.Contains(reserved, name) || !printable(set.Value) {
			continue
		}
		again := slices.ContainsFunc(list[:i], func(o engine.Header) bool { return http.CanonicalHeaderKey(o.Name) == name })
		if again {
			h.Add(name, set.Value)
		} else {
			h.Set(name, set.Value)
		}
	}
}

// token reports whether s can be a header's name.
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func printable(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' && c != '\t') || c == 0x7f {
			return false
		}
	}
	return true
}

// contentRange says which of how many rows an answer has. Negative totals are not known.
func contentRange(offset, rows, total int64) string {
	out := make([]byte, 0, 32)
	if rows <= 0 || total == 0 {
		out = append(out, '*')
	} else {
		out = strconv.AppendInt(out, offset, 10)
		out = append(out, '-')
		out = strconv.AppendInt(out, offset+rows-1, 10)
	}
	out = append(out, '/')
	if total < 0 {
		return string(append(out, '*'))
	}
	return string(strconv.AppendInt(out, total, 10))
}

const upperHex = "0123456789ABCDEF"

// appendEscaped escapes all but unreserved characters.
func appendEscaped(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; plainByte(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return out
}

func plainByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~'
}

// location names a new row by its key.
func location(relation string, out *engine.Outcome) string {
	to := appendEscaped([]byte{'/'}, relation)
	for i, pair := range out.Location {
		if i == 0 {
			to = append(to, '?')
		} else {
			to = append(to, '&')
		}
		to = append(appendEscaped(to, pair[0]), '=')
		if out.LocationNull[i] {
			to = append(to, "is.null"...)
		} else {
			to = appendEscaped(append(to, "eq."...), pair[1])
		}
	}
	return string(to)
}

// maxContentLocation is the longest address that an answer repeats: Node and browsers refuse answers whose headers are larger
// than 16 KiB together.
const maxContentLocation = 8 << 10

// contentLocation is the canonical address of what was read: the parameters in the order of their names.
func (x *exchange) contentLocation() string {
	raw := x.r.URL.RawQuery
	out := make([]byte, 0, 16+len(x.target)+len(raw))
	out = appendEscaped(append(out, '/'), x.target)
	if raw == "" {
		return string(out)
	}
	if strings.IndexByte(raw, '&') < 0 && canonical(raw) {
		return string(append(append(out, '?'), raw...))
	}
	type pair struct{ key, value string }
	var pairs []pair
	for part := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(part, "=")
		if key = unescaped(key); key != "" && key != "apikey" {
			pairs = append(pairs, pair{key, unescaped(value)})
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	for i, p := range pairs {
		if i == 0 {
			out = append(out, '?')
		} else {
			out = append(out, '&')
		}
		out = appendEscaped(append(appendEscaped(out, p.key), '='), p.value)
	}
	return string(out)
}

// canonical reports whether a single parameter is written as it is shown.
func canonical(raw string) bool {
	equals := 0
	for i := range len(raw) {
		if raw[i] == '=' {
			equals++
		} else if !plainByte(raw[i]) {
			return false
		}
	}
	return equals == 1 && !strings.HasPrefix(raw, "apikey=")
}

// unescaped undoes what can be undone.
func unescaped(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			out = append(out, ' ')
		case c == '%' && i+2 < len(s):
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				out = append(out, c)
				continue
			}
			out = append(out, byte(n))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
