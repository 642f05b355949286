package api_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func reads() []row {
	lines := map[string]string{"Accept": "application/x-ndjson"}
	return []row{
		{name: "list", target: "/tables/categories?order=id", want: `[{"id":1,"name":"books"},{"id":2,"name":"games"}]`, wantHeaders: map[string]string{"Content-Type": "application/json; charset=utf-8", "Cache-Control": "private, no-cache", "Content-Range": "0-1/*"}},
		{name: "filter in the value", target: "/tables/products?select=name&price=lt.10", want: `[{"name":"cards"}]`},
		{name: "filter in the key", target: "/tables/products?select=name&price.lt=10", want: `[{"name":"cards"}]`},
		{name: "negated", target: "/tables/products?select=name&price.not.lt=40", want: `[{"name":"chess"}]`},
		{name: "list of values", target: "/tables/products?select=name&name.in=atlas,chess&sort=-name", want: `[{"name":"chess"},{"name":"atlas"}]`},
		{name: "or", target: "/tables/products?select=name&or=(price.lt.10,name.eq.atlas)&order=name", want: `[{"name":"atlas"},{"name":"cards"}]`},
		{name: "embed", target: "/tables/categories?select=name,products(name)&products.price.lt=20&id=eq.2", want: `[{"name":"games","products":[{"name":"cards"}]}]`},
		{name: "page", target: "/tables/products?select=id&order=id&limit=2&offset=1", want: `[{"id":2},{"id":3}]`,
			wantHeaders: map[string]string{"Content-Range": "1-2/*", "Link": `</api/v1/tables/products?select=id&order=id&limit=2&offset=3>; rel="next"`}},
		{name: "page with a count", target: "/tables/products?select=id&order=id&limit=2&count=exact&apikey=fbk_pub_x", want: `[{"id":1},{"id":2}]`,
			wantHeaders: map[string]string{"Content-Range": "0-1/4", "X-Total-Count": "4", "Link": `</api/v1/tables/products?select=id&order=id&limit=2&count=exact&offset=2>; rel="next"`}},
		{name: "last page", target: "/tables/products?select=id&order=id&limit=2&offset=2&count=exact", want: `[{"id":3},{"id":4}]`, wantHeaders: map[string]string{"X-Total-Count": "4", "Link": ""}},
		{name: "beside a prefix", target: "/tables/products?select=id&limit=1&order=id", headers: map[string]string{"X-Forwarded-Prefix": "/p/abc"}, want: `[{"id":1}]`,
			wantHeaders: map[string]string{"Link": `</p/abc/api/v1/tables/products?select=id&limit=1&order=id&offset=1>; rel="next"`}},
		{name: "nothing", target: "/tables/products?id=eq.99", text: `[]`, wantHeaders: map[string]string{"Content-Range": "*/*"}},
		{name: "groups", target: "/tables/products?group_by=category&select=category,count(*),sum(price)&order=category", want: `[{"category":1,"count":2,"sum_price":42.50},{"category":2,"count":2,"sum_price":45.00}]`},
		{name: "aggregate with alias", target: "/tables/products?select=n:count(*),top:max(price)", want: `[{"n":4,"top":40.00}]`},
		{name: "lines", target: "/tables/categories?order=id", headers: lines, text: "{\"id\":1,\"name\":\"books\"}\n{\"id\":2,\"name\":\"games\"}\n", wantHeaders: map[string]string{"Content-Type": "application/x-ndjson; charset=utf-8"}},
		{name: "each on one line", target: "/tables/raw?order=id&select=doc", headers: lines, text: "{\"doc\":{\"a\":  1,  \"b\":\"x\"}}\n{\"doc\":[]}\n"},
		{name: "no lines", target: "/tables/categories?id=eq.9", headers: lines, text: ""},
		{name: "HEAD", method: "HEAD", target: "/tables/products?count=exact", wantHeaders: map[string]string{"X-Total-Count": "4"}},
		{name: "view", target: "/tables/cheap?select=name&order=name", want: `[{"name":"cards"},{"name":"novel"}]`},
		{name: "materialized view", target: "/tables/stock?order=category", want: `[{"category":1,"n":2},{"category":2,"n":2}]`},
		{name: "row of a view", target: "/tables/cheap/2", want: `{"id":2,"name":"novel","price":12.50}`},
		{name: "row", target: "/tables/products/1?select=name,tags", want: `{"name":"atlas","tags":["a","b"]}`},
		{name: "row with what is related", target: "/tables/products/1?select=name,categories(name)", want: `{"name":"atlas","categories":{"name":"books"}}`},
		{name: "HEAD of a row", method: "HEAD", target: "/tables/products/1"},
		{name: "row by two columns", target: "/tables/lines/1,2", want: `{"order_id":1,"pos":2,"note":"two"}`},
		{name: "comma within a key", target: "/tables/tagged/x%2Cy", want: `{"a,b":"x,y","c d":1}`},
		{name: "odd key", target: "/tables/tagged/50%25%20%22off%22%2Fnow", want: `{"a,b":"50% \"off\"/now","c d":2}`},
		{name: "schema by header", target: "/tables/categories?id=eq.1", headers: map[string]string{"Accept-Profile": "public"}, want: `[{"id":1,"name":"books"}]`},
	}
}

