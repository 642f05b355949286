package plan

import (
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// NewRead plans a read of a relation.
func NewRead(c *catalog.Catalog, s *catalog.Schema, r *catalog.Relation, n *query.Node, o Options) (*Read, error) {
	return NewSourceRead(c, s, Source{Relation: r}, n, o)
}

// NewSourceRead plans a read of any source: of a call's rows (Relation is what they are like, or nil when columns are not known) or of
// the rows that a write returns (Written). Columns that are not known are left to Postgres to judge.
func NewSourceRead(c *catalog.Catalog, s *catalog.Schema, src Source, n *query.Node, o Options) (*Read, error) {
	panic("to come")
}

// Conditions resolves the filters of an update or a deletion. Filters of embeds are not among them: they are the read's over the written rows.
func Conditions(c *catalog.Catalog, s *catalog.Schema, r *catalog.Relation, list []query.Condition) ([]Condition, error) {
	panic("to come")
}

// Orders resolves the order of an update or a deletion.
func Orders(c *catalog.Catalog, s *catalog.Schema, r *catalog.Relation, list []query.Order) ([]Order, error) {
	panic("to come")
}

// Columns lists the columns of the source that the read uses, so that a write returns no more than those (each needs the privilege to
// select it). All tells that it needs whole rows.
func (r *Read) Columns() (names []string, all bool) {
	panic("to come")
}
