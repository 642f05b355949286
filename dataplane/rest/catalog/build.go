package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// build makes the objects of relations and functions anew from their details.
func (l *loader) build(relations, functions []uint32) {
	for _, oid := range relations {
		l.head.relations[oid] = l.object(l.head.relations[oid])
	}
	for _, oid := range functions {
		if p := l.procedure(l.head.functions[oid]); p != nil {
			l.head.functions[oid] = p
		} else {
			delete(l.head.functions, oid) // dropped meanwhile
		}
	}
	// What these say of others: names of what foreign keys point to, and the keys of what views are made of.
	for _, oid := range relations {
		o := l.head.relations[oid]
		o.relation.References = l.references(oid)
	}
	for _, oid := range relations {
		if o := l.head.relations[oid]; o.kind == 'v' || o.kind == 'm' {
			o.origins = l.origins(o, map[uint32]bool{})
		}
	}
	for _, oid := range relations {
		if o := l.head.relations[oid]; o.kind == 'v' || o.kind == 'm' {
			o.relation.origins = o.origins
			o.relation.Keys = l.viewKeys(o)
		}
	}
}

// object makes a relation of its details.
func (l *loader) object(old *object) *object {
	d := l.details
	o := &object{
		oid: old.oid, key: old.key, kind: old.kind, partition: old.partition, ruled: old.ruled, exposed: old.exposed, print: old.print,
		aside: old.aside, attributes: old.attributes, bases: old.bases, planned: d.planned[old.oid], referred: d.referred[old.oid], targets: d.targets[old.oid],
	}
	if j := d.policies[o.oid]; j != nil {
		o.policies = *j
	}
	if j := d.written[o.oid]; j != nil {
		o.written = *j
	}
	if d.untold[o.oid] && l.catalog.partial {
		o.print++ // it differs from what will be found next time
	}
	r := &Relation{OID: o.oid, Schema: o.key.schema, Name: o.key.name, Kind: intern(string(o.kind)), Partition: o.partition, Comment: d.comments[place{o.oid, 0}]}
	o.relation = r
	for _, a := range d.attributes[o.oid] {
		for len(o.names) < a.number {
			o.names = append(o.names, "")
		}
		o.names[a.number-1] = a.name
		o.foreign = o.foreign || a.typ >= firstOwn
	}
	for _, k := range d.constraints[o.oid] {
		if k.kind == 'f' {
			o.references = append(o.references, k.target)
			continue
		}
		if columns := named(o.names, k.columns); columns != nil {
			r.Keys = append(r.Keys, Key{Name: k.name, Primary: k.kind == 'p', Columns: columns})
		}
	}
	if !o.exposed {
		return o
	}
	for _, a := range d.attributes[o.oid] {
		o.types = append(o.types, a.typ)
		o.virtual = o.virtual || a.virtual
		r.Columns = append(r.Columns, l.column(o.oid, a))
	}
	r.index()
	o.typesDigest = l.types.digest(o.types)
	switch bits := d.updatable[o.oid]; o.kind {
	case 'r', 'p':
		r.Insertable, r.Updatable, r.Deletable = true, true, true
	case 'v', 'f':
		r.Updatable, r.Insertable, r.Deletable = bits&4 != 0, bits&8 != 0, bits&16 != 0
	}
	return o
}

// column makes a relation's column.
func (l *loader) column(relation uint32, a attribute) *Column {
	c := l.types.column(a)
	at := place{relation, a.number}
	c.Comment = l.details.comments[at]
	c.NotNull, c.Generated, c.HasDefault = a.notNull, a.generated, a.defaults || a.identity
	if !a.generated {
		c.Default = l.details.defaults[at]
	}
	for one, depth := l.types.list[a.typ], 0; one != nil && one.kind == 'd' && depth < domainDepth; depth++ {
		c.NotNull = c.NotNull || one.notNull
		if !c.HasDefault && one.defaults != "" {
			c.Default, c.HasDefault = one.defaults, true
		}
		one = l.types.list[one.base]
	}
	return c
}

// named are the names of columns by their numbers, or nil when one is not known.
func named(names []string, numbers []uint32) []string {
	out := make([]string, 0, len(numbers))
	for _, n := range numbers {
		if n < 1 || int(n) > len(names) || names[n-1] == "" {
			return nil
		}
		out = append(out, names[n-1])
	}
	return out
}

// references are a table's foreign keys whose targets are known. Those that point elsewhere join nothing that is exposed, but still tell
// of their table.
func (l *loader) references(oid uint32) []Reference {
	var out []Reference
	o := l.head.relations[oid]
	for _, k := range l.details.constraints[oid] {
		if k.kind != 'f' {
			continue
		}
		to := l.head.relations[k.target]
		if to == nil || to.aside {
			continue
		}
		columns, targets := named(o.names, k.columns), named(to.names, k.refs)
		if columns == nil || targets == nil {
			continue
		}
		out = append(out, Reference{Name: k.name, Schema: to.key.schema, Table: to.key.name, Columns: columns, Targets: targets})
	}
	return out
}