func refusals() []row {
	fields := func(name, message string) string { return `"fields":[{"field":"` + name + `","message":"` + message }
	return []row{
		{name: "no route", target: "/", status: 404, has: []string{"ROUTE_NOT_FOUND", "/tables/{table}"}},
		{name: "longer route", target: "/tables/products/1/2", status: 404, has: []string{"ROUTE_NOT_FOUND"}},
		{name: "no table", target: "/tables/", status: 404, has: []string{"ROUTE_NOT_FOUND"}},
		{name: "unknown table", target: "/tables/product", status: 404, has: []string{`"code":"UNKNOWN_TABLE"`, `public.product`}},
		{name: "escaped slash in a name", target: "/tables/a%2Fb", status: 404, has: []string{"UNKNOWN_TABLE"}},
		{name: "zero in a name", target: "/tables/a%00b", status: 404, has: []string{"ROUTE_NOT_FOUND"}},
		{name: "zero in a key", target: "/tables/tagged/a%00b", status: 404, has: []string{"ROUTE_NOT_FOUND"}},
		{name: "auth is not served", target: "/tables/users", headers: map[string]string{"Accept-Profile": "auth"}, status: 406, has: []string{"UNKNOWN_SCHEMA", "public"}},
		{name: "unknown column", target: "/tables/products?nope=eq.1", status: 400, has: []string{`"UNKNOWN_COLUMN"`, `"database_code":"42703"`}},
		{name: "no operator", target: "/tables/products?price=5", status: 400, has: []string{"INVALID_QUERY", "price.operator=value"}[:1]},
		{name: "bad limit", target: "/tables/products?limit=x", status: 400, has: []string{"INVALID_QUERY"}},
		{name: "bad value", target: "/tables/products?price=lt.x", status: 400, has: []string{"INVALID_VALUE", "22P02"}},
		{name: "bad group", target: "/tables/products?group_by=category&select=name,count(*)", status: 400, has: []string{"INVALID_QUERY", "neither"}},
		{name: "columns", method: "POST", target: "/tables/products?columns=name", body: `{"name":"x"}`, status: 400, has: []string{"INVALID_QUERY"}},
		{name: "csv", target: "/tables/products", headers: map[string]string{"Accept": "text/csv"}, status: 406, has: []string{"NOT_ACCEPTABLE"}},
		{name: "anon cannot read", target: "/tables/secret", status: 401, has: []string{"PERMISSION_DENIED", "grant select", "secret"}, wantHeaders: map[string]string{"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"}},
		{name: "a user cannot either", as: "authenticated", target: "/tables/secret", status: 403, has: []string{"PERMISSION_DENIED"}},
		{name: "policy", method: "POST", target: "/tables/guarded", body: `{"id":1}`, status: 401, has: []string{"PERMISSION_DENIED", "policy"}},
		{name: "no such row", target: "/tables/products/99", status: 404, has: []string{"ROW_NOT_FOUND"}},
		{name: "no such row for HEAD", method: "HEAD", target: "/tables/products/99", status: 404},
		{name: "a hidden row", target: "/tables/guarded/1", status: 404, has: []string{"ROW_NOT_FOUND"}},
		{name: "a key of another type", target: "/tables/products/five", status: 400, has: []string{"VALIDATION_FAILED", fields("id", "It must be a whole number.")}},
		{name: "half a key", target: "/tables/lines/1", status: 400, has: []string{"INVALID_KEY", "order_id,pos"}},
		{name: "a filter beside a key", target: "/tables/products/1?price=lt.5", status: 400, has: []string{"INVALID_QUERY"}},
		{name: "no key", target: "/tables/nokey/1", status: 404, has: []string{"NO_PRIMARY_KEY"}},
		{name: "POST to a row", method: "POST", target: "/tables/products/1", body: `{}`, status: 405, has: []string{"METHOD_NOT_ALLOWED"}, wantHeaders: map[string]string{"Allow": "GET, HEAD, PATCH, PUT, DELETE"}},
		{name: "PUT to a table", method: "PUT", target: "/tables/products", body: `{}`, status: 405, has: []string{"METHOD_NOT_ALLOWED"}},
		{name: "view is read only", method: "POST", target: "/tables/cheap", body: `{"name":"x"}`, status: 405, has: []string{"VIEW_READ_ONLY", "cheap"}, wantHeaders: map[string]string{"Allow": "GET, HEAD"}},
		{name: "row of a view too", method: "DELETE", target: "/tables/cheap/2", status: 405, has: []string{"VIEW_READ_ONLY"}},
		{name: "materialized too", method: "PATCH", target: "/tables/stock?n=eq.1", body: `{"n":1}`, status: 405, has: []string{"VIEW_READ_ONLY"}},
		{name: "PATCH of all", method: "PATCH", target: "/tables/products", body: `{"price":1}`, status: 400, has: []string{"FILTER_REQUIRED"}},
		{name: "DELETE of all", method: "DELETE", target: "/tables/products?limit=5&order=id", status: 400, has: []string{"FILTER_REQUIRED"}},
		{name: "filter of what is related is none", method: "DELETE", target: "/tables/products?select=id,categories(id)&categories.id=eq.1", status: 400, has: []string{"FILTER_REQUIRED"}},
		{name: "no body", method: "POST", target: "/tables/products", status: 400, has: []string{"INVALID_BODY"}},
		{name: "half a body", method: "POST", target: "/tables/products", body: `{"name":`, status: 400, has: []string{"INVALID_BODY"}},
		{name: "a number", method: "POST", target: "/tables/products", body: `5`, status: 400, has: []string{"INVALID_BODY"}},
		{name: "csv body", method: "POST", target: "/tables/products", headers: map[string]string{"Content-Type": "text/csv"}, body: "name\nx", status: 415, has: []string{"UNSUPPORTED_MEDIA_TYPE"}},
		{name: "unknown column in a body", method: "POST", target: "/tables/products", body: `{"nope":1}`, status: 400, has: []string{"VALIDATION_FAILED", fields("nope", "There is no such column."), `{"field":"name"`, `{"field":"price"`}},
		{name: "wrong type", method: "POST", target: "/tables/products", body: `[{"name":"x","price":1},{"name":"y","price":"z"}]`, status: 400, has: []string{fields("1.price", "It must be a number.")}},
		{name: "too long", method: "POST", target: "/tables/products", body: `{"name":"123456789012345678901","price":1}`, status: 400, has: []string{fields("name", "It is longer than 20 characters.")}},
		{name: "enum", method: "POST", target: "/tables/products", body: `{"name":"x","price":1,"mood":"angry"}`, status: 400, has: []string{fields("mood", "It must be one of sad, happy.")}},
		{name: "generated", method: "POST", target: "/tables/products", body: `{"name":"x","price":1,"double":2}`, status: 400, has: []string{fields("double", "The database makes it")}},
		{name: "missing", method: "POST", target: "/tables/products", body: `[{"category":1}]`, status: 400, has: []string{"VALIDATION_FAILED", fields("0.name", "It must be given"), `"0.price"`}},
		{name: "null", method: "PATCH", target: "/tables/products/1", body: `{"name":null}`, status: 400, has: []string{"VALIDATION_FAILED", fields("name", "It must be given")}},
		{name: "PATCH with an array", method: "PATCH", target: "/tables/products/1", body: `[{"price":1}]`, status: 400, has: []string{"INVALID_BODY"}},
		{name: "PATCH with nothing", method: "PATCH", target: "/tables/products/1", body: `{}`, status: 400, has: []string{"INVALID_BODY"}},
		{name: "check", method: "POST", target: "/tables/products", body: `{"name":"x","price":-1}`, status: 400, has: []string{"CHECK_VIOLATION", "23514"}},
		{name: "unique", method: "POST", target: "/tables/products", body: `{"name":"atlas","price":1}`, status: 409, has: []string{"ALREADY_EXISTS", "23505"}},
		{name: "foreign key", method: "POST", target: "/tables/products", body: `{"name":"x","price":1,"category":9}`, status: 409, has: []string{"FOREIGN_KEY_VIOLATION"}},
		{name: "filter on a POST", method: "POST", target: "/tables/products?id=eq.1", body: `{"name":"x","price":1}`, status: 400, has: []string{"INVALID_QUERY"}},
		{name: "DELETE of no row", method: "DELETE", target: "/tables/products/99", status: 404, has: []string{"ROW_NOT_FOUND"}},
		{name: "PATCH of no row", method: "PATCH", target: "/tables/products/99", body: `{"price":1}`, status: 404, has: []string{"ROW_NOT_FOUND"}},
		{name: "PUT with another key", method: "PUT", target: "/tables/categories/1", body: `{"id":2,"name":"x"}`, status: 400, has: []string{"KEY_MISMATCH"}},
		{name: "insert without select", method: "POST", target: "/tables/writeonly", body: `{"x":"y"}`, status: 401, has: []string{"PERMISSION_DENIED", "return=minimal"}},
		{name: "unknown function", method: "POST", target: "/rpc/nope", body: `{}`, status: 404, has: []string{"UNKNOWN_FUNCTION"}},
		{name: "unknown argument", method: "POST", target: "/rpc/add", body: `{"a":1,"z":2}`, status: 400, has: []string{"VALIDATION_FAILED", fields("z", "The function has no such argument.")}},
		{name: "missing argument", method: "POST", target: "/rpc/add", body: `{"b":1}`, status: 400, has: []string{fields("a", "It must be given")}},
		{name: "wrong argument", method: "POST", target: "/rpc/add", body: `{"a":"x"}`, status: 400, has: []string{fields("a", "It must be a whole number.")}},
		{name: "wrong argument by GET", target: "/rpc/add?a=x", status: 400, has: []string{"INVALID_VALUE"}},
		{name: "overloads", target: "/rpc/pick?id=1", status: 300, has: []string{"AMBIGUOUS_FUNCTION"}},
		{name: "GET cannot write", as: "service_role", target: "/rpc/touch", status: 405, has: []string{"READ_ONLY"}},
		{name: "no execute", method: "POST", target: "/rpc/touch", status: 401, has: []string{"PERMISSION_DENIED", "grant execute on function touch"}},
		{name: "raised", method: "POST", target: "/rpc/fail", body: `{"code":"P0001"}`, status: 400, has: []string{`"code":"RAISED"`, `"message":"no way"`, `"hint":"h"`, `"details":"d"`}},
		{name: "raised with a status", method: "POST", target: "/rpc/fail", body: `{"code":"PT418"}`, status: 418, has: []string{"RAISED", "no way"}},
		{name: "raised in JSON", method: "POST", target: "/rpc/refuse", status: 418, has: []string{"not today", "come back", "X1"}, wantHeaders: map[string]string{"X-Tea": "pot"}},
		{name: "breaks early", target: "/rpc/broken?n=5", status: 400, has: []string{"RAISED"}},
	}
}

