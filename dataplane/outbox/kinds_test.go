package outbox_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// TestManyItemsOfOneKindHoldUpNoOther: a webhook that is down leaves thousands, and what came after them is queued all the same.
func TestManyItemsOfOneKindHoldUpNoOther(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		one := uuid.New()
		require.NoError(t, b.door.Bind(b.project, projectdb.Caller{}).InService(t.Context(), "auth", func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `insert into outbox (id, kind, payload, created_at)
				select gen_random_uuid(), 'many', '{}'::jsonb, now() - interval '1 hour' from generate_series(1, 2100)
				union all select $1::uuid, 'one', '{}'::jsonb, now()`, one)
			return err
		}))
		gone := make(chan struct{})
		q := b.queue(func(ctx context.Context, _ outbox.Item) error {
			select { // they wait, and keep the workers busy
			case <-gone:
			case <-ctx.Done():
			}
			return outbox.Retry(nil, "It is down.")
		}, silent)
		b.run(q)
		t.Cleanup(func() { close(gone) })
		b.add(q, "anything that announces a sweep")
		b.hurry() // the sweep
		b.eventually(func() bool {
			return len(b.sql("select kind from river_job where args ->> 'id' = '"+one.String()+"'")) > 0
		}, "the one is queued")
	})
}
