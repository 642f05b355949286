package controlplane

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

func TestUsageOfAProject(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref, sibling := b.project(ada, "acme").GetRef(), b.project(ada, "acme").GetRef()
	stranger := b.project(b.organization("other"), "other").GetRef()
	usage := func(p person, ref string) (*v1.Usage, error) {
		res, err := p.projects.GetUsage(t.Context(), &v1.GetUsageRequest{Ref: ref})
		return res.GetUsage(), err
	}
	fresh, err := usage(ada, ref)
	require.NoError(t, err)
	require.Nil(t, fresh.GetStoreTime())
	require.Zero(t, fresh.GetRequests())
	require.Equal(t, "Free", fresh.GetPlan())
	require.Equal(t, int64(10_000_000_000), fresh.GetMaxStorageBytes())
	require.Equal(t, int64(1_000_000_000), fresh.GetMaxFileBytes())
	require.Equal(t, time.Now().UTC().Format("2006-01")+"-01", fresh.GetMonth())

	exec := func(sql string, args ...any) {
		_, err := b.pool.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
	}
	const month = "insert into usage_month (project_id, month, requests, egress_bytes) select id, date_trunc('month', now() at time zone 'UTC')::date - $2::int, $3, $4 from project where ref = $1"
	exec(month, ref, 0, 3, 300)
	exec(month, ref, 31, 1000, 1000)
	exec(month, sibling, 0, 4, 400)
	exec(month, stranger, 0, 1000, 1000)
	exec("insert into project_storage (project_id, bytes, blobs, measured_at) select id, 77, 7, now() from project where ref = $1", ref)
	exec("update project set over_quota_reason = 'no more' where ref = $1", ref)
	got, err := usage(ada, ref)
	require.NoError(t, err)
	require.Equal(t, []int64{3, 300, 7, 700, 77, 7}, []int64{
		got.GetRequests(), got.GetEgressBytes(), got.GetOrganizationRequests(), got.GetOrganizationEgressBytes(), got.GetStoredBytes(), got.GetStoredFiles(),
	}, "months that are over and organisations of others do not count")
	require.WithinDuration(t, time.Now(), got.GetStoreTime().AsTime(), time.Minute)
	require.Equal(t, "no more", got.GetOverQuotaReason())

	_, err = usage(ada, stranger)
	refused(t, err, connect.CodeNotFound, "PROJECT_NOT_FOUND")
}
