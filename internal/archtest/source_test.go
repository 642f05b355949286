package archtest_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// update makes the tests of generated files write them. "make generate" sets it.
var update = flag.Bool("update", false, "write generated files instead of comparing them")

const (
	module = "github.com/wayli-app/fluxbase"
	root   = "../.."
)

// sourceFile is one Go file of the repository.
type sourceFile struct {
	path      string // from the root, with slashes
	generated bool
	test      bool
	lines     int
	imports   []string // of this module, relative to it
	ast       *ast.File
}

func (f sourceFile) dir() string { return path.Dir(f.path) }

// skippedFolders hold no Go code of the main module.
var skippedFolders = []string{".git", "bin", "node_modules", "dist", "testdata", "tools", ".fluxbase", "test-results"}

var fileSet = token.NewFileSet()

// loadFiles parses every Go file once.
var loadFiles = sync.OnceValues(func() ([]sourceFile, error) {
	var out []sourceFile
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != root && (slices.Contains(skippedFolders, entry.Name()) || ownModule(name)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		file, err := parse(name)
		out = append(out, file)
		return err
	})
	return out, err
})

func ownModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func parse(name string) (sourceFile, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return sourceFile{}, err
	}
	parsed, err := parser.ParseFile(fileSet, name, raw, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return sourceFile{}, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return sourceFile{}, err
	}
	f := sourceFile{path: filepath.ToSlash(rel), test: strings.HasSuffix(name, "_test.go"), generated: ast.IsGenerated(parsed),
		lines: bytes.Count(raw, []byte("\n")), ast: parsed}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return sourceFile{}, err
		}
		if after, ours := strings.CutPrefix(imported, module); ours {
			f.imports = append(f.imports, strings.TrimPrefix(after, "/"))
		}
	}
	return f, nil
}

func files(t *testing.T) []sourceFile {
	t.Helper()
	all, err := loadFiles()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// under reports whether a package is dir or within it.
func under(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }
