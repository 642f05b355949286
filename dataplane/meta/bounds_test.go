package meta_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// answerMost is more than any answer may take.
const answerMost = 20 << 20

func TestValuesAreBoundedHoweverFewRowsThereAre(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		for _, sql := range []string{
			"select repeat('x', 40000000)", "select repeat('<', 4000000)", "select repeat(chr(1), 4000000) from generate_series(1, 3)",
			"select '1' as a, '2' as b; select repeat('x', 17000000)",
		} {
			status, body := b.query(sql)
			require.Equal(t, 200, status)
			require.Less(t, len(body), answerMost)
			require.Contains(t, body, `"truncated":true`, sql)
		}
	})
}

func TestColumnsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	var columns []string
	for i := range 1000 {
		columns = append(columns, strings.Repeat("c", 50)+strconv.Itoa(i)+" int")
	}
	b.run("create table wide (" + strings.Join(columns, ", ") + ")")
	status, body := b.query(strings.Repeat("table wide;", 300))
	require.Equal(t, 200, status)
	require.Less(t, len(body), answerMost)
	require.Contains(t, body, `"truncated":true`)
}

func TestWhatFunctionsSayIsBounded(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		status, body := b.query(`do $$ begin for i in 1..50 loop
			raise notice using message = repeat('é', 1000000), detail = repeat('d', 1000000), hint = repeat('h', 1000000);
		end loop; end $$`)
		require.Equal(t, 200, status)
		require.Less(t, len(body), 4<<20)
		require.Contains(t, body, "éé…")
		status, body = b.query(`do $$ begin raise exception using message = repeat('m', 10000000), detail = repeat('d', 10000000), hint = repeat('h', 10000000); end $$`)
		require.Equal(t, 400, status)
		require.Less(t, len(body), 1<<20)
		require.Contains(t, body, `"code":"P0001"`)
	})
}

func TestErrorsOfRowsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	b.run(`create table picky (a text);
		create function refuse() returns trigger language plpgsql as $$ begin raise exception '%', repeat('m', 5000000); end $$;
		create trigger refuse before insert on picky for each row execute function refuse()`)
	status, body := b.tryLoad(map[string]any{"table": "picky", "columns": []string{"a"}, "rows": [][]string{{"1"}, {"2"}, {"3"}}, "keep_good": true})
	require.Equal(t, 200, status)
	require.Contains(t, body, `"failed":3`)
	require.Less(t, len(body), 1<<20)
}

func TestColumnsOfImportsAreCountedBeforeTheyAreCompared(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	columns := make([]string, 200_000)
	for i := range columns {
		columns[i] = strconv.Itoa(i)
	}
	began := time.Now()
	status, body := b.tryLoad(map[string]any{"table": "none", "columns": columns, "rows": [][]string{}})
	require.Equal(t, 400, status)
	require.Contains(t, body, "at most 1600 columns")
	require.Less(t, time.Since(began), 10*time.Second)
}

func TestStatementsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	status, body := b.query(strings.Repeat("a;", 200_001))
	require.Equal(t, 400, status)
	require.Contains(t, body, "QUERY_TOO_LONG")
}

func TestPagesOfListsEndEarlyWhereItemsAreLarge(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.run(`do $$ begin for i in 1..6 loop
			execute format('create table big%s (); comment on table big%s is %L', i, i, repeat('x', 5000000));
		end loop; end $$`)
		var names []string
		for offset := "0"; offset != ""; {
			r := httptest.NewRequest(http.MethodGet, "/tables?schema=public&search=big&offset="+offset, nil)
			w := httptest.NewRecorder()
			b.service.ServeHTTP(w, r.WithContext(projectdb.NewContext(t.Context(), b.door.Bind(b.project, b.caller))))
			require.Equal(t, 200, w.Code)
			require.Less(t, w.Body.Len(), answerMost)
			var page []struct{ Name string }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &page))
			require.NotEmpty(t, page)
			for _, one := range page {
				names = append(names, one.Name)
			}
			offset = w.Header().Get("X-Next-Offset")
		}
		require.Equal(t, []string{"big1", "big2", "big3", "big4", "big5", "big6"}, names)
	})
}

// stuck is a body that does not end before it is let go, and tells that it is read.
type stuck struct{ reading, end chan struct{} }

func (s stuck) Read([]byte) (int, error) {
	s.reading <- struct{}{}
	<-s.end
	return 0, io.EOF
}

func TestFewLargeBodiesAreReadAtTheSameTime(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	send := func(ctx context.Context, s stuck) (int, string) {
		r := httptest.NewRequest(http.MethodPost, "/query", s) // of no known length
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		b.service.ServeHTTP(w, r.WithContext(projectdb.NewContext(ctx, b.door.Bind(b.project, b.caller))))
		return w.Code, w.Body.String()
	}
	slow := stuck{make(chan struct{}), make(chan struct{})}
	var sent sync.WaitGroup
	for range 4 {
		sent.Go(func() { send(t.Context(), slow) })
		<-slow.reading
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, body := send(ctx, stuck{make(chan struct{}, 1), slow.end})
	require.Equal(t, 503, status)
	require.Contains(t, body, "TOO_MANY_LARGE_REQUESTS")
	require.Contains(t, b.run("select 1"), `[[1]]`, "others are answered")
	close(slow.end)
	sent.Wait()
}

func TestExportsTellWhyTheyFail(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	status, body := b.call(t.Context(), "POST", "/export", `{"query":"select repeat('x', 80000000)","format":"csv"}`)
	require.Equal(t, 400, status)
	require.Contains(t, body, "RESULT_TOO_LARGE")
}

func TestFiltersMustBeText(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	for _, path := range []string{"/tables?search=%ff", "/functions?schema=%C3%28", "/advice?table=%ED%A0%80"} {
		status, body := b.call(t.Context(), "GET", path, "")
		require.Equal(t, 400, status, path)
		require.Contains(t, body, "FILTER_INVALID")
	}
}

func TestMigrationsAreRecordedAsTheyWereSent(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	status, body := b.call(t.Context(), "POST", "/migrations", `{"name":"größe","sql":"set client_encoding = 'LATIN1'"}`)
	require.Equal(t, 200, status, body)
	require.Contains(t, body, `"größe"`)
	_, body = b.call(t.Context(), "GET", "/migrations", "")
	require.Contains(t, body, `"größe"`)
}
