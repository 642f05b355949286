package metric

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/migrations"
)

var errAway = errors.New("away")

// clusters are the test server, by the id that the bundle registered; all others cannot be reached.
type clusters struct {
	id     uuid.UUID
	server *layout.Cluster
}

func (c clusters) Admin(_ context.Context, cluster uuid.UUID) (*layout.Cluster, error) {
	if cluster != c.id {
		return nil, errAway
	}
	return c.server, nil
}

type bundle struct {
	t       testing.TB
	pool    *pgxpool.Pool
	service *Service
	cluster uuid.UUID
	now     time.Time
}

func setup(t testing.TB) *bundle {
	t.Helper()
	b := &bundle{t: t, pool: testkit.Database(t, migrations.Controlplane), cluster: uuid.New(), now: time.Date(2026, 5, 1, 12, 0, 30, 0, time.UTC)}
	server, err := layout.Open(t.Context(), testkit.AdminURL(t), testkit.Logger(t))
	require.NoError(t, err)
	t.Cleanup(server.Close)
	b.service, err = New(Deps{Pool: b.pool, Clusters: clusters{b.cluster, server}, Log: testkit.Logger(t), Now: func() time.Time { return b.now }})
	require.NoError(t, err)
	b.addCluster("here", b.cluster)
	return b
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	_, err := b.pool.Exec(b.t.Context(), sql, args...)
	require.NoError(b.t, err)
}

func (b *bundle) addCluster(name string, id uuid.UUID) {
	b.t.Helper()
	b.exec(`insert into cluster (id, name, host, port, ssl_mode, admin_url_sealed, version, capacity) values ($1, $2, 'h', 1, 'disable', '', '18', 1)`, id, name)
}

func (b *bundle) add(ref, isolation string, cluster uuid.UUID) {
	b.t.Helper()
	b.exec(`insert into project (id, ref, name, isolation, status, cluster_id, secrets_sealed) values ($1, $2, 'P', $3, 'active', $4, '')`,
		uuid.New(), ref, isolation, cluster)
}

// count adds what workers counted, so many minutes after noon.
func (b *bundle) count(ref, service string, minute, requests, errors, clientErrors, egress int, latency ...int64) {
	b.t.Helper()
	if latency == nil {
		latency = []int64{}
	}
	b.exec(`insert into usage_minute (project_id, service, minute, requests, errors, client_errors, egress_bytes, latency)
		select id, $2, $3, $4, $5, $6, $7, $8 from project where ref = $1`, ref, service, noon(minute), requests, errors, clientErrors, egress, latency)
}

func (b *bundle) measure(ref, gauge string, minute int, value int64) {
	b.t.Helper()
	b.exec("insert into project_gauge (project_id, gauge, at, value) select id, $2, $3, $4 from project where ref = $1", ref, gauge, noon(minute), value)
}

func noon(minute int) time.Time {
	return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
}

// read returns the values of each series, by metric and service, by minute after noon.
func (b *bundle) read(ref string, q Query) map[string]map[int]float64 {
	b.t.Helper()
	got, err := b.service.Read(b.t.Context(), ref, q)
	require.NoError(b.t, err)
	out := map[string]map[int]float64{}
	for _, s := range got.Series {
		name := s.Metric
		if s.Service != "" {
			name += "/" + s.Service
		}
		require.NotContains(b.t, out, name)
		out[name] = map[int]float64{}
		for _, p := range s.Points {
			out[name][int(p.Time.Sub(noon(0))/time.Minute)] = p.Value
		}
	}
	return out
}

func TestWhatWorkersCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref, other := id.NewRef(), id.NewRef()
	b.add(ref, "database", b.cluster)
	b.add(other, "database", b.cluster)
	b.count(other, "rest", 1, 1000, 1000, 1000, 1000, 1000)
	b.count(ref, "rest", -1, 1000, 1000, 1000, 1000, 1000)
	b.count(ref, "rest", 60, 1000, 1000, 1000, 1000, 1000)
	b.count(ref, "rest", 0, 3, 1, 0, 30, 0, 0, 0, 0, 3)
	b.count(ref, "rest", 4, 1, 0, 1, 10, 1)
	b.count(ref, "auth", 4, 2, 0, 0, 5, 0, 0, 2)
	b.count(ref, "auth", 7, 0, 0, 9, 0)
	got := b.read(ref, Query{Start: noon(0).Add(59 * time.Second), End: noon(60), Step: 5 * time.Minute})
	require.Equal(t, map[string]map[int]float64{
		Requests: {0: 6}, ServerErrors: {0: 1}, ClientErrors: {0: 1, 5: 9}, EgressBytes: {0: 45},
		LatencyP50: {0: 5}, LatencyP95: {0: 19}, LatencyP99: {0: 19.8}, DatabaseBytes: {}, Connections: {},
	}, got)
	got = b.read(ref, Query{Start: noon(0), End: noon(60), Step: time.Hour, ByService: true, Metrics: []string{Requests, ClientErrors, LatencyP99}})
	require.Equal(t, map[string]map[int]float64{
		"requests/auth": {0: 2}, "requests/rest": {0: 4}, "client_errors/auth": {0: 9}, "client_errors/rest": {0: 1},
		"latency_p99/auth": {0: 4.97}, "latency_p99/rest": {0: 19.867},
	}, got)
	got = b.read(ref, Query{Start: noon(0), End: noon(60), Services: []string{"auth"}, Metrics: []string{Requests}})
	require.Equal(t, map[string]map[int]float64{Requests: {4: 2}}, got)
	require.Equal(t, map[string]map[int]float64{Requests: {}}, b.read(ref, Query{Start: noon(0), End: noon(60), Services: []string{"storage"}, Metrics: []string{Requests}}))
}

