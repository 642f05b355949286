// Package fields checks the bodies of writes and calls, field by field, against what the catalog knows of their columns and arguments.
package fields

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
)

const (
	// Required is what is said of a field that must be there.
	Required = "It must be given: the column has no default and takes no null."
	// maxErrors bounds how many fields an answer names.
	maxErrors = 50
)

// Error is what is wrong with one field: "price", or "2.price" in the third of several rows.
type Error struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Errors are a refusal that names fields.
type Errors []Error

func (e Errors) Error() string {
	if len(e) == 0 {
		return "fields: nothing is wrong"
	}
	return "fields: " + e[0].Field + ": " + e[0].Message
}

// bounded are as many errors as an answer names.
func (e Errors) bounded() Errors { return e[:min(len(e), maxErrors)] }

// Malformed is the refusal of a body that is no object or array of objects.
type Malformed struct{ Why string }

func (e *Malformed) Error() string { return "fields: " + e.Why }

// Rows are a body's, read and checked.
type Rows struct {
	// Columns are those that at least one row names, in the order of their coming.
	Columns []string
	// Count is how many objects there are; Array tells that they stand in one.
	Count int
	Array bool
	// Lacking are fields that must be there and are not, as far as the catalog knows: a trigger may still set them, so that the database
	// has the last word.
	Lacking Errors
	// Wrong are fields that cannot be as they are.
	Wrong Errors
	// Stale tells that a column was not known.
	Stale bool
	named map[string]bool
}

// Names reports whether a row names a column.
func (r *Rows) Names(column string) bool { return r.named[column] }

// Err is the refusal of what is wrong, or nil. It names what is lacking besides.
func (r *Rows) Err() error {
	if r.Wrong == nil {
		return nil
	}
	return append(r.Wrong, r.Lacking...).bounded()
}

// errEnough ends the reading of a body with many faults.
var errEnough = errors.New("enough")

// Check reads the body of a write, an object or an array of objects, against a relation's columns. fresh rows have what must be
// there.
func Check(r *catalog.Relation, body []byte, fresh bool) (*Rows, error) {
	out := &Rows{named: map[string]bool{}}
	in := json.NewDecoder(bytes.NewReader(body))
	start, err := in.Token()
	switch {
	case err != nil:
		return nil, malformed("It is not JSON.")
	case start == json.Delim('{'):
		out.Count = 1
		err = out.row(r, in, "", fresh)
	case start == json.Delim('['):
		out.Array = true
		for ; in.More() && err == nil; out.Count++ {
			var t json.Token
			if t, err = in.Token(); err == nil && t != json.Delim('{') {
				return nil, malformed("Its array holds something other than objects.")
			}
			if err == nil {
				err = out.row(r, in, strconv.Itoa(out.Count)+".", fresh)
			}
		}
		if err == nil {
			_, err = in.Token()
		}
	default:
		return nil, malformed("It is neither an object nor an array of objects.")
	}
	if errors.Is(err, errEnough) {
		return out, nil
	}
	if err != nil || in.More() {
		return nil, malformed("It is not JSON.")
	}
	return out, nil
}

func malformed(why string) error { return &Malformed{why} }

// row reads an object whose brace is read, until its closing one.
func (r *Rows) row(rel *catalog.Relation, in *json.Decoder, at string, fresh bool) error {
	seen := map[string]bool{}
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return err
		}
		name := key.(string)
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return err
		}
		seen[name] = string(value) != "null"
		if !r.named[name] {
			r.named[name] = true
			r.Columns = append(r.Columns, name)
		}
		column := rel.Column(name)
		switch {
		case column == nil:
			r.Stale = true
			r.Wrong = append(r.Wrong, Error{at + name, "There is no such column" + nearest(rel, name) + "."})
		case column.Generated:
			r.Wrong = append(r.Wrong, Error{at + name, "The database makes it: it cannot be given."})
		default:
			if problem := Value(column, value); problem != "" {
				r.Wrong = append(r.Wrong, Error{at + name, problem})
			}
		}
		if len(r.Wrong) >= maxErrors {
			return errEnough
		}
	}
	if _, err := in.Token(); err != nil {
		return err
	}
	for _, c := range rel.Columns {
		if len(r.Lacking) >= maxErrors || !c.NotNull || c.Generated {
			continue
		}
		given, named := seen[c.Name]
		if named && !given || fresh && !named && !c.HasDefault {
			r.Lacking = append(r.Lacking, Error{at + c.Name, Required})
		}
	}
	return nil
}

// nearest names a column that may have been meant.
func nearest(rel *catalog.Relation, name string) string {
	for _, c := range rel.Columns {
		if strings.EqualFold(strings.ReplaceAll(c.Name, "_", ""), strings.ReplaceAll(name, "_", "")) {
			return "; " + strconv.Quote(c.Name) + " is one"
		}
	}
	return ""
}

// Value tells what is wrong with a value for a column, or "". Of what Postgres would take, it refuses only numbers and the like for text:
// those are mistakes.
func Value(c *catalog.Column, value json.RawMessage) string {
	if len(value) == 0 || string(value) == "null" || c.JSON || c.Representation != nil && c.Representation.FromJSON != "" {
		return ""
	}
	base := c.Base
	if base == "" {
		base = c.Type
	}
	if len(c.Enum) > 0 && !c.Array {
		return checkEnum(c.Enum, value)
	}
	if problem := checkType(base, value); problem != "" {
		return problem
	}
	if c.MaxLength > 0 && value[0] == '"' {
		var text string
		if json.Unmarshal(value, &text) == nil && utf8.RuneCountInString(strings.TrimRight(text, " ")) > c.MaxLength {
			return fmt.Sprintf("It is longer than %d characters.", c.MaxLength)
		}
	}
	return ""
}

