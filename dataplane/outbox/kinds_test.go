package outbox_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// TestManyItemsOfOneKindHoldUpNoOther: a webhook that is down leaves thousands, and what came after them is found all the same.
func TestManyItemsOfOneKindHoldUpNoOther(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		require.NoError(t, b.door.Bind(b.project, projectdb.Caller{}).InService(t.Context(), "auth", func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `insert into outbox (id, kind, payload, created_at)
				select gen_random_uuid(), 'many', '{}'::jsonb, now() - interval '1 hour' from generate_series(1, 2100)
				union all select gen_random_uuid(), 'one', '{}'::jsonb, now()`)
			return err
		}))
		found := make(chan struct{}, 10)
		q := b.queue(func(_ context.Context, item outbox.Item) error {
			if item.Kind == "one" {
				found <- struct{}{}
				return nil
			}
			return outbox.Retry(nil, "It is down.")
		}, silent, func(d *outbox.Deps) { d.Retry = 1 << 40 })
		b.run(q)
		b.add(q, "anything that announces a sweep")
		b.hurry() // the sweep
		b.eventually(func() bool { return len(found) > 0 }, "the one is handled")
	})
}
