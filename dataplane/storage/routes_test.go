package storage_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/storage"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

var routeRow = regexp.MustCompile(`(?m)^\| ((?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+) \| implemented \| (\w+) (Test\w+) \|$`)

// TestTheTableOfRoutes holds docs/storage-routes.md to the routes that are mounted and the tests that there are.
func TestTheTableOfRoutes(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("../../docs/storage-routes.md")
	require.NoError(t, err)
	queue, err := outbox.New(outbox.Deps{URL: testkit.Jobs(t), Log: testkit.Logger(t)})
	require.NoError(t, err)
	service, err := storage.New(storage.Deps{Log: testkit.Logger(t), Queue: queue, Egress: egress.NewGuard(nil), Settings: config.Storage{TempDir: t.TempDir()}})
	require.NoError(t, err)
	mounted := service.Routes()
	told := map[string]bool{}
	for _, row := range routeRow.FindAllStringSubmatch(string(table), -1) {
		route, _, _ := strings.Cut(row[1], "?")
		told[route] = true
		require.Contains(t, mounted, route, "the table names a route that is not mounted")
		require.Truef(t, hasTest(t, row[2], row[3]), "there is no test %s in %s", row[3], row[2])
	}
	for _, route := range mounted {
		require.True(t, told[route], "docs/storage-routes.md does not tell of %s", route)
	}
	require.Len(t, routeRow.FindAllString(string(table), -1), strings.Count(string(table), "| implemented |"), "a row has another form")
}

func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	return slices.ContainsFunc(files, func(file string) bool {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		return strings.Contains(string(source), "\nfunc "+name+"(t *testing.T)")
	})
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