func checkEnum(enum []string, value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil && slices.Contains(enum, text) {
		return ""
	}
	if len(enum) > 20 {
		return "It is none of the type's values."
	}
	return "It must be one of " + strings.Join(enum, ", ") + "."
}

// integers are the whole numbers' types, and their bounds.
var integers = map[string]int64{"smallint": math.MaxInt16, "integer": math.MaxInt32, "bigint": math.MaxInt64}

var (
	numeral = regexp.MustCompile(`^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$`)
	uuids   = regexp.MustCompile(`^\{?[0-9a-fA-F]{4}(-?[0-9a-fA-F]{4}){7}\}?$`)
)

// checkType tells what is wrong with a value for a type of Postgres' own, or "". What it does not know it lets pass.
func checkType(base string, value json.RawMessage) string {
	kind := value[0]
	if element, ok := strings.CutSuffix(base, "[]"); ok {
		return checkArray(element, value)
	}
	if limit, ok := integers[base]; ok {
		return checkInteger(base, limit, value)
	}
	switch base {
	case "numeric", "real", "double precision":
		text, ok := Scalar(value)
		if !ok || kind == 't' || kind == 'f' || kind == '"' && !numeral.MatchString(text) && !isSpecial(text) {
			return "It must be a number."
		}
	case "boolean":
		text, _ := Scalar(value)
		if kind != 't' && kind != 'f' && (kind != '"' || !slices.Contains([]string{"t", "f", "true", "false", "yes", "no", "on", "off", "1", "0", "y", "n"}, strings.ToLower(strings.TrimSpace(text)))) {
			return "It must be true or false."
		}
	case "uuid":
		if text, ok := Scalar(value); !ok || !uuids.MatchString(text) {
			return "It must be a UUID."
		}
	case "text", "character varying", "character", "date", "timestamp with time zone", "timestamp without time zone", "time without time zone", "time with time zone",
		"interval", "bytea", "inet", "cidr", "macaddr", "xml":
		if kind != '"' {
			return "It must be a string."
		}
	}
	return ""
}

func isSpecial(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "nan", "infinity", "-infinity", "+infinity", "inf", "-inf", "+inf":
		return true
	}
	return false
}

// Scalar is the text of a string, number or boolean; of a string it is what the string says.
func Scalar(value json.RawMessage) (string, bool) {
	switch value[0] {
	case '"':
		var text string
		return text, json.Unmarshal(value, &text) == nil
	case '{', '[':
		return "", false
	}
	return string(value), true
}

// checkInteger takes a number or its text: not all of 64 bits survive in JavaScript's numbers.
func checkInteger(base string, limit int64, value json.RawMessage) string {
	text, ok := Scalar(value)
	if !ok || value[0] == 't' || value[0] == 'f' {
		return "It must be a whole number."
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	switch {
	case err == nil && (n > limit || n < -limit-1):
	case err == nil:
		return ""
	case value[0] == '"' && !numeral.MatchString(text):
		return checkOddInteger(text)
	case strings.ContainsAny(text, ".eE"):
		return "It must be a whole number."
	}
	return "It is out of the range of " + base + "."
}

// checkOddInteger lets pass what newer servers read: 0x1F, 1_000.
func checkOddInteger(text string) string {
	if _, err := strconv.ParseInt(strings.TrimSpace(text), 0, 64); err == nil {
		return ""
	}
	return "It must be a whole number."
}

func checkArray(element string, value json.RawMessage) string {
	if value[0] == '"' && len(value) > 1 && value[1] == '{' { // Postgres' own text of an array
		return ""
	}
	if value[0] != '[' {
		return "It must be an array."
	}
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		return "It must be an array."
	}
	for i, v := range list {
		if len(v) == 0 || string(v) == "null" || v[0] == '[' { // more dimensions
			continue
		}
		if problem := checkType(element, v); problem != "" {
			return fmt.Sprintf("Its element %d is wrong: %s", i, problem)
		}
	}
	return ""
}

// Arguments tells what is wrong with the arguments of a call, an object.
func Arguments(f *catalog.Function, body []byte) (Errors, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(body, &given); err != nil {
		return nil, malformed("It is not an object.")
	}
	var out Errors
	for i := range f.Arguments {
		argument := &f.Arguments[i]
		value, ok := given[argument.Name]
		switch {
		case !ok && argument.Required && !argument.Variadic:
			out = append(out, Error{argument.Name, "It must be given: the argument has no default."})
		case !ok || len(value) == 0 || string(value) == "null" || argument.Representation != nil:
		default:
			base := argument.Base
			if base == "" {
				base = argument.Type
			}
			if problem := checkType(base, value); problem != "" {
				out = append(out, Error{argument.Name, problem})
			}
		}
	}
	for name := range given {
		if !slices.ContainsFunc(f.Arguments, func(a catalog.Argument) bool { return a.Name == name }) {
			out = append(out, Error{name, "The function has no such argument."})
		}
		if len(out) >= maxErrors {
			break
		}
	}
	slices.SortFunc(out, func(a, b Error) int { return strings.Compare(a.Field, b.Field) })
	return out, nil
}
