package catalog

import (
	"context"
	"embed"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// maxCatalog bounds one catalog: tables, columns, keys, functions and arguments, and each 256 bytes of texts about them.
const maxCatalog = 250_000

//go:embed sql/*.sql
var files embed.FS

func statement(name string) string {
	text, err := files.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // it is compiled in
	}
	return string(text)
}

var (
	headSQL         = statement("head")
	headUnversioned = strings.Replace(headSQL, "fluxbase.schema_version()", "0", 1)
	schemasSQL      = statement("schemas")
	relationsSQL    = statement("relations")
	functionsSQL    = statement("functions")
	handlersSQL     = statement("handlers")
	attributesSQL   = statement("attributes")
	constraintsSQL  = statement("constraints")
	commentsSQL     = statement("comments")
	policiesSQL     = statement("policies")
	writtenSQL      = statement("written")
	referredSQL     = statement("referred")
	plannedSQL      = statement("planned")
	viewsSQL        = statement("views")
	defaultsSQL     = statement("defaults")
	updatableSQL    = statement("updatable")
	procsSQL        = statement("procs")
	typesSQL        = statement("types")
	fieldsSQL       = statement("fields")
	castsSQL        = statement("casts")
	factsSQL        = statement("facts")
	timezonesSQL    = strings.TrimSpace(statement("timezones"))
)

// state is what a catalog remembers for the next one of the same project.
type state struct {
	relations map[uint32]*object
	functions map[uint32]*procedure
}

// object is a relation as its catalogs' rows tell of it.
type object struct {
	oid         uint32
	key         relationKey
	kind        byte
	partition   bool
	ruled       bool // has rules, or tables that inherit from it
	exposed     bool
	aside       bool // only known because foreign keys point to it
	print       int64
	attributes  int
	bases       []uint32 // of a view
	relation    *Relation
	names       []string // of columns, by attribute number minus one; "" for what is gone
	references  []uint32 // tables that its foreign keys point to
	targets     []target // of a view's columns
	origins     []origin // the same, resolved to tables
	policies    judgment
	written     judgment // what inserts run
	referred    bool     // foreign keys point to it
	virtual     bool     // has columns that are computed when read
	foreign     bool     // has columns of types that are not the server's own
	planned     bool     // planning it may run functions of the project's
	types       []uint32
	typesDigest uint64
}

// procedure is a function as its catalogs' rows tell of it.
type procedure struct {
	oid         uint32
	schema      string
	name        string
	print       int64
	exposed     bool
	function    *Function
	types       []uint32
	typesDigest uint64
}

// loader loads one catalog.
type loader struct {
	session  *projectdb.Session
	exposure Exposure
	room     int // how large the catalog may be; see maxCatalog
	catalog  *Catalog
	previous *state // may be nil
	head     *head
	details  *details
	types    *types
}

// head is what a load begins with.
type head struct {
	version         int64
	server          int
	foreignOperator bool
	comments        map[string]string // of schemas, by physical name
	relations       map[uint32]*object
	functions       map[uint32]*procedure
	handlers        []*MediaHandler
	counter
}

// Load reads the catalog of a project. What it reads is the same for every role. It runs none of the project's code. A Cache loads
// sooner: it knows the time zones, and what has not changed.
func Load(ctx context.Context, s *projectdb.Session, e Exposure) (*Catalog, error) {
	c, err := load(ctx, s, e, nil, maxCatalog)
	if err == nil {
		c.Timezones, err = timezones(ctx, s)
	}
	return c, err
}

// load is Load, taking from a previous catalog of the same project and exposure what has not changed since.
func load(ctx context.Context, s *projectdb.Session, e Exposure, previous *Catalog, room int) (*Catalog, error) {
	l := &loader{session: s, exposure: e, room: room, catalog: New(s.Project, e.Schemas)}
	if previous != nil {
		l.previous = previous.state
	}
	if err := l.readHead(ctx); err != nil {
		return nil, err
	}
	relations, functions := l.changed()
	for first := true; first || len(relations)+len(functions) > 0; first = false {
		if err := l.readDetails(ctx, relations, functions); err != nil {
			return nil, err
		}
		if err := l.readTypes(ctx); err != nil {
			return nil, err
		}
		l.build(relations, functions)
		relations, functions = l.stale()
	}
	return l.finish()
}

// step is a statement of a batch, and what takes its rows.
type step struct {
	sql  string
	args []any
	row  func(row) error
}