func calls() []row {
	return []row{
		{name: "scalar", method: "POST", target: "/rpc/add", body: `{"a":1,"b":2}`, text: `3`, wantHeaders: map[string]string{"Cache-Control": "no-store"}},
		{name: "by GET", target: "/rpc/add?a=5", text: `15`, wantHeaders: map[string]string{"Cache-Control": "private, no-cache"}},
		{name: "array", method: "POST", target: "/rpc/total", body: `{"ids":[1,2]}`, text: `42.50`},
		{name: "rows", target: "/rpc/search?term=a&select=name&price.lt=20&sort=name", want: `[{"name":"cards"}]`},
		{name: "rows by POST", method: "POST", target: "/rpc/search?select=name&order=name", body: `{"term":"a"}`, want: `[{"name":"atlas"},{"name":"cards"}]`},
		{name: "lines", target: "/rpc/search?term=a&select=name&order=name", headers: map[string]string{"Accept": "application/x-ndjson"}, text: "{\"name\":\"atlas\"}\n{\"name\":\"cards\"}\n"},
		{name: "nothing", as: "service_role", method: "POST", target: "/rpc/touch", status: 204},
		{name: "headers and status of its own", method: "POST", target: "/rpc/answer", status: 203, want: `{"a":1}`, wantHeaders: map[string]string{"X-Own": "yes"}},
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b *bundle) {
		for group, rows := range map[string][]row{"read": reads(), "refuse": refusals(), "call": calls()} {
			for _, c := range rows {
				t.Run(group+"/"+c.name, func(t *testing.T) {
					w := b.check(t, c)
					if c.status >= 400 && c.method != "HEAD" {
						requireError(t, w)
					}
				})
			}
		}
	})
}

