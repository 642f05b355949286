package plan

import (
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// Options are what bounds and allows plans.
type Options struct {
	// Exposed are the logical schemas in the order of the configuration.
	Exposed []string
	// MaxRows bounds the rows of the target and of every to-many embed; zero for no bound.
	MaxRows int64
	// Aggregates allows them.
	Aggregates bool
	// MaxDepth bounds embeds within embeds; zero for no bound.
	MaxDepth int
	// RequireFilter refuses updates and deletions without one.
	RequireFilter bool
}

// Value is a column of a source, or a place within it.
type Value struct {
	Column string
	Path   []query.Step
	// Row tells that the column is a row or an array, which becomes JSON before a path goes into it.
	Row bool
	// Computed is the function that makes a computed column of the source's row, or nil.
	Computed *catalog.Function
	// Info is the catalog's column, or nil where columns are not known.
	Info *catalog.Column
}

// Output is something to return from a source: a star, a value (perhaps aggregated), or an embed's result.
type Output struct {
	// Star is all columns of the source (those with a representation are shown by it).
	Star bool
	Value
	// Name is what the output is called; "" for what the column is called.
	Name string
	// Cast, Aggregate and AggregateCast are as in query.Item. Count() has an empty column.
	Cast, Aggregate, AggregateCast string
	// Embed is the index in Read.Embeds whose result stands here, or -1.
	Embed int
}

// Condition is a resolved filter, or several combined.
type Condition struct {
	Not      bool
	Any, All []Condition
	// Embed is the index in Read.Embeds of an embed that must (not) be there: "relation=not.is.null"; -1 for a filter of a value.
	// Operator is "is" and Operand "null" or "not_null" then.
	Embed                                   int
	Value                                   Value
	Operator, Quantifier, Language, Operand string
	List                                    []string
}

// Order is a resolved key of the order.
type Order struct {
	Value
	// Embed is the index in Read.Embeds of the to-one embed whose column it is, or -1.
	Embed            int
	Direction, Nulls string
}

// Source is where rows come from.
type Source struct {
	// Relation is a table or view; for a call, what the function's rows are like, or nil.
	Relation *catalog.Relation
	// Call is a function to call, for the target of an rpc.
	Call *Call
	// Written tells that the rows are those that the statement's write returns.
	Written bool
}

// Read is a tree of sources: rows of the root, with what is embedded in them.
type Read struct {
	Source
	Outputs       []Output
	Where         []Condition
	Order         []Order
	Limit, Offset int64 // negative for none
	Embeds        []*Embed
	// Grouped tells that an output is aggregated: the others are what is grouped by.
	Grouped bool
	// weight is how much SQL its conditions make, wherever it is asked whether it has rows.
	weight int
}

// Embed is a related source within a read. Its outputs become one JSON value, or are spread into the parent's.
type Embed struct {
	Read
	// Name is what the parent calls it.
	Name         string
	Relationship *catalog.Relationship
	// Inner keeps the parent's rows only where it has rows.
	Inner bool
	// Spread puts its outputs beside the parent's: values for a to-one, arrays for a to-many.
	Spread bool
	// Silent embeds return nothing ("rel()"): they are there for filters and orders.
	Silent bool
}

// Write inserts, updates or deletes rows of a relation.
type Write struct {
	// Verb is "insert", "update" or "delete".
	Verb     string
	Relation *catalog.Relation
	// Columns are those that the payload sets. Fields are what the payload calls them, or nil when it calls them by their names.
	Columns []*catalog.Column
	Fields  []string
	// Defaults are those of Columns that only some objects of the payload have: the others take the column's default (Prefer:
	// missing=default). Reset are columns, not among Columns, that an update sets to their default.
	Defaults, Reset []*catalog.Column
	// Payload is JSON text: an object, or an array of objects when List is set. Rows is how many objects. An update takes the first.
	Payload []byte
	List    bool
	Rows    int
	// Conflict and Resolution are those of an upsert; Resolution is "" for a plain insert, "merge-duplicates" or
	// "ignore-duplicates". (A relation without a key knows no duplicates: the preference is not applied then.)
	Conflict   []string
	Resolution string
	// Put tells of PUT: one row, whose key is what Where says. Any other number of rows than one is PutMismatch.
	Put bool
	// Where chooses the rows of an update or a deletion.
	Where []Condition
	// Returning is the read over the written rows, or nil for their number only. Its source is Written.
	Returning *Read
	// Location are the key's columns, for the Location header; nil when it is not asked for.
	Location []string
}

// Nothing reports whether there is nothing to write: no objects, or an update that sets no column.
func (w *Write) Nothing() bool {
	switch w.Verb {
	case "insert":
		return w.Rows == 0
	case "update":
		return len(w.Columns)+len(w.Reset) == 0 || w.Rows == 0
	}
	return false
}

// Call calls a function.
type Call struct {
	Function *catalog.Function
	// Arguments are those that are given, in the function's order.
	Arguments []catalog.Argument
	// Payload is JSON with the arguments by name: an object, or an array whose first object counts when List is set. Values are their
	// texts instead, for a call by URL or form: as often as each was given.
	Payload []byte
	List    bool
	Values  [][]string
	// Raw is the body for a function of a single unnamed argument (json, jsonb, text, xml or bytea), which is Arguments[0].
	Raw    []byte
	HasRaw bool
}

// Scalar reports whether what the call returns are values, not rows with columns that have names.
func (c *Call) Scalar() bool { return c.Function.Returns != "composite" }

// Form is what the rows of a statement look like.
type Form struct {
	// Kind is one of the kinds below.
	Kind FormKind
	// StripNulls leaves null fields out of JSON.
	StripNulls bool
	// Handler makes a custom media type, for FormHandler.
	Handler *catalog.MediaHandler
	// Explain wraps the statement in an EXPLAIN with these options, for example "ANALYZE", in upper case, and Format "TEXT" or "JSON".
	Explain       []string
	ExplainFormat string
}

// FormKind is a kind of result rows.
type FormKind int

// The kinds. A statement's rows are: one column "body", each row one JSON value; or the outputs' columns as text; and so on.
const (
	// FormJSON: one row a result row, one column: its JSON text.
	FormJSON FormKind = iota
	// FormColumns: one row a result row, as many columns as outputs, in text, for CSV; their names are the outputs'.
	FormColumns
	// FormScalar: one row and column, the value of a function or of the only output, as its text (bytea in hex).
	FormScalar
	// FormGeoJSON: as FormJSON, each row a GeoJSON feature by PostGIS.
	FormGeoJSON
	// FormHandler: one row, two columns: what the handler makes of all rows (bytea in hex), and how many they are.
	FormHandler
	// FormCount: one row, one column: how many rows there are (HEAD, and writes that return nothing). For a write with Location the
	// key's columns follow, those of the first row as text and named as the columns are; null when no row was written.
	FormCount
)

// Statement is all that sqlgen writes of: a read, a call (a read whose source is one) or a write, and the form of its rows.
type Statement struct {
	Read  *Read
	Write *Write
	Form  Form
}
