package catalog

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/pg"
)

const (
	// lockTimeout is how long a question that takes a lock waits for a change of a table to end, tellTimeout how long all of them may take.
	lockTimeout = 250 * time.Millisecond
	tellTimeout = 2 * time.Second
)

// place is a column of a relation or a type; number zero is the whole.
type place struct {
	oid    uint32
	number int
}

// details are the rows of the catalogs for what has changed.
type details struct {
	attributes  map[uint32][]attribute
	constraints map[uint32][]constraint
	comments    map[place]string
	policies    map[uint32]*judgment
	written     map[uint32]*judgment
	planned     map[uint32]bool
	referred    map[uint32]bool
	targets     map[uint32][]target
	procs       map[uint32]*proc
	text        counter // in bytes
	// These may be missing for what is locked or broken; untold are the relations that it is so for.
	defaults  map[place]string
	updatable map[uint32]int
	untold    map[uint32]bool
}

type attribute struct {
	number                       int
	name, formatted              string // formatted is "" for a type without a modifier
	typ                          uint32
	modifier                     int
	notNull, defaults, generated bool
	identity, virtual            bool
}

type constraint struct {
	name          string
	kind          byte // p, u or f
	target        uint32
	columns, refs []uint32
}

type proc struct {
	schema, name, volatility    string
	set, variadic               bool
	rows                        float64
	result                      uint32
	inputs, defaults            int
	arguments, all              []uint32
	modes, names, configuration []string
	comment                     string
}

func oidArray(list []uint32) string {
	out := make([]byte, 0, 8*len(list)+2)
	out = append(out, '{')
	for i, oid := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendUint(out, uint64(oid), 10)
	}
	return string(append(out, '}'))
}

// readDetails reads all about relations and functions.
func (l *loader) readDetails(ctx context.Context, relations, functions []uint32) error {
	if len(relations)+len(functions) == 0 {
		return nil
	}
	err := l.run(ctx, func() []step {
		d := &details{
			attributes: map[uint32][]attribute{}, constraints: map[uint32][]constraint{}, comments: map[place]string{}, policies: map[uint32]*judgment{}, written: map[uint32]*judgment{},
			planned: map[uint32]bool{}, referred: map[uint32]bool{}, targets: map[uint32][]target{}, procs: map[uint32]*proc{},
			defaults: map[place]string{}, updatable: map[uint32]int{}, untold: map[uint32]bool{}, text: counter{0, l.room, 256},
		}
		l.details = d
		var steps []step
		if len(relations) > 0 {
			ids := []any{oidArray(relations)}
			steps = append(steps, step{attributesSQL, ids, d.attribute}, step{constraintsSQL, ids, d.constraint}, step{commentsSQL, ids, d.comment},
				step{policiesSQL, ids, judging(d.policies)}, step{writtenSQL, ids, judging(d.written)}, step{plannedSQL, ids, func(r row) error { d.planned[r.oid(0)] = true; return nil }},
				step{referredSQL, ids, func(r row) error { d.referred[r.oid(0)] = true; return nil }})
			if views := l.only(relations, "vm"); len(views) > 0 {
				steps = append(steps, step{viewsSQL, []any{oidArray(views)}, func(r row) error { d.targets[r.oid(0)] = viewTargets(r[1]); return nil }})
			}
		}
		if len(functions) > 0 {
			steps = append(steps, step{procsSQL, []any{oidArray(functions)}, d.proc})
		}
		return steps
	})
	if err != nil {
		return err
	}
	return l.tell(ctx, relations)
}

// only are the relations of some kinds.
func (l *loader) only(relations []uint32, kinds string) []uint32 {
	return slices.DeleteFunc(slices.Clone(relations), func(oid uint32) bool { return !slices.Contains([]byte(kinds), l.head.relations[oid].kind) })
}

func (d *details) attribute(r row) error {
	d.attributes[r.oid(0)] = append(d.attributes[r.oid(0)], attribute{
		number: int(r.number(1)), name: r.text(2), typ: r.oid(3), modifier: int(r.number(4)), formatted: r.text(5), notNull: r.flag(6),
		identity: len(r[7]) > 0, virtual: string(r[8]) == "v", generated: len(r[8]) > 0 || string(r[7]) == "a", defaults: r.flag(9),
	})
	return d.text.grow(len(r[2]))
}

