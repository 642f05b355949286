package api_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func TestTransactions(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b *bundle) {
		for _, c := range []row{
			{name: "later operations use results", body: `[
				{"id":"cat","op":"insert","table":"categories","data":{"id":10,"name":"tools"}},
				{"id":"prod","op":"insert","table":"products","data":[{"name":"saw","price":10,"category":{"$ref":"cat.0.id"}},{"name":"axe","price":20,"category":{"$ref":"0.0.id"},"meta":{"x":{"$ref":"kept"}}}],"returning":"id,name,category,meta"},
				{"op":"update","table":"products","filters":{"id":{"$ref":"prod.1.id"}},"data":{"price":{"$ref":"prod.0.category"}},"returning":"price"},
				{"op":"select","table":"products","filters":{"category":{"$ref":"cat.0.id"},"price":{"lte":15}},"select":"name","order":"-name","limit":1},
				{"op":"rpc","fn":"add","args":{"a":{"$ref":"prod.count"}}},
				{"op":"delete","table":"products","filters":{"name":{"in":["saw"]}},"returning":false},
				{"op":"upsert","table":"categories","on_conflict":"name","data":{"id":10,"name":"tools"},"returning":"name"}
			]`, want: `{"results":[
				{"id":"cat","count":1,"rows":[{"id":10,"name":"tools"}]},
				{"id":"prod","count":2,"rows":[{"id":5,"name":"saw","category":10,"meta":null},{"id":6,"name":"axe","category":10,"meta":{"x":{"$ref":"kept"}}}]},
				{"count":1,"rows":[{"price":10.00}]},
				{"count":1,"rows":[{"name":"saw"}]},
				{"count":1,"data":12},
				{"count":1},
				{"count":1,"rows":[{"name":"tools"}]}]}`},
			{name: "as an object", body: `{"operations":[{"op":"select","table":"categories","filters":{"id":1}}]}`, want: `{"results":[{"count":1,"rows":[{"id":1,"name":"books"}]}]}`},
			{name: "views can be read", body: `[{"op":"select","table":"cheap","filters":{"id":2},"select":"name"}]`, want: `{"results":[{"count":1,"rows":[{"name":"novel"}]}]}`},
			{name: "aggregates", body: `[{"op":"select","table":"products","filters":{"category":1},"select":"count(*)"}]`, want: `{"results":[{"count":1,"rows":[{"count":2}]}]}`},
			{name: "functions of rows", body: `[{"id":"f","op":"rpc","fn":"search","args":{"term":"atlas"},"select":"id","returning":true},{"op":"select","table":"products","select":"name","filters":{"id":{"$ref":"f.0.id"}}}]`,
				want: `{"results":[{"id":"f","count":1,"rows":[{"id":1}]},{"count":1,"rows":[{"name":"atlas"}]}]}`},
			{name: "void functions", as: "service_role", body: `[{"op":"rpc","fn":"touch"}]`, want: `{"results":[{"count":0}]}`},
			{name: "null equals nothing", body: `[{"op":"select","table":"products","filters":{"mood":null,"category":2},"select":"name"}]`, want: `{"results":[{"count":1,"rows":[{"name":"cards"}]}]}`},
			{name: "deferred constraints hold at the end", body: `[{"op":"insert","table":"children","data":{"id":1,"parent":1},"returning":false},{"op":"insert","table":"parents","data":{"id":1},"returning":false}]`, want: `{"results":[{"count":1},{"count":1}]}`},
		} {
			c.method, c.target = "POST", "/transaction"
			if !t.Run(c.name, func(t *testing.T) { b.check(t, c) }) {
				break
			}
		}
	})
}

