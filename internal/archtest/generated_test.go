package archtest_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sumFile lists what generated code is made of, and the generated code. "make generate" writes it after generating.
const sumFile = "testdata/generated.sum"

// generatorInputs are the files and folders that generators read.
var generatorInputs = []string{"proto", "buf.yaml", "buf.gen.yaml", "migrations/controlplane", "tools/go.mod"}

// TestGeneratedCodeIsFresh compares checksums, so that no generator needs to be built to find stale code. "make lint" does
// generate, and compares what comes out.
func TestGeneratedCodeIsFresh(t *testing.T) {
	t.Parallel()
	now := generatedSums(t)
	if *update {
		var out bytes.Buffer
		for _, name := range slices.Sorted(maps.Keys(now)) {
			_, _ = fmt.Fprintf(&out, "%s  %s\n", now[name], name)
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(sumFile), 0o755))
		require.NoError(t, os.WriteFile(sumFile, out.Bytes(), 0o644))
		return
	}
	raw, err := os.ReadFile(sumFile)
	require.NoError(t, err, "run make generate")
	recorded := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		require.True(t, ok, lines.Text())
		recorded[name] = sum
	}
	for name, sum := range now {
		switch recorded[name] {
		case sum:
		case "":
			t.Errorf("%s is new; run make generate", name)
		default:
			t.Errorf("%s was changed; run make generate", name)
		}
		delete(recorded, name)
	}
	for name := range recorded {
		t.Errorf("%s is gone; run make generate", name)
	}
}

func generatedSums(t *testing.T) map[string]string {
	t.Helper()
	sums := map[string]string{}
	add := func(name string) {
		raw, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		sums[filepath.ToSlash(name)] = fmt.Sprintf("%x", sha256.Sum256(raw))
	}
	for _, input := range append(slices.Clone(generatorInputs), "console/src/gen") {
		for _, name := range filesIn(t, input) {
			add(name)
		}
	}
	for _, name := range filesIn(t, ".") {
		if filepath.Base(name) == "sqlc.yaml" {
			add(name)
			for _, query := range filesIn(t, filepath.Join(filepath.Dir(name), "queries")) {
				add(query)
			}
		}
	}
	for _, f := range files(t) {
		if f.generated {
			add(f.path)
		}
	}
	return sums
}

// filesIn lists the files of a folder, or the one file; a folder that is not there has none.
func filesIn(t *testing.T, name string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(filepath.Join(root, name), func(p string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if rel != "." && slices.Contains(skippedFolders, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		out = append(out, rel)
		return nil
	})
	require.NoError(t, err)
	return out
}