func (d *details) constraint(r row) error {
	d.constraints[r.oid(0)] = append(d.constraints[r.oid(0)], constraint{
		name: r.long(1), kind: r[2][0], target: r.oid(3), columns: r.oids(4), refs: r.oids(5),
	})
	return d.text.grow(256) // each is counted as a column is
}

func (d *details) comment(r row) error {
	d.comments[place{r.oid(0), int(r.number(1))}] = r.long(2)
	return d.text.grow(len(r[2]))
}

// judging adds each expression to what is judged of its relation.
func judging(all map[uint32]*judgment) func(row) error {
	return func(r row) error {
		j := all[r.oid(0)]
		if j == nil {
			j = &judgment{}
			all[r.oid(0)] = j
		}
		if r.null(1) {
			j.refused = true
			return nil
		}
		j.judge(r[1])
		return nil
	}
}

func (d *details) proc(r row) error {
	p := &proc{
		schema: r.text(1), name: r.text(2), volatility: r.text(3), set: r.flag(4), rows: r.real(5), result: r.oid(6), inputs: int(r.number(7)),
		defaults: int(r.number(8)), variadic: r.flag(9), arguments: r.oids(10), all: r.oids(11), modes: r.texts(12), names: r.texts(13),
		configuration: r.texts(14), comment: r.long(15),
	}
	d.procs[r.oid(0)] = p
	return d.text.grow(len(p.comment) + 64*len(p.all))
}

// tell asks what Postgres itself has to make out: the texts of defaults, and which views can be written. It takes locks, and fails for
// what is broken: that is left out, and asked for again when the catalog is next looked at.
func (l *loader) tell(ctx context.Context, relations []uint32) error {
	d := l.details
	var defaulted []uint32
	for _, oid := range relations {
		if l.head.relations[oid].exposed && slices.ContainsFunc(d.attributes[oid], func(a attribute) bool { return a.defaults }) {
			defaulted = append(defaulted, oid)
		}
	}
	end := time.Now().Add(tellTimeout)
	if err := l.ask(ctx, end, defaultsSQL, defaulted, func(r row) error {
		d.defaults[place{r.oid(0), int(r.number(1))}] = r.long(2)
		return d.text.grow(len(r[2]))
	}); err != nil {
		return err
	}
	return l.ask(ctx, end, updatableSQL, l.only(relations, "vf"), func(r row) error {
		d.updatable[r.oid(0)] = int(r.number(1))
		return nil
	})
}

// ask runs a statement for relations; when it fails, for each half of them, so that in the end only those at fault are left out.
func (l *loader) ask(ctx context.Context, end time.Time, sql string, relations []uint32, take func(row) error) error {
	if len(relations) == 0 {
		return nil
	}
	stmt := projectdb.Statement{SQL: sql, Args: []any{oidArray(relations)}, Plain: true}
	o := projectdb.Options{ReadOnly: true, Settings: []projectdb.Setting{{Name: "lock_timeout", Value: strconv.FormatInt(lockTimeout.Milliseconds(), 10)}}}
	err := l.session.Query(ctx, o, stmt, func(rows pgx.Rows) error {
		for rows.Next() {
			if err := take(row(rows.RawValues())); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	switch code := pg.Code(err); {
	case err == nil:
		return nil
	case code == "", pgerrcode.IsConnectionException(code), pgerrcode.IsOperatorIntervention(code) && code != pgerrcode.QueryCanceled:
		return err
	case len(relations) == 1, time.Now().After(end):
		for _, oid := range relations {
			l.details.untold[oid] = true
		}
		// One that fails for good is left as it is; one that was locked is asked for again.
		l.catalog.partial = l.catalog.partial || code == pgerrcode.LockNotAvailable || code == pgerrcode.QueryCanceled || len(relations) > 1
		return nil
	}
	half := len(relations) / 2
	return errors.Join(l.ask(ctx, end, sql, relations[:half], take), l.ask(ctx, end, sql, relations[half:], take))
}
