package meta

import (
	"context"
	"embed"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// loading is the SQL of imports.
//
//go:embed loading/*.sql
var loading embed.FS

// maxImportRows bounds the rows of one part.
const maxImportRows = 100_000

// maxColumns is how many columns a table of Postgres may have.
const maxColumns = 1600

// importRequest is a part of a file's rows.
type importRequest struct {
	Schema  string   `json:"schema"`
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
	// Rows have one value for each column, as Postgres reads it; null is null.
	Rows [][]*string `json:"rows"`
	// OnConflict says what happens with a row that a unique key refuses: error, skip or update, which is by the primary key.
	OnConflict string `json:"on_conflict"`
	// KeepGood keeps the good rows when others are bad.
	KeepGood bool `json:"keep_good"`
	// DryRun keeps nothing.
	DryRun bool `json:"dry_run"`
}

// importAnswer tells what became of the rows.
type importAnswer struct {
	Inserted int        `json:"inserted"`
	Failed   int        `json:"failed"`
	Errors   []rowError `json:"errors"`
}

// rowError is what was wrong with a row, which counts from 0.
type rowError struct {
	Row     int     `json:"row"`
	Column  *string `json:"column"`
	Code    string  `json:"code"`
	Message string  `json:"message"`
}

func (s *Service) importRows(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var request importRequest
	if err := readBody(r, &request, `{"schema": "…", "table": "…", "columns": ["…"], "rows": [["…"]]}`); err != nil {
		return err
	}
	if err := request.check(); err != nil {
		return err
	}
	var answer importAnswer
	err := session.AsOwner(r.Context(), func(conn *pgx.Conn) error {
		into, err := findTarget(r.Context(), conn.PgConn(), session.Project.Schema(request.Schema), &request)
		if err != nil {
			return err
		}
		answer, err = load(r.Context(), conn.PgConn(), into, &request)
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, answer)
}

func (m *importRequest) check() error {
	switch {
	case m.Schema == "" || m.Table == "":
		return fault.New(fault.Invalid, "IMPORT_INVALID", "schema and table must say where the rows go.")
	case len(m.Columns) == 0:
		return fault.New(fault.Invalid, "IMPORT_INVALID", "columns must name at least one column.")
	case len(m.Columns) > maxColumns:
		return fault.New(fault.Invalid, "IMPORT_INVALID", "columns must name at most %d columns: no table has more.", maxColumns)
	case len(m.Rows) > maxImportRows:
		return fault.New(fault.Invalid, "IMPORT_INVALID", "A part has up to %d rows: send the rest in another one.", maxImportRows)
	}
	for i, name := range m.Columns {
		if slices.Contains(m.Columns[:i], name) {
			return fault.New(fault.Invalid, "IMPORT_INVALID", "Column %q is named twice.", name)
		}
	}
	for i, row := range m.Rows {
		if len(row) != len(m.Columns) {
			return fault.New(fault.Invalid, "IMPORT_INVALID", "Row %d has %d values; there are %d columns.", i, len(row), len(m.Columns))
		}
	}
	switch m.OnConflict {
	case "":
		m.OnConflict = "error"
	case "error", "skip", "update":
	default:
		return fault.New(fault.Invalid, "IMPORT_INVALID", "on_conflict must be error, skip or update.")
	}
	return nil
}

// importTarget is a table that rows go to.
type importTarget struct {
	oid     string
	columns []targetColumn // those that are asked for, in their order
	insert  string         // takes an array of texts for each column
}

type targetColumn struct {
	name, kind, declared    string // declared is the kind with its length
	generated, always, part bool   // part of the primary key
	length                  int    // the most characters; 0 for any number
}

// findTarget looks the table up, and refuses columns that take no values.
func findTarget(ctx context.Context, conn *pgconn.PgConn, schema string, m *importRequest) (*importTarget, error) {
	if strings.ContainsRune(schema+m.Table, 0) {
		return nil, errNoTable(m)
	}
	found := conn.ExecParams(ctx, loadingText("columns"), [][]byte{[]byte(schema), []byte(m.Table)}, nil, nil, nil).Read()
	if found.Err != nil {
		return nil, found.Err
	}
	if len(found.Rows) == 0 {
		return nil, errNoTable(m)
	}
	if string(found.Rows[0][1]) != "true" {
		return nil, fault.New(fault.Denied, "IMPORT_DENIED", "The project's owner may not insert into %s.%s: it belongs to a service.", m.Schema, m.Table)
	}
	all := map[string]targetColumn{}
	var key []string
	for _, row := range found.Rows {
		length, _ := strconv.Atoi(string(row[7]))
		c := targetColumn{string(row[2]), string(row[3]), string(row[8]), string(row[4]) == "true", string(row[5]) == "true", string(row[6]) == "true", length}
		all[c.name] = c
		if c.part {
			key = append(key, c.name)
		}
	}
	into := &importTarget{oid: string(found.Rows[0][0])}
	for _, name := range m.Columns {
		c, ok := all[name]
		switch {
		case !ok:
			return nil, fault.New(fault.Invalid, "IMPORT_COLUMN", "%s.%s has no column %q.", m.Schema, m.Table, name)
		case c.generated:
			return nil, fault.New(fault.Invalid, "IMPORT_COLUMN", "Column %q is generated: Postgres makes its values. Leave it out.", name)
		case c.always:
			return nil, fault.New(fault.Invalid, "IMPORT_COLUMN", `Column %q is "generated always as identity": Postgres makes its values. Leave it out, or make it "by default".`, name)
		}
		into.columns = append(into.columns, c)
	}
	if m.OnConflict == "update" {
		if len(key) == 0 {
			return nil, fault.New(fault.Invalid, "IMPORT_NO_KEY", "%s.%s has no primary key to find rows by: rows cannot be updated.", m.Schema, m.Table)
		}
		for _, name := range key {
			if !slices.Contains(m.Columns, name) {
				return nil, fault.New(fault.Invalid, "IMPORT_NO_KEY", "Column %q is part of the primary key, by which rows are found: it must be among the columns to update rows.", name)
			}
		}
	}
	into.insert = into.sql(pg.Ident(schema, m.Table), m.OnConflict, key)
	return into, nil
}

func errNoTable(m *importRequest) error {
	return fault.New(fault.NotFound, "TABLE_NOT_FOUND", "There is no table %s.%s.", m.Schema, m.Table)
}

// sql makes the statement of names from the catalog.
func (t *importTarget) sql(table, onConflict string, key []string) string {
	var names, casts, arrays, aliases, sets []string
	for i, c := range t.columns {
		alias := "v" + strconv.Itoa(i)
		names = append(names, pg.Ident(c.name))
		casts = append(casts, "r."+alias+"::"+c.kind)
		arrays = append(arrays, "$"+strconv.Itoa(i+1)+"::pg_catalog.text[]")
		aliases = append(aliases, alias)
		if !slices.Contains(key, c.name) {
			sets = append(sets, pg.Ident(c.name)+" = excluded."+pg.Ident(c.name))
		}
	}
	out := "insert into " + table + " (" + strings.Join(names, ", ") + ") select " + strings.Join(casts, ", ") +
		" from rows from (pg_catalog.unnest(" + strings.Join(arrays, "), pg_catalog.unnest(") + ")) with ordinality r (" + strings.Join(aliases, ", ") + ", n) order by r.n"
	switch {
	case onConflict == "skip", onConflict == "update" && len(sets) == 0:
		out += " on conflict do nothing"
	case onConflict == "update":
		quoted := make([]string, len(key))
		for i, name := range key {
			quoted[i] = pg.Ident(name)
		}
		out += " on conflict (" + strings.Join(quoted, ", ") + ") do update set " + strings.Join(sets, ", ")
	}
	return out
}

func loadingText(name string) string {
	text, err := loading.ReadFile("loading/" + name + ".sql")
	if err != nil { // it is embedded
		panic(err)
	}
	return string(text)
}

// tooLong reports whether a column cannot hold so many characters. Spaces at the end do not count.
func (c targetColumn) tooLong(value string) bool {
	return c.length > 0 && utf8.RuneCountInString(strings.TrimRight(value, " ")) > c.length
}
