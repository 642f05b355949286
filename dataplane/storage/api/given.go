package api

import "encoding/json"

// given is a field of a body that may be left out, which is not the same as null.
type given[T any] struct {
	set   bool
	value T
}

// UnmarshalJSON reads the value.
func (g *given[T]) UnmarshalJSON(data []byte) error {
	g.set = true
	return json.Unmarshal(data, &g.value)
}
