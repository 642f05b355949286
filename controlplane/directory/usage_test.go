package directory

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

func report(m made, at time.Time, requests, egress int64) *directoryv1.ReportUsageRequest {
	return &directoryv1.ReportUsageRequest{ReportId: uuid.NewString(), WorkerId: "w", Records: []*directoryv1.UsageRecord{{
		ProjectId: m.id.String(), Service: "rest", Minute: timestamppb.New(at), Requests: requests, EgressBytes: egress, Errors: 1,
	}}}
}

func TestUsageIsCountedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.project(t, "active")
	key := b.key(t, m, "secret", nil)
	stranger := b.project(t, "active")
	r := report(m, b.now, 3, 100)
	r.Records = append(r.Records, r.Records[0], &directoryv1.UsageRecord{ // one twice, and one of a project that is gone
		ProjectId: uuid.NewString(), Service: "auth", Minute: timestamppb.New(b.now), Requests: 1,
	})
	used := b.now.Add(-time.Second).Truncate(time.Second)
	r.KeyUses = []*directoryv1.KeyUse{
		{ProjectId: m.id.String(), KeyId: key.String(), LastUseTime: timestamppb.New(used)},
		{ProjectId: m.id.String(), KeyId: key.String(), LastUseTime: timestamppb.New(used.Add(-time.Hour))},
		{ProjectId: stranger.id.String(), KeyId: key.String(), LastUseTime: timestamppb.New(used.Add(time.Hour))},
	}
	for range 3 {
		_, err := b.client.ReportUsage(t.Context(), r)
		require.NoError(t, err)
	}
	require.Equal(t, int64(6), one[int64](t, b, "select requests from usage_minute where project_id = $1", m.id))
	require.Equal(t, int64(200), one[int64](t, b, "select egress_bytes from usage_month where project_id = $1", m.id))
	require.Equal(t, int64(2), one[int64](t, b, "select errors from usage_minute where project_id = $1", m.id))
	require.Equal(t, int64(1), one[int64](t, b, "select count(*) from usage_minute"))
	require.Equal(t, used, one[time.Time](t, b, "select last_used_at from api_key where id = $1", key).UTC())
	_, err := b.client.ReportUsage(t.Context(), report(m, b.now, 1, 1))
	require.NoError(t, err)
	require.Equal(t, int64(7), one[int64](t, b, "select requests from usage_month where project_id = $1", m.id))
}

func TestLatenciesAreAdded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.project(t, "active")
	// Of a time before latencies were counted.
	b.exec(t, "insert into usage_minute (project_id, service, minute, requests) values ($1, 'rest', $2, 1)", m.id, b.now.Truncate(time.Minute))
	for _, latency := range [][]int64{{1, 2}, nil, {0, 0, 0, 4}, {5}} {
		r := report(m, b.now, 1, 0)
		r.Records[0].Latency, r.Records[0].ClientErrors = latency, 2
		r.Records = append(r.Records, r.Records[0])
		_, err := b.client.ReportUsage(t.Context(), r)
		require.NoError(t, err)
	}
	require.Equal(t, []int64{12, 4, 0, 8}, one[[]int64](t, b, "select latency from usage_minute"))
	require.Equal(t, int64(16), one[int64](t, b, "select client_errors from usage_minute"))
	require.Equal(t, int64(9), one[int64](t, b, "select requests from usage_minute"))
	require.Equal(t, []int64{12, 4, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0}, one[[]int64](t, b, "select latency from usage_half_hour"))
	require.Equal(t, []int64{8, 16, 8}, one[[]int64](t, b, "select array[requests, client_errors, errors] from usage_half_hour"))
	require.True(t, one[bool](t, b, "select half_hour = date_bin('30 minutes', (select minute from usage_minute), 'epoch') from usage_half_hour"))
}

func TestTheNewestMeasureOfFilesIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m, gone := b.project(t, "active"), uuid.NewString()
	send := func(uses ...*directoryv1.StorageUse) {
		t.Helper()
		_, err := b.client.ReportUsage(t.Context(), &directoryv1.ReportUsageRequest{ReportId: uuid.NewString(), WorkerId: "w", Storage: uses})
		require.NoError(t, err)
	}
	use := func(project string, bytes int64, at time.Time) *directoryv1.StorageUse {
		return &directoryv1.StorageUse{ProjectId: project, Bytes: bytes, Blobs: bytes / 10, MeasureTime: timestamppb.New(at)}
	}
	kept := func() int64 {
		return one[int64](t, b, "select bytes from project_storage where project_id = $1 and blobs = bytes / 10", m.id)
	}
	before := b.resolve(t, byRef(m.ref)).GetRevision()
	send(use(m.id.String(), 100, b.now), use(gone, 5, b.now))
	require.Equal(t, int64(100), kept())
	send(use(m.id.String(), 50, b.now.Add(-time.Second)))
	require.Equal(t, int64(100), kept(), "an older one that came late")
	send(use(m.id.String(), 300, b.now.Add(2*time.Second)), use(m.id.String(), 400, b.now.Add(time.Second)))
	require.Equal(t, int64(100), kept(), "a fast clock does not reach beyond ours")
	b.now = b.now.Add(3 * time.Second)
	send(use(m.id.String(), 500, b.now.Add(time.Hour)), use(m.id.String(), 400, b.now.Add(-time.Second)))
	require.Equal(t, int64(500), kept())
	b.now = b.now.Add(time.Second)
	send(use(m.id.String(), 0, b.now))
	require.Zero(t, kept(), "a fast clock's measure does not last")
	require.Equal(t, before, b.resolve(t, byRef(m.ref)).GetRevision(), "it is no change for workers")
	require.Equal(t, int64(1), one[int64](t, b, "select count(*) from project_storage"))
}

func TestOddReportsAreRefusedWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.project(t, "active")
	cases := map[string]func(*directoryv1.ReportUsageRequest){
		"no id":      func(r *directoryv1.ReportUsageRequest) { r.ReportId = "x" },
		"no project": func(r *directoryv1.ReportUsageRequest) { r.Records[0].ProjectId = m.ref },
		"service":    func(r *directoryv1.ReportUsageRequest) { r.Records[0].Service = "mining" },
		"negative":   func(r *directoryv1.ReportUsageRequest) { r.Records[0].Requests = -1 },
		"future": func(r *directoryv1.ReportUsageRequest) {
			r.Records[0].Minute = timestamppb.New(b.now.Add(48 * time.Hour))
		},
		"less than no errors": func(r *directoryv1.ReportUsageRequest) { r.Records[0].ClientErrors = -1 },
		"less than no time":   func(r *directoryv1.ReportUsageRequest) { r.Records[0].Latency = []int64{1, -1} },
		"too many latencies":  func(r *directoryv1.ReportUsageRequest) { r.Records[0].Latency = make([]int64, 14) },
		"no minute":           func(r *directoryv1.ReportUsageRequest) { r.Records[0].Minute = nil },
		"key":                 func(r *directoryv1.ReportUsageRequest) { r.KeyUses = []*directoryv1.KeyUse{{}} },
		"files of no project": func(r *directoryv1.ReportUsageRequest) {
			r.Storage = []*directoryv1.StorageUse{{MeasureTime: timestamppb.New(b.now)}}
		},
		"less than no files": func(r *directoryv1.ReportUsageRequest) {
			r.Storage = []*directoryv1.StorageUse{{ProjectId: m.id.String(), Bytes: -1, MeasureTime: timestamppb.New(b.now)}}
		},
		"files at no time": func(r *directoryv1.ReportUsageRequest) {
			r.Storage = []*directoryv1.StorageUse{{ProjectId: m.id.String()}}
		},
	}
	for name, spoil := range cases {
		r := report(m, b.now, 1, 1)
		r.Records = append(r.Records, report(m, b.now, 1, 1).Records...)
		spoil(r)
		_, err := b.client.ReportUsage(t.Context(), r)
		require.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err), name)
	}
	require.Zero(t, one[int64](t, b, "select count(*) from usage_minute"))
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "update plan set monthly_requests = 10, monthly_egress_bytes = 1000 where name = 'free'")
	m, sibling := b.project(t, "active"), b.project(t, "active")
	platform := b.project(t, "active")
	b.exec(t, "update project set organization_id = null where id = $1", platform.id)
	send := func(m made, requests, egress int64) {
		t.Helper()
		_, err := b.client.ReportUsage(t.Context(), report(m, b.now, requests, egress))
		require.NoError(t, err)
	}
	over := func(m made) string {
		s := b.resolve(t, byRef(m.ref))
		require.Equal(t, s.GetOverQuota(), s.GetOverQuotaReason() != "")
		return s.GetOverQuotaReason()
	}
	send(m, 6, 10)
	send(platform, 1000, 10000)
	require.Empty(t, over(m))
	require.Empty(t, over(platform), "the platform has no plan")
	before := b.resolve(t, byRef(sibling.ref)).GetRevision()
	events := b.watch(t)
	send(sibling, 4, 10) // together they have used the organisation's requests up
	require.Contains(t, over(m), "10 requests")
	require.Contains(t, over(sibling), "10 requests")
	require.Greater(t, b.resolve(t, byRef(sibling.ref)).GetRevision(), before)
	next(t, events)
	settled := b.resolve(t, byRef(m.ref)).GetRevision()
	send(m, 1, 0)
	require.Equal(t, settled, b.resolve(t, byRef(m.ref)).GetRevision(), "what stays is no change")

	b.exec(t, "update organization set plan = 'unlimited'")
	b.directory.evaluate(t.Context(), nil) // as it is done every minute
	require.Empty(t, over(m))
	b.exec(t, "update organization set plan = 'free'")
	b.directory.evaluate(t.Context(), nil)
	require.NotEmpty(t, over(m))
	b.now = b.now.AddDate(0, 0, 32) // another month
	b.directory.evaluate(t.Context(), nil)
	require.Empty(t, over(m))
	send(m, 1, 2000)
	require.Contains(t, over(m), "1000 bytes of egress")
	b.exec(t, "update plan set monthly_egress_bytes = 1500000000 where name = 'free'")
	b.directory.evaluate(t.Context(), nil)
	require.Empty(t, over(m))
	files := report(m, b.now, 1, 1500000000)
	files.Records[0].Service = "storage"
	_, err := b.client.ReportUsage(t.Context(), files)
	require.NoError(t, err)
	require.Equal(t, "The Free plan's 1.5 GB of egress (answers and files that were sent) of this month are used up.", over(m))
}
