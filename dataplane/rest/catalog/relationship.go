package catalog

import (
	"cmp"
	"slices"
	"strings"
)

const (
	// maxRelationships bounds those of one relation, keptRelationships those that a schema keeps: whoever makes a schema can have any
	// number, as each two foreign keys of a table make one, and each column that a view repeats another.
	maxRelationships  = 5_000
	keptRelationships = 100_000
	// maxRepeats bounds the ways in which a view that repeats columns has a key.
	maxRepeats = 64
)

// origin is the column of a table that a view's column is, unchanged.
type origin struct {
	column string
	table  relationKey
	source string
}

// graph finds relationships: the foreign keys of tables, exposed or not, and the exposed relations that tables can be seen by.
type graph struct {
	relations map[relationKey]*Relation // exposed ones
	out, in   map[relationKey][]*foreignKey
	views     map[relationKey][]*Relation // the exposed views that have columns of a table
}

type foreignKey struct {
	name             string
	from, to         relationKey
	columns, targets []string
	one              bool // the columns are a key of their own table
}

// link makes the graph, once.
func (c *Catalog) link() *graph {
	c.linked.Do(func() {
		g := &graph{
			relations: map[relationKey]*Relation{}, out: map[relationKey][]*foreignKey{}, in: map[relationKey][]*foreignKey{},
			views: map[relationKey][]*Relation{},
		}
		tables := slices.Clone(c.hidden)
		for _, s := range c.Schemas {
			for _, r := range s.Relations {
				g.relations[r.key()] = r
				tables = append(tables, r)
			}
		}
		for _, r := range tables {
			g.add(r)
		}
		c.graph = g
	})
	return c.graph
}

func (g *graph) add(r *Relation) {
	for _, ref := range r.References {
		fk := &foreignKey{
			name: ref.Name, from: r.key(), to: relationKey{ref.Schema, ref.Table}, columns: ref.Columns, targets: ref.Targets,
			one: slices.ContainsFunc(r.Keys, func(k Key) bool { return sameSet(k.Columns, ref.Columns) }),
		}
		g.out[fk.from] = append(g.out[fk.from], fk)
		g.in[fk.to] = append(g.in[fk.to], fk)
	}
	if g.relations[r.key()] != r {
		return
	}
	for _, table := range r.tables() {
		if table != r.key() {
			g.views[table] = append(g.views[table], r)
		}
	}
}

// tables are those that a relation shows columns of: itself, or those below a view, in the order of its columns.
func (r *Relation) tables() []relationKey {
	if r.Kind != "v" && r.Kind != "m" {
		return []relationKey{r.key()}
	}
	var out []relationKey
	for _, o := range r.origins {
		if !slices.Contains(out, o.table) {
			out = append(out, o.table)
		}
	}
	return out
}

// shows are the ways in which a relation shows columns of a table: one, none, or several for a view that repeats columns.
func (r *Relation) shows(table relationKey, columns []string) [][]string {
	if r.key() == table {
		return [][]string{columns}
	}
	ways := [][]string{nil}
	for _, name := range columns {
		var next [][]string
		for _, way := range ways {
			for _, o := range r.origins {
				if o.table == table && o.source == name && len(next) < maxRepeats {
					next = append(next, append(slices.Clone(way), o.column))
				}
			}
		}
		ways = next
	}
	return ways
}

// shown calls fn for each exposed relation, and each way, in which columns of a table can be seen.
func (g *graph) shown(table relationKey, columns []string, fn func(r *Relation, columns []string)) {
	if r := g.relations[table]; r != nil && r.Kind != "v" && r.Kind != "m" {
		fn(r, columns)
	}
	for _, r := range g.views[table] {
		for _, way := range r.shows(table, columns) {
			fn(r, way)
		}
	}
}

// Relationships returns what a relation of the schema can be joined with, in a fixed order: other relations of the schema and itself, by
// foreign keys of either side or of a junction in any exposed schema, seen through views too; and by functions. A function's hides the
// others to relations of its name. The caller must not change it.
func (s *Schema) Relationships(relation string) []*Relationship {
	r := s.Relations[relation]
	if r == nil {
		return nil
	}
	if known, ok := s.relationships.Load(relation); ok {
		return known.([]*Relationship)
	}
	g := s.catalog.link()
	f := finder{graph: g, schema: s, from: r}
	f.direct()
	f.byJunction()
	list := f.found
	slices.SortStableFunc(list, compareRelationships)
	list = append(list, s.computedRelationships(r, &list)...)
	if s.kept.Add(int64(len(list))) > keptRelationships {
		s.relationships.Clear()
		s.kept.Store(int64(len(list)))
	}
	s.relationships.Store(relation, list)
	return list
}

