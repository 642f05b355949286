package controlplane

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/wayli-app/fluxbase/internal/config"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// retryIn requires that an error says when to try again.
func retryIn(t *testing.T, err error) {
	t.Helper()
	var failed *connect.Error
	require.ErrorAs(t, err, &failed)
	for _, d := range failed.Details() {
		value, err := d.Value()
		require.NoError(t, err)
		if info, ok := value.(*errdetails.RetryInfo); ok {
			require.Positive(t, info.GetRetryDelay().AsDuration())
			require.NotEmpty(t, failed.Meta().Get("Retry-After"))
			return
		}
	}
	t.Fatal("the error does not say when to try again")
}

func TestAnAccountsRequestsAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *config.Config) { c.Controlplane.RequestsPerSecond = 2 })
	ada, grace := b.signIn("ada@example.com"), b.signIn("grace@example.com")
	get := func(p person) error {
		_, err := p.accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
		return err
	}
	var err error
	for range 100 {
		if err = get(ada); err != nil {
			break
		}
	}
	refused(t, err, connect.CodeResourceExhausted, "TOO_MANY_REQUESTS")
	retryIn(t, err)
	require.NoError(t, get(grace), "others are not limited")
}

func TestAnAccountsStreamsAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *config.Config) { c.Controlplane.StreamsPerAccount = 2 })
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	watch := func(ctx context.Context) error {
		stream, err := ada.projects.WatchProject(ctx, &v1.WatchProjectRequest{Ref: ref})
		require.NoError(t, err)
		if stream.Receive() {
			return nil
		}
		return stream.Err()
	}
	ctx, leave := context.WithCancel(t.Context())
	require.NoError(t, watch(ctx))
	require.NoError(t, watch(t.Context()))
	err := watch(t.Context())
	refused(t, err, connect.CodeResourceExhausted, "TOO_MANY_STREAMS")
	retryIn(t, err)
	leave()
	require.Eventually(t, func() bool { return watch(t.Context()) == nil }, 20*time.Second, 10*time.Millisecond, "a stream that ended makes room")
}

func TestOldUsageIsForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *config.Config) { c.Controlplane.UsageRetention = 24 * time.Hour })
	ref := b.project(b.organization("acme"), "acme").GetRef()
	for _, age := range []string{"25 hours", "23 hours", "100 days"} {
		_, err := b.pool.Exec(t.Context(), `insert into usage_minute (project_id, service, minute, requests)
			select id, 'rest', date_trunc('minute', now() - $2::interval), 7 from project where ref = $1`, ref, age)
		require.NoError(t, err)
		_, err = b.pool.Exec(t.Context(), `insert into usage_half_hour (project_id, service, half_hour, latency)
			select id, 'rest', now() - $2::interval, array_fill(0, array[13]) from project where ref = $1`, ref, age)
		require.NoError(t, err)
	}
	_, err := b.pool.Exec(t.Context(), "insert into usage_month (project_id, month, requests) select id, date '2020-01-01', 7 from project where ref = $1", ref)
	require.NoError(t, err)
	const measured = "insert into project_gauge (project_id, gauge, at, value) select id, $2, now() - $3::interval, $4 from project where ref = $1"
	for i, age := range []string{"100 days", "30 days", "25 hours", "23 hours"} {
		_, err := b.pool.Exec(t.Context(), measured, ref, "connections", age, i)
		require.NoError(t, err)
	}
	_, err = b.pool.Exec(t.Context(), measured, ref, "database_bytes", "100 days", 7)
	require.NoError(t, err)
	require.NoError(t, b.server.sweeper().Work(t.Context(), nil))
	require.Equal(t, 2, b.count("select count(*) from project_gauge where gauge = 'connections'"), "the last one before holds still")
	require.Equal(t, 2+3, b.count("select sum(value)::int from project_gauge where gauge = 'connections'"))
	require.Equal(t, 1, b.count("select count(*) from project_gauge where gauge = 'database_bytes'"))
	require.Equal(t, 1, b.count("select count(*) from usage_minute"))
	require.Equal(t, 1, b.count("select count(*) from usage_half_hour"))
	require.Equal(t, 1, b.count("select count(*) from usage_month"), "sums by month stay")
}
