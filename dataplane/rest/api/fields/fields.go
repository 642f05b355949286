// Package fields checks the bodies of writes and calls, field by field, against what the catalog knows of their columns and arguments.
package fields

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	// maxName bounds the names in it.
	maxName = 128
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

// shown is a name as an answer repeats it: not at any length.
func shown(name string) string {
	if len(name) <= maxName {
		return name
	}
	return strings.ToValidUTF8(name[:maxName], "") + "…"
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
	if err != nil {
		return nil, malformed("It is not JSON.")
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
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
			r.Wrong = append(r.Wrong, Error{at + shown(name), "There is no such column" + nearest(rel, name) + "."})
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
		if len(r.Lacking) >= maxErrors {
			break
		}
		if !c.NotNull || c.Generated {
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
	problem := ""
	_ = Each(value, func(i int, v json.RawMessage) bool {
		if string(v) != "null" && v[0] != '[' { // more dimensions
			problem = checkType(element, v)
		}
		if problem != "" {
			problem = fmt.Sprintf("Its element %d is wrong: %s", i, problem)
		}
		return problem == ""
	})
	return problem
}

// Each gives the elements of a JSON array one after the other, until fn returns false. It holds no more than one of them; fn must not
// keep it.
func Each(array []byte, fn func(i int, value json.RawMessage) bool) error {
	in := json.NewDecoder(bytes.NewReader(array))
	if start, err := in.Token(); err != nil || start != json.Delim('[') {
		return malformed("It is no array.")
	}
	var value json.RawMessage
	for i := 0; in.More(); i++ {
		if err := in.Decode(&value); err != nil {
			return malformed("It is not JSON.")
		}
		if !fn(i, value) {
			return nil
		}
	}
	if _, err := in.Token(); err != nil {
		return malformed("It is not JSON.")
	}
	return nil
}

// Members gives the members of a JSON object in their order, until fn returns false. fn must not keep the value.
func Members(object []byte, fn func(name string, value json.RawMessage) bool) error {
	in := json.NewDecoder(bytes.NewReader(object))
	if start, err := in.Token(); err != nil || start != json.Delim('{') {
		return malformed("It is no object.")
	}
	var value json.RawMessage
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return malformed("It is not JSON.")
		}
		if err := in.Decode(&value); err != nil {
			return malformed("It is not JSON.")
		}
		if !fn(name.(string), value) {
			return nil
		}
	}
	if _, err := in.Token(); err != nil {
		return malformed("It is not JSON.")
	}
	return nil
}

// Arguments tells what is wrong with the arguments of a call, an object.
func Arguments(f *catalog.Function, body []byte) (Errors, error) {
	var out Errors
	given := map[string]bool{}
	err := Members(body, func(name string, value json.RawMessage) bool {
		i := slices.IndexFunc(f.Arguments, func(a catalog.Argument) bool { return a.Name == name })
		if i < 0 {
			out = append(out, Error{shown(name), "The function has no such argument."})
			return len(out) < maxErrors
		}
		given[name] = true
		argument := &f.Arguments[i]
		if string(value) == "null" || argument.Representation != nil {
			return true
		}
		base := argument.Base
		if base == "" {
			base = argument.Type
		}
		if problem := checkType(base, value); problem != "" {
			out = append(out, Error{name, problem})
		}
		return len(out) < maxErrors
	})
	if err != nil {
		return nil, err
	}
	for i := range f.Arguments {
		if a := &f.Arguments[i]; a.Required && !a.Variadic && !given[a.Name] {
			out = append(out, Error{a.Name, "It must be given: the argument has no default."})
		}
	}
	slices.SortFunc(out, func(a, b Error) int { return strings.Compare(a.Field, b.Field) })
	return out.bounded(), nil
}