// computedRelationships makes those of functions, and takes those out of others that they hide.
func (s *Schema) computedRelationships(r *Relation, others *[]*Relationship) []*Relationship {
	var out []*Relationship
	for _, f := range s.catalog.computed[r.key()] {
		to := s.Relations[f.RelationName]
		if to == nil || f.RelationSchema != s.Physical || slices.ContainsFunc(out, func(o *Relationship) bool { return o.Function.Name == f.Name }) {
			continue
		}
		rel := &Relationship{Cardinality: OneToMany, From: r, To: to, Function: f, Single: !f.Set || f.Rows == 1}
		if rel.Single {
			rel.Cardinality = ManyToOne
		}
		out = append(out, rel)
		*others = slices.DeleteFunc(*others, func(o *Relationship) bool { return o.To.Name == f.Name })
	}
	slices.SortFunc(out, func(a, b *Relationship) int { return cmp.Compare(a.Function.Name, b.Function.Name) })
	return out
}

// finder collects the relationships of one relation.
type finder struct {
	graph  *graph
	schema *Schema
	from   *Relation
	found  []*Relationship
}

func (f *finder) full() bool { return len(f.found) >= maxRelationships }

func (f *finder) add(r *Relationship) {
	if !f.full() && r.To.Schema == f.schema.Physical {
		f.found = append(f.found, r)
	}
}

// direct finds those by one foreign key.
func (f *finder) direct() {
	for _, table := range f.from.tables() {
		for _, fk := range f.graph.out[table] {
			cardinality := ManyToOne
			if fk.one {
				cardinality = OneToOne
			}
			for _, own := range f.from.shows(table, fk.columns) {
				f.graph.shown(fk.to, fk.targets, func(to *Relation, columns []string) {
					f.add(&Relationship{Cardinality: cardinality, From: f.from, To: to, Constraint: fk.name, Columns: pairs(own, columns)})
				})
			}
		}
		for _, fk := range f.graph.in[table] {
			cardinality := OneToMany
			if fk.one {
				cardinality = OneToOne
			}
			for _, own := range f.from.shows(table, fk.targets) {
				f.graph.shown(fk.from, fk.columns, func(to *Relation, columns []string) {
					f.add(&Relationship{Cardinality: cardinality, From: f.from, To: to, Constraint: fk.name, Parent: fk.one, Columns: pairs(own, columns)})
				})
			}
		}
	}
}

// byJunction finds many-to-many ones: by a relation whose primary key has the columns of two foreign keys.
func (f *finder) byJunction() {
	for _, table := range f.from.tables() {
		for _, fk := range f.graph.in[table] {
			if fk.one || f.full() {
				continue
			}
			for _, own := range f.from.shows(table, fk.targets) {
				f.graph.shown(fk.from, fk.columns, func(j *Relation, columns []string) {
					key := j.PrimaryKey()
					if subset(columns, key) {
						f.across(j, key, fk.name, pairs(own, columns))
					}
				})
			}
		}
	}
}

func (f *finder) across(j *Relation, key []string, constraint string, from []Pair) {
	for _, table := range j.tables() {
		for _, fk := range f.graph.out[table] {
			if fk.one || fk.name == constraint || f.full() {
				continue
			}
			for _, own := range j.shows(table, fk.columns) {
				if !subset(own, key) {
					continue
				}
				f.graph.shown(fk.to, fk.targets, func(to *Relation, columns []string) {
					f.add(&Relationship{Cardinality: ManyToMany, From: f.from, To: to, Constraint: constraint, Junction: &Junction{
						Relation: j, FromConstraint: constraint, ToConstraint: fk.name, From: from, To: pairs(own, columns),
					}})
				})
			}
		}
	}
}

func pairs(from, to []string) []Pair {
	out := make([]Pair, min(len(from), len(to)))
	for i := range out {
		out[i] = Pair{from[i], to[i]}
	}
	return out
}

func subset(columns, of []string) bool {
	return !slices.ContainsFunc(columns, func(c string) bool { return !slices.Contains(of, c) })
}

func sameSet(a, b []string) bool { return len(a) == len(b) && subset(a, b) && subset(b, a) }

var ranks = map[Cardinality]int{OneToMany: 0, ManyToOne: 1, OneToOne: 2, ManyToMany: 3}

func compareRelationships(a, b *Relationship) int {
	if order := strings.Compare(a.To.Name, b.To.Name); order != 0 {
		return order
	}
	if order := cmp.Compare(ranks[a.Cardinality], ranks[b.Cardinality]); order != 0 {
		return order
	}
	if a.Junction != nil && b.Junction != nil {
		return compareJunctions(a.Junction, b.Junction)
	}
	if order := cmp.Or(strings.Compare(a.Constraint, b.Constraint), comparePairs(a.Columns, b.Columns)); order != 0 {
		return order
	}
	switch {
	case a.Parent == b.Parent:
		return 0
	case b.Parent:
		return -1
	}
	return 1
}

func compareJunctions(a, b *Junction) int {
	if order := cmp.Or(strings.Compare(a.Relation.Schema, b.Relation.Schema), strings.Compare(a.Relation.Name, b.Relation.Name)); order != 0 {
		return order
	}
	return cmp.Or(strings.Compare(a.FromConstraint, b.FromConstraint), strings.Compare(a.ToConstraint, b.ToConstraint),
		comparePairs(a.From, b.From), comparePairs(a.To, b.To))
}

func comparePairs(a, b []Pair) int {
	return slices.CompareFunc(a, b, func(x, y Pair) int { return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To)) })
}
