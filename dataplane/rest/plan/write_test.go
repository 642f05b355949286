package plan_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

func notes(t *testing.T) *catalog.Relation {
	t.Helper()
	c := catalog.New(&directory.Project{}, []string{"public"})
	require.NoError(t, c.Add("relation", []byte(`{"schema":"public","name":"notes","kind":"r","columns":[{"name":"a","type":"bigint"},{"name":"b","type":"text"}]}`)))
	return c.Schemas["public"].Relations["notes"]
}

func TestInsertBodies(t *testing.T) {
	t.Parallel()
	r := notes(t)
	for body, rows := range map[string]int{
		`{"a":1}`: 1, `[{"b":"x","a":1},{"a":2,"b":null}]`: 2, `[]`: 0, `[{}]`: 1, ` [ {} , {} ] `: 2, `[null]`: 1, `[{"a":1,"a":2}]`: 1,
	} {
		w, err := plan.NewInsert(r, &query.Query{}, query.Preferences{}, []byte(body))
		require.NoError(t, err, body)
		require.Equal(t, rows, w.Rows, body)
	}
	for body, message := range map[string]string{
		``: "Empty or invalid json", `null`: "Empty or invalid json", `[1]`: "Empty or invalid json", `[{}`: "Empty or invalid json", `[{},]`: "Empty or invalid json",
		`[{} {}]`: "Empty or invalid json", `[{}] x`: "Empty or invalid json", `[{}][{}]`: "Empty or invalid json", `{"a":}`: "Empty or invalid json",
		`[{"a":1},{"b":1}]`: "All object keys must match", `[{"a":1},{"a":1,"b":1}]`: "All object keys must match", `[{"a":1},null]`: "All object keys must match",
	} {
		_, err := plan.NewInsert(r, &query.Query{}, query.Preferences{}, []byte(body))
		var refusal *query.Error
		require.ErrorAs(t, err, &refusal, body)
		require.Equal(t, message, refusal.Message, body)
	}
	w, err := plan.NewInsert(r, &query.Query{Columns: []string{"a", "b", "a"}}, query.Preferences{}, []byte(`[{"a":1},{"b":1}]`))
	require.NoError(t, err)
	require.Len(t, w.Columns, 2)
	_, err = plan.NewInsert(r, &query.Query{Columns: []string{"a"}}, query.Preferences{Missing: "default"}, []byte(`[{"a":1},{"b":1}]`))
	require.Error(t, err)
}

// TestInsertOfManySmallObjects holds that a body does not take many times its size in memory. It is not parallel: it measures.
func TestInsertOfManySmallObjects(t *testing.T) {
	r := notes(t)
	body := []byte("[" + strings.Repeat(`{"a":1},`, 200_000) + `{"b":1}]`)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err := plan.NewInsert(r, &query.Query{Columns: []string{"a"}}, query.Preferences{}, body)
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(20*len(body)))
}
