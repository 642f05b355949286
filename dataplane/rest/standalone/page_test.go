package standalone

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of settings in docs/postgrest.md instead of comparing it")

// TestPage keeps the table of settings in docs/postgrest.md in step with the settings.
func TestPage(t *testing.T) {
	t.Parallel()
	const path = "../../../docs/postgrest.md"
	var table strings.Builder
	table.WriteString("\n\n| variable | means | default | |\n| --- | --- | --- | --- |\n")
	for i := range params {
		p := &params[i]
		def := ""
		if p.def != "" {
			def = "`" + p.def + "`"
		}
		var where []string
		if p.reload {
			where = append(where, "reload")
		}
		if p.database {
			where = append(where, "database")
		}
		help := p.help
		if len(p.aliases) > 0 {
			help += " (also `" + strings.Join(p.aliases, "`, `") + "`)"
		}
		_, _ = fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", p.env(), help, def, strings.Join(where, ", "))
	}
	table.WriteString("\n")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), "-update` -->")
	require.True(t, ok)
	have, after, ok := strings.Cut(rest, "<!-- end of settings -->")
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+"-update` -->"+table.String()+"<!-- end of settings -->"+after), 0o644))
		return
	}
	require.Equal(t, table.String(), have, "docs/postgrest.md is stale; run go test ./dataplane/rest/standalone -run TestPage -update")
}
