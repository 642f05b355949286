package meta

import (
	"bytes"
	"context"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// lists are queries of the catalog. A column's name is the field's name in the answer; what the fields mean is written down in
// console/src/lib/catalog.ts and docs/meta.md.
//
//go:embed lists/*.sql
var lists embed.FS

// listNames are the lists of the catalog, each a path of the service and a file.
var listNames = []string{
	"schemas", "tables", "columns", "constraints", "indexes", "policies", "triggers", "functions", "types", "extensions", "roles", "grants",
	"migrations",
}

// tableKinds are what /tables may be narrowed to.
var tableKinds = []string{"table", "partitioned_table", "view", "materialized_view", "foreign_table"}

const (
	defaultPage = 1000
	maxPage     = 10000
)

// page is what part of a list is asked for.
type page struct {
	schema, table, search string
	kinds                 []string
	limit, offset         int
}

// list is a page of a list: items, which are JSON, and whether there are more.
type list struct {
	items [][]byte
	more  bool
}

func readPage(values url.Values) (page, error) {
	limit, err := number(values, "limit", defaultPage, 1, maxPage)
	if err != nil {
		return page{}, err
	}
	offset, err := number(values, "offset", 0, 0, 1<<31-1)
	if err != nil {
		return page{}, err
	}
	out := page{schema: values.Get("schema"), table: values.Get("table"), search: values.Get("search"), limit: limit, offset: offset}
	for _, text := range []string{out.schema, out.table, out.search} {
		if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			return page{}, fault.New(fault.Invalid, "FILTER_INVALID", "schema, table and search must be text in UTF-8, without zero bytes.")
		}
	}
	if out.kinds = []string{}; values.Get("kind") != "" {
		out.kinds = strings.Split(values.Get("kind"), ",")
	}
	for _, kind := range out.kinds {
		if !slices.Contains(tableKinds, kind) {
			return page{}, fault.New(fault.Invalid, "FILTER_INVALID", "kind must be of these, parted by commas: %s.", strings.Join(tableKinds, ", "))
		}
	}
	return out, nil
}

func number(values url.Values, name string, fallback, least, most int) (int, error) {
	if !values.Has(name) {
		return fallback, nil
	}
	n, err := strconv.Atoi(values.Get(name))
	if err != nil || n < least || n > most {
		return 0, fault.New(fault.Invalid, "PAGE_INVALID", "%s must be a whole number from %d to %d.", name, least, most)
	}
	return n, nil
}

// catalog answers a list of the catalog, narrowed by ?schema=, ?table= and ?search=, and /tables by ?kind=, in pages of ?limit= from ?offset=. The header
// X-Next-Offset is set while there is more.
func catalog(name string) handler {
	sql := "with own as materialized (\n" + listText("own") + ")\nselect pg_catalog.row_to_json(list)::text from (\n" + listText(name) + ") list"
	return func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
		asked, err := readPage(r.URL.Query())
		if err != nil {
			return err
		}
		var found list
		err = session.AsOwner(r.Context(), func(conn *pgx.Conn) error {
			found, err = readList(r.Context(), conn, session, strings.ReplaceAll(sql, "{migrations}", migrationsTable(session.Project)), asked)
			if name == "migrations" && pg.Code(err) == pgerrcode.UndefinedTable { // there was none yet
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
		return writePage(w, asked, found)
	}
}

func listText(name string) string {
	sql, err := lists.ReadFile("lists/" + name + ".sql")
	if err != nil { // it is embedded
		panic(err)
	}
	return string(sql)
}

// readList reads one item more than is asked for, if there is one. A page whose items are large ends sooner, after one item at least: how large
// they are is up to the project's owner, whose texts and functions they hold.
func readList(ctx context.Context, conn *pgx.Conn, session *projectdb.Session, sql string, asked page) (list, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what is not read is not waited for
	rows, err := conn.Query(ctx, sql, pgx.QueryExecModeExec, pgx.NamedArgs{
		"ref": session.Project.Ref, "prefix": session.Project.SchemaPrefix,
		"schema": asked.schema, "table": asked.table, "search": asked.search, "kinds": asked.kinds, "limit": asked.limit + 1, "offset": asked.offset,
	})
	if err != nil {
		return list{}, err
	}
	var out list
	for bytesLeft := maxBytes; rows.Next(); {
		item := rows.RawValues()[0]
		bytesLeft -= len(item) + rowCost
		if len(out.items) == asked.limit || len(out.items) > 0 && bytesLeft < 0 {
			out.more = true
			cancel()
			rows.Close()
			return out, nil
		}
		out.items = append(out.items, bytes.Clone(item))
	}
	return out, rows.Err()
}

// writePage writes the items, which are JSON, and where the next page begins.
func writePage(w http.ResponseWriter, asked page, found list) error {
	if found.more {
		w.Header().Set("X-Next-Offset", strconv.Itoa(asked.offset+len(found.items)))
	}
	body := append([]byte{'['}, bytes.Join(found.items, []byte(",\n"))...)
	writeBody(w, http.StatusOK, append(body, ']'))
	return nil
}
