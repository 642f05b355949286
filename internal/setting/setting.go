// Package setting is the list of every project setting: its key, type, default and bounds. The control plane validates
// and stores what a project changes; the data plane reads it from the snapshot.
package setting

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
)

// Type is a setting's type, as told to users.
type Type string

// The types. A duration is a whole number of seconds.
const (
	Boolean    Type = "boolean"
	Integer    Type = "integer"
	String     Type = "string"
	StringList Type = "string_list"
	Duration   Type = "duration_seconds"
	// Text is a string of several lines, as a template.
	Text Type = "text"
	// Secret is a string that is sealed where it is stored and never shown again.
	Secret Type = "secret"
)

// Definition describes one setting.
type Definition struct {
	Key         string
	Type        Type
	Default     any // bool, int64, string or []string
	Min, Max    int64
	OneOf       []string
	Description string
	check       func(any) error
}

// Get returns the setting's value in values, or its default. It panics on an unknown key or type: those are defects.
func Get[T bool | int64 | string | []string](values Values, key string) T {
	if v, ok := values[key]; ok {
		return v.(T)
	}
	return byKey[key].Default.(T)
}

// Values are the settings that differ from their defaults, decoded.
type Values map[string]any

// Decode reads settings as stored: key to JSON value. Unknown or unreadable ones are left out, so that a worker older
// than the control plane goes on with its defaults.
func Decode(stored map[string]string) Values {
	out := Values{}
	for key, raw := range stored {
		if v, err := Parse(key, raw); err == nil {
			out[key] = v
		}
	}
	return out
}

// Lookup finds a definition.
func Lookup(key string) (Definition, bool) {
	d, ok := byKey[key]
	return d, ok
}

// All returns every definition, by key.
func All() []Definition {
	out := slices.Clone(definitions)
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}

// Parse decodes a JSON value and checks it. The error's text is for users.
func Parse(key, raw string) (any, error) {
	d, ok := byKey[key]
	if !ok {
		return nil, fmt.Errorf("there is no setting %q", key)
	}
	var v any
	var err error
	switch d.Type {
	case Boolean:
		v, err = decodeAs[bool](raw, "true or false")
	case Integer, Duration:
		v, err = decodeAs[int64](raw, "a whole number")
	case String, Text, Secret:
		v, err = decodeAs[string](raw, "a string in JSON quotes")
	case StringList:
		v, err = decodeAs[[]string](raw, `a list of strings, for example ["public"]`)
	}
	if err != nil {
		return nil, fmt.Errorf("%s must be %w", key, err)
	}
	if n, isInt := v.(int64); isInt && (n < d.Min || n > d.Max) {
		return nil, fmt.Errorf("%s must be from %d to %d", key, d.Min, d.Max)
	}
	if s, isString := v.(string); isString && len(d.OneOf) > 0 && !slices.Contains(d.OneOf, s) {
		return nil, fmt.Errorf("%s must be one of %v", key, d.OneOf)
	}
	if d.check != nil {
		if err := d.check(v); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return v, nil
}

// Check judges a value of the setting's own type, as Parse does. The error's text is for users.
func (d Definition) Check(v any) error {
	if d.check == nil {
		return nil
	}
	return d.check(v)
}

func decodeAs[T any](raw, form string) (any, error) {
	var v T
	if err := json.Unmarshal([]byte(raw), &v); err != nil || raw == "null" {
		return nil, fmt.Errorf("%s", form)
	}
	return v, nil
}

var byKey = func() map[string]Definition {
	out := make(map[string]Definition, len(definitions))
	for _, d := range definitions {
		out[d.Key] = d
	}
	return out
}()
