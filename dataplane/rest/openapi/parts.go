package openapi

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
)

// parts are the static descriptions of the other services' routes: a file each, with a tag, paths (from the project's root), schemas
// and responses. A service that is built adds its file.
//
//go:embed parts/*.json
var parts embed.FS

// part is one of them. Its objects keep the order of the file.
type part struct {
	Tag                       json.RawMessage
	Paths, Schemas, Responses ordered
}

// ordered reads a JSON object's members in their order.
type ordered object

func (o *ordered) UnmarshalJSON(raw []byte) error {
	in := json.NewDecoder(bytes.NewReader(raw))
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("openapi: not an object: %w", err)
	}
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return err
		}
		*o = append(*o, member{key.(string), value})
	}
	return nil
}

// services are the parts, read once.
var services = func() []part {
	names, err := fs.Glob(parts, "parts/*.json")
	if err != nil {
		panic(err)
	}
	out := make([]part, len(names))
	for i, name := range names {
		raw, err := parts.ReadFile(name)
		if err != nil {
			panic(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			panic(name + ": " + err.Error())
		}
		if err := json.Unmarshal(compact.Bytes(), &out[i]); err != nil {
			panic(name + ": " + err.Error())
		}
	}
	return out
}()
