package catalog

import (
	"maps"
	"slices"
)

// operators are the names of the operators that generated SQL, and what is made plain of a project's expressions, is written with.
const operators = `{=,<>,<,>,<=,>=,~~,!~~,~~*,!~~*,~,!~,~*,!~*,@>,<@,&&,<<,>>,&<,&>,-|-,@@,->,->>,"#>","#>>",+,-,*,/,||}`

// judge sets what depends on more than the relation itself: whether reading it, or inserting, runs code of the project's, and its computed
// columns. A relation that other catalogs have already is copied first.
func (l *loader) judge(o *object, functions []*Function) {
	r := *o.relation
	reads, readsSettings := l.harmless(&o.policies, false)
	inserts, insertsSettings := l.harmless(&o.written, true)
	r.ReadsSettings, r.WriteReadsSettings = readsSettings, readsSettings || insertsSettings
	r.Plain = (o.kind == 'r' || o.kind == 'p') && !o.ruled && !o.partition && !o.planned && reads && !l.head.foreignOperator && !o.virtual && l.builtIn(o.types)
	// (Whoever adds a trigger to an unversioned database need not say so.)
	r.PlainInsert = r.Plain && o.kind == 'r' && inserts && !l.exposure.Unversioned && !slices.ContainsFunc(o.references, func(to uint32) bool { return !l.referable(to) })
	r.PlainChange = r.PlainInsert && !o.referred // what follows for tables that refer to it may be anything
	r.Computed = nil
	for _, f := range functions {
		compute(&r, f)
	}
	was := o.relation
	if r.Plain == was.Plain && r.PlainInsert == was.PlainInsert && r.PlainChange == was.PlainChange && r.ReadsSettings == was.ReadsSettings &&
		r.WriteReadsSettings == was.WriteReadsSettings && maps.Equal(r.Computed, was.Computed) {
		return
	}
	made := *o
	made.relation = &r
	l.head.relations[o.oid] = &made
}

// harmless reports whether expressions run nothing of the project's, and whether they read the request's settings. Those of inserts may
// take values from sequences, and from the clock and chance.
func (l *loader) harmless(j *judgment, insert bool) (harmless, settings bool) {
	harmless = !j.refused
	for _, f := range j.functions {
		known := l.types.facts[f]
		settings = settings || known.settings
		// The readers of claims are ours only where the layout is.
		harmless = harmless && (known.builtIn || known.claims && !l.exposure.Unversioned || insert && known.passing)
	}
	return harmless, settings
}

// referable reports whether looking a foreign key up in a table, as its owner, runs nothing of the project's: what planning looks at is
// the server's own. (Policies do not apply, and the operators are the key's.)
func (l *loader) referable(oid uint32) bool {
	o := l.head.relations[oid]
	return o != nil && o.kind == 'r' && !o.ruled && !o.partition && !o.planned && !o.virtual && !o.foreign
}

// builtIn reports whether all of a relation's types are the server's own.
func (l *loader) builtIn(list []uint32) bool {
	return !slices.ContainsFunc(list, func(oid uint32) bool {
		t := l.types.list[oid]
		return t == nil || t.schema != "pg_catalog"
	})
}
