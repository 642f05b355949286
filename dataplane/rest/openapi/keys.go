package openapi

import "github.com/wayli-app/fluxbase/dataplane/rest/catalog"

// target is what a column alone is a foreign key to, or "". Tables come before views.
func (s *Source) target(r *catalog.Relation, column string) (table, target string) {
	for _, f := range r.References {
		if len(f.Columns) == 1 && f.Columns[0] == column && f.Schema == s.Schema.Physical {
			return f.Table, f.Targets[0]
		}
	}
	return "", ""
}
