package id

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// Title checks a name that people give to a thing, in the request's field "name", and trims it: 1 to 80 printable
// characters on one line.
func Title(name string) (string, error) {
	name = strings.TrimSpace(name)
	var problem string
	switch {
	case name == "":
		problem = "must have at least one visible character"
	case utf8.RuneCountInString(name) > 80:
		problem = "must have at most 80 characters"
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		problem = "must have only printable characters, on one line"
	default:
		return name, nil
	}
	return "", &fault.Error{Kind: fault.Invalid, Reason: "NAME_INVALID", Message: "The name " + problem + ".", Fields: map[string]string{"name": problem}}
}