// requireError holds that errors have the one shape.
func requireError(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var body map[string]map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), w.Body.String())
	require.Len(t, body, 1)
	require.Regexp(t, `^[A-Z][A-Z_]+$`, body["error"]["code"])
	require.NotEmpty(t, body["error"]["message"])
	for key := range body["error"] {
		require.Contains(t, []string{"code", "message", "hint", "details", "database_code", "fields", "operation"}, key)
	}
	require.NotContains(t, w.Body.String(), "PGRST")
	require.Empty(t, w.Header().Get("ETag"))
}

func TestWrites(t *testing.T) {
	t.Parallel()
	minimal := map[string]string{"Prefer": "return=minimal"}
	both(t, func(t *testing.T, b *bundle) {
		for _, c := range []row{
			{name: "create one", method: "POST", target: "/tables/products?select=id,name,price", body: `{"name":"lamp","price":"9.99","tags":["x"],"meta":{"a":[1]},"mood":"sad"}`, status: 201,
				want: `{"id":5,"name":"lamp","price":9.99}`, wantHeaders: map[string]string{"Location": "/api/v1/tables/products/5", "X-Affected-Count": "1", "Cache-Control": "no-store"}},
			{name: "create several, with what they lack by default", method: "POST", target: "/tables/products?select=name,tags", body: `[{"name":"a","price":1,"tags":["t"]},{"price":2,"name":"b"}]`, status: 201,
				want: `[{"name":"a","tags":["t"]},{"name":"b","tags":[]}]`},
			{name: "create an array of one", method: "POST", target: "/tables/categories", body: `[{"id":3,"name":"toys"}]`, status: 201, want: `[{"id":3,"name":"toys"}]`},
			{name: "create nothing", method: "POST", target: "/tables/categories", body: `[]`, status: 201, want: `[]`},
			{name: "create quietly", method: "POST", target: "/tables/categories", body: `{"id":4,"name":"food"}`, headers: minimal, status: 204, wantHeaders: map[string]string{"X-Affected-Count": "1"}},
			{name: "quietly without select", method: "POST", target: "/tables/writeonly", body: `{"x":"y"}`, headers: minimal, status: 204},
			{name: "a trigger may set what must be there", method: "POST", target: "/tables/stamped?select=made", body: `{"x":1}`, status: 201, want: `{"made":"by trigger"}`},
			{name: "all by default", method: "POST", target: "/tables/guarded?select=id", as: "authenticated", body: `{"id":1}`, status: 201, want: `{"id":1}`},
			{name: "upsert changes", method: "POST", target: "/tables/categories?on_conflict=name", body: `{"id":1,"name":"books"}`, status: 200, want: `{"id":1,"name":"books"}`},
			{name: "upsert by a preference", method: "POST", target: "/tables/categories", headers: map[string]string{"Prefer": "resolution=merge-duplicates"}, body: `[{"id":1,"name":"tomes"},{"id":9,"name":"tools"}]`, status: 201, want: `[{"id":1,"name":"tomes"},{"id":9,"name":"tools"}]`},
			{name: "a duplicate that is ignored", method: "POST", target: "/tables/categories", headers: map[string]string{"Prefer": "resolution=ignore-duplicates"}, body: `{"id":1,"name":"x"}`, status: 204, wantHeaders: map[string]string{"X-Affected-Count": "0"}},
			{name: "change a row", method: "PATCH", target: "/tables/products/1?select=price", body: `{"price":31}`, want: `{"price":31.00}`, wantHeaders: map[string]string{"ETag": ""}},
			{name: "change by two columns", method: "PATCH", target: "/tables/lines/1,2", body: `{"note":"2"}`, want: `{"order_id":1,"pos":2,"note":"2"}`},
			{name: "change many", method: "PATCH", target: "/tables/products?category.eq=2&select=name&order=name", body: `{"mood":"happy"}`, has: []string{"cards", "chess"}, wantHeaders: map[string]string{"X-Affected-Count": "2"}},
			{name: "change none", method: "PATCH", target: "/tables/products?category.eq=77", body: `{"mood":"happy"}`, want: `[]`},
			{name: "change quietly", method: "PATCH", target: "/tables/products?id.lte=2", body: `{"mood":null}`, headers: minimal, status: 204, wantHeaders: map[string]string{"X-Affected-Count": "2"}},
			{name: "PUT replaces", method: "PUT", target: "/tables/categories/2", body: `{"name":"plays"}`, want: `{"id":2,"name":"plays"}`},
			{name: "PUT creates", method: "PUT", target: "/tables/categories/7", body: `{"id":7,"name":"seven"}`, status: 201, want: `{"id":7,"name":"seven"}`},
			{name: "PUT by two columns", method: "PUT", target: "/tables/lines/5,6", body: `{"note":"new"}`, status: 201, want: `{"order_id":5,"pos":6,"note":"new"}`},
			{name: "PUT of keys only", method: "PUT", target: "/tables/lines/5,7", body: `{}`, status: 201, want: `{"order_id":5,"pos":7,"note":null}`},
			{name: "PUT of an odd key", method: "PUT", target: `/tables/tagged/%22%5C,%27`, body: `{"c d":5}`, status: 201, want: `{"a,b":"\"\\,'","c d":5}`},
			{name: "delete a row", method: "DELETE", target: "/tables/categories/7", status: 204},
			{name: "it is gone", target: "/tables/categories/7", status: 404},
			{name: "delete many", method: "DELETE", target: "/tables/products?name.in=a,b", status: 204, wantHeaders: map[string]string{"X-Affected-Count": "2"}},
			{name: "delete and see", method: "DELETE", target: "/tables/lines?order_id.eq=5&select=pos&pos.eq=6", headers: map[string]string{"Prefer": "return=representation"}, want: `[{"pos":6}]`},
			{name: "delete none", method: "DELETE", target: "/tables/products?name.eq=zzz", status: 204, wantHeaders: map[string]string{"X-Affected-Count": "0"}},
			{name: "the number that may change", method: "DELETE", target: "/tables/products?id.gt=0", headers: map[string]string{"Prefer": "handling=strict, max-affected=1"}, status: 400, has: []string{"TOO_MANY_ROWS"}},
			{name: "nothing was deleted", target: "/tables/products?id=in.(3,4)&select=id&order=id", want: `[{"id":3},{"id":4}]`},
		} {
			if !t.Run(c.name, func(t *testing.T) { b.check(t, c) }) {
				break
			}
		}
	})
}

