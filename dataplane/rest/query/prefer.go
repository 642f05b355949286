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
	p := Preferences{MaxAffected: -1}
	for _, h := range headers {
		for n := 0; h != "" && n < maxNodes; n++ {
			var part string
			part, h, _ = strings.Cut(h, ",")
			if part = strings.TrimSpace(part); part != "" && !p.set(part) {
				p.Unknown = append(p.Unknown, part)
			}
		}
	}
	return p
}

// set takes a preference, if it is known.
func (p *Preferences) set(part string) bool {
	key, value, _ := strings.Cut(part, "=")
	switch key {
	case "return":
		return first(&p.Return, value, "minimal", "headers-only", "representation")
	case "count":
		return first(&p.Count, value, "exact", "planned", "estimated")
	case "resolution":
		return first(&p.Resolution, value, "merge-duplicates", "ignore-duplicates")
	case "missing":
		return first(&p.Missing, value, "default", "null")
	case "handling":
		return first(&p.Handling, value, "strict", "lenient")
	case "tx":
		return first(&p.Tx, value, "commit", "rollback")
	case "timezone":
		return first(&p.Timezone, value, value) && value != ""
	case "max-affected":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			return false
		}
		if p.MaxAffected < 0 {
			p.MaxAffected = n
		}
		return true
	}
	return false
}

// first takes a value that is allowed, unless there is one.
func first(target *string, value string, allowed ...string) bool {
	for _, a := range allowed {
		if value == a {
			if *target == "" {
				*target = value
			}
			return true
		}
	}
	return false
}

// Strict tells that preferences bind: those that are not known are refused, and MaxAffected holds.
func (p Preferences) Strict() bool { return p.Handling == "strict" }

// Refusal refuses preferences that are not known when the request is strict; nil when there is nothing to refuse.
func (p Preferences) Refusal() *Error {
	if !p.Strict() || len(p.Unknown) == 0 {
		return nil
	}
	return &Error{Status: http.StatusBadRequest, Code: "PGRST122", Message: "Invalid preferences given with handling=strict",
		Details: "Invalid preferences: " + strings.Join(p.Unknown, ", ")}
}

// Followed tells which preferences a request could follow. Those for the count and the handling always can be.
type Followed struct{ Resolution, Missing, Return, Tx, Timezone, MaxAffected bool }

// Follows tells what a request of the method can follow, if the server lets it (Tx and Timezone are the caller's to clear). Call is
// that of a function. Keyed tells of an insert that conflicts could be resolved by a primary key or on_conflict.
func Follows(method string, call, keyed bool) Followed {
	f := Followed{Tx: true, Timezone: true}
	switch {
	case call:
		f.MaxAffected = true
	case method == http.MethodPost:
		f.Resolution, f.Missing, f.Return = keyed, true, true
	case method == http.MethodPut:
		f.Return = true
	case method == http.MethodPatch:
		f.Missing, f.Return, f.MaxAffected = true, true, true
	case method == http.MethodDelete:
		f.Return, f.MaxAffected = true, true
	}
	return f
}

// Applied is the Preference-Applied header of a request that followed those preferences; "" for none.
func (p Preferences) Applied(f Followed) string {
	var out []byte
	add := func(followed bool, key, value string) {
		if !followed || value == "" {
			return
		}
		if out != nil {
			out = append(out, ", "...)
		}
		out = append(append(append(out, key...), '='), value...)
	}
	add(f.Resolution, "resolution", p.Resolution)
	add(f.Missing, "missing", p.Missing)
	add(f.Return, "return", p.Return)
	add(true, "count", p.Count)
	add(f.Tx, "tx", p.Tx)
	add(true, "handling", p.Handling)
	add(f.Timezone, "timezone", p.Timezone)
	if p.MaxAffected >= 0 && p.Strict() {
		add(f.MaxAffected, "max-affected", strconv.FormatInt(p.MaxAffected, 10))
	}
	return string(out)
}
