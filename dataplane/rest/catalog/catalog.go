// Package catalog is what REST knows of a project's schemas, loaded from pg_catalog and kept while its schema does not
// change.
package catalog

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Catalog describes a project's exposed schemas. It does not change: a newer one is a new Catalog, which shares what is the same.
type Catalog struct {
	// Version is fluxbase.schema_version() as it was when the catalog was loaded; zero where there is none.
	Version int64
	// Schemas by logical name.
	Schemas map[string]*Schema
	// Representations of domains, by the domain's SQL name (Column.Type without modifiers).
	Representations map[string]*Representation
	// Timezones are the names that Prefer: timezone may have; shared by all catalogs of a Cache and server version.
	Timezones map[string]bool
	// ServerVersion is server_version_num.
	ServerVersion int

	names   []string // of the schemas, in the order of the exposure
	objects int
	// partial tells that something could not be told now, and is to be asked for again.
	partial bool
	state   *state
	// hidden are relations of other schemas that exposed views are made of.
	hidden   []*Relation
	computed map[relationKey][]*Function
	handlers []*MediaHandler
	linked   sync.Once
	graph    *graph
}

// Schema is an exposed schema.
type Schema struct {
	// Name is the logical name, Physical the one in SQL.
	Name, Physical string
	Comment        string
	Relations      map[string]*Relation
	// Functions by name; several with one name are overloads.
	Functions map[string][]*Function
	catalog   *Catalog
	// relationships by the source relation's name, as they are asked for; kept counts them. See Relationships.
	relationships sync.Map
	kept          atomic.Int64
}

// Relation is a table, a view or the like.
type Relation struct {
	OID    uint32 `json:"oid"`
	Schema string `json:"schema"` // physical
	Name   string `json:"name"`
	// Kind is pg_class.relkind: r, p, v, m or f.
	Kind    string `json:"kind"`
	Comment string `json:"comment"`
	// Partition tells a partition of another table. It can be named, and is listed nowhere.
	Partition bool `json:"partition"`
	// Plain tells that reading it runs no code of the project's: see projectdb.Statement.
	Plain bool `json:"plain"`
	// PlainInsert tells that an insert, if it does not update on a conflict, runs none either, and leaves nothing behind but what
	// sequences gave. It implies Plain, and is never so in an unversioned database.
	PlainInsert bool `json:"plain_insert"`
	// PlainChange tells the same of updates and deletions. It implies PlainInsert.
	PlainChange bool `json:"plain_change"`
	// ReadsSettings tells of policies that read the request's settings besides its claims; WriteReadsSettings of those, checks and
	// defaults that a write runs.
	ReadsSettings      bool `json:"reads_settings"`
	WriteReadsSettings bool `json:"write_reads_settings"`
	// Insertable, Updatable and Deletable say what can be done with it (views: pg_relation_is_updatable, triggers included).
	Insertable bool      `json:"insertable"`
	Updatable  bool      `json:"updatable"`
	Deletable  bool      `json:"deletable"`
	Columns    []*Column `json:"columns"`
	Keys       []Key     `json:"keys"`
	// References are the foreign keys of a table. Those of a view are not here: see Schema.Relationships. Its Keys are: a primary key
	// made of those of the tables below it.
	References []Reference `json:"references"`
	// Computed are functions of one argument, the relation's row type, that return one value: columns that "*" does not have.
	Computed map[string]*Function `json:"-"`
	sorted   []*Column            // by name
	origins  []origin             // of a view's columns
}

// Column is a relation's column, or a function's result's.
type Column struct {
	Name string `json:"name"`
	// Type is SQL: a built-in type's name, or a qualified and quoted one, with modifiers.
	Type string `json:"type"`
	// Base is Type, or what a domain is made of in the end, without modifiers.
	Base string `json:"base"`
	// JSON tells json and jsonb (domains over them too); Composite tells row types and arrays, into which a path can go.
	JSON      bool `json:"json"`
	Composite bool `json:"composite"`
	Array     bool `json:"array"`
	NotNull   bool `json:"not_null"`
	// Default is the text of the default, for descriptions; HasDefault tells of one, identity included.
	Default    string `json:"default"`
	HasDefault bool   `json:"has_default"`
	// Generated columns, and identities "always", cannot be written.
	Generated bool     `json:"generated"`
	Comment   string   `json:"comment"`
	MaxLength int      `json:"max_length"`
	Enum      []string `json:"enum"`
	// Representation is that of the column's domain, or nil.
	Representation *Representation `json:"-"`
}

// Representation is how values of a domain are shown and read: functions of the casts that its owner made, as qualified and
// quoted names, each "" where there is none.
type Representation struct {
	// ToJSON casts the domain to json, FromJSON json to the domain, FromText text to the domain (for filters).
	ToJSON   string `json:"to_json"`
	FromJSON string `json:"from_json"`
	FromText string `json:"from_text"`
}

