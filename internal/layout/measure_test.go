package layout

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/pg"
)

func TestProjectsAreMeasured(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		m, sibling := create(t, c, shared), create(t, c, shared)
		sizes := func() map[string]int64 {
			got, err := c.Sizes(t.Context(), []Names{m.Names, sibling.Names, Of(id.NewRef(), shared)})
			require.NoError(t, err)
			require.Len(t, got, 2, "what is gone is left out")
			return got
		}
		before := sizes()
		require.Positive(t, before[m.ref])
		owner := m.owner(t)
		exec(t, owner, "create table large (body text); alter table large alter body set storage plain; insert into large select repeat('x', 7000) from generate_series(1, 500)")
		after := sizes()
		require.Greater(t, after[m.ref], before[m.ref]+3_000_000)
		require.Equal(t, before[sibling.ref], after[sibling.ref], "others' tables are not theirs")

		counted, err := c.Connections(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(1), counted[m.ref])
		require.NotContains(t, counted, sibling.ref)
		m.authenticator(t)
		counted, err = c.Connections(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(2), counted[m.ref])
		m.connect(t, m.Storage(), m.passwords.Storage)
		counted, err = c.Connections(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(3), counted[m.ref], "storage's count too")
	})
}

func TestALockedTableKeepsNoneButItsOwnProjectFromBeingMeasured(t *testing.T) {
	t.Parallel()
	c := open(t)
	m, sibling := create(t, c, true), create(t, c, true)
	owner := m.owner(t)
	exec(t, owner, "create table locked ()")
	tx, err := owner.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	_, err = tx.Exec(t.Context(), "lock table "+pg.Ident(m.Schema("public"))+".locked")
	require.NoError(t, err)
	began := time.Now()
	got, err := c.Sizes(t.Context(), []Names{m.Names, sibling.Names})
	require.NoError(t, err)
	require.Contains(t, got, sibling.ref)
	require.NotContains(t, got, m.ref)
	require.Less(t, time.Since(began), 10*time.Second)
	require.NoError(t, c.inShared(t.Context(), func(conn *pgx.Conn) error {
		require.Equal(t, "0", one[string](t, conn, "show lock_timeout"), "the connection is as it was")
		return nil
	}))
}
