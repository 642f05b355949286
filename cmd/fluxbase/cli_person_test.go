package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// person runs commands as somebody with a home of their own.
type person struct {
	t         *testing.T
	url, home string
}

func newPerson(t *testing.T, url string) *person {
	t.Helper()
	return &person{t: t, url: url, home: t.TempDir()}
}

// in is the same person within another test.
func (p *person) in(t *testing.T) *person {
	t.Helper()
	return &person{t: t, url: p.url, home: p.home}
}

// run runs the real command.
func (p *person) run(stdin string, args ...string) terminalRun {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = append(cleanEnvironment(), mainVariable+"=1", "FLUXBASE_URL="+p.url, "XDG_CONFIG_HOME="+p.home)
	command.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	command.Stdout, command.Stderr = &out, &errOut
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(p.t, err)
	}
	return terminalRun{out.String(), errOut.String(), command.ProcessState.ExitCode()}
}

// must runs a command that succeeds, and decodes its JSON.
func (p *person) must(into any, args ...string) {
	p.t.Helper()
	got := p.run("", append(args, "--output", "json")...)
	require.Zero(p.t, got.code, "fluxbase %s: %s", strings.Join(args, " "), got.err)
	require.NoError(p.t, json.Unmarshal([]byte(got.out), into), got.out)
}

// refused runs a command that fails with an exit code and a reason.
func (p *person) refused(code int, reason string, args ...string) {
	p.t.Helper()
	got := p.run("", append(args, "--output", "json")...)
	var answer struct {
		Error cliError `json:"error"`
	}
	require.NoError(p.t, json.Unmarshal([]byte(got.err), &answer), "fluxbase %s: %s%s", strings.Join(args, " "), got.out, got.err)
	require.Equal(p.t, reason, answer.Error.Reason, got.err)
	require.Equal(p.t, code, got.code, got.err)
	require.NotEmpty(p.t, answer.Error.Message)
	require.Empty(p.t, got.out)
}
