package meta

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
)

// Bounds of one part.
const (
	maxRowErrors = 100
	// firstErrors is how many bad rows are looked for when none are kept.
	firstErrors = 20
	// maxTries bounds the statements with which bad rows are told from good ones.
	maxTries = 4000
)

// undo takes back what was done since the savepoint.
const undo = "rollback to savepoint part; release savepoint part"

// loader puts rows into a table. Rows that Postgres refuses together are tried by halves, until the bad ones are found.
type loader struct {
	ctx    context.Context //nolint:containedctx // it is one call's, split into steps
	conn   *pgconn.PgConn
	into   *importTarget
	rows   [][]*string
	answer importAnswer
	most   int // the most bad rows that are looked for
	tries  int
	// orphans are rows whose parent may be among rows that were not tried yet.
	orphans []int
	again   bool
}

var errEnough = errors.New("meta: enough bad rows")

// load runs a part in a transaction.
func load(ctx context.Context, conn *pgconn.PgConn, into *importTarget, m *importRequest) (importAnswer, error) {
	l := &loader{ctx: ctx, conn: conn, into: into, rows: m.Rows, most: len(m.Rows), answer: importAnswer{Errors: []rowError{}}}
	if !m.KeepGood {
		l.most = firstErrors
	}
	if err := l.exec("begin; set local lock_timeout to '10s'"); err != nil {
		return l.answer, err
	}
	all := make([]int, len(m.Rows))
	for i := range all {
		all[i] = i
	}
	err := l.try(all)
	if err == nil && len(l.orphans) > 0 {
		orphans := l.orphans
		l.orphans, l.again = nil, true
		err = l.try(orphans)
	}
	if err != nil && !errors.Is(err, errEnough) {
		return l.answer, err
	}
	l.sortErrors()
	if l.answer.Failed > 0 && !m.KeepGood {
		l.answer.Inserted = 0
		return l.answer, l.exec("rollback")
	}
	end := "commit"
	if m.DryRun {
		end = "set constraints all immediate; rollback"
	}
	if err := l.exec(end); err != nil {
		return l.answer, l.refused(err)
	}
	return l.answer, nil
}

func (l *loader) exec(sql string) error {
	_, err := l.conn.Exec(l.ctx, sql).ReadAll()
	return err
}

// refused makes an answer of what Postgres refused of all rows.
func (l *loader) refused(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		told := *unlocked(refused, "None of these rows was imported. Try again when the other one is done: "+lockHolders)
		told.Position = 0 // it is of no text that the developer knows
		return &sqlError{&told, "", nil}
	}
	return err
}

// try puts in rows, which are named by their places.
func (l *loader) try(places []int) error {
	if len(places) == 0 {
		return nil
	}
	if l.tries >= maxTries {
		return l.giveUp(places)
	}
	n, err := l.insert(places)
	if err == nil {
		l.answer.Inserted += n
		return nil
	}
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || !ofRow(refused) {
		return l.refused(err)
	}
	if err := l.exec(undo); err != nil {
		return err
	}
	if len(places) > 1 {
		half := len(places) / 2
		if err := l.try(places[:half]); err != nil {
			return err
		}
		return l.try(places[half:])
	}
	if refused.Code == pgerrcode.ForeignKeyViolation && !l.again {
		l.orphans = append(l.orphans, places[0])
		return nil
	}
	return l.bad(places[0], refused)
}

// ofRow reports whether an error may be of one row, and others may be good.
func ofRow(refused *pgconn.PgError) bool {
	if refused.Severity != "ERROR" {
		return false
	}
	for _, class := range []string{"21", "22", "23", "44", "P0"} {
		if strings.HasPrefix(refused.Code, class) {
			return true
		}
	}
	return refused.Code == pgerrcode.InsufficientPrivilege // of row level security; that of the table was looked up
}

