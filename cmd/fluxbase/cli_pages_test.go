package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/cli.md instead of comparing it")

const commandPage = "../../docs/cli.md"

const commandPageHead = `# Command line

<!-- Written by "make generate" from the commands in cmd/fluxbase. Do not edit. -->

These commands use an installation of Fluxbase from anywhere; those that run one (` + "`dev`, `controlplane`, `dataplane`, `migrate`," + `
` + "`config`" + `), and ` + "`rest`" + ` ([postgrest.md](postgrest.md)), explain themselves by ` + "`--help`" + `.

Each command takes ` + "`--url`, `--token` and `--output table|json` (`-o`)" + `. The address is that of ` + "`--url`" + `, else of
` + "`FLUXBASE_URL`" + `, else the one signed in to last, else ` + "`http://localhost:8000`" + `; the access token that of ` + "`--token`" + `, else of
` + "`FLUXBASE_ACCESS_TOKEN`" + `, else the one saved for that address in ` + "`$XDG_CONFIG_HOME/fluxbase/profiles.json`" + ` (mode 0600). A saved
token is sent to its own address only. The answer is on the standard output; progress, hints and errors are on the standard
error, with ` + "`-o json`" + ` as ` + "`{\"error\":{\"reason\",\"message\",\"hint\",\"fields\",\"request_id\"}}`" + `. Reasons are listed in [errors.md](errors.md).

| exit code | means |
| --- | --- |
| 0 | done |
| 1 | failed |
| 2 | the command or a value is malformed |
| 3 | not signed in, or the credentials are wrong |
| 4 | there is no such thing |
| 5 | not allowed |
| 6 | it exists already, or cannot be done in the present state |
| 7 | a limit or quota is reached |
| 8 | Fluxbase cannot be reached, or took too long |
`

// TestCommandPages keeps docs/cli.md in step with the commands.
func TestCommandPages(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	page.WriteString(commandPageHead)
	root := &cobra.Command{Use: "fluxbase"}
	(&cli{}).addTo(root)
	writeCommands(&page, root)
	if *update {
		require.NoError(t, os.WriteFile(commandPage, page.Bytes(), 0o644))
		return
	}
	have, err := os.ReadFile(commandPage)
	require.NoError(t, err, "run make generate")
	require.True(t, bytes.Equal(page.Bytes(), have), "docs/cli.md is stale; run make generate")
}

func writeCommands(page *bytes.Buffer, parent *cobra.Command) {
	for _, cmd := range parent.Commands() {
		if cmd.HasSubCommands() {
			writeCommands(page, cmd)
			continue
		}
		_, _ = fmt.Fprintf(page, "\n## %s\n\n%s\n", cmd.CommandPath(), firstOf(cmd.Long, cmd.Short+"."))
		_, _ = fmt.Fprintf(page, "\n```\n%s\n```\n", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
		var flags bytes.Buffer
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				_, _ = fmt.Fprintf(&flags, "| `--%s` | %s | %s |\n", f.Name, f.Usage, defaultOf(f))
			}
		})
		if flags.Len() > 0 {
			_, _ = fmt.Fprintf(page, "\n| flag | means | default |\n| --- | --- | --- |\n%s", flags.String())
		}
		if cmd.Example != "" {
			var lines []string
			for line := range strings.SplitSeq(cmd.Example, "\n") {
				lines = append(lines, strings.TrimPrefix(line, "  "))
			}
			_, _ = fmt.Fprintf(page, "\n```sh\n%s\n```\n", strings.Join(lines, "\n"))
		}
	}
}

func defaultOf(f *pflag.Flag) string {
	if f.DefValue == "" || f.DefValue == "0s" || f.DefValue == "false" {
		return ""
	}
	return "`" + f.DefValue + "`"
}

// TestEveryCommandHasAnExample: --help shows how, not only what.
func TestEveryCommandHasAnExample(t *testing.T) {
	t.Parallel()
	root := &cobra.Command{Use: "fluxbase"}
	(&cli{}).addTo(root)
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		if !cmd.HasSubCommands() {
			require.Contains(t, cmd.Example, "fluxbase ", cmd.CommandPath())
		}
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	for _, cmd := range root.Commands() {
		walk(cmd)
	}
}
