package catalog

import (
	"encoding/json"
	"fmt"

	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// New makes an empty catalog of logical schemas, for Add to fill: tests of other packages have no database.
func New(p *directory.Project, schemas []string) *Catalog {
	c := &Catalog{
		Schemas: make(map[string]*Schema, len(schemas)), Representations: map[string]*Representation{}, names: schemas,
		computed: map[relationKey][]*Function{},
	}
	for _, name := range schemas {
		c.Schemas[name] = &Schema{
			Name: name, Physical: p.Schema(name), Relations: map[string]*Relation{}, Functions: map[string][]*Function{}, catalog: c,
		}
	}
	return c
}

func (c *Catalog) physical(name string) *Schema {
	for _, s := range c.Schemas {
		if s.Physical == name {
			return s
		}
	}
	return nil
}

// Add takes an object in JSON: a "relation", a "function", a "handler" or a "representation" (with its domain's name as "type"). All must
// be there before anything is asked; relations before the functions that take their rows.
func (c *Catalog) Add(kind string, object []byte) error {
	switch kind {
	case "relation":
		r := &Relation{}
		if err := json.Unmarshal(object, r); err != nil {
			return err
		}
		c.addRelation(r)
		return nil
	case "function":
		f := &Function{}
		if err := json.Unmarshal(object, f); err != nil {
			return err
		}
		c.addFunction(f)
		if s := c.physical(f.RowSchema); s != nil && s.Relations[f.RowName] != nil {
			compute(s.Relations[f.RowName], f)
		}
		return nil
	case "handler":
		h := &MediaHandler{}
		c.handlers = append(c.handlers, h)
		return json.Unmarshal(object, h)
	case "representation":
		var r struct {
			Type string `json:"type"`
			Representation
		}
		err := json.Unmarshal(object, &r)
		c.Representations[r.Type] = &r.Representation
		return err
	}
	return fmt.Errorf("catalog: unknown kind %q", kind)
}

func (c *Catalog) addRelation(r *Relation) {
	r.index()
	for _, col := range r.Columns {
		if col.Representation == nil {
			col.Representation = c.Representations[col.Type]
		}
	}
	c.objects += weigh(r)
	if s := c.physical(r.Schema); s != nil {
		s.Relations[r.Name] = r
	}
}

func (c *Catalog) addFunction(f *Function) {
	c.objects += 1 + len(f.Arguments) + len(f.Columns) + len(f.Comment)/256
	if s := c.physical(f.Schema); s != nil {
		s.Functions[f.Name] = append(s.Functions[f.Name], f)
	}
	if f.RowName != "" {
		key := relationKey{f.RowSchema, f.RowName}
		c.computed[key] = append(c.computed[key], f)
	}
}

// compute makes a function a column of the relation, if it returns one value.
func compute(r *Relation, f *Function) {
	if f.Set || f.Returns == "void" {
		return
	}
	if r.Computed == nil {
		r.Computed = map[string]*Function{}
	}
	if r.Computed[f.Name] == nil {
		r.Computed[f.Name] = f
	}
}

// weigh counts what takes memory.
func weigh(r *Relation) int {
	text := len(r.Comment)
	n := 1 + len(r.Columns) + len(r.Keys) + len(r.References) + len(r.origins)/4
	for _, c := range r.Columns {
		text += len(c.Default) + len(c.Comment)
	}
	return n + text/256
}