func TestTransactionRefusals(t *testing.T) {
	t.Parallel()
	insert := `{"op":"insert","table":"categories","data":{"id":50,"name":"gone"}}`
	both(t, func(t *testing.T, b *bundle) {
		for _, c := range []row{
			{name: "all or none", body: `[` + insert + `,{"op":"insert","table":"products","data":{"name":"x","price":-1}}]`, status: 400, has: []string{"CHECK_VIOLATION", `"operation":1`}},
			{name: "a unique key", body: `[` + insert + `,` + insert + `]`, status: 409, has: []string{"ALREADY_EXISTS", `"operation":1`}},
			{name: "a bad reference undoes", body: `[` + insert + `,{"op":"insert","table":"products","data":{"name":{"$ref":"0.1.name"},"price":1}}]`, status: 400, has: []string{"UNKNOWN_REFERENCE", `"operation":1`, `"data.name"`}},
			{name: "no reference ahead", body: `[{"op":"select","table":"categories","filters":{"id":{"$ref":"1.0.id"}}},` + insert + `]`, status: 400, has: []string{"UNKNOWN_REFERENCE", `"operation":0`}},
			{name: "no reference to itself", body: `[{"id":"a","op":"insert","table":"categories","data":{"id":50,"name":{"$ref":"a.0.name"}}}]`, status: 400, has: []string{"UNKNOWN_REFERENCE", `"operation":0`}},
			{name: "what was not returned", body: `[{"id":"a","op":"insert","table":"categories","data":{"id":50,"name":"gone"},"returning":false},{"op":"delete","table":"categories","filters":{"id":{"$ref":"a.0.id"}}}]`, status: 400, has: []string{"UNKNOWN_REFERENCE", `"operation":1`}},
			{name: "resolved values are checked", body: `[` + insert + `,{"op":"insert","table":"products","data":{"name":"x","price":{"$ref":"0.0.name"}}}]`, status: 400, has: []string{"VALIDATION_FAILED", `"field":"price"`, `"operation":1`}},
			{name: "validation", body: `[` + insert + `,{"op":"insert","table":"products","data":[{"name":"x","price":1},{"name":"y","price":"z"}]}]`, status: 400, has: []string{`"field":"1.price"`, `"operation":1`}},
			{name: "missing", body: `[` + insert + `,{"op":"insert","table":"products","data":{"category":1}}]`, status: 400, has: []string{"VALIDATION_FAILED", `"field":"name"`, `"field":"price"`, `"operation":1`}},
			{name: "deferred constraint at the end", body: `[` + insert + `,{"op":"insert","table":"children","data":{"id":9,"parent":77},"returning":false}]`, status: 409, has: []string{"FOREIGN_KEY_VIOLATION"}},
			{name: "permission", body: `[` + insert + `,{"op":"select","table":"secret"}]`, status: 401, has: []string{"PERMISSION_DENIED", `"operation":1`}},
			{name: "policy", body: `[` + insert + `,{"op":"insert","table":"guarded","data":{"id":1}}]`, status: 401, has: []string{"PERMISSION_DENIED", `"operation":1`}},
			{name: "raised", body: `[` + insert + `,{"op":"rpc","fn":"fail","args":{"code":"P0001"}}]`, status: 400, has: []string{"RAISED", `"operation":1`}},
			{name: "unknown table", body: `[` + insert + `,{"op":"select","table":"nope"}]`, status: 404, has: []string{"UNKNOWN_TABLE", `"operation":1`}},
			{name: "table of another schema", body: `[{"op":"select","table":"auth.users"}]`, status: 404, has: []string{"UNKNOWN_TABLE"}},
			{name: "unknown function", body: `[` + insert + `,{"op":"rpc","fn":"nope"}]`, status: 404, has: []string{"UNKNOWN_FUNCTION", `"operation":1`}},
			{name: "wrong argument", body: `[` + insert + `,{"op":"rpc","fn":"add","args":{"a":"x"}}]`, status: 400, has: []string{`"field":"a"`}},
			{name: "view", body: `[{"op":"delete","table":"cheap","filters":{"id":1}}]`, status: 405, has: []string{"VIEW_READ_ONLY", `"operation":0`}},
			{name: "update of all", body: `[{"op":"update","table":"products","data":{"price":1}}]`, status: 400, has: []string{"FILTER_REQUIRED", `"operation":0`}},
			{name: "empty filters", body: `[{"op":"delete","table":"products","filters":{}}]`, status: 400, has: []string{"FILTER_REQUIRED"}},
			{name: "filters of no column", body: `[{"op":"delete","table":"products","filters":{"or":"(id.gt.0)"}}]`, status: 400, has: []string{"VALIDATION_FAILED", "filters.or"}},
			{name: "unknown op", body: `[{"op":"drop","table":"products"}]`, status: 400, has: []string{`"field":"op"`}},
			{name: "unknown part", body: `[{"op":"select","table":"products","where":{}}]`, status: 400, has: []string{"INVALID_BODY", "where", `"operation":0`}},
			{name: "part of another", body: `[{"op":"select","table":"products","data":{}}]`, status: 400, has: []string{`"field":"data"`, "not for select"}},
			{name: "id twice", body: `[{"id":"a","op":"select","table":"lines"},{"id":"a","op":"select","table":"lines"}]`, status: 400, has: []string{`"field":"id"`, `"operation":1`}},
			{name: "id with a dot", body: `[{"id":"a.b","op":"select","table":"lines"}]`, status: 400, has: []string{`"field":"id"`}},
			{name: "id like a number", body: `[{"id":"0","op":"select","table":"lines"}]`, status: 400, has: []string{`"field":"id"`}},
			{name: "wrong type of a part", body: `[{"op":5}]`, status: 400, has: []string{`"field":"op"`}},
			{name: "negative limit", body: `[{"op":"select","table":"lines","limit":-1}]`, status: 400, has: []string{`"field":"limit"`}},
			{name: "nothing", body: `[]`, status: 400, has: []string{"INVALID_BODY"}},
			{name: "no list", body: `{"operations":5}`, status: 400, has: []string{"INVALID_BODY"}},
			{name: "something else", body: `{"ops":[]}`, status: 400, has: []string{"INVALID_BODY"}},
			{name: "too many", body: `[` + strings.TrimSuffix(strings.Repeat(insert+",", 101), ",") + `]`, status: 400, has: []string{"TOO_MANY_OPERATIONS"}},
			{name: "too much", as: "service_role", body: `[{"op":"rpc","fn":"numbers","args":{"n":12000}}]`, status: 413, has: []string{"RESULT_TOO_LARGE", `"operation":0`}},
			{name: "NUL", body: `[` + insert + `,{"op":"select","table":"categories","filters":{"name":"a\u0000b"}}]`, status: 400, has: []string{"INVALID_VALUE", `"operation":1`}},
			{name: "long select", body: `[{"op":"select","table":"categories","select":"` + strings.Repeat("id,", 4000) + `id"}]`, status: 400, has: []string{`"field":"select"`}},
			{name: "many filters", body: `[{"op":"select","table":"categories","filters":{` + strings.Repeat(`"id":{"gt":0},`, 300) + `"id":1}}]`, status: 400, has: []string{`"field":"filters"`}},
			{name: "long list", body: `[{"op":"select","table":"categories","filters":{"id":{"in":[` + strings.Repeat("1,", 10_000) + `1]}}}]`, status: 400, has: []string{"10000 elements"}},
			{name: "a large value by many references", as: "service_role", body: `[{"id":"big","op":"rpc","fn":"numbers","args":{"n":5000}},{"op":"rpc","fn":"add","args":{"a":1}},{"op":"insert","table":"categories","data":[` +
				strings.Repeat(`{"id":1,"name":{"$ref":"big.0.pad"}},`, 9000) + `{"id":1,"name":"x"}]}]`, status: 413, has: []string{"RESULT_TOO_LARGE", `"operation":2`}},
			{name: "parameters", target: "/transaction?select=x", body: `[` + insert + `]`, status: 400, has: []string{"INVALID_QUERY"}},
		} {
			c.method = "POST"
			if c.target == "" {
				c.target = "/transaction"
			}
			t.Run(c.name, func(t *testing.T) {
				over := b.with(map[string]any{"rest.max_rows": int64(1_000_000)})
				requireError(t, over.check(t, c))
				b.check(t, row{target: "/tables/categories?id=eq.50", text: `[]`})
			})
		}
		b.check(t, row{method: "GET", target: "/transaction", status: 405, has: []string{"METHOD_NOT_ALLOWED"}, wantHeaders: map[string]string{"Allow": "POST"}})
	})
}

