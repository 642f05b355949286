package archtest_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const errorsPage = root + "/docs/errors.md"

var reasonForm = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)

// raised is one place that raises a fault.
type raised struct {
	kind, reason, message, where string
}

// TestErrorsPage keeps docs/errors.md in step with the faults that the code raises.
func TestErrorsPage(t *testing.T) {
	t.Parallel()
	page := renderErrors(t)
	if *update {
		require.NoError(t, os.WriteFile(errorsPage, page, 0o644))
		return
	}
	have, err := os.ReadFile(errorsPage)
	require.NoError(t, err, "run make generate")
	require.True(t, bytes.Equal(page, have), "docs/errors.md is stale; run make generate")
}

func TestReasonsAreWellFormed(t *testing.T) {
	t.Parallel()
	for _, r := range raisedFaults(t) {
		require.Regexpf(t, reasonForm, r.reason, "%s: a reason is UPPER_SNAKE_CASE", r.where)
	}
}

func renderErrors(t *testing.T) []byte {
	t.Helper()
	type entry struct{ kinds, messages, surfaces map[string]bool }
	byReason := map[string]entry{}
	for _, r := range raisedFaults(t) {
		e, ok := byReason[r.reason]
		if !ok {
			e = entry{map[string]bool{}, map[string]bool{}, map[string]bool{}}
			byReason[r.reason] = e
		}
		e.kinds[r.kind] = true
		e.surfaces[r.where] = true
		if r.message != "" {
			e.messages[r.message] = true
		}
	}
	var out bytes.Buffer
	out.WriteString("# Errors\n\n<!-- Written by \"make generate\" from the faults raised in the code. Do not edit. -->\n\n" +
		"Every error has a stable reason. The management API sends it in an `ErrorInfo` detail, the gateway as the field `code` of its\n" +
		"JSON answers; the services that Supabase's clients know (REST, auth) keep those clients' own codes beside it. Match on the\n" +
		"reason, never on the message. `…` stands for a value.\n\n" +
		"| reason | kind | message | raised in |\n| --- | --- | --- | --- |\n")
	list := func(set map[string]bool, sep string) string {
		return strings.ReplaceAll(strings.Join(slices.Sorted(maps.Keys(set)), sep), "|", "\\|")
	}
	for _, reason := range slices.Sorted(maps.Keys(byReason)) {
		e := byReason[reason]
		_, _ = fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", reason, list(e.kinds, ", "), list(e.messages, "<br>"), list(e.surfaces, ", "))
	}
	return out.Bytes()
}

// raisedFaults finds calls of fault.New and fault.Wrap and literals of fault.Error whose reason is written out.
func raisedFaults(t *testing.T) []raised {
	t.Helper()
	var out []raised
	for _, f := range files(t) {
		if f.test || f.generated {
			continue
		}
		consts := stringConstants(f.ast)
		ast.Inspect(f.ast, func(n ast.Node) bool {
			r, ok := asFault(n, consts, f.dir() == "internal/fault")
			if ok && r.reason != "" {
				r.where = f.dir()
				out = append(out, r)
			}
			return true
		})
	}
	return out
}

func asFault(n ast.Node, consts map[string]string, inside bool) (raised, bool) {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := faultName(n.Fun, inside)
		args := n.Args
		if name == "Wrap" && len(args) > 0 {
			args = args[1:]
		} else if name != "New" {
			return raised{}, false
		}
		if len(args) < 3 {
			return raised{}, false
		}
		return raised{kind: kindName(args[0]), reason: text(args[1], consts), message: blank(text(args[2], consts))}, true
	case *ast.CompositeLit:
		if faultName(n.Type, inside) != "Error" {
			return raised{}, false
		}
		r := raised{kind: "Internal"}
		for _, element := range n.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			switch pair.Key.(*ast.Ident).Name {
			case "Kind":
				r.kind = kindName(pair.Value)
			case "Reason":
				r.reason = text(pair.Value, consts)
			case "Message":
				r.message = blank(text(pair.Value, consts))
			}
		}
		return r, true
	}
	return raised{}, false
}

// faultName is the name of what an expression names in package fault, or "".
func faultName(e ast.Expr, inside bool) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok && x.Name == "fault" {
			return e.Sel.Name
		}
	case *ast.Ident:
		if inside {
			return e.Name
		}
	}
	return ""
}

func kindName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return "depends"
}

// text is the value of a string literal, a constant, or their sum; values only known at run time become "…".
func text(e ast.Expr, consts map[string]string) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return s
		}
	case *ast.Ident:
		return consts[e.Name]
	case *ast.BinaryExpr:
		left, right := text(e.X, consts), text(e.Y, consts)
		if left == "" && right == "" {
			return ""
		}
		return orValue(left) + orValue(right)
	}
	return ""
}

func orValue(s string) string {
	if s == "" {
		return "…"
	}
	return s
}

var verb = regexp.MustCompile(`%[+#]?[vsdqTx]`)

// blank puts … for the verbs of a format.
func blank(format string) string { return verb.ReplaceAllString(format, "…") }

func stringConstants(f *ast.File) map[string]string {
	out := map[string]string{}
	for _, decl := range f.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			value := spec.(*ast.ValueSpec)
			for i, name := range value.Names {
				if i < len(value.Values) {
					out[name.Name] = text(value.Values[i], nil)
				}
			}
		}
	}
	return out
}
