package plan

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// embedWeight is what an embed adds to the weight of a request, for the subquery it is to Postgres' planner.
const embedWeight = 20

// embed plans a related source. It reports whether the parent is grouped for what is spread into it.
func (p *planner) embed(parent *Read, q *query.Embed, depth int) (*Embed, bool, error) {
	rel, err := p.relationship(parent, q)
	if err == nil {
		err = p.weigh(embedWeight)
	}
	if err != nil {
		return nil, false, err
	}
	e := &Embed{Name: q.Name(), Relationship: rel, Inner: q.Join == "inner", Spread: q.Spread, Silent: q.Select != nil && len(q.Select) == 0}
	e.Relation = rel.To
	aggregated, err := p.read(&e.Read, &q.Node, depth+1)
	if err != nil {
		return nil, false, err
	}
	if rel.One() {
		e.Limit = q.Limit // one row needs no bound
	}
	// An embed of nothing but silent embeds has nothing to say either.
	e.Silent = e.Silent || len(e.Outputs) == 0
	if !aggregated || !e.Spread {
		e.Grouped = aggregated
		return e, false, nil
	}
	if !rel.One() {
		return nil, false, query.Unsupported("Aggregates are not implemented for one-to-many or many-to-many spreads.")
	}
	return e, true, nil
}

// relationship chooses the one that an embed means.
func (p *planner) relationship(parent *Read, q *query.Embed) (*catalog.Relationship, error) {
	if parent.Relation == nil {
		name := "pgrst_call"
		if parent.Call != nil {
			name = parent.Call.Function.Name
		}
		return nil, p.notRelated(name, q, nil)
	}
	all := p.schema.Relationships(parent.Relation.Name)
	var fit []*catalog.Relationship
	for _, r := range all {
		if fits(r, q) {
			fit = append(fit, r)
		}
	}
	// A computed relationship named like a relation stands for all others with it.
	if len(fit) > 1 && q.Hint == "" {
		if i := slices.IndexFunc(fit, func(r *catalog.Relationship) bool { return r.Function != nil && r.Function.Name == q.Relation }); i >= 0 {
			return fit[i], nil
		}
	}
	switch {
	case len(fit) == 0:
		return nil, p.notRelated(parent.Relation.Name, q, all)
	case len(fit) == 1:
		return fit[0], nil
	}
	slices.SortStableFunc(fit, compareRelationships)
	return nil, severalRelated(parent.Relation.Name, q, fit)
}

// fits reports whether a relationship may be the one that an embed names: by its target, its constraint, or its only column; and by
// its hint.
func fits(r *catalog.Relationship, q *query.Embed) bool {
	if r.Function != nil {
		return q.Relation == r.Function.Name
	}
	if r.From == r.To && r.Junction == nil {
		return fitsSelf(r, q)
	}
	if q.Hint == "" {
		return q.Relation == r.To.Name || (isTable(r.To) && (r.Junction == nil && q.Relation == r.Constraint || fromColumn(r) == q.Relation))
	}
	return q.Relation == r.To.Name && (r.Junction == nil && q.Hint == r.Constraint || fromColumn(r) == q.Hint || toColumn(r) == q.Hint ||
		(r.Junction != nil && r.Junction.Relation.Name == q.Hint))
}

// fitsSelf tells the two directions of a key within one table apart: its column or constraint leads to the parent, the table's name to
// the children.
func fitsSelf(r *catalog.Relationship, q *query.Embed) bool {
	up := r.Cardinality == catalog.ManyToOne || (r.Cardinality == catalog.OneToOne && !r.Parent)
	if q.Hint == "" {
		if up {
			return isTable(r.To) && q.Relation != r.To.Name && (q.Relation == r.Constraint || fromColumn(r) == q.Relation)
		}
		return q.Relation == r.To.Name
	}
	return !up && q.Relation == r.To.Name && (q.Hint == r.Constraint || toColumn(r) == q.Hint)
}

func isTable(r *catalog.Relation) bool { return r.Kind != "v" && r.Kind != "m" }

// fromColumn and toColumn are the only columns of a key, or a name that nothing has.
func fromColumn(r *catalog.Relationship) string {
	if len(r.Columns) == 1 {
		return r.Columns[0].From
	}
	return "\x00"
}