// insert puts rows in with one statement, after a savepoint.
func (l *loader) insert(places []int) (int, error) {
	l.tries++
	args := make([][]byte, len(l.into.columns))
	column := make([]*string, len(places))
	for i := range args {
		for k, place := range places {
			column[k] = l.rows[place][i]
		}
		args[i] = nullableArray(column)
	}
	batch := &pgconn.Batch{}
	batch.ExecParams("savepoint part", nil, nil, nil, nil)
	batch.ExecParams(l.into.insert, args, nil, nil, nil)
	batch.ExecParams("release savepoint part", nil, nil, nil, nil)
	results, err := l.conn.ExecBatch(l.ctx, batch).ReadAll()
	if err != nil {
		return 0, err
	}
	return int(results[1].CommandTag.RowsAffected()), nil
}

// nullableArray writes an array of texts as Postgres reads it.
func nullableArray(values []*string) []byte {
	out := []byte{'{'}
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		if v == nil {
			out = append(out, "NULL"...)
			continue
		}
		out = append(out, '"')
		for k := range len(*v) {
			if c := (*v)[k]; c == '"' || c == '\\' {
				out = append(out, '\\', c)
			} else {
				out = append(out, c)
			}
		}
		out = append(out, '"')
	}
	return append(out, '}')
}

// bad counts a row that Postgres refuses.
func (l *loader) bad(place int, refused *pgconn.PgError) error {
	l.answer.Failed++
	if len(l.answer.Errors) < maxRowErrors {
		message := refused.Message
		if refused.Detail != "" && !strings.HasPrefix(refused.Detail, "Failing row") {
			message += ". " + refused.Detail
		}
		column, err := l.column(place, refused)
		if err != nil {
			return err
		}
		l.answer.Errors = append(l.answer.Errors, rowError{place, column, refused.Code, cut(message)})
	}
	if l.answer.Failed >= l.most {
		return errEnough
	}
	return nil
}

// giveUp counts rows as bad that are not tried, as there are too many bad ones before.
func (l *loader) giveUp(places []int) error {
	l.answer.Failed += len(places)
	first := rowError{places[0], nil, "IMPORT_TOO_MANY_ERRORS", fmt.Sprintf("%d rows from here on were not tried: too many before them are bad.", len(places))}
	if n := len(l.answer.Errors); n > 0 && l.answer.Errors[n-1].Code == first.Code {
		return nil
	}
	if len(l.answer.Errors) == maxRowErrors {
		l.answer.Errors = l.answer.Errors[:maxRowErrors-1]
	}
	l.answer.Errors = append(l.answer.Errors, first)
	return nil
}

func (l *loader) sortErrors() {
	slices.SortFunc(l.answer.Errors, func(a, b rowError) int { return a.Row - b.Row })
}

// column finds the column that an error is about, or nil.
func (l *loader) column(place int, refused *pgconn.PgError) (*string, error) {
	if refused.ColumnName != "" {
		return &refused.ColumnName, nil
	}
	if refused.ConstraintName != "" {
		found := l.conn.ExecParams(l.ctx, loadingText("constraint"), [][]byte{[]byte(l.into.oid), []byte(refused.ConstraintName)}, nil, nil, nil).Read()
		if found.Err != nil {
			return nil, found.Err
		}
		if len(found.Rows) == 1 {
			name := string(found.Rows[0][0])
			return &name, nil
		}
	}
	if !strings.HasPrefix(refused.Code, "22") && refused.Code != pgerrcode.CheckViolation { // a check may be of the value's type
		return nil, nil
	}
	for i, c := range l.into.columns {
		value := l.rows[place][i]
		if value == nil {
			continue
		}
		if refused.Code == pgerrcode.StringDataRightTruncationDataException && c.tooLong(*value) {
			return &c.name, nil
		}
		fits, err := l.fits(c, *value)
		if err != nil {
			return nil, err
		}
		if !fits {
			return &c.name, nil
		}
	}
	return nil, nil
}

// fits reports whether a value is one of the column's type.
func (l *loader) fits(c targetColumn, value string) (bool, error) {
	batch := &pgconn.Batch{}
	batch.ExecParams("savepoint part", nil, nil, nil, nil)
	batch.ExecParams("select $1::pg_catalog.text::"+c.declared, [][]byte{[]byte(value)}, nil, nil, nil)
	_, err := l.conn.ExecBatch(l.ctx, batch).ReadAll()
	var refused *pgconn.PgError
	if err != nil && !errors.As(err, &refused) {
		return false, err
	}
	return err == nil, l.exec(undo)
}
