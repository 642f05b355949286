package storage_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/storage"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// TestTheTableOfRoutes holds docs/storage-routes.md to the routes that are mounted and the tests that there are.
func TestTheTableOfRoutes(t *testing.T) {
	t.Parallel()
	queue, err := outbox.New(outbox.Deps{URL: testkit.Jobs(t), Log: testkit.Logger(t)})
	require.NoError(t, err)
	service, err := storage.New(storage.Deps{Log: testkit.Logger(t), Queue: queue, Egress: egress.NewGuard(nil), Settings: config.Storage{TempDir: t.TempDir()}})
	require.NoError(t, err)
	testkit.RequireRoutes(t, "../../docs/storage-routes.md", service.Routes())
}

func TestAFolderForTemporaryFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{filepath.Join(folder, "nothing"), file} {
		_, err := storage.New(storage.Deps{Log: testkit.Logger(t), Egress: egress.NewGuard(nil), Settings: config.Storage{TempDir: dir}})
		require.ErrorContains(t, err, "FLUXBASE_STORAGE_TEMP_DIR")
	}
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 1)
}
