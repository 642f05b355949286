package catalog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// TestObjects holds that whatever takes memory counts against the bound of all catalogs.
func TestObjects(t *testing.T) {
	t.Parallel()
	c := New(&directory.Project{}, []string{"public"})
	require.NoError(t, c.Add("relation", []byte(`{"schema":"public","name":"t","columns":[{"name":"a"},{"name":"b"}],"keys":[{"columns":["a"]}],"references":[{"name":"f"}]}`)))
	require.NoError(t, c.Add("function", []byte(`{"schema":"public","name":"f","arguments":[{"name":"a"},{"name":"b"},{"name":"c"}]}`)))
	require.Equal(t, 5+4, c.objects)
	require.NoError(t, c.Add("relation", []byte(`{"schema":"public","name":"u","comment":"`+strings.Repeat("x", 512)+`"}`)))
	require.Equal(t, 5+4+3, c.objects)
	require.ErrorContains(t, c.Add("trigger", nil), "unknown kind")
}
