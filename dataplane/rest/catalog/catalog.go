// Package catalog is what REST knows of a project's schemas, loaded from pg_catalog and kept while its schema does not
// change.
package catalog

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// Catalog describes a project's exposed schemas. It does not change.
type Catalog struct {
	// Version is fluxbase.schema_version() as it was when the catalog was loaded.
	Version int64
	// Schemas by logical name.
	Schemas map[string]*Schema
	objects int
}

// Schema is an exposed schema.
type Schema struct {
	// Name is the logical name, Physical the one in SQL.
	Name, Physical string
	Relations      map[string]*Relation
	// Functions by name; several with one name are overloads.
	Functions map[string][]*Function
}

// Relation is a table, a view or the like.
type Relation struct {
	Schema string `json:"schema"` // physical
	Name   string `json:"name"`
	// Kind is pg_class.relkind: r, p, v, m or f.
	Kind string `json:"kind"`
	// Plain tells that reading it runs no code of the project's: see projectdb.Statement.
	Plain bool `json:"plain"`
	// ReadsSettings tells of policies that read the request's settings besides its claims.
	ReadsSettings bool        `json:"reads_settings"`
	Columns       []*Column   `json:"columns"`
	Keys          []Key       `json:"keys"`
	References    []Reference `json:"references"`
	byName        map[string]*Column
}

// Column is a relation's column.
type Column struct {
	Name string `json:"name"`
	// Type is SQL: a built-in type's name, or a qualified one.
	Type string `json:"type"`
	// JSON tells json and jsonb; Composite tells row types and arrays, into which a path can go.
	JSON      bool `json:"json"`
	Composite bool `json:"composite"`
	NotNull   bool `json:"not_null"`
	Default   bool `json:"default"`
	// Generated columns cannot be written.
	Generated bool `json:"generated"`
}

// Key is a primary key or a unique constraint.
type Key struct {
	Primary bool     `json:"primary"`
	Columns []string `json:"columns"`
}

// Reference is a foreign key.
type Reference struct {
	Name    string   `json:"name"`
	Schema  string   `json:"schema"` // physical
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
	Targets []string `json:"targets"`
}

// Function is what can be called.
type Function struct {
	Schema string `json:"schema"` // physical
	Name   string `json:"name"`
	// Volatility is pg_proc.provolatile: i, s or v.
	Volatility string `json:"volatility"`
	Set        bool   `json:"set"`
	// Returns is "void", "scalar", "composite" or "record".
	Returns   string     `json:"returns"`
	Arguments []Argument `json:"arguments"`
}

// Argument is a function's input.
type Argument struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Required bool   `json:"required"`
	Variadic bool   `json:"variadic"`
}

// Column finds a column, or returns nil.
func (r *Relation) Column(name string) *Column { return r.byName[name] }

// PrimaryKey returns the columns of the primary key, or nil.
func (r *Relation) PrimaryKey() []string {
	for _, k := range r.Keys {
		if k.Primary {
			return k.Columns
		}
	}
	return nil
}

// New makes an empty catalog of logical schemas; Add fills it.
func New(p *directory.Project, schemas []string) *Catalog {
	c := &Catalog{Schemas: make(map[string]*Schema, len(schemas))}
	for _, name := range schemas {
		c.Schemas[name] = &Schema{Name: name, Physical: p.Schema(name), Relations: map[string]*Relation{}, Functions: map[string][]*Function{}}
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

// Add takes one object as catalog.sql gives it.
func (c *Catalog) Add(kind string, object []byte) error {
	c.objects++
	switch kind {
	case "version":
		var v struct {
			Version int64 `json:"version"`
		}
		err := json.Unmarshal(object, &v)
		c.Version = v.Version
		return err
	case "relation":
		r := &Relation{}
		if err := json.Unmarshal(object, r); err != nil {
			return err
		}
		r.byName = make(map[string]*Column, len(r.Columns))
		for _, col := range r.Columns {
			r.byName[col.Name] = col
		}
		c.objects += len(r.Columns) + len(r.Keys) + len(r.References)
		if s := c.physical(r.Schema); s != nil {
			s.Relations[r.Name] = r
		}
		return nil
	case "function":
		f := &Function{}
		if err := json.Unmarshal(object, f); err != nil {
			return err
		}
		c.objects += len(f.Arguments)
		if s := c.physical(f.Schema); s != nil {
			s.Functions[f.Name] = append(s.Functions[f.Name], f)
		}
		return nil
	}
	return fmt.Errorf("catalog: unknown kind %q", kind)
}

//go:embed catalog.sql
var catalogSQL string