func toColumn(r *catalog.Relationship) string {
	if len(r.Columns) == 1 {
		return r.Columns[0].To
	}
	return "\x00"
}

var ranks = map[catalog.Cardinality]int{catalog.OneToMany: 0, catalog.ManyToOne: 1, catalog.OneToOne: 2, catalog.ManyToMany: 3}

func compareRelationships(a, b *catalog.Relationship) int {
	return cmp.Or(cmp.Compare(a.To.Name, b.To.Name), cmp.Compare(ranks[a.Cardinality], ranks[b.Cardinality]), cmp.Compare(via(a), via(b)),
		slices.CompareFunc(a.Columns, b.Columns, func(x, y catalog.Pair) int {
			return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
		}))
}

// via is what an embed says after "!" to mean the relationship.
func via(r *catalog.Relationship) string {
	switch {
	case r.Function != nil:
		return r.Function.Name
	case r.Junction != nil:
		return r.Junction.Relation.Name
	}
	return r.Constraint
}

// described is a relationship in the details of a refusal.
type described struct {
	Cardinality  string `json:"cardinality"`
	Embedding    string `json:"embedding"`
	Relationship string `json:"relationship"`
}

func severalRelated(from string, q *query.Embed, list []*catalog.Relationship) *query.Error {
	details := make([]described, len(list))
	choices := make([]string, len(list))
	for i, r := range list {
		details[i] = described{string(r.Cardinality), r.From.Name + " with " + r.To.Name, describeRelationship(r)}
		choices[i] = "'" + r.To.Name + "!" + via(r) + "'"
	}
	return &query.Error{Status: http.StatusMultipleChoices, Code: "PGRST201",
		Message: fmt.Sprintf("Could not embed because more than one relationship was found for '%s' and '%s'", from, q.Relation),
		Details: details,
		Hint: fmt.Sprintf("Try changing '%s' to one of the following: %s. Find the desired relationship in the 'details' key.", q.Relation,
			strings.Join(choices, ", "))}
}

func describeRelationship(r *catalog.Relationship) string {
	side := func(name string, pairs []catalog.Pair, from bool) string {
		columns := make([]string, len(pairs))
		for i, p := range pairs {
			if columns[i] = p.To; from {
				columns[i] = p.From
			}
		}
		return name + "(" + strings.Join(columns, ", ") + ")"
	}
	switch j := r.Junction; {
	case r.Function != nil:
		return r.Function.Name
	case j != nil:
		return fmt.Sprintf("%s using %s and %s", j.Relation.Name, side(j.FromConstraint, j.From, false), side(j.ToConstraint, j.To, true))
	}
	return fmt.Sprintf("%s using %s and %s", r.Constraint, side(r.From.Name, r.Columns, true), side(r.To.Name, r.Columns, false))
}

func (p *planner) notRelated(from string, q *query.Embed, all []*catalog.Relationship) *query.Error {
	e := &query.Error{Status: http.StatusBadRequest, Code: "PGRST200",
		Message: fmt.Sprintf("Could not find a relationship between '%s' and '%s' in the schema cache", from, q.Relation)}
	using := ""
	if q.Hint != "" {
		using = fmt.Sprintf(" using the hint '%s'", q.Hint)
	}
	e.Details = fmt.Sprintf("Searched for a foreign key relationship between '%s' and '%s'%s in the schema '%s', but no matches were found.",
		from, q.Relation, using, p.schema.Name)
	if len(all) == 0 { // nothing leads from there: perhaps another relation was meant
		if near := similar(from, listed(p.schema), 0.75); near != "" && near != from && len(p.schema.Relationships(near)) > 0 {
			e.Hint = fmt.Sprintf("Perhaps you meant '%s' instead of '%s'.", near, from)
		}
		return e
	}
	names := map[string]bool{}
	for _, r := range all {
		if r.Function == nil {
			names[r.To.Name] = true
		}
	}
	if names[q.Relation] {
		return e
	}
	if near := similar(q.Relation, maps.Keys(names), 0.33); near != "" {
		e.Hint = fmt.Sprintf("Perhaps you meant '%s' instead of '%s'.", near, q.Relation)
	}
	return e
}