// report adds what workers counted as a report of theirs does.
func (b *bundle) report(ref, service string, at time.Time, requests int64, latency string) {
	b.t.Helper()
	row, err := store.New(b.pool).GetProjectByRef(b.t.Context(), ref)
	require.NoError(b.t, err)
	minutes := store.AddUsageMinutesParams{
		ProjectIds: []uuid.UUID{row.Project.ID}, Services: []string{service}, Minutes: []time.Time{at}, Requests: []int64{requests},
		EgressBytes: []int64{10 * requests}, Errors: []int64{1}, ClientErrors: []int64{2}, Latencies: []string{latency},
	}
	require.NoError(b.t, store.New(b.pool).AddUsageMinutes(b.t.Context(), minutes))
	require.NoError(b.t, store.New(b.pool).AddUsageHalfHours(b.t.Context(), store.AddUsageHalfHoursParams(minutes)))
}

func TestWeeksAreReadByHalfHours(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref, other := id.NewRef(), id.NewRef()
	b.add(ref, "database", b.cluster)
	b.add(other, "database", b.cluster)
	const day = 24 * 60
	for _, minute := range []int{-1, 0, 29, 30, day, day + 1, 3 * day, 3*day + 30, 3*day + 39, 3*day + 40} {
		b.report(ref, "rest", noon(minute), 1, "{0,1}")
		b.report(ref, "auth", noon(minute), 2, "{0,0,2}")
		b.report(other, "rest", noon(minute), 100, "{100}")
	}
	whole := Query{Start: noon(0), End: noon(4 * day), Metrics: []string{Requests, ServerErrors, ClientErrors, EgressBytes, LatencyP50}}
	day24 := whole
	day24.Step = 24 * time.Hour
	require.Equal(t, map[string]map[int]float64{
		Requests: {0: 9, day: 6, 3 * day: 12}, ServerErrors: {0: 6, day: 4, 3 * day: 8}, ClientErrors: {0: 12, day: 8, 3 * day: 16},
		EgressBytes: {0: 90, day: 60, 3 * day: 120}, LatencyP50: {0: 2.75, day: 2.75, 3 * day: 2.75},
	}, b.read(ref, day24))
	part := day24
	part.Start, part.End, part.Metrics = noon(17), noon(3*day+40), []string{Requests}
	require.Equal(t, map[string]map[int]float64{Requests: {0: 9, day: 6, 3 * day: 9}}, b.read(ref, part), "from a full half hour, to the minute")
	part.ByService, part.Services = true, []string{"auth"}
	require.Equal(t, map[string]map[int]float64{"requests/auth": {0: 6, day: 4, 3 * day: 6}}, b.read(ref, part))
	part.Step, part.Services = 10*time.Minute, nil
	part.Start = noon(day + 1)
	require.Equal(t, map[int]float64{day + 1: 1, 3*day - 9: 1, 3*day + 21: 1, 3*day + 31: 1}, b.read(ref, part)["requests/rest"], "other steps by the minute")
	backfill, err := migrations.Controlplane.ReadFile("controlplane/0009_usage_by_half_hour.sql")
	require.NoError(t, err)
	b.exec("create table reported as table usage_half_hour")
	b.exec("drop table usage_half_hour")
	b.exec(string(backfill))
	var same bool
	const compared = "select count(*) = (select count(*) from usage_half_hour) and not exists (table reported except table usage_half_hour) from reported"
	require.NoError(t, b.pool.QueryRow(t.Context(), compared).Scan(&same))
	require.True(t, same, "what was counted before is summed alike")
	b.exec("delete from usage_minute")
	require.Equal(t, map[int]float64{0: 9, day: 6, 3 * day: 12}, b.read(ref, day24)[Requests])
	part = Query{Start: noon(0), End: noon(2 * day), Step: time.Hour, Metrics: []string{Requests}}
	require.Empty(t, b.read(ref, part)[Requests], "two days are read by the minute")
}

