package openapi

import (
	"slices"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
)

// target is what a column alone is a foreign key to, or "". Tables come before views.
func (s *Source) target(r *catalog.Relation, column string) (table, target string) {
	known, ok := s.targets[r.OID]
	if !ok {
		known = s.keys(r)
		if s.targets == nil {
			s.targets = map[uint32]map[string][2]string{}
		}
		s.targets[r.OID] = known
	}
	found := known[column]
	return found[0], found[1]
}

// keys are the foreign keys of one column, by the column: table and column that they refer to.
func (s *Source) keys(r *catalog.Relation) map[string][2]string {
	list := slices.Clone(s.Schema.Relationships(r.Name))
	slices.SortStableFunc(list, func(a, b *catalog.Relationship) int {
		switch first, second := IsView(a.To), IsView(b.To); {
		case first == second:
			return 0
		case first:
			return 1
		}
		return -1
	})
	var out map[string][2]string
	for _, rel := range list {
		one := rel.Cardinality == catalog.ManyToOne || rel.Cardinality == catalog.OneToOne && !rel.Parent
		if !one || len(rel.Columns) != 1 {
			continue
		}
		if _, ok := out[rel.Columns[0].From]; ok {
			continue
		}
		if out == nil {
			out = map[string][2]string{}
		}
		out[rel.Columns[0].From] = [2]string{rel.To.Name, rel.Columns[0].To}
	}
	return out
}
