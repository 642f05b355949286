// Command report reads what "go test -json" writes and shows it for people: one line for each top-level test and package,
// the output of what failed, and the counts at the end. It exits with 1 when anything failed, or nothing ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is a line of "go test -json"; see "go doc test2json".
type event struct {
	Action, Package, ImportPath, Test, Output string
	FailedBuild                               string
	Elapsed                                   float64
}

// report gathers what the events say.
type report struct {
	out                     io.Writer
	output                  map[string]*strings.Builder // by package and test
	passed, failed, skipped int
	packages                int
	broken                  []string
}

func main() {
	r := &report{out: os.Stdout, output: map[string]*strings.Builder{}}
	if err := r.read(os.Stdin); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "read the tests' output:", err)
		os.Exit(1)
	}
	if !r.finish() {
		os.Exit(1)
	}
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				r.take(e)
			} else {
				_, _ = r.out.Write(line)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	key := e.Package + e.ImportPath + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		if r.output[key] == nil {
			r.output[key] = &strings.Builder{}
		}
		if !strings.HasPrefix(e.Output, "=== ") {
			_, _ = r.output[key].WriteString(e.Output)
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e, key)
		}
		delete(r.output, key)
	case "build-fail":
		r.fail(e.ImportPath+" does not compile", key)
	}
}

func (r *report) endTest(e event, key string) {
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped++
	case "fail":
		r.failed++
		r.fail(e.Package+" "+e.Test, key)
		return
	}
	if !strings.Contains(e.Test, "/") {
		_, _ = fmt.Fprintf(r.out, "--- %s: %s (%.2fs)\n", strings.ToUpper(e.Action), e.Test, e.Elapsed)
	}
}

func (r *report) endPackage(e event) {
	switch e.Action {
	case "fail":
		if e.FailedBuild == "" {
			r.fail(e.Package, e.Package+" ")
		}
		_, _ = fmt.Fprintf(r.out, "FAIL\t%s\t%.2fs\n", e.Package, e.Elapsed)
	case "pass":
		r.packages++
		_, _ = fmt.Fprintf(r.out, "ok  \t%s\t%.2fs\n", e.Package, e.Elapsed)
	}
}

func (r *report) fail(what, key string) {
	r.broken = append(r.broken, what)
	_, _ = fmt.Fprintf(r.out, "--- FAIL: %s\n", what)
	if text := r.output[key]; text != nil {
		_, _ = io.WriteString(r.out, text.String())
	}
}

// finish writes the counts and reports whether all is well.
func (r *report) finish() bool {
	slices.Sort(r.broken)
	if len(r.broken) > 0 {
		_, _ = fmt.Fprintf(r.out, "\nFailed:\n  %s\n", strings.Join(slices.Compact(r.broken), "\n  "))
	}
	_, _ = fmt.Fprintf(r.out, "\n%d tests passed, %d failed, %d skipped, in %d packages\n", r.passed, r.failed, r.skipped, r.packages)
	return len(r.broken) == 0 && r.passed > 0
}
