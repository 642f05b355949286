package pg_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/pg"
)

func TestQuoting(t *testing.T) {
	t.Parallel()
	require.Equal(t, `"a""b"."c"`, pg.Ident(`a"b`, "c"))
	require.Equal(t, `'it''s'`, pg.Literal("it's"))
	require.Equal(t, ` E'a\\''b'`, pg.Literal(`a\'b`))
}

func TestCode(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("insert: %w", &pgconn.PgError{Code: "23505", ConstraintName: "slug"})
	require.Equal(t, "23505", pg.Code(err))
	require.Equal(t, "slug", pg.Constraint(err))
	require.Empty(t, pg.Code(fmt.Errorf("no")))
	require.Empty(t, pg.Constraint(nil))
}