func TestCaching(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	w := b.check(t, row{target: "/tables/categories"})
	tag := w.Header().Get("ETag")
	require.Regexp(t, `^"[\w-]{20,}"$`, tag)
	require.Contains(t, w.Header().Get("Vary"), "Authorization")
	for _, ask := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		w = b.check(t, row{target: "/tables/categories", headers: map[string]string{"If-None-Match": ask}, status: 304})
		require.Empty(t, w.Body.String())
		require.Equal(t, tag, w.Header().Get("ETag"))
		require.Equal(t, "private, no-cache", w.Header().Get("Cache-Control"))
	}
	b.check(t, row{target: "/tables/categories", headers: map[string]string{"If-None-Match": `"other"`}})
	b.check(t, row{target: "/tables/categories/1", headers: map[string]string{"If-None-Match": b.check(t, row{target: "/tables/categories/1"}).Header().Get("ETag")}, status: 304})
	b.check(t, row{method: "PATCH", target: "/tables/categories/1", body: `{"name":"tomes"}`})
	w = b.check(t, row{target: "/tables/categories", headers: map[string]string{"If-None-Match": tag}})
	require.NotEqual(t, tag, w.Header().Get("ETag"))
	other := b.with(map[string]any{"api.cache_control": "public, max-age=60"})
	require.Equal(t, "public, max-age=60", other.check(t, row{target: "/tables/categories"}).Header().Get("Cache-Control"))
	b.check(t, row{method: "PATCH", target: "/tables/categories/1", body: `{"name":"x"}`, headers: map[string]string{"If-None-Match": "*"}, want: `{"id":1,"name":"x"}`})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	off := b.with(map[string]any{"api.aggregates_enabled": false})
	off.check(t, row{target: "/tables/products?group_by=category", status: 400, has: []string{"AGGREGATES_DISABLED"}})
	few := b.with(map[string]any{"rest.max_rows": int64(3)})
	w := few.check(t, row{target: "/tables/products?select=id&order=id&limit=100", want: `[{"id":1},{"id":2},{"id":3}]`})
	require.Contains(t, w.Header().Get("Link"), "offset=3")
	cheap := b.with(map[string]any{"rest.max_query_cost": int64(1)})
	cheap.check(t, row{target: "/tables/products?order=name", status: 400, has: []string{"QUERY_COST_EXCEEDED"}})
	cheap.check(t, row{method: "POST", target: "/transaction", body: `[{"op":"select","table":"products","order":"name"}]`, status: 400, has: []string{"QUERY_COST_EXCEEDED", `"operation":0`}})
	hidden := b.with(map[string]any{"rest.openapi_mode": "disabled"})
	hidden.check(t, row{target: "/openapi.json", status: 404, has: []string{"DESCRIPTION_DISABLED"}})
}

