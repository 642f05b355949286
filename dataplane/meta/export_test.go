package meta_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// serve answers at an address, where answers are streamed.
func (b *bundle) serve() string {
	b.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.service.ServeHTTP(w, r.WithContext(projectdb.NewContext(r.Context(), b.door.Bind(b.project, b.caller))))
	}))
	b.t.Cleanup(server.Close)
	return server.URL
}

func (b *bundle) export(body string) (int, string) {
	b.t.Helper()
	return b.call(b.t.Context(), "POST", "/export", body)
}

const values = `select 1::int8 as id, 'a,"b' as text, null::text as nothing, '' as \"E, \"\"x\", '{\"k\": [1,\n2]}'::json as data, array[1,2] as list, true as ok, 'NaN'::numeric as price`

func TestExport(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		status, body := b.export(`{"query":"` + strings.ReplaceAll(values, `"b`, `\"b`) + `;","format":"csv"}`)
		require.Equal(t, 200, status)
		require.Equal(t, "id,text,nothing,\"E, \"\"x\",data,list,ok,price\n1,\"a,\"\"b\",,\"\",\"{\"\"k\"\": [1,\n2]}\",\"{1,2}\",t,NaN\n", body)

		want := `{"id":1,"text":"a,\"b","nothing":null,"E, \"x":"","data":{"k":[1,2]},"list":[1,2],"ok":true,"price":"NaN"}`
		status, body = b.export(`{"query":"` + strings.ReplaceAll(values, `"b`, `\"b`) + ` -- x;","format":"ndjson"}`)
		require.Equal(t, 200, status, body)
		require.Equal(t, want+"\n", body)
		status, body = b.export(`{"query":"select x as a, x as a from generate_series($1::int, 2) x","params":["1"],"format":"json"}`)
		require.Equal(t, 200, status, body)
		require.Equal(t, "[\n"+`{"a":1,"a":1},`+"\n"+`{"a":2,"a":2}`+"\n]\n", body)
		status, body = b.export(`{"query":"select 1 where false","format":"json"}`)
		require.Equal(t, 200, status, body)
		require.Equal(t, "[]\n", body)
		status, body = b.export(`{"query":"select 1 as a where false","format":"csv"}`)
		require.Equal(t, 200, status, body)
		require.Equal(t, "a\n", body)
		status, body = b.export(`{"query":"explain (format json) select 1 as a","format":"ndjson"}`)
		require.Equal(t, 200, status, body)
		require.True(t, json.Valid([]byte(body)), body)
		require.Equal(t, 1, strings.Count(body, "\n"))
	})
}

func TestExportRefusals(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.run("create table t (id int); insert into t values (1); grant select on t to anon; alter table t enable row level security")
		cases := []struct {
			name, body string
			status     int
			has        string
		}{
			{"another format", `{"query":"select 1","format":"xml"}`, 400, "FORMAT_INVALID"},
			{"no format", `{"query":"select 1"}`, 400, "FORMAT_INVALID"},
			{"no query", `{"query":"","format":"csv"}`, 400, "QUERY_EMPTY"},
			{"only a comment", `{"query":"-- x","format":"csv"}`, 400, "EXPORT_ONE_STATEMENT"},
			{"two statements", `{"query":"select 1; select 2","format":"csv"}`, 400, "EXPORT_ONE_STATEMENT"},
			{"a copy", `{"query":"copy t from stdin","format":"csv"}`, 400, "COPY_UNSUPPORTED"},
			{"no rows", `{"query":"set timezone to 'UTC'","format":"csv"}`, 400, "EXPORT_NO_ROWS"},
			{"a change", `{"query":"delete from t returning id","format":"csv"}`, 400, `"code":"25006"`},
			{"a hidden change", `{"query":"with x as (delete from t returning id) select * from x","format":"csv"}`, 400, `"code":"25006"`},
			{"another role", `{"query":"select 1","format":"csv","role":"owner"}`, 400, "ROLE_INVALID"},
			{"claims without a role", `{"query":"select 1","format":"csv","claims":{"sub":"x"}}`, 400, "CLAIMS_INVALID"},
			{"what fails at once", `{"query":"select 1 / 0","format":"csv"}`, 400, `"code":"22012"`},
			{"another table", `{"query":"/* ä */\nselect * from nothing","format":"json"}`, 400, `"position":23,"line":2`},
			{"too few values", `{"query":"select $1::int","format":"csv"}`, 400, `"code":"08P01"`},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				status, body := b.export(c.body)
				require.Equal(t, c.status, status, body)
				require.Contains(t, body, c.has)
			})
		}
		status, body := b.export(`{"query":"select * from t","format":"csv","role":"anon"}`)
		require.Equal(t, 200, status)
		require.Equal(t, "id\n", body, "policies hold roles of requests")
		require.Contains(t, b.run("select count(*)::int from t"), "[[1]]")
		app := *b
		app.caller.Developer = ""
		status, body = app.export(`{"query":"select 1","format":"csv"}`)
		require.Equal(t, 401, status, body)
	})
}