func TestTransactionOfManyRows(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	var operations []string
	for i := range 50 {
		operations = append(operations, fmt.Sprintf(`{"op":"insert","table":"categories","data":[{"id":%d,"name":"c%d"}],"returning":false}`, 100+i, i))
	}
	w := b.check(t, row{method: "POST", target: "/transaction", body: "[" + strings.Join(operations, ",") + "]"})
	require.Equal(t, 50, strings.Count(w.Body.String(), `"count":1`))
	b.check(t, row{target: "/tables/categories?id=gte.100&select=count(*)", want: `[{"count":50}]`})
}

// TestTransactionsWaitForNoSecondConnection: all that a project may have are held by transactions that name what is not there, and each
// is told so at once.
func TestTransactionsWaitForNoSecondConnection(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	b.door = projectdb.New(projectdb.Deps{Log: testkit.Logger(t), MaxConnections: 20, AcquireTimeout: time.Minute})
	t.Cleanup(func() { require.NoError(t, b.door.Close(context.Background())) })
	var group sync.WaitGroup
	for range 4 {
		began := time.Now()
		for range 20 {
			group.Go(func() {
				w := b.do("anon", "POST", "/transaction", `[{"op":"select","table":"products","limit":1},{"op":"rpc","fn":"nothere"}]`, nil)
				assert.Equal(t, 404, w.Code, w.Body.String())
			})
		}
		group.Wait()
		require.Less(t, time.Since(began), 50*time.Second, "waiting for a connection takes a minute")
	}
	b.owner(t, `create function nothere() returns int language sql as 'select 7'`)
	w := b.do("anon", "POST", "/transaction", `[{"op":"select","table":"products","limit":1},{"op":"rpc","fn":"nothere"}]`, nil)
	require.Equal(t, 200, w.Code, w.Body.String())
	require.Contains(t, w.Body.String(), `"data":7`)
	require.Equal(t, 1, strings.Count(w.Body.String(), "atlas"), "what the first attempt returned is forgotten")
}