// Key is a primary key or a unique constraint.
type Key struct {
	Name    string   `json:"name"`
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
	OID    uint32 `json:"oid"`
	Schema string `json:"schema"` // physical
	Name   string `json:"name"`
	// Volatility is pg_proc.provolatile: i, s or v.
	Volatility string `json:"volatility"`
	Comment    string `json:"comment"`
	// Set tells that it returns any number of rows; a single row of a table's type declared ROWS 1 counts as set too.
	Set bool `json:"set"`
	// Rows is prorows, the owner's estimate.
	Rows float64 `json:"rows"`
	// Returns is "void", "scalar", "composite" (columns known) or "record" (not known).
	Returns string `json:"returns"`
	// Type is what it returns, in SQL. ScalarKind helps to choose the form of the answer: it is Type's base type.
	Type string `json:"type"`
	Base string `json:"base"`
	// Relation is the physical schema and name of the table or view whose row type it returns, or empty: embeds start from there.
	RelationSchema string `json:"relation_schema"`
	RelationName   string `json:"relation_name"`
	// Columns are those of a composite result that is no relation's.
	Columns   []*Column  `json:"columns"`
	Arguments []Argument `json:"arguments"`
	// Settings are its own (SET …) that the request's transaction takes on: statement_timeout and default_transaction_isolation.
	Settings map[string]string `json:"settings"`
	// MediaType is what the domain that it returns is named after, in lower case, for example "image/png"; or "".
	MediaType string `json:"media_type"`
	// RowSchema (physical) and RowName are those of the relation whose row type its only argument is, or "".
	RowSchema string `json:"row_schema"`
	RowName   string `json:"row_name"`
}

// Argument is a function's input.
type Argument struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Base     string `json:"base"`
	Required bool   `json:"required"`
	Variadic bool   `json:"variadic"`
	// Representation is that of the argument's domain, or nil.
	Representation *Representation `json:"-"`
}

// Cardinality is how many rows of each side a relationship joins.
type Cardinality string

// The cardinalities, seen from the source.
const (
	ManyToOne  Cardinality = "many-to-one"
	OneToMany  Cardinality = "one-to-many"
	OneToOne   Cardinality = "one-to-one"
	ManyToMany Cardinality = "many-to-many"
)

// Relationship joins a relation with another, or with itself.
type Relationship struct {
	Cardinality Cardinality
	// From and To are the relations.
	From, To *Relation
	// Constraint is the foreign key's name; of a many-to-many it is the junction's first.
	Constraint string
	// Parent tells, for a one-to-one, that the foreign key is the target's, not the source's.
	Parent bool
	// Columns pair those of From with those of To; empty for a many-to-many and a computed relationship.
	Columns []Pair
	// Junction is the table between, for a many-to-many.
	Junction *Junction
	// Function makes a computed relationship: it takes a row of From and returns rows of To. Single tells that one at most.
	Function *Function
	Single   bool
}

// Pair is two columns that are equal.
type Pair struct{ From, To string }

// Junction is the table of a many-to-many.
type Junction struct {
	Relation *Relation
	// FromConstraint and ToConstraint are its two foreign keys.
	FromConstraint, ToConstraint string
	// From pairs columns of the source with the junction's; To pairs columns of the junction with the target's.
	From, To []Pair
}

// One reports whether the target is at most one row.
func (r *Relationship) One() bool {
	return r.Cardinality == ManyToOne || r.Cardinality == OneToOne || r.Single
}

// MediaHandler makes a media type of rows: an aggregate, or a function whose return type is a domain named after the type.
type MediaHandler struct {
	// MediaType is as the domain is named: "text/csv", "*/*".
	MediaType string `json:"media_type"`
	// Schema (physical) and Function name the aggregate; empty for a function's own result.
	Schema   string `json:"schema"`
	Function string `json:"function"`
	// Base is what the domain is made of, in SQL, for example "bytea".
	Base string `json:"base"`
	// RelationSchema and RelationName are those of the row type it takes, or empty for any.
	RelationSchema string `json:"relation_schema"`
	RelationName   string `json:"relation_name"`
}

type relationKey struct{ schema, name string } // physical

func (r *Relation) key() relationKey { return relationKey{r.Schema, r.Name} }

// Column finds a column, or returns nil.
func (r *Relation) Column(name string) *Column {
	if r.sorted == nil { // made by hand
		return columnOf(r.Columns, name)
	}
	i, ok := slices.BinarySearchFunc(r.sorted, name, func(c *Column, name string) int { return strings.Compare(c.Name, name) })
	if !ok {
		return nil
	}
	return r.sorted[i]
}

func (r *Relation) index() {
	r.sorted = slices.SortedFunc(slices.Values(r.Columns), func(a, b *Column) int { return strings.Compare(a.Name, b.Name) })
}

// Column finds a column of a composite result that is no relation's, or returns nil.
func (f *Function) Column(name string) *Column { return columnOf(f.Columns, name) }

func columnOf(columns []*Column, name string) *Column {
	for _, c := range columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// PrimaryKey returns the columns of the primary key, or nil.
func (r *Relation) PrimaryKey() []string {
	for _, k := range r.Keys {
		if k.Primary {
			return k.Columns
		}
	}
	return nil
}

// Handler finds what makes a media type of a relation's rows: one for the relation's own row type, else one for any. The schema's own
// come before those of other exposed schemas. It returns nil when there is none, also for a nil relation.
func (s *Schema) Handler(r *Relation, media string) *MediaHandler {
	var best *MediaHandler
	rank := 0
	for _, h := range s.catalog.handlers {
		if h.MediaType != media {
			continue
		}
		score := 1
		switch {
		case h.RelationName == "":
		case r != nil && h.RelationSchema == r.Schema && h.RelationName == r.Name:
			score += 2
		default:
			continue
		}
		if h.Schema == s.Physical {
			score++
		}
		if score > rank {
			best, rank = h, score
		}
	}
	return best
}
