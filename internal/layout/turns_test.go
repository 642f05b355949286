package layout

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/wayli-app/fluxbase/internal/id"
)

// TestManyProjectsAtOnce makes and drops projects of the shared database at the same time, as several jobs do.
func TestManyProjectsAtOnce(t *testing.T) {
	t.Parallel()
	c := open(t)
	const many, rounds = 6, 3
	var work errgroup.Group
	for range many {
		work.Go(func() error {
			for range rounds {
				n := Of(id.NewRef(), true)
				if err := c.CreateRoles(t.Context(), n, Passwords{id.NewPassword(), id.NewPassword(), id.NewPassword(), id.NewPassword()}); err != nil {
					return err
				}
				if err := c.CreateSchemas(t.Context(), n); err != nil {
					return err
				}
				if err := c.Drop(t.Context(), n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, work.Wait())
}