// run runs steps in one round trip. begin is called before the first row, again if the batch has to be repeated.
func (l *loader) run(ctx context.Context, begin func() []step) error {
	steps := begin()
	b := projectdb.Batch{Statements: make([]projectdb.Statement, len(steps))}
	for i, s := range steps {
		b.Statements[i] = projectdb.Statement{SQL: s.sql, Args: s.args, Plain: true}
	}
	fresh := true
	return l.session.Run(ctx, projectdb.Options{ReadOnly: true}, b, func(i int, rows pgx.Rows) error {
		if i == 0 {
			if !fresh {
				steps = begin()
			}
			fresh = false
		}
		for rows.Next() {
			if err := steps[i].row(row(rows.RawValues())); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// counter bounds what is held: room things, of which each may have scale bytes of text (or be one).
type counter struct{ size, room, scale int }

// grow counts n more things.
func (c *counter) grow(n int) error {
	if c.size += n; c.size > c.room*c.scale {
		return fault.New(fault.FailedPrecondition, "CATALOG_TOO_LARGE",
			"The exposed schemas have more than %d tables, columns, functions and arguments, or very long comments. Expose fewer schemas, or move to others what need not be exposed.", c.room)
	}
	return nil
}

func (l *loader) physical(logical []string) []string {
	out := make([]string, len(logical))
	for i, name := range logical {
		out[i] = l.session.Project.Schema(name)
	}
	return out
}

func (l *loader) readHead(ctx context.Context) error {
	exposed := l.physical(l.exposure.Schemas)
	searched := l.physical(slices.Concat([]string{"public", "extensions"}, l.exposure.ExtraSearchPath))
	headText := headSQL
	if l.exposure.Unversioned {
		headText = headUnversioned
	}
	return l.run(ctx, func() []step {
		h := &head{comments: map[string]string{}, relations: map[uint32]*object{}, functions: map[uint32]*procedure{}, counter: counter{0, l.room, 1}}
		l.head = h
		return []step{
			{headText, []any{exposed, searched, operators}, func(r row) error {
				h.server, h.foreignOperator, h.version = int(r.number(0)), r.flag(1), r.number(2)
				return nil
			}},
			{schemasSQL, []any{exposed}, func(r row) error {
				h.comments[r.text(0)] = r.long(1)
				return nil
			}},
			{relationsSQL, []any{exposed}, h.relation},
			{functionsSQL, []any{exposed, searched}, h.function},
			{handlersSQL, []any{exposed}, func(r row) error {
				if !mediaType.Match(r[2]) {
					return nil
				}
				h.handlers = append(h.handlers, &MediaHandler{
					Schema: r.text(0), Function: r.text(1), MediaType: r.text(2), Base: r.text(3), RelationSchema: r.text(4), RelationName: r.text(5),
				})
				return h.grow(1)
			}},
		}
	})
}

func (h *head) relation(r row) error {
	o := &object{
		oid: r.oid(0), key: relationKey{r.text(1), r.text(2)}, kind: r[3][0], partition: r.flag(4), ruled: r.flag(5) || r.flag(6),
		attributes: int(r.number(7)), print: r.number(8), bases: slices.Sorted(slices.Values(r.oids(9))), exposed: r.flag(10),
		aside: r.flag(11),
	}
	h.relations[o.oid] = o
	return h.grow(1 + o.attributes)
}

func (h *head) function(r row) error {
	p := &procedure{oid: r.oid(0), schema: r.text(1), name: r.text(2), print: r.number(4), exposed: r.flag(5)}
	h.functions[p.oid] = p
	return h.grow(1 + int(r.number(3)))
}

// changed takes over what has not changed since the previous catalog, and returns what has.
func (l *loader) changed() (relations, functions []uint32) {
	for oid, o := range l.head.relations {
		if l.previous != nil {
			if was := l.previous.relations[oid]; was != nil && was.same(o) {
				l.head.relations[oid] = was
				continue
			}
		}
		relations = append(relations, oid)
	}
	for oid, p := range l.head.functions {
		if l.previous != nil {
			if was := l.previous.functions[oid]; was != nil && was.print == p.print && was.schema == p.schema && was.name == p.name && was.exposed == p.exposed {
				l.head.functions[oid] = was
				continue
			}
		}
		functions = append(functions, oid)
	}
	relations = l.withViews(relations)
	slices.Sort(relations)
	slices.Sort(functions)
	return relations, functions
}

func (o *object) same(other *object) bool {
	return o.print == other.print && o.key == other.key && o.kind == other.kind && o.partition == other.partition && o.ruled == other.ruled &&
		o.exposed == other.exposed && o.aside == other.aside && slices.Equal(o.bases, other.bases)
}

// withViews adds the views made of relations: whether they can be written and what their keys are follows from those.
func (l *loader) withViews(relations []uint32) []uint32 {
	above := map[uint32][]uint32{}
	for oid, o := range l.head.relations {
		for _, base := range o.bases {
			above[base] = append(above[base], oid)
		}
	}
	seen := make(map[uint32]bool, len(relations))
	for _, oid := range relations {
		seen[oid] = true
	}
	for at := 0; at < len(relations); at++ {
		for _, view := range above[relations[at]] {
			if !seen[view] {
				seen[view] = true
				relations = append(relations, view)
			}
		}
	}
	return relations
}
