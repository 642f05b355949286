// Package plan resolves the names of a query against a project's catalog: it chooses relationships, representations and
// functions, and refuses what the protocol does not allow.
package plan

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// Schema picks the schema that a request names, or the first.
func Schema(c *catalog.Catalog, exposed []string, profile string) (*catalog.Schema, error) {
	if profile == "" {
		profile = exposed[0]
	}
	if s, ok := c.Schemas[profile]; ok {
		return s, nil
	}
	return nil, &query.Error{Status: http.StatusNotAcceptable, Code: "PGRST106", Message: "Invalid schema: " + profile,
		Hint: "Only the following schemas are exposed: " + strings.Join(exposed, ", ")}
}

// Relation finds a relation.
func Relation(s *catalog.Schema, name string) (*catalog.Relation, error) {
	if r, ok := s.Relations[name]; ok {
		return r, nil
	}
	e := &query.Error{Status: http.StatusNotFound, Code: "PGRST205",
		Message: fmt.Sprintf("Could not find the table '%s.%s' in the schema cache", s.Name, name)}
	if near := nearest(name, s.Relations); near != "" {
		e.Hint = fmt.Sprintf("Perhaps you meant the table '%s.%s'", s.Name, near)
	}
	return nil, e
}

// nearest finds the name that is most like one that is not there, or "".
func nearest[T any](name string, names map[string]T) string {
	best, least := "", len(name)/3+1
	for n := range names {
		if d := distance(name, n, least+1); d < least || (d == least && (best == "" || n < best)) {
			best, least = n, d
		}
	}
	return best
}

// distance is Levenshtein's, or limit when it is not below that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > 63 || len(b) > 63 {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}
