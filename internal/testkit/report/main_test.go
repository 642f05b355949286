package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func run(t *testing.T, lines ...string) (string, bool) {
	t.Helper()
	var out strings.Builder
	r := &report{out: &out, output: map[string]*strings.Builder{}}
	require.NoError(t, r.read(strings.NewReader(strings.Join(lines, "\n"))))
	ok := r.finish()
	return out.String(), ok
}

func TestPassingTestsAreCountedAndQuiet(t *testing.T) {
	t.Parallel()
	out, ok := run(t,
		`{"Action":"output","Package":"p","Test":"TestA","Output":"a log line\n"}`,
		`{"Action":"pass","Package":"p","Test":"TestA/sub","Elapsed":0.1}`,
		`{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.2}`,
		`{"Action":"pass","Package":"p","Elapsed":0.3}`)
	require.True(t, ok)
	require.Equal(t, "--- PASS: TestA (0.20s)\nok  \tp\t0.30s\n\n2 tests passed, 0 failed, 0 skipped, in 1 packages\n", out)
}

func TestFailuresShowTheirOutput(t *testing.T) {
	t.Parallel()
	out, ok := run(t,
		`{"Action":"output","Package":"p","Test":"TestB","Output":"want 1, got 2\n"}`,
		`{"Action":"fail","Package":"p","Test":"TestB","Elapsed":0.2}`,
		`{"Action":"fail","Package":"p","Elapsed":0.3}`)
	require.False(t, ok)
	require.Contains(t, out, "--- FAIL: p TestB\nwant 1, got 2\n")
	require.Contains(t, out, "0 tests passed, 1 failed")
}

func TestWhatDoesNotCompileFails(t *testing.T) {
	t.Parallel()
	out, ok := run(t,
		`{"Action":"build-output","ImportPath":"p [p.test]","Output":"p/x.go:1: undefined: y\n"}`,
		`{"Action":"build-fail","ImportPath":"p [p.test]"}`,
		`{"Action":"fail","Package":"p","Elapsed":0,"FailedBuild":"p [p.test]"}`)
	require.False(t, ok)
	require.Contains(t, out, "p [p.test] does not compile\np/x.go:1: undefined: y\n")
}

func TestNothingRunIsAFailure(t *testing.T) {
	t.Parallel()
	_, ok := run(t, `{"Action":"skip","Package":"p"}`)
	require.False(t, ok)
}