// origins are the tables' columns that a view's are in the end, through any views between.
func (l *loader) origins(o *object, above map[uint32]bool) []origin {
	if o.origins != nil || above[o.oid] {
		return o.origins
	}
	above[o.oid] = true
	out := []origin{}
	for i, t := range o.targets {
		below := l.head.relations[t.relation]
		if below == nil || i >= len(o.names) || o.names[i] == "" || t.column < 1 || t.column > len(below.names) || below.names[t.column-1] == "" {
			continue
		}
		name := below.names[t.column-1]
		if below.kind != 'v' && below.kind != 'm' {
			out = append(out, origin{o.names[i], below.key, name})
			continue
		}
		for _, from := range l.origins(below, above) {
			if from.column == name {
				out = append(out, origin{o.names[i], from.table, from.source})
			}
		}
	}
	delete(above, o.oid)
	o.origins = out
	return out
}

// viewKeys makes a view's primary key: the columns by which it shows the keys of the tables below it.
func (l *loader) viewKeys(o *object) []Key {
	var columns []string
	tables := map[relationKey]*object{}
	for _, base := range l.tablesBelow(o) {
		tables[base.key] = base
	}
	for _, table := range o.relation.tables() {
		base := tables[table]
		if base == nil {
			continue
		}
		ways := o.relation.shows(table, base.relation.PrimaryKey())
		if len(ways) > 0 {
			columns = append(columns, ways[0]...)
		}
	}
	if len(columns) == 0 {
		return nil
	}
	return []Key{{Primary: true, Columns: columns}}
}

// tablesBelow are the tables that a view is made of, through any views between.
func (l *loader) tablesBelow(o *object) []*object {
	var out []*object
	seen := map[uint32]bool{o.oid: true}
	for list := []*object{o}; len(list) > 0; list = list[1:] {
		for _, oid := range list[0].bases {
			below := l.head.relations[oid]
			if below == nil || seen[oid] {
				continue
			}
			seen[oid] = true
			list = append(list, below)
			if below.kind != 'v' && below.kind != 'm' {
				out = append(out, below)
			}
		}
	}
	return out
}

// stale are the relations and functions that were taken over and yet have changed with what they name. It prepares them for being read.
func (l *loader) stale() (relations, functions []uint32) {
	if l.previous == nil {
		return nil, nil
	}
	renamed := map[uint32]bool{}
	for oid, was := range l.previous.relations {
		now := l.head.relations[oid]
		if now == nil || now != was && (now.key != was.key || now.aside != was.aside || !slices.Equal(now.names, was.names)) {
			renamed[oid] = true
		}
	}
	for oid, o := range l.head.relations {
		if l.previous.relations[oid] != o {
			continue
		}
		if o.exposed && l.types.digest(o.types) != o.typesDigest || slices.ContainsFunc(o.references, func(to uint32) bool { return l.appeared(to, renamed) }) {
			relations = append(relations, oid)
		}
	}
	for oid, p := range l.head.functions {
		if l.previous.functions[oid] == p && l.types.digest(p.types) != p.typesDigest {
			functions = append(functions, oid)
		}
	}
	slices.Sort(relations)
	slices.Sort(functions)
	return relations, functions
}

// appeared reports whether what a foreign key points to has another name now, or was not known.
func (l *loader) appeared(to uint32, renamed map[uint32]bool) bool {
	return renamed[to] || l.head.relations[to] != nil && l.previous.relations[to] == nil
}

// finish puts the catalog together.
func (l *loader) finish() (*Catalog, error) {
	c := l.catalog
	c.Version, c.ServerVersion, c.handlers = l.head.version, l.head.server, l.head.handlers
	c.state = &state{l.head.relations, l.head.functions}
	for _, s := range c.Schemas {
		s.Comment = l.head.comments[s.Physical]
	}
	for oid, r := range l.types.representations {
		if t := l.types.list[oid]; t != nil {
			c.Representations[t.formatted] = r
		}
	}
	functions := slices.SortedFunc(maps.Values(l.head.functions), func(a, b *procedure) int {
		return cmp.Or(strings.Compare(a.schema, b.schema), strings.Compare(a.name, b.name), cmp.Compare(a.oid, b.oid))
	})
	for _, p := range functions {
		if p.exposed {
			c.addFunction(p.function)
		} else if p.function.RowName != "" {
			key := relationKey{p.function.RowSchema, p.function.RowName}
			c.computed[key] = append(c.computed[key], p.function)
		}
	}
	for _, oid := range slices.Sorted(maps.Keys(l.head.relations)) {
		o := l.head.relations[oid]
		if o.aside {
			c.objects++
			continue
		}
		if !o.exposed {
			c.hidden = append(c.hidden, o.relation)
			c.objects += weigh(o.relation)
			continue
		}
		l.judge(o, c.computed[o.key])
		o = l.head.relations[oid]
		c.objects += weigh(o.relation)
		c.physical(o.key.schema).Relations[o.key.name] = o.relation
	}
	if err := (&counter{0, l.room, 1}).grow(c.objects); err != nil {
		return nil, err
	}
	return c, nil
}
