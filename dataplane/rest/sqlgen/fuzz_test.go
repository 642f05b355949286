package sqlgen_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/dataplane/rest/sqlgen"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// dice makes random requests over the office.
type dice struct{ *rand.Rand }

// reading makes random reads.
type reading struct {
	dice
	// embedded are what the root embeds.
	embedded map[string]bool
}

func (d dice) one(list ...string) string { return list[d.IntN(len(list))] }

func (d dice) sometimes(s string) string {
	if d.IntN(3) > 0 {
		return ""
	}
	return s
}

// mark stands in every value, and nowhere in the SQL.
const mark = "zqv"

var columnsOf = map[string][]string{
	"clients":      {"id", "name", `"odd \"name\""`, "meta", "meta->a", "meta->0->>b", "tags", "tags->0", "search", "shade", "during", "label", "nothing", `"x\"; drop"`},
	"projects":     {"id", "name", "client_id", "budget", "data", "data->>x", "data->-1"},
	"tasks":        {"id", "name", "done", "project_id", "boss"},
	"users":        {"id", "name"},
	"users_tasks":  {"user_id", "task_id"},
	"details":      {"client_id", "note"},
	"clients_view": {"id", "name"},
	"tasks_1":      {"id", "task_id"},
}

// related are the embeds of each relation and where they lead.
var related = map[string][][2]string{
	"clients":      {{"projects", "projects"}, {"details", "details"}, {"newest", "projects"}, {"projects!client", "projects"}},
	"projects":     {{"clients", "clients"}, {"client", "clients"}, {"client_id", "clients"}, {"tasks", "tasks"}, {"open_tasks", "tasks"}},
	"tasks":        {{"projects", "projects"}, {"boss", "tasks"}, {"tasks", "tasks"}, {"tasks!boss", "tasks"}, {"users", "users"}, {"users_tasks", "users_tasks"}, {"tasks_1", "tasks_1"}},
	"users":        {{"tasks", "tasks"}, {"users_tasks", "users_tasks"}, {"tasks!users_tasks", "tasks"}},
	"users_tasks":  {{"users", "users"}, {"tasks", "tasks"}},
	"details":      {{"clients", "clients"}},
	"clients_view": {},
	"tasks_1":      {{"tasks", "tasks"}},
}

func (d dice) column(relation string) string { return d.one(columnsOf[relation]...) }

func (d dice) value() string {
	return d.one(mark, "1"+mark, `"`+mark+`,'`, mark+"*%", "{"+mark+",b}", mark+`\`, "$1"+mark, "'; drop table x; --"+mark)
}

func (d dice) filter(relation, dot string) (column, rest string) {
	op := d.one("eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch", "isdistinct", "fts", "plfts", "phfts", "wfts", "fts(german)",
		"fts("+mark+")", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj", "eq(any)", "like(all)", "imatch(any)", "in", "is")
	value := d.value()
	switch op {
	case "in":
		value = "(" + d.one(mark, "1"+mark+`,"2,'`+mark+`"`, "") + ")"
	case "is":
		value = d.one("null", "not_null", "true", "unknown")
	}
	if dot == "" && strings.ContainsAny(value, `,()"`) && op != "in" {
		value = mark
	}
	return d.column(relation), d.sometimes("not.") + op + "." + value
}

func (d reading) items(relation string, depth int) string {
	var out []string
	for range d.IntN(4) {
		switch n := d.IntN(12); {
		case n == 0:
			out = append(out, "*")
		case n == 1:
			out = append(out, d.sometimes("n:")+"count()"+d.sometimes("::text"))
		case n == 2:
			out = append(out, d.sometimes("n:")+d.column(relation)+d.sometimes("::numeric(10,2)")+"."+d.one("sum", "avg", "min", "max", "count")+"()"+d.sometimes("::text"))
		case n < 7 && depth < 4 && len(related[relation]) > 0:
			to := related[relation][d.IntN(len(related[relation]))]
			if name, _, _ := strings.Cut(to[0], "!"); depth == 0 {
				d.embedded[name] = true
			}
			out = append(out, d.sometimes("...")+to[0]+d.one("", "", "!inner", "!left")+"("+d.items(to[1], depth+1)+")")
		default:
			out = append(out, d.sometimes(`"a\"s `+`":`)+d.column(relation)+d.sometimes("::"+d.one("text", "int[]", "Strange", "double precision", "varchar(5)")))
		}
	}
	return strings.Join(out, ",")
}

