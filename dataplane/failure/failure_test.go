package failure

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

const acme, other = "aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"

func setup(t *testing.T) *Journal {
	t.Helper()
	client, prefix := testkit.Redis(t)
	return New(Deps{Redis: client, Prefix: prefix, Log: testkit.Logger(t)})
}

func failed(status int, path string) Failure {
	return Failure{Time: time.Now(), RequestID: "r-" + path, Service: "rest", Method: "GET", Path: path, Status: status, Role: "anon"}
}

func lost(t *testing.T, j *Journal) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(j.dropped)
	families, err := registry.Gather()
	require.NoError(t, err)
	return families[0].GetMetric()[0].GetCounter().GetValue()
}

func paths(t *testing.T, j *Journal, ref string, f Filter) []string {
	t.Helper()
	list, _, err := j.List(t.Context(), ref, f)
	require.NoError(t, err)
	out := []string{}
	for _, one := range list {
		out = append(out, one.Path)
	}
	return out
}

func TestFailuresAreToldNewestFirst(t *testing.T) {
	t.Parallel()
	j := setup(t)
	began := time.Now()
	for i, status := range []int{404, 500, 401, 503} {
		f := failed(status, fmt.Sprintf("/%d", i))
		f.Time, f.Code, f.KeyID, f.Milliseconds = began.Add(time.Duration(i)*time.Second), "42P01", "k", 1.5
		j.Note(acme, f)
	}
	f := failed(400, "/other")
	f.Service = "auth"
	j.Note(other, f)
	j.flush(t.Context())
	require.Equal(t, []string{"/3", "/2", "/1", "/0"}, paths(t, j, acme, Filter{}))
	require.Equal(t, []string{"/other"}, paths(t, j, other, Filter{}), "each project reads its own")
	require.Empty(t, paths(t, j, "cccccccccccccccccccc", Filter{}))
	require.Equal(t, []string{"/3", "/1"}, paths(t, j, acme, Filter{Least: 500}))
	require.Equal(t, []string{"/2"}, paths(t, j, acme, Filter{Least: 401, Most: 401}))
	require.Empty(t, paths(t, j, acme, Filter{Service: "auth"}))
	require.Equal(t, []string{"/1"}, paths(t, j, acme, Filter{Search: "R-/1"}))
	require.Len(t, paths(t, j, acme, Filter{Search: "42p01"}), 4)

	page, more, err := j.List(t.Context(), acme, Filter{Limit: 3})
	require.NoError(t, err)
	require.True(t, more)
	require.Len(t, page, 3)
	one := page[2]
	require.Equal(t, Failure{
		ID: one.ID, Time: one.Time, RequestID: "r-/1", Service: "rest", Method: "GET", Path: "/1", Status: 500, Code: "42P01", Role: "anon", KeyID: "k", Milliseconds: 1.5,
	}, one)
	require.WithinDuration(t, began.Add(time.Second), one.Time, time.Millisecond)
	page, more, err = j.List(t.Context(), acme, Filter{Limit: 3, Before: one.ID})
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, page, 1)
}

func TestClientsPushOutNoErrorsOfTheServer(t *testing.T) {
	t.Parallel()
	j := setup(t)
	j.Note(acme, failed(500, "/mine"))
	for turn := range 2*Kept/perTurn + 1 {
		for i := range perTurn {
			j.Note(other, failed(404, fmt.Sprintf("/%d", turn*perTurn+i)))
			j.Note(acme, failed(404, "/x"))
		}
		j.flush(t.Context())
	}
	require.Len(t, paths(t, j, acme, Filter{Most: 499}), Kept)
	require.Equal(t, []string{"/mine"}, paths(t, j, acme, Filter{Least: 500}))
	require.Len(t, paths(t, j, other, Filter{}), Kept, "no more is kept")
	ttl, err := j.redis.TTL(t.Context(), j.key(acme, 0)).Result()
	require.NoError(t, err)
	require.InDelta(t, life.Seconds(), ttl.Seconds(), 60)
}

func TestAFloodOfOneProjectLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	j := setup(t)
	for range 10 * backlog {
		j.Note(acme, failed(401, "/flood"))
	}
	j.Note(other, failed(401, "/seen"))
	j.Note(acme, failed(500, "/seen"))
	require.InDelta(t, 10*backlog-perTurn, lost(t, j), 1)
	j.flush(t.Context())
	require.Equal(t, []string{"/seen"}, paths(t, j, other, Filter{}))
	require.Len(t, paths(t, j, acme, Filter{Most: 499}), perTurn)
	require.Len(t, paths(t, j, acme, Filter{Least: 500}), 1)
	j.Note(acme, failed(401, "/again"))
	j.flush(t.Context())
	require.Contains(t, paths(t, j, acme, Filter{}), "/again", "the next turn begins anew")
}

func TestWhatClientsSendIsBounded(t *testing.T) {
	t.Parallel()
	j := setup(t)
	f := failed(404, "/\x1b[31m\x00\xff\u202e"+strings.Repeat("é", 1000))
	f.Code, f.Method, f.RequestID = strings.Repeat("c", 1000), strings.Repeat("M", 1000), strings.Repeat("r", 1000)
	j.Note(acme, f)
	j.flush(t.Context())
	list, _, err := j.List(t.Context(), acme, Filter{})
	require.NoError(t, err)
	require.Len(t, []rune(list[0].Path), maxPath+1)
	require.True(t, strings.HasPrefix(list[0].Path, "/�[31m���é"), list[0].Path)
	require.Len(t, []rune(list[0].Code), maxCode+1)
	require.Len(t, []rune(list[0].Method), 21)
	require.Len(t, []rune(list[0].RequestID), 129)
}

func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", DialTimeout: 10 * time.Millisecond, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	j := New(Deps{Redis: client, Log: testkit.Logger(t)})
	for range 2 * backlog { // none of them waits
		j.Note(acme, failed(500, "/x"))
	}
	j.flush(t.Context())
	require.InDelta(t, 2*backlog, lost(t, j), 0)
	_, _, err := j.List(t.Context(), acme, Filter{})
	require.ErrorIs(t, err, fault.New(fault.Unavailable, "FAILURES_UNAVAILABLE", ""))
}

func BenchmarkNote(b *testing.B) {
	client, prefix := testkit.Redis(b)
	j := New(Deps{Redis: client, Prefix: prefix, Log: testkit.Logger(b)})
	f := failed(404, "/rest/v1/notes")
	b.ReportAllocs()
	for b.Loop() {
		j.Note(acme, f)
	}
}
