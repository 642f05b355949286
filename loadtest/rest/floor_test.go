package rest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// What the floor server has not, written by hand in its manner: a statement under a role and claims, in one round trip.
const (
	assume     = `select set_config('role', $1, true), set_config('request.jwt.claims', $2, true), set_config('search_path', 'public', true)`
	addItems   = `insert into items (name, price) select name, price from json_to_recordset($1::json) as v (name text, price numeric)`
	embedItems = `select coalesce(json_agg(t), '[]')::text from (
  select i.id, i.name, (select coalesce(json_agg(n), '[]') from (
    select n.id, n.body, (select row_to_json(a) from (select a.name from authors a where a.id = n.author_id) a) as author from notes n where n.item_id = i.id) n) as notes
  from items i where i.id > $1 order by i.id limit 10) t`
)

// startOwnFloor serves POST /insert and GET /embed?id=N.
func startOwnFloor(b *testing.B, databaseURL string) string {
	cfg, err := pgxpool.ParseConfig(databaseURL)
	require.NoError(b, err)
	cfg.MaxConns = 10
	pool, err := pgxpool.NewWithConfig(b.Context(), cfg)
	require.NoError(b, err)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /insert", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			var batch pgx.Batch
			batch.Queue("begin")
			batch.Queue(assume, "anon", `{"role":"anon"}`)
			batch.Queue(addItems, string(body))
			batch.Queue("commit")
			err = pool.SendBatch(r.Context(), &batch).Close()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	mux.HandleFunc("GET /embed", func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.Atoi(r.URL.Query().Get("id"))
		var batch pgx.Batch
		batch.Queue(assume, "anon", `{"role":"anon"}`)
		var body string
		batch.Queue(embedItems, id).QueryRow(func(row pgx.Row) error { return row.Scan(&body) })
		if err := pool.SendBatch(r.Context(), &batch).Close(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, body)
	})
	server := httptest.NewServer(mux)
	b.Cleanup(func() { server.Close(); pool.Close() })
	return server.URL
}
