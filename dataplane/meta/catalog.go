package meta

import (
	"embed"
	"net/http"
	"net/url"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed *.sql
var files embed.FS

const (
	defaultPage = 1000
	maxPage     = 10000
)

// schema is one of the project's schemas, by its logical name.
type schema struct {
	Name string `json:"name" db:"name"`
	// Comment is null without one; so are those below.
	Comment *string `json:"comment" db:"comment"`
}

// table is a table, view or the like.
type table struct {
	Schema string `json:"schema" db:"schema"`
	Name   string `json:"name" db:"name"`
	// Kind is table, partitioned_table, view, materialized_view or foreign_table.
	Kind       string `json:"kind" db:"kind"`
	RLSEnabled bool   `json:"rls_enabled" db:"rls_enabled"`
	// EstimatedRows is the planner's estimate; -1 when it has none.
	EstimatedRows int64   `json:"estimated_rows" db:"estimated_rows"`
	Comment       *string `json:"comment" db:"comment"`
}

// column is a column of a table or view.
type column struct {
	Schema     string  `json:"schema" db:"schema"`
	Table      string  `json:"table" db:"table"`
	Name       string  `json:"name" db:"name"`
	Position   int     `json:"position" db:"position"`
	Type       string  `json:"type" db:"type"`
	Nullable   bool    `json:"nullable" db:"nullable"`
	Default    *string `json:"default" db:"default"`
	PrimaryKey bool    `json:"primary_key" db:"primary_key"`
	Generated  bool    `json:"generated" db:"generated"`
	Comment    *string `json:"comment" db:"comment"`
}

// catalog answers a list of the catalog, narrowed by ?schema= and ?table=, in pages of ?limit= from ?offset=. The header
// X-Next-Offset is set while there is more.
func catalog[T any](file string) handler {
	sql, err := files.ReadFile(file)
	if err != nil { // it is embedded
		panic(err)
	}
	return func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
		values := r.URL.Query()
		limit, err := number(values, "limit", defaultPage, 1, maxPage)
		if err != nil {
			return err
		}
		offset, err := number(values, "offset", 0, 0, 1<<31-1)
		if err != nil {
			return err
		}
		var list []T
		err = session.AsOwner(r.Context(), func(conn *pgx.Conn) error {
			rows, err := conn.Query(r.Context(), string(sql), pgx.QueryExecModeExec, pgx.NamedArgs{
				"prefix": session.Project.SchemaPrefix, "schema": values.Get("schema"), "table": values.Get("table"),
				"limit": limit + 1, "offset": offset,
			})
			if err != nil {
				return err
			}
			list, err = pgx.CollectRows(rows, pgx.RowToStructByName[T])
			return err
		})
		if err != nil {
			return err
		}
		if len(list) > limit {
			list = list[:limit]
			w.Header().Set("X-Next-Offset", strconv.Itoa(offset+limit))
		}
		return writeJSON(w, http.StatusOK, list)
	}
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
