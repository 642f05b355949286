// Package name is the one rule for names of buckets and objects, whichever protocol they come by.
package name

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// Bounds, in bytes for objects and characters for buckets.
const (
	MaxObject = 1024
	MaxBucket = 100
)

// Object checks the name of an object: one to 1,024 bytes of UTF-8 in segments between single slashes. Any script is welcome; what a browser, a
// shell or a file system might take for another name is not.
func Object(s string) error {
	switch {
	case s == "":
		return invalid(s, "it is empty")
	case len(s) > MaxObject:
		return invalid(s, fmt.Sprintf("it is longer than %d bytes", MaxObject))
	}
	if why := characters(s); why != "" {
		return invalid(s, why)
	}
	for segment := range strings.SplitSeq(s, "/") {
		if why := badSegment(segment); why != "" {
			return invalid(s, why)
		}
	}
	return nil
}

// Prefix checks what the names of a listing begin with: nothing, folders, or half a name.
func Prefix(s string) error {
	if s == "" {
		return nil
	}
	if len(s) > MaxObject {
		return invalid(s, fmt.Sprintf("it is longer than %d bytes", MaxObject))
	}
	if why := characters(s); why != "" {
		return invalid(s, why)
	}
	folders := strings.Split(s, "/")
	for _, segment := range folders[:len(folders)-1] { // the last may be the beginning of any name
		if why := badSegment(segment); why != "" {
			return invalid(s, why)
		}
	}
	return nil
}

// Bucket checks the id of a bucket, which is its name.
func Bucket(s string) error {
	no := func(why string) error {
		return fault.New(fault.Invalid, "INVALID_BUCKET_NAME", "Bucket name invalid: %s. Use 1 to 100 letters, digits, spaces or any of !-_.*'()&$@=;:+,?", why)
	}
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		return no("it is empty")
	case n > MaxBucket:
		return no(fmt.Sprintf("it is longer than %d characters", MaxBucket))
	case s == "." || s == "..":
		return no("it is a path")
	case s[0] == ' ' || s[len(s)-1] == ' ':
		return no("it begins or ends with a space")
	}
	for _, c := range s {
		if !bucketLetter(c) {
			return no(fmt.Sprintf("it has the character %q", c))
		}
	}
	return nil
}

func bucketLetter(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_!-.*'() &$@=;:+,?", c)
}

func badSegment(segment string) string {
	switch segment {
	case "":
		return "it has an empty part: a slash at the start or the end, or two in a row"
	case ".", "..":
		return "a part of it is " + segment
	}
	return ""
}

// characters says which characters are not to be in a name.
func characters(s string) string {
	if !utf8.ValidString(s) {
		return "it is not UTF-8"
	}
	for _, c := range s {
		switch {
		case c == '\\':
			return "it has a backslash"
		case unicode.IsControl(c), c == '\u2028', c == '\u2029':
			return fmt.Sprintf("it has the control character %U", c)
		case c >= '\u202a' && c <= '\u202e', c >= '\u2066' && c <= '\u2069':
			return fmt.Sprintf("it has %U, which hides how it is written", c)
		case c == utf8.RuneError, c == '\ufeff', c == '\ufffe', c == '\uffff':
			return fmt.Sprintf("it has %U, which is no character", c)
		}
	}
	return ""
}

func invalid(s, why string) error {
	if len(s) > 100 {
		s = strings.ToValidUTF8(s[:100], "") + "…"
	}
	return fault.New(fault.Invalid, "INVALID_KEY", "Invalid key: %s (%s)", strings.ToValidUTF8(s, "\ufffd"), why)
}
