package layout

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// TestVerifierIsPostgresOwn compares ours with the one that the server makes of the same password and salt.
func TestVerifierIsPostgresOwn(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), adminURL(t))
	require.NoError(t, err)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	password, role := id.NewPassword(), "scram_"+id.NewRef()
	_, err = tx.Exec(t.Context(), "set local password_encryption = 'scram-sha-256'; create role "+role+" password "+pg.Literal(password))
	require.NoError(t, err)
	var theirs string
	require.NoError(t, tx.QueryRow(t.Context(), "select rolpassword from pg_authid where rolname = $1", role).Scan(&theirs))
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, conn.Close(t.Context()))

	_, rest, _ := strings.Cut(theirs, "$4096:")
	encoded, _, _ := strings.Cut(rest, "$")
	salt, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	ours, err := saltedVerifier(password, salt)
	require.NoError(t, err)
	require.Equal(t, theirs, ours)
}