// request makes one, "/clients?select=…".
func (d reading) request() string {
	relation := d.one("clients", "projects", "tasks", "users", "users_tasks", "details", "clients_view", "tasks_1")
	v := []string{"select=" + url.QueryEscape(d.items(relation, 0))}
	for range d.IntN(4) {
		column, rest := d.filter(relation, ".")
		v = append(v, url.QueryEscape(column)+"="+url.QueryEscape(rest))
	}
	for _, to := range related[relation] {
		name, _, _ := strings.Cut(to[0], "!")
		if !d.embedded[name] {
			continue
		}
		switch d.IntN(8) {
		case 0:
			v = append(v, name+"="+d.sometimes("not.")+"is.null")
		case 1:
			column, rest := d.filter(to[1], ".")
			v = append(v, name+"."+url.QueryEscape(column)+"="+url.QueryEscape(rest))
		case 2:
			v = append(v, name+".order="+url.QueryEscape(d.column(to[1])), name+".limit=3", name+".offset="+d.one("0", "2"))
		case 3:
			v = append(v, "order="+url.QueryEscape(name+"("+d.column(to[1])+")"+d.one("", ".desc", ".nullsfirst")))
		}
	}
	if d.IntN(2) == 0 {
		a, ra := d.filter(relation, "")
		b, rb := d.filter(relation, "")
		v = append(v, d.sometimes("not.")+d.one("or", "and")+"="+url.QueryEscape("("+a+"."+ra+","+b+"."+rb+",not.and("+a+".is.null))"))
	}
	if d.IntN(2) == 0 {
		v = append(v, "order="+url.QueryEscape(d.column(relation)+d.one("", ".desc", ".asc.nullslast")))
	}
	if d.IntN(3) == 0 {
		v = append(v, "limit=5", "offset=1")
	}
	return "/" + relation + "?" + strings.Join(v, "&")
}

// FuzzReads plans random reads: each statement must parse in Postgres, whatever it says of types, and hold no value of the request.
func FuzzReads(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	pool := testkit.Database(f, fstest.MapFS{})
	schema, err := os.ReadFile("testdata/office.sql")
	require.NoError(f, err)
	conn, err := pool.Acquire(f.Context())
	require.NoError(f, err)
	f.Cleanup(conn.Release)
	_, err = conn.Exec(f.Context(), string(schema))
	require.NoError(f, err)
	prepared := 0
	f.Fuzz(func(t *testing.T, seed uint64) {
		d := reading{dice{rand.New(rand.NewPCG(seed, 1))}, map[string]bool{}}
		target := d.request()
		r, err := planned(t, target, plan.Options{Aggregates: true, MaxRows: []int64{0, 100}[d.IntN(2)], MaxDepth: 6})
		var refused *query.Error
		if err != nil {
			require.ErrorAs(t, err, &refused, target)
			return
		}
		form := forms[d.one("", "", "columns", "count", "strip")]
		form.Kind = max(form.Kind, 0)
		statement := &plan.Statement{Read: r, Form: form}
		for _, s := range []sqlgen.Statement{sqlgen.Rows(statement), sqlgen.Count(r), sqlgen.Explain(r)} {
			require.NotContains(t, s.SQL, mark, target)
			_, err := conn.Conn().PgConn().Prepare(context.Background(), "", s.SQL, nil)
			var pg *pgconn.PgError
			if err != nil {
				require.ErrorAs(t, err, &pg, target)
				require.Containsf(t, judged, pg.Code, "%s\n%s\n%s", target, s.SQL, pg.Message)
				require.Falsef(t, statement.Plain() && errors.As(err, &pg) && pg.Code == "42703", "plain, with a column that is not there: %s", target)
				continue
			}
			prepared++
		}
	})
	fmt.Fprintln(os.Stderr, "prepared", prepared)
}

// judged are the errors by which Postgres refuses a statement that is well formed: a type or operator that there is not, a value that
// no type takes, a column that is not there or not grouped by.
var judged = map[string]string{
	"42883": "undefined_function", "42703": "undefined_column", "42804": "datatype_mismatch", "42846": "cannot_coerce", "42704": "undefined_object",
	"42803": "grouping_error", "42725": "ambiguous_function", "22P02": "invalid_text_representation", "42P18": "indeterminate_datatype",
	"42809": "wrong_object_type", "42P10": "invalid_column_reference", "42702": "ambiguous_column",
}
