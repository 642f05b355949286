package archtest_test

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The budget. Tests count for files and functions, not for packages.
const (
	maxFile     = 500
	maxFunction = 80
	maxPackage  = 2500
)

// allowed lists what may be larger, with the reason. A line without need is refused too.
var allowed = map[string]string{
	"cmd/fluxbase": "one flat package for every command, a file for each; it has no logic beyond flags, calls and printing",
}

func TestSizeBudget(t *testing.T) {
	t.Parallel()
	needed := map[string]bool{}
	over := func(what string, lines, limit int) {
		if lines <= limit {
			return
		}
		needed[what] = true
		if allowed[what] == "" {
			t.Errorf("%-60s %5d lines > %d", what, lines, limit)
		}
	}
	packages := map[string]int{}
	for _, f := range files(t) {
		if f.generated {
			continue
		}
		over(f.path, f.lines, maxFile)
		if !f.test {
			packages[f.dir()] += f.lines
		}
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				lines := fileSet.Position(fn.End()).Line - fileSet.Position(fn.Pos()).Line + 1
				over(f.path+":"+fn.Name.Name, lines, maxFunction)
			}
		}
	}
	for dir, lines := range packages {
		over(dir, lines, maxPackage)
	}
	for what, reason := range allowed {
		require.Truef(t, needed[what], "%s is allowed to be large (%s) and is not: remove the line", what, reason)
		require.NotEmptyf(t, reason, "%s needs a reason", what)
	}
}

func TestEveryPackageIsExplained(t *testing.T) {
	t.Parallel()
	type state struct{ code, comment bool }
	packages := map[string]*state{}
	for _, f := range files(t) {
		if f.test {
			continue
		}
		p := packages[f.dir()]
		if p == nil {
			p = &state{}
			packages[f.dir()] = p
		}
		p.code = p.code || !f.generated
		if f.ast.Doc != nil {
			want := "Package " + f.ast.Name.Name
			if f.ast.Name.Name == "main" {
				want = "Command " + path.Base(f.dir())
			}
			p.comment = p.comment || strings.HasPrefix(f.ast.Doc.Text(), want)
		}
	}
	var missing []string
	for dir, p := range packages {
		if p.code && !p.comment {
			missing = append(missing, fmt.Sprintf("%s has no package comment that starts with its name", dir))
		}
	}
	slices.Sort(missing)
	require.Empty(t, missing)
}