func BenchmarkThirtyDays(b *testing.B) {
	s := setup(b)
	ref := id.NewRef()
	s.add(ref, "database", s.cluster)
	for range 9 {
		s.add(id.NewRef(), "database", s.cluster) // rows of one lie among others'
	}
	s.exec(`insert into usage_minute (project_id, service, minute, requests, errors, client_errors, egress_bytes, latency)
		select p.id, s, t, n % 500, n % 3, n % 7, n * 1000, array[n % 11, n % 50, n % 90, n % 70, n % 30, n % 9, n % 5, n % 3, n % 2]
		from generate_series($1::timestamptz, $2, '1 minute') with ordinality as t (t, n), project p, unnest(array['rest', 'auth', 'storage', 'realtime']) s
		where p.ref = $3 or n % 10 = 0`, noon(-30*24*60), noon(0), ref)
	s.exec(`insert into usage_half_hour (project_id, service, half_hour, requests, errors, client_errors, egress_bytes, latency)
		select project_id, service, date_bin('30 minutes', minute, 'epoch'), sum(requests), sum(errors), sum(client_errors), sum(egress_bytes),
			array[sum(latency[1]), sum(latency[2]), sum(latency[3]), sum(latency[4]), sum(latency[5]), sum(latency[6]), sum(latency[7]), sum(latency[8]),
				sum(latency[9]), 0, 0, 0, 0] from usage_minute group by 1, 2, 3`)
	s.exec("analyze usage_minute")
	s.exec("analyze usage_half_hour")
	for name, q := range map[string]Query{
		"30 days": {Start: noon(-30 * 24 * 60), End: noon(0), Step: 6 * time.Hour},
		"7 days":  {Start: noon(-7 * 24 * 60), End: noon(0), Step: 2 * time.Hour},
		"a day":   {Start: noon(-24 * 60), End: noon(0), Step: 15 * time.Minute},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, err := s.service.Read(b.Context(), ref, q)
				require.NoError(b, err)
			}
		})
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		latency []int64
		part    float64
		want    float64
	}{
		{nil, 0.5, 0},
		{[]int64{10}, 0.5, 0.5},
		{[]int64{0, 10}, 0.5, 1.5},
		{[]int64{0, 10}, 1, 2},
		{[]int64{50, 0, 0, 0, 0, 50}, 0.5, 1},
		{[]int64{50, 0, 0, 0, 0, 50}, 0.75, 35},
		{[]int64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, 0.5, 5000},
		{[]int64{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0.99, 5000},
		{[]int64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4}, 0.25, 2750},
	} {
		require.InDelta(t, c.want, percentile(c.latency, c.part), 1e-9, "%v %v", c.latency, c.part)
	}
}

func TestGaugesHoldUntilTheyChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref := id.NewRef()
	b.add(ref, "database", b.cluster)
	b.now = noon(27)
	q := Query{Start: noon(0), End: noon(60), Step: 10 * time.Minute, Metrics: []string{DatabaseBytes, Connections}}
	require.Equal(t, map[string]map[int]float64{DatabaseBytes: {}, Connections: {}}, b.read(ref, q))
	b.measure(ref, DatabaseBytes, 12, 100)
	for minute, value := range map[int]int64{-100: 5, -50: 3, 11: 9, 13: 1} {
		b.measure(ref, Connections, minute, value)
	}
	require.Equal(t, map[string]map[int]float64{
		DatabaseBytes: {10: 100, 20: 100}, Connections: {0: 3, 10: 9, 20: 1}, // nothing is said of what is to come
	}, b.read(ref, q))
	b.measure(ref, DatabaseBytes, 19, 70)
	require.Equal(t, map[int]float64{10: 70, 20: 70}, b.read(ref, q)[DatabaseBytes], "the last within a step")
	b.measure(ref, Connections, 20, 0)
	require.Equal(t, map[int]float64{0: 3, 10: 9, 20: 1}, b.read(ref, q)[Connections], "the most within a step, with what held when it began")
}

func TestOddQueriesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref := id.NewRef()
	b.add(ref, "database", b.cluster)
	for message, q := range map[string]Query{
		"The end must be after the start.":                                                                         {Start: noon(1), End: noon(1)},
		"The end must be at most 400 days after the start.":                                                        {Start: noon(0), End: noon(401 * 24 * 60)},
		"The start must not be before the year 2000.":                                                              {Start: time.Time{}, End: noon(0)},
		"The step must be of whole minutes, one at least.":                                                         {Start: noon(0), End: noon(10), Step: 90 * time.Second},
		"A step of 1m0s makes 501 points; 500 are the most. A step of 2m0s would do.":                              {Start: noon(0), End: noon(501), Step: time.Minute},
		`There is no service "mining"; services are rest, api, graphql, auth, storage, realtime, functions, meta.`: {Start: noon(0), End: noon(10), Services: []string{"rest", "mining"}},
	} {
		_, err := b.service.Read(t.Context(), ref, q)
		require.ErrorIs(t, err, fault.New(fault.Invalid, "METRICS_INVALID", ""))
		require.Equal(t, message, fault.From(err).Message)
	}
	_, err := b.service.Read(t.Context(), ref, Query{Start: noon(0), End: noon(10), Step: -time.Minute})
	require.Error(t, err)
	_, err = b.service.Read(t.Context(), id.NewRef(), Query{Start: noon(0), End: noon(10)})
	require.ErrorIs(t, err, project.ErrNotFound)
	b.exec("update project set status = 'purged' where ref = $1", ref)
	_, err = b.service.Read(t.Context(), ref, Query{Start: noon(0), End: noon(10)})
	require.ErrorIs(t, err, project.ErrNotFound)
	for length, step := range map[time.Duration]time.Duration{time.Hour: time.Minute, 500 * time.Minute: time.Minute, 24 * time.Hour: 5 * time.Minute, maxRange: 24 * time.Hour} {
		require.Equal(t, step, chosen(length))
	}
}

func TestProjectsAreMeasuredOnTheirClusters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	away := uuid.New()
	b.addCluster("away", away)
	b.add(id.NewRef(), "database", away)
	own, shared := testkit.Project(t, false), testkit.Project(t, true)
	b.add(own.GetRef(), "database", b.cluster)
	b.add(shared.GetRef(), "schema", b.cluster)
	gone := id.NewRef()
	b.add(gone, "database", b.cluster) // its database is not there
	login := own.GetPlacement().GetOwner()
	config, err := pgx.ParseConfig(testkit.AdminURL(t))
	require.NoError(t, err)
	config.User, config.Password, config.Database = login.GetUser(), login.GetPassword(), own.GetPlacement().GetDatabase()
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	rows := func(ref, gauge string) (out []int64) {
		found, err := b.pool.Query(t.Context(), "select value from project_gauge g join project p on p.id = g.project_id where ref = $1 and gauge = $2 order by at", ref, gauge)
		require.NoError(t, err)
		out, err = pgx.CollectRows(found, pgx.RowTo[int64])
		require.NoError(t, err)
		return out
	}
	sample := func(sizes bool) {
		require.ErrorIs(t, b.service.Sample(t.Context(), sizes), errAway, "and the others are measured all the same")
		b.now = b.now.Add(time.Minute)
	}
	sample(false)
	require.Equal(t, []int64{1}, rows(own.GetRef(), Connections))
	require.Equal(t, []int64{0}, rows(shared.GetRef(), Connections))
	require.Len(t, rows(own.GetRef(), DatabaseBytes), 1, "what was never measured is")
	require.Len(t, rows(shared.GetRef(), DatabaseBytes), 1)
	require.Empty(t, rows(gone, DatabaseBytes))
	_, err = conn.Exec(t.Context(), "create table large as select repeat(md5(n::text), 10) as body from generate_series(1, 20000) n")
	require.NoError(t, err)
	sample(false)
	require.Len(t, rows(own.GetRef(), DatabaseBytes), 1, "that needs the turn of sizes")
	sample(true)
	require.Len(t, rows(own.GetRef(), DatabaseBytes), 2, "who is connected is used")
	require.Greater(t, rows(own.GetRef(), DatabaseBytes)[1], rows(own.GetRef(), DatabaseBytes)[0])
	sample(true)
	require.Len(t, rows(own.GetRef(), DatabaseBytes), 2, "no row without a change")
	require.Equal(t, []int64{1}, rows(own.GetRef(), Connections))
	_, err = conn.Exec(t.Context(), "drop table large")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	require.Eventually(t, func() bool { sample(false); return len(rows(own.GetRef(), Connections)) == 2 }, 20*time.Second, 10*time.Millisecond)
	b.now = b.now.Add(time.Hour)
	sample(true)
	require.Len(t, rows(own.GetRef(), DatabaseBytes), 2, "who is not used is not looked at")
	b.exec("insert into usage_minute (project_id, service, minute, requests) select id, 'rest', $2, 1 from project where ref = $1", own.GetRef(), b.now.Add(-3*time.Minute))
	sample(true)
	require.Len(t, rows(own.GetRef(), DatabaseBytes), 3)
}