func TestSchemaChangesAreSeen(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b *bundle) {
		b.check(t, row{target: "/tables/later", status: 404})
		b.owner(t, `create table later (id int primary key); grant all on later to {anon}`)
		b.check(t, row{target: "/tables/later", want: `[]`})
		b.owner(t, `alter table later add column name text`)
		b.check(t, row{method: "POST", target: "/tables/later", body: `{"id":1,"name":"x"}`, status: 201, want: `{"id":1,"name":"x"}`})
		b.owner(t, `create function f(a int) returns int language sql as 'select a'`)
		b.check(t, row{method: "POST", target: "/rpc/f", body: `{"a":1}`, text: `1`})
		b.owner(t, `drop function f(int); create function f(a int, b int) returns int language sql as 'select a + b'`)
		b.check(t, row{method: "POST", target: "/rpc/f", body: `{"a":1,"b":2}`, text: `3`})
	})
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	b.owner(t, `create table "a""b; drop table categories" ("x""y" int primary key, "' or 1=1" text); grant all on "a""b; drop table categories" to {anon}`)
	target := "/tables/a%22b%3B%20drop%20table%20categories"
	b.check(t, row{method: "POST", target: target, body: `{"x\"y":1,"' or 1=1":"'; drop table categories"}`, status: 201, wantHeaders: map[string]string{"Location": "/api/v1" + target + "/1"}})
	b.check(t, row{target: target + "/1", want: `{"x\"y":1,"' or 1=1":"'; drop table categories"}`})
	b.check(t, row{target: "/tables/categories?select=id&order=id&limit=1", want: `[{"id":1}]`})
	long := "/tables/" + strings.Repeat("x", 5000)
	b.check(t, row{target: long, status: 404})
	b.check(t, row{method: "POST", target: "/rpc/" + strings.Repeat("x", 5000), body: `{}`, status: 404})
}
