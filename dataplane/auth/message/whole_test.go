package message_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/limit"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// projects is a directory of one project.
type projects struct{ *directory.Project }

func (p projects) ByRef(context.Context, string) (*directory.Project, error) { return p.Project, nil }

// limits counts in Redis, as on a worker.
type limits struct{ *limit.Limiter }

func (l limits) Allow(ctx context.Context, ref, key string, rate guard.Rate) (bool, time.Duration) {
	answer := l.Name(ctx, ref, key, limit.Rate{PerSecond: rate.PerSecond, Burst: rate.Burst})
	return answer.Allowed, answer.RetryAfter
}

// whole is a real project with everything between a request and the mail server.
func whole(t *testing.T, shared bool, s *mailServer, settings map[string]any) (*bundle, *projectdb.Session) {
	t.Helper()
	b := setup(t, nil)
	project, err := directory.FromSnapshot(testkit.Project(t, shared))
	require.NoError(t, err)
	project.Settings = valuesOf(t, settings)
	b.project = project
	b.by(s, nil)
	door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), MaxConnections: 8})
	t.Cleanup(func() { require.NoError(t, door.Close(context.Background())) })
	queue, err := outbox.New(outbox.Deps{
		URL: testkit.Jobs(t), Projects: projects{project}, Binder: door, Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), Retry: 10 * time.Millisecond,
	})
	require.NoError(t, err)
	client, prefix := testkit.Redis(t)
	b.deps.Queue, b.deps.Limiter = queue, limits{limit.New(limit.Deps{Redis: client, Prefix: prefix, Log: testkit.Logger(t)})}
	queue.Register(store.Schema, b.outbox())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- queue.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return b, door.Bind(project, projectdb.Caller{Role: "anon"})
}

func TestFromARequestToTheMailServer(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			s := &mailServer{}
			s.listen(t, false)
			b, session := whole(t, shared, s, map[string]any{"auth.rate_limit.email_sent": 3})
			o := b.outbox()
			failing := errors.New("the request fails")
			require.ErrorIs(t, store.InTx(t.Context(), session, func(tx *store.Tx) error {
				m := confirmation
				m.To = "rolledback@example.test"
				require.NoError(t, o.Email(t.Context(), tx, b.project, m))
				return failing
			}), failing)
			write := func() error {
				return store.InTx(t.Context(), session, func(tx *store.Tx) error { return o.Email(t.Context(), tx, b.project, confirmation) })
			}
			require.NoError(t, write())
			got := <-s.got
			require.Equal(t, "ada@example.test", got.To)
			require.Contains(t, got.Text, "123456")
			require.NoError(t, write())
			<-s.got

			err := write()
			require.Equal(t, "OVER_EMAIL_SEND_RATE_LIMIT", fault.From(err).Reason, "the mail that was rolled back counts too")
			require.NotEmpty(t, fault.From(err).Fields["retry_after"])

			left := -1
			require.Eventually(t, func() bool {
				require.NoError(t, store.InTx(t.Context(), session, func(tx *store.Tx) error {
					return tx.QueryRow(t.Context(), "select count(*) from outbox").Scan(&left)
				}))
				return left == 0
			}, 10*time.Second, 20*time.Millisecond)
			require.Empty(t, s.got)
		})
	}
}

func TestDevelopersReadWhyAMailWasNotSent(t *testing.T) {
	s := &mailServer{password: "right"}
	s.listen(t, false)
	b, session := whole(t, false, s, map[string]any{"auth.smtp.user": "shop", "auth.smtp.password": "wrong"})
	o := b.outbox()
	require.NoError(t, store.InTx(t.Context(), session, func(tx *store.Tx) error { return o.Email(t.Context(), tx, b.project, confirmation) }))
	var tried struct {
		Error    string
		Attempts int
	}
	require.Eventually(t, func() bool {
		require.NoError(t, store.InTx(t.Context(), session, func(tx *store.Tx) error {
			rows, err := tx.Query(t.Context(), "select last_error, attempts from outbox where failed_at is null")
			require.NoError(t, err)
			tried, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[struct {
				Error    string
				Attempts int
			}])
			return err
		}))
		return tried.Attempts > 1
	}, 10*time.Second, 20*time.Millisecond)
	require.Contains(t, tried.Error, "refused the user or the password")
	require.NotContains(t, tried.Error, "wrong")
}

var _ message.Writer = (*outbox.Queue)(nil)
