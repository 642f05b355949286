package catalog

import (
	"context"
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"
)

// types are the types that a catalog's relations and functions are made of.
type types struct {
	list            map[uint32]*typ
	representations map[uint32]*Representation
	facts           map[uint32]fact
	digests         map[uint32]uint64
	text            counter // in bytes
}

// typ is a type.
type typ struct {
	oid                    uint32
	schema, name           string
	formatted              string // as SQL, without modifiers
	kind, category         byte   // pg_type.typtype and typcategory
	base                   uint32 // of a domain
	modifier               int    // a domain's
	notNull                bool
	defaults               string
	relkind                byte   // of a composite type: c for a type of its own, else a relation's
	relation, relationFrom string // and its name and schema
	labels                 []string
	fields                 []attribute // of a composite type of its own
}

// fact is what a function is that a policy, a check or a default calls. What is passing has effects, but none that last besides those
// on sequences.
type fact struct{ builtIn, claims, settings, passing bool }

// domainDepth bounds domains over domains.
const domainDepth = 32

// mediaType matches the names of domains that stand for media types.
var mediaType = regexp.MustCompile(`^(?:[A-Za-z0-9.-]+/[A-Za-z0-9.+-]+|\*/\*)$`)

// readTypes reads all types that the catalog has now, those of what has not changed too, and what the functions of policies are.
func (l *loader) readTypes(ctx context.Context) error {
	wanted, functions := map[uint32]bool{}, map[uint32]bool{}
	for oid, o := range l.head.relations {
		for _, t := range o.types {
			wanted[t] = true
		}
		o.policies.calls(functions)
		o.written.calls(functions)
		if l.details == nil {
			continue
		}
		if o.exposed {
			for _, a := range l.details.attributes[oid] {
				wanted[a.typ] = true
			}
		}
		l.details.policies[oid].calls(functions)
		l.details.written[oid].calls(functions)
	}
	for oid, p := range l.head.functions {
		for _, t := range p.types {
			wanted[t] = true
		}
		if l.details == nil || l.details.procs[oid] == nil {
			continue
		}
		for _, t := range l.details.procs[oid].types() {
			wanted[t] = true
		}
	}
	list := make([]uint32, 0, len(wanted))
	for oid := range wanted {
		list = append(list, oid)
	}
	called := make([]uint32, 0, len(functions))
	for oid := range functions {
		called = append(called, oid)
	}
	ids := []any{oidArray(list)}
	return l.run(ctx, func() []step {
		t := &types{list: map[uint32]*typ{}, representations: map[uint32]*Representation{}, facts: map[uint32]fact{}, digests: map[uint32]uint64{}, text: counter{0, l.room, 256}}
		l.types = t
		return []step{
			{typesSQL, ids, t.typ},
			{fieldsSQL, ids, t.field},
			{castsSQL, ids, t.cast},
			{factsSQL, []any{oidArray(called)}, func(r row) error {
				t.facts[r.oid(0)] = fact{r.flag(1), r.flag(2), r.flag(3), r.flag(4)}
				return nil
			}},
		}
	})
}

// types are all types of a function's signature.
func (p *proc) types() []uint32 {
	out := append([]uint32{p.result}, p.arguments...)
	return append(out, p.all...)
}

func (t *types) typ(r row) error {
	one := &typ{
		oid: r.oid(0), schema: r.text(1), name: r.text(2), formatted: r.text(3), kind: r[4][0], category: r[5][0], base: r.oid(6), modifier: int(r.number(7)),
		notNull: r.flag(8), defaults: r.long(9), relation: r.text(11), relationFrom: r.text(12), labels: r.texts(13),
	}
	if len(r[10]) > 0 {
		one.relkind = r[10][0]
	}
	t.list[one.oid] = one
	return t.text.grow(256 + len(r[9]) + len(r[13]))
}

func (t *types) field(r row) error {
	if one := t.list[r.oid(0)]; one != nil {
		one.fields = append(one.fields, attribute{number: int(r.number(1)), name: r.text(2), typ: r.oid(3), modifier: int(r.number(4)), formatted: r.text(5)})
	}
	return t.text.grow(256)
}

func (t *types) cast(r row) error {
	one := t.representations[r.oid(0)]
	if one == nil {
		one = &Representation{}
		t.representations[r.oid(0)] = one
	}
	switch string(r[1]) {
	case "to_json":
		one.ToJSON = r.text(2)
	case "from_json":
		one.FromJSON = r.text(2)
	case "from_text":
		one.FromText = r.text(2)
	}
	return nil
}

// base is what a domain is made of in the end, with the modifier that it then has.
func (t *types) base(oid uint32, modifier int) (*typ, int) {
	one := t.list[oid]
	for depth := 0; one != nil && one.kind == 'd' && depth < domainDepth; depth++ {
		if one.modifier >= 0 {
			modifier = one.modifier
		}
		next := t.list[one.base]
		if next == nil {
			break
		}
		one = next
	}
	return one, modifier
}

// column describes a column, but for what its relation says of it.
func (t *types) column(a attribute) *Column {
	c := &Column{Name: a.name, Type: a.formatted}
	one := t.list[a.typ]
	if one == nil { // dropped meanwhile
		if c.Type == "" {
			c.Type = "pg_catalog.text"
		}
		c.Base = c.Type
		return c
	}
	if c.Type == "" {
		c.Type = one.formatted
	}
	base, modifier := t.base(a.typ, a.modifier)
	c.Base, c.Enum, c.Representation = base.formatted, base.labels, t.representations[a.typ]
	c.JSON = base.oid == 114 || base.oid == 3802
	c.Array = base.category == 'A'
	c.Composite = base.kind == 'c' || c.Array
	switch base.oid {
	case 1042, 1043: // character, character varying: the modifier counts its own four bytes
		c.MaxLength = max(modifier-4, 0)
	case 1560, 1562: // bit, bit varying
		c.MaxLength = max(modifier, 0)
	}
	return c
}

// digest tells whether types are as they were.
func (t *types) digest(oids []uint32) uint64 {
	var sum uint64
	for i, oid := range oids {
		sum = sum*31 + t.digestOf(oid, 0) + uint64(i)
	}
	return sum
}

func (t *types) digestOf(oid uint32, depth int) uint64 {
	if known, ok := t.digests[oid]; ok {
		return known
	}
	one := t.list[oid]
	if one == nil || depth > domainDepth {
		return uint64(oid)
	}
	var parts []string
	parts = append(parts, one.schema, one.name, one.formatted, string([]byte{one.kind, one.category, one.relkind}), strconv.Itoa(one.modifier),
		one.defaults, one.relation, one.relationFrom, strings.Join(one.labels, "\x00"))
	if one.notNull {
		parts = append(parts, "not null")
	}
	if r := t.representations[oid]; r != nil {
		parts = append(parts, r.ToJSON, r.FromJSON, r.FromText)
	}
	for _, f := range one.fields {
		parts = append(parts, f.name, f.formatted)
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(strings.Join(parts, "\x01")))
	sum := hash.Sum64()
	if one.base != 0 {
		sum = sum*31 + t.digestOf(one.base, depth+1)
	}
	for _, f := range one.fields {
		sum = sum*31 + t.digestOf(f.typ, depth+1)
	}
	t.digests[oid] = sum
	return sum
}
