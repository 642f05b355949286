package meta

import (
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/meta/advice"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// adviceList answers what is unsafe or slow in the project's database, the worst first: a list like those of the catalog.
func adviceList() handler {
	sql, err := advice.SQL(listText("own"))
	if err != nil { // it is embedded
		panic(err)
	}
	sql = "select pg_catalog.row_to_json(list)::text from (\n" + sql + ") list"
	return func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
		asked, err := readPage(r.URL.Query())
		if err != nil {
			return err
		}
		var found list
		err = session.AsOwner(r.Context(), func(conn *pgx.Conn) error {
			// Fixes name everything in full, so that they mean the same wherever they run.
			if _, err := conn.PgConn().Exec(r.Context(), "set search_path to ''").ReadAll(); err != nil {
				return err
			}
			found, err = readList(r.Context(), conn, session, sql, asked)
			return err
		})
		if err != nil {
			return err
		}
		return writePage(w, asked, found)
	}
}
