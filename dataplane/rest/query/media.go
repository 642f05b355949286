package query

import (
	"slices"
	"strconv"
	"strings"
)

// MediaType is one choice of an Accept header, or a Content-Type.
type MediaType struct {
	// Type is "type/subtype" in lower case, or "*/*" or "type/*". PostgREST's own are in full: "application/vnd.pgrst.object" reads
	// as "application/vnd.pgrst.object+json".
	Type string
	// Params are its parameters but q and charset, with names in lower case; nil for none.
	Params map[string]string
}

// maxMedia bounds the choices, and the parameters of one.
const maxMedia = 100

// ParseAccept reads the Accept headers: what would do, best first. Equally good choices are in the order of how much they say, then
// of the header. No header is "*/*".
func ParseAccept(headers []string) []MediaType {
	if len(headers) == 0 || len(headers) == 1 && (headers[0] == "" || headers[0] == "*/*") {
		return []MediaType{{Type: "*/*"}}
	}
	type choice struct {
		MediaType
		q        float64
		specific int
	}
	var choices []choice
	given := false
	for _, h := range headers {
		for h != "" && len(choices) < maxMedia {
			var part string
			part, h = cutQuoted(h, ',')
			m, q := parseMediaType(part)
			if m.Type == "" {
				continue
			}
			given = true
			if q > 0 {
				choices = append(choices, choice{m, q, len(m.Params) - strings.Count(m.Type, "*")})
			}
		}
	}
	if !given {
		return []MediaType{{Type: "*/*"}}
	}
	slices.SortStableFunc(choices, func(a, b choice) int {
		switch {
		case a.q != b.q:
			if a.q > b.q {
				return -1
			}
			return 1
		default:
			return b.specific - a.specific
		}
	})
	out := make([]MediaType, len(choices))
	for i, c := range choices {
		out[i] = c.MediaType
	}
	return out
}

// ParseContentType reads a Content-Type; its type is "" where there is none.
func ParseContentType(header string) MediaType {
	m, _ := parseMediaType(header)
	return m
}

func parseMediaType(text string) (m MediaType, q float64) {
	name, rest := cutQuoted(text, ';')
	m.Type, q = fullName(strings.ToLower(strings.TrimSpace(name))), 1
	for n := 0; rest != "" && n < maxMedia; n++ {
		var part string
		part, rest = cutQuoted(rest, ';')
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), unquote(strings.TrimSpace(value))
		switch key {
		case "", "charset":
		case "q":
			if f, err := strconv.ParseFloat(value, 64); err == nil && f >= 0 {
				q = min(f, 1)
			}
		default:
			if m.Params == nil {
				m.Params = map[string]string{}
			}
			if _, given := m.Params[key]; !given {
				m.Params[key] = value
			}
		}
	}
	return m, q
}

// fullName gives types that have a short name their full one.
func fullName(name string) string {
	switch name {
	case "*":
		return "*/*"
	case "application/vnd.pgrst.object", "application/vnd.pgrst.array":
		return name + "+json"
	case "application/vnd.pgrst.plan":
		return name + "+text"
	}
	return name
}

// cutQuoted cuts at the first separator that is not within double quotes.
func cutQuoted(s string, separator byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && c == separator:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func unquote(s string) string {
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	sc := scanner{in: s}
	if value, ok := sc.quoted(); ok {
		return value
	}
	return s[1:]
}

// String writes the type with its parameters in the order of their names.
func (m MediaType) String() string {
	if len(m.Params) == 0 {
		return m.Type
	}
	keys := make([]string, 0, len(m.Params))
	for k := range m.Params {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := m.Type
	for _, k := range keys {
		value := m.Params[k]
		if value == "" || strings.ContainsAny(value, "\"\\,; \t") {
			value = quote(value)
		}
		out += ";" + k + "=" + value
	}
	return out
}
