package query

import (
	"net/http"
	"strconv"
	"strings"
)

// Preferences are what the Prefer header asks for.
type Preferences struct {
	// Return is "", "minimal", "headers-only" or "representation".
	Return string
	// Count is "", "exact", "planned" or "estimated".
	Count string
	// Resolution is "", "merge-duplicates" or "ignore-duplicates".
	Resolution string
	// Missing is "", "default" or "null": what columns take that an object lacks.
	Missing string
	// Handling is "", "strict" or "lenient": whether preferences that are not known are refused.
	Handling string
	// Tx is "", "commit" or "rollback".
	Tx string
	// Timezone is "" or a name for the server to know; a request whose zone is unknown is refused when Handling is strict.
	Timezone string
	// MaxAffected bounds the rows that a write may change; negative for none. It holds when Handling is strict.
	MaxAffected int64
	// Unknown are the preferences, as given, that are not known or have a value that is not.
	Unknown []string
}

// ParsePrefer reads the Prefer headers. Of a preference given twice the first counts.
func ParsePrefer(headers []string) Preferences {
	var p Preferences
	seen := map[string]bool{}
	for _, h := range headers {
		for _, part := range strings.Split(h, ",") {
			key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			if key == "" || seen[key] {
				continue
			}
			if !p.set(key, value) {
				p.Unknown = append(p.Unknown, strings.TrimSpace(part))
				continue
			}
			seen[key] = true
		}
	}
	return p
}

func (p *Preferences) set(key, value string) bool {
	one := func(target *string, allowed ...string) bool {
		for _, a := range allowed {
			if value == a {
				*target = value
				return true
			}
		}
		return false
	}
	var ignored string
	switch key {
	case "return":
		return one(&p.Return, "minimal", "headers-only", "representation")
	case "count":
		return one(&p.Count, "exact", "planned", "estimated")
	case "resolution":
		return one(&p.Resolution, "merge-duplicates", "ignore-duplicates")
	case "missing":
		return one(&p.Missing, "default") || one(&ignored, "null")
	case "handling":
		p.Strict = value == "strict"
		return value == "strict" || value == "lenient"
	}
	return false
}

// Applied is the Preference-Applied header of the preferences that a request of the method follows.
func (p Preferences) Applied(method string) string {
	var out []string
	add := func(key, value string) {
		if value != "" {
			out = append(out, key+"="+value)
		}
	}
	writes := method != http.MethodGet && method != http.MethodHead
	if method == http.MethodPost {
		add("resolution", p.Resolution)
		add("missing", p.Missing)
	}
	if writes {
		add("return", p.Return)
	}
	add("count", p.Count)
	if p.Strict {
		add("handling", "strict")
	}
	return strings.Join(out, ", ")
}

// ParseRange reads a Range header of items, "0-9" or "10-". It returns negative numbers for what is not given, and ok
// false for one that asks for nothing.
func ParseRange(header string) (offset, limit int64, ok bool) {
	from, to, dash := strings.Cut(strings.TrimPrefix(header, "items="), "-")
	first, err := strconv.ParseInt(from, 10, 64)
	if !dash || err != nil || first < 0 {
		return -1, -1, true // not ours: ignored, as HTTP says
	}
	if to == "" {
		return first, -1, true
	}
	last, err := strconv.ParseInt(to, 10, 64)
	if err != nil {
		return -1, -1, true
	}
	if last < first {
		return 0, 0, false
	}
	return first, last - first + 1, true
}
