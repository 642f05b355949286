package testkit

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/setting"
)

var routeRow = regexp.MustCompile(`(?m)^\| ((?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+) \| implemented \| (\w+) (Test\w+) \|$`)

// RequireRoutes holds a page's table of routes to those that are mounted, and to the tests that there are in the folders below this one. A row names
// the folder and the test; this folder goes by its own name.
func RequireRoutes(t testing.TB, page string, mounted []string) {
	t.Helper()
	table, err := os.ReadFile(page)
	require.NoError(t, err)
	here, err := os.Getwd()
	require.NoError(t, err)
	told := map[string]bool{}
	rows := routeRow.FindAllStringSubmatch(string(table), -1)
	for _, row := range rows {
		route, _, _ := strings.Cut(row[1], "?")
		told[route] = true
		require.Contains(t, mounted, route, "the table names a route that is not mounted")
		dir := row[2]
		if dir == filepath.Base(here) {
			dir = "."
		}
		require.Truef(t, hasTest(t, dir, row[3]), "there is no test %s in %s", row[3], row[2])
	}
	for _, route := range mounted {
		require.True(t, told[route], "%s does not tell of %s", page, route)
	}
	require.Len(t, rows, strings.Count(string(table), "| implemented |"), "a row has another form")
}

func hasTest(t testing.TB, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	return slices.ContainsFunc(files, func(file string) bool {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		return strings.Contains(string(source), "\nfunc "+name+"(t *testing.T)")
	})
}

// RequireWithin requires what a page says of an answer in JSON: "…" stands for anything, and what is not named may be there too.
func RequireWithin(t testing.TB, want, got any, where string) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		of, ok := got.(map[string]any)
		require.True(t, ok, where)
		for name, value := range want {
			require.Contains(t, of, name, where)
			RequireWithin(t, value, of[name], where+"."+name)
		}
	case []any:
		of, _ := got.([]any)
		require.Len(t, of, len(want), where)
		for i := range want {
			RequireWithin(t, want[i], of[i], where+"."+strconv.Itoa(i))
		}
	default:
		if want != "…" {
			require.Equal(t, want, got, where)
		}
	}
}

// Settings are a project's settings with some of them changed: values are JSON.
func Settings(t testing.TB, of setting.Values, changed map[string]string) setting.Values {
	t.Helper()
	out := setting.Values{}
	for key, value := range of {
		out[key] = value
	}
	for key, raw := range changed {
		value, err := setting.Parse(key, raw)
		require.NoError(t, err)
		out[key] = value
	}
	return out
}