// TestExportBreaksOff holds that what fails on the way does not look whole.
func TestExportBreaksOff(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		response, err := http.Post(b.serve()+"/export", "application/json",
			strings.NewReader(`{"query":"select 1 / (100000 - n) from generate_series(1, 200000) n","format":"csv"}`))
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		require.Equal(t, 200, response.StatusCode)
		_, err = io.Copy(io.Discard, response.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
}

func TestExportEndsWithItsClient(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		ctx, cancel := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.serve()+"/export",
			strings.NewReader(`{"query":"select generate_series(1, 1000000000), repeat('endless', 1000)","format":"csv"}`))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		_, err = io.CopyN(io.Discard, response.Body, 1<<20)
		require.NoError(t, err)
		admin, err := pgx.Connect(t.Context(), testkit.AdminURL(t))
		require.NoError(t, err)
		t.Cleanup(func() { _ = admin.Close(context.Background()) })
		running := func() (n int) {
			require.NoError(t, admin.QueryRow(t.Context(), `select count(*) from pg_stat_activity where usename = $1`, b.project.Owner.User).Scan(&n))
			return n
		}
		require.Equal(t, 1, running())
		cancel()
		_ = response.Body.Close()
		require.Eventually(t, func() bool { return running() == 0 }, 20*time.Second, 20*time.Millisecond)
	})
}

// counter counts what is written, and the most memory that is used meanwhile.
type counter struct {
	bytes, most atomic.Uint64
}

func (c *counter) Header() http.Header { return http.Header{} }
func (c *counter) WriteHeader(int)     {}
func (c *counter) Write(p []byte) (int, error) {
	if c.bytes.Add(uint64(len(p)))%(8<<20) < uint64(len(p)) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		c.most.Store(max(c.most.Load(), m.HeapInuse))
	}
	return len(p), nil
}

// TestExportIsSteady exports 100 MB and looks at the memory. It does not run beside others.
func TestExportIsSteady(t *testing.T) { //nolint:paralleltest // it measures memory
	b := setup(t, false)
	for format, rows := range map[string]int{"csv": 102000, "json": 30000, "ndjson": 30000} {
		out := &counter{}
		r := httptest.NewRequest(http.MethodPost, "/export", strings.NewReader(fmt.Sprintf(
			`{"query":"select n as id, repeat(md5(n::text), 30) as body from generate_series(1, %d) n","format":%q}`, rows, format)))
		r.Header.Set("Content-Type", "application/json")
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		b.service.ServeHTTP(out, r.WithContext(projectdb.NewContext(t.Context(), b.door.Bind(b.project, b.caller))))
		require.Greater(t, out.bytes.Load(), uint64(rows*960))
		require.Less(t, out.most.Load(), before.HeapInuse+8<<20, format)
		t.Logf("%s: %d bytes, heap in use %d -> at most %d", format, out.bytes.Load(), before.HeapInuse, out.most.Load())
	}
}
