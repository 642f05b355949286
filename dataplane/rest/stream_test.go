package rest_test

import (
	"context"
	"errors"
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

// serve puts the bundle's handler behind a real connection.
func (b *bundle) serve(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := b.door.Bind(b.project, projectdb.Caller{Role: "anon", Claims: []byte(`{"role":"anon"}`)})
		b.handler.ServeHTTP(w, r.WithContext(projectdb.NewContext(r.Context(), session)))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func get(t *testing.T, url string, headers map[string]string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

const longFixtures = `
create view long as select i as id, repeat('x', 1000) as t from generate_series(1, 100000) i; grant select on long to {anon};
create view broken as select i as id, repeat('x', 1000) as t, 1 / (50000 - i) as q from generate_series(1, 100000) i; grant select on broken to {anon};
create view endless as select generate_series(1, 1000000000) as id, repeat('x', 1000) as t; grant select on endless to {anon};
`

// slowly are the settings of those who ask for long answers of a busy machine.
var slowly = map[string]any{"rest.max_rows": int64(1_000_000), "rest.statement_timeout_ms": int64(60_000)}

func long(t *testing.T) (*bundle, string) {
	t.Helper()
	b := setup(t, false)
	b.owner(t, longFixtures)
	b.set(slowly)
	return b, b.serve(t)
}

// Not parallel: it measures the memory of the process.
func TestLongAnswersTakeNoMemory(t *testing.T) {
	_, url := long(t)
	for kind, check := range map[string]func(body string, total int){
		"application/json": func(tail string, total int) {
			require.True(t, strings.HasSuffix(tail, `"}]`), tail)
			require.Greater(t, total, 100_000_000)
		},
		"text/csv": func(tail string, total int) {
			require.True(t, strings.HasSuffix(tail, "xxx"), tail)
			require.Greater(t, total, 100_000_000)
		},
	} {
		t.Run(kind, func(t *testing.T) {
			answer := get(t, url+"/long", map[string]string{"Accept": kind})
			require.Equal(t, 200, answer.StatusCode)
			runtime.GC()
			var before, now runtime.MemStats
			runtime.ReadMemStats(&before)
			most, total, last := uint64(0), 0, ""
			buf := make([]byte, 64<<10)
			for next := 0; ; {
				n, err := answer.Body.Read(buf)
				if total += n; n > 0 {
					last = string(buf[max(n-10, 0):n])
				}
				if total > next {
					runtime.ReadMemStats(&now)
					most = max(most, now.HeapInuse)
					next += 2 << 20
				}
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
			}
			check(last, total)
			grown := int64(most) - int64(before.HeapInuse)
			t.Logf("%d MB answered with %.1f MB of growth", total>>20, float64(grown)/(1<<20))
			require.Less(t, grown, int64(20<<20))
			require.Equal(t, "0-99999/*", answer.Trailer.Get("X-Content-Range"))
		})
	}
}

func TestLongAnswerWithCount(t *testing.T) {
	t.Parallel()
	_, url := long(t)
	answer := get(t, url+"/long?limit=5000&offset=10", map[string]string{"Prefer": "count=exact"})
	require.Equal(t, 206, answer.StatusCode)
	require.Equal(t, "10-5009/100000", answer.Header.Get("Content-Range"))
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(body), `"}]`))
}

func TestLongAnswerHasTheHeadersOfThePreRequest(t *testing.T) {
	t.Parallel()
	b, _ := long(t)
	b.owner(t, `create function before() returns void language plpgsql as $$ begin perform set_config('response.headers', '[{"X-Before":"yes"}]', true); end $$`)
	b.set(map[string]any{"rest.max_rows": int64(1_000_000), "rest.statement_timeout_ms": int64(60_000), "rest.pre_request": "before"})
	answer := get(t, b.serve(t)+"/long?limit=5000", nil)
	require.Equal(t, 200, answer.StatusCode)
	require.Equal(t, "yes", answer.Header.Get("X-Before"))
}

func TestAnswerThatBreaksOffDoesNotLookWhole(t *testing.T) {
	t.Parallel()
	_, url := long(t)
	answer := get(t, url+"/broken", nil)
	require.Equal(t, 200, answer.StatusCode)
	_, err := io.ReadAll(answer.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	// One that breaks before it is sent tells why.
	answer = get(t, url+"/broken?order=id.desc&id=gt.49900", nil)
	require.Equal(t, 400, answer.StatusCode)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), "22012")
}

func TestClientThatLeavesEndsItsQuery(t *testing.T) {
	t.Parallel()
	b, url := long(t)
	for _, path := range []string{"/endless", "/endless?order=t.desc,id.desc"} { // one that sends, and one that is still busy
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
		require.NoError(t, err)
		begun, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			answer, err := http.DefaultClient.Do(r)
			if err == nil {
				_, _ = io.CopyN(io.Discard, answer.Body, 2<<20)
				close(begun)
				<-ctx.Done()
				_ = answer.Body.Close()
			}
		}()
		if !strings.Contains(path, "order") {
			select {
			case <-begun:
			case <-done:
			}
		}
		require.Eventually(t, func() bool { return b.running(t) > 0 }, 20*time.Second, 10*time.Millisecond)
		cancel()
		<-done
		require.Eventually(t, func() bool { return b.running(t) == 0 }, 20*time.Second, 20*time.Millisecond)
	}
}

// running counts the queries of requests that are under way.
func (b *bundle) running(t *testing.T) (n int) {
	t.Helper()
	s := b.door.Bind(b.project, projectdb.Caller{Role: "anon", Developer: "test"})
	require.NoError(t, s.AsOwner(context.Background(), func(c *pgx.Conn) error {
		return c.QueryRow(context.Background(), `select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and usename like '%authenticator'`).Scan(&n)
	}))
	return n
}
