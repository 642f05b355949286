package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// serve puts the handler on a real connection, as anon.
func (b *bundle) serve(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := b.door.Bind(b.project, projectdb.Caller{Role: "anon", Claims: json.RawMessage(`{"role":"anon"}`)})
		b.handler.ServeHTTP(w, r.WithContext(projectdb.NewContext(r.Context(), session)))
	}))
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, ctx context.Context, url, accept string) *http.Response { //nolint:revive // t goes first
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	r.Header.Set("Accept", accept)
	out, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = out.Body.Close() })
	return out
}

// slowly are the settings of those who ask for long answers of a busy machine.
var slowly = map[string]any{"rest.max_rows": int64(1_000_000), "rest.statement_timeout_ms": int64(60_000)}

// TestLargeResultsAreNotHeld reads 100 MB slowly enough that the server could not hold it unseen.
func TestLargeResultsAreNotHeld(t *testing.T) {
	b := setup(t, false).with(slowly)
	server := b.serve(t)
	for _, accept := range []string{"application/x-ndjson", "application/json"} {
		get(t, context.Background(), server.URL+"/rpc/numbers?n=2000", accept) // whatever is made once
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		w := get(t, context.Background(), server.URL+"/rpc/numbers?n=105000", accept)
		require.Equal(t, http.StatusOK, w.StatusCode)
		var size, most uint64
		piece := make([]byte, 1<<20)
		for {
			n, err := io.ReadFull(w.Body, piece)
			if size += uint64(n); size/(10<<20) != (size-uint64(n))/(10<<20) {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
			if err != nil {
				require.ErrorIs(t, err, map[bool]error{true: io.EOF, false: io.ErrUnexpectedEOF}[n == 0])
				break
			}
		}
		require.Greater(t, size, uint64(100<<20))
		require.Less(t, int64(most)-int64(before.HeapAlloc), int64(20<<20))
		require.Empty(t, w.Header.Get("ETag"))
		t.Logf("%s: %d MB with %.1f MB more of heap", accept, size>>20, float64(int64(most)-int64(before.HeapAlloc))/(1<<20))
	}
}

func TestBrokenAnswersDoNotLookWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, false).with(slowly)
	server := b.serve(t)
	b.owner(t, `create function late(n int) returns setof int language sql stable as 'select 10 / (n - i) from generate_series(1, n) i'`)
	for _, accept := range []string{"application/x-ndjson", "application/json"} {
		w := get(t, context.Background(), server.URL+"/rpc/late?n=1000000", accept)
		require.Equal(t, http.StatusOK, w.StatusCode)
		_, err := io.Copy(io.Discard, w.Body)
		require.Error(t, err, "the connection breaks off")
		w = get(t, context.Background(), server.URL+"/rpc/late?n=10", accept)
		require.Equal(t, http.StatusBadRequest, w.StatusCode, "a small answer has its error")
	}
}

// TestLeavingEndsTheQuery reads a little of what never ends, and goes.
func TestLeavingEndsTheQuery(t *testing.T) {
	t.Parallel()
	b := setup(t, false).with(slowly)
	b.owner(t, `create function forever() returns table (i int, pad text) language sql stable rows 1000000 as 'select i, repeat(''x'', 1000) from generate_series(1, 1000000) i'`)
	server := b.serve(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := get(t, ctx, server.URL+"/rpc/forever", "application/x-ndjson")
	in := bufio.NewReader(w.Body)
	line, err := in.ReadBytes('\n')
	require.NoError(t, err)
	require.Contains(t, string(line), `"i":1`)
	running := func() (n int) {
		s := b.door.Bind(b.project, projectdb.Caller{Role: "anon", Developer: "test"})
		require.NoError(t, s.AsOwner(context.Background(), func(c *pgx.Conn) error {
			return c.QueryRow(context.Background(), `select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and pid <> pg_backend_pid() and usename like '%authenticator'`).Scan(&n)
		}))
		return n
	}
	require.Equal(t, 1, running(), "it waits for its reader")
	cancel()
	require.Eventually(t, func() bool { return running() == 0 }, 30*time.Second, 20*time.Millisecond)
}

func TestManyRowsAreWrittenAndReturned(t *testing.T) {
	t.Parallel()
	b := setup(t, true).with(slowly)
	rows := make([]string, 3000)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"order_id":%d,"pos":1,"note":"%s"}`, i+100, strings.Repeat("n", 1000))
	}
	w := b.check(t, row{method: "POST", target: "/tables/lines", body: "[" + strings.Join(rows, ",") + "]", status: 201})
	var back []map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &back))
	require.Len(t, back, 3000)
	w = b.check(t, row{method: "PATCH", target: "/tables/lines?order_id.gte=100&select=pos", body: `{"note":"x"}`})
	require.Equal(t, "3000", w.Header().Get("X-Affected-Count"))
	b.check(t, row{method: "DELETE", target: "/tables/lines?order_id.gte=100", status: 204, wantHeaders: map[string]string{"X-Affected-Count": "3000"}})
}
