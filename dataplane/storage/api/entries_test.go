package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzEntries: whatever files are called, their entries stay in their folder and out of each other's way.
func FuzzEntries(f *testing.F) {
	for _, names := range []string{"a\na", "a\na/b\na/b/c", "../x\n..\n.", "a/b\na", `c:\x` + "\nCON\ncon.txt\nNUL.", "A\na\na (2)\na (2)", "\n\n//", "x. .\nx__", "a/b.txt\nA/B.TXT", "\xff\n\u202e"} {
		f.Add(names)
	}
	f.Fuzz(func(t *testing.T, names string) {
		e, seen := newEntries(), map[string]bool{}
		for name := range strings.SplitSeq(names, "\n") {
			if len(seen) > 50 || len(name) > 1024 {
				return
			}
			entry := strings.ToLower(e.name(name))
			require.False(t, seen[entry], "%q twice", entry)
			seen[entry] = true
			require.NotContains(t, entry, `\`)
			require.NotContains(t, entry, ":")
			for segment := range strings.SplitSeq(entry, "/") {
				require.NotContains(t, []string{"", ".", "..", "con", "nul"}, segment)
				require.Equal(t, strings.TrimRight(segment, ". "), segment)
			}
		}
		for entry := range seen {
			for i, c := range entry {
				require.False(t, c == '/' && seen[entry[:i]], "%q is a file and a folder", entry[:i])
			}
		}
	})
}
