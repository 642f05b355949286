package plan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

func function(name, arguments string) string {
	return `{"schema":"abc_public","name":"` + name + `","volatility":"v","returns":"scalar","type":"integer","base":"integer","arguments":[` + arguments + `]}`
}

var functions = []string{
	function("add_them", `{"name":"a","type":"integer","required":true},{"name":"b","type":"integer","required":true}`),
	function("nothing", ``),
	function("optional", `{"name":"a","type":"integer","required":true},{"name":"b","type":"integer"}`),
	function("several", `{"name":"v","type":"text[]","variadic":true,"required":true}`),
	function("same", `{"name":"arg","type":"xml","required":true}`),
	function("same", `{"name":"arg","type":"integer","required":true}`),
	function("same", `{"name":"arg","type":"text","required":true},{"name":"num","type":"integer"}`),
	function("unnamed_json", `{"name":"","type":"json","required":true}`),
	function("unnamed_int", `{"name":"","type":"integer","required":true}`),
	function("named_json", `{"name":"data","type":"json","required":true}`),
	function("overloaded", `{"name":"","type":"json","required":true}`),
	function("overloaded", `{"name":"","type":"bytea","required":true}`),
	function("overloaded", `{"name":"","type":"text","required":true}`),
	function("overloaded", ``),
	function("overloaded", `{"name":"x","type":"integer","required":true},{"name":"y","type":"integer","required":true}`),
	function("two_json", `{"name":"","type":"json","required":true}`),
	function("two_json", `{"name":"","type":"jsonb","required":true}`),
}

// planCall plans "GET /name?a=1", or "POST /name" with a body.
func planCall(t testing.TB, line, mediaType, body string) (*plan.Call, error) {
	t.Helper()
	method, target, _ := strings.Cut(line, " ")
	path, raw, _ := strings.Cut(target, "?")
	c, s := desk(t, functions...)
	q, err := query.Parse(raw, method == "GET")
	require.NoError(t, err)
	var b *payload.Body
	if method == "POST" {
		b, err = payload.Read(strings.NewReader(body), query.MediaType{Type: mediaType}, payload.Options{Call: true, Columns: q.Columns})
		require.NoError(t, err)
	}
	r, err := plan.NewCall(c, s, strings.TrimPrefix(path, "/"), q, b, plan.Options{})
	if err != nil {
		return nil, err
	}
	return r.Call, nil
}

func TestFunctionsAreChosenByTheirArguments(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		request, mediaType, body string
		arguments                []string
		raw                      string
	}{
		{"GET /add_them?b=1&a=2", "", "", []string{"a", "b"}, ""},
		{"POST /add_them", "", `{"b":1,"a":2}`, []string{"a", "b"}, ""},
		{"POST /add_them", "", `[{"b":1,"a":2},{"a":1,"b":1}]`, []string{"a", "b"}, ""},
		{"POST /add_them?columns=a,b", "", `{"b":1,"a":2,"c":3}`, []string{"a", "b"}, ""},
		{"POST /add_them", form, `b=1&a=2&a=3`, []string{"a", "b"}, ""},
		{"GET /nothing", "", "", nil, ""},
		{"POST /nothing", "", "", nil, ""},
		{"POST /nothing", form, "", nil, ""},
		{"GET /optional?a=1", "", "", []string{"a"}, ""},
		{"GET /optional?a=1&b=2", "", "", []string{"a", "b"}, ""},
		{"GET /several?v=1&v=2", "", "", []string{"v"}, ""},
		{"POST /unnamed_json", "", `{"x":1}`, []string{""}, `{"x":1}`},
		{"POST /unnamed_json", "", `[{"x":1},{"y":1}]`, []string{""}, `[{"x":1},{"y":1}]`},
		{"POST /unnamed_json", "", `[1,2]`, []string{""}, `[1,2]`},
		{"POST /unnamed_json", "", `"x"`, []string{""}, `"x"`},
		{"POST /overloaded", "", `{"x":1,"y":2}`, []string{"x", "y"}, ""},
		{"POST /overloaded", "", `{}`, nil, ""},
		{"POST /overloaded", "", `{"A":1}`, []string{""}, `{"A":1}`},
		{"POST /overloaded", "text/plain", ``, []string{""}, ``},
		{"POST /overloaded", "application/octet-stream", "\xff", []string{""}, "\xff"},
	} {
		call, err := planCall(t, c.request, c.mediaType, c.body)
		require.NoError(t, err, c)
		var names []string
		for _, a := range call.Arguments {
			names = append(names, a.Name)
		}
		require.Equal(t, c.arguments, names, c)
		require.Equal(t, c.raw, string(call.Raw), c)
		require.Equal(t, len(names) == 1 && names[0] == "", call.HasRaw, c)
	}
	call, err := planCall(t, "POST /several", form, "v=hi&v=there")
	require.NoError(t, err)
	require.Equal(t, [][]string{{"hi", "there"}}, call.Values)
	call, err = planCall(t, "POST /add_them", "", `[{"a":1,"b":1}]`)
	require.NoError(t, err)
	require.True(t, call.List)
}

func TestFunctionsThatAreNotFound(t *testing.T) {
	t.Parallel()
	const message, details = "Could not find the function public.", "Searched for the function public."
	const end = ", but no matches were found in the schema cache."
	for _, c := range []struct{ request, mediaType, body, message, details, hint string }{
		{"GET /zzz", "", "", "zzz without parameters", "zzz without parameters", ""},
		{"GET /add_them?a=1&b=2&smthelse=x", "", "", "add_them(a, b, smthelse)", "add_them with parameters a, b, smthelse", "public.add_them(a, b)"},
		{"GET /add_them?b=1", "", "", "add_them(b)", "add_them with parameter b", "public.add_them(a, b)"},
		{"GET /ad_them?a=1&b=2", "", "", "ad_them(a, b)", "ad_them with parameters a, b", "public.add_them"},
		{"POST /named_json", "", `{"B":1,"A":2,"C":3}`, "named_json(A, B, C)", "named_json with parameters A, B, C or with a single unnamed json/jsonb parameter", ""},
		{"POST /nothingness", "", ``, "nothingness without parameters", "nothingness without parameters or with a single unnamed json/jsonb parameter", "public.nothing"},
		{"POST /unnamed_int", "text/plain", `x`, "unnamed_int", "unnamed_int with a single unnamed text parameter", ""},
		{"POST /unnamed_int", "text/xml", `x`, "unnamed_int", "unnamed_int with a single unnamed xml parameter", ""},
		{"POST /unnamed_int", "application/octet-stream", ``, "unnamed_int", "unnamed_int with a single unnamed bytea parameter", ""},
		{"POST /nothing", "text/plain", ``, "nothing", "nothing with a single unnamed text parameter", ""},
		{"POST /add_them", "application/x-www-form-urlencoded", `a=1`, "add_them(a)", "add_them with parameter a", "public.add_them(a, b)"},
		{"POST /unnamed_int", "", `{"x":1,"y":2}`, "unnamed_int(x, y)", "unnamed_int with parameters x, y or with a single unnamed json/jsonb parameter", "public.unnamed_json"},
		{"POST /add_them", "", `[1]`, "", "", ""},
	} {
		_, err := planCall(t, c.request, c.mediaType, c.body)
		var refusal *query.Error
		require.ErrorAs(t, err, &refusal, c)
		if c.message == "" {
			require.Equal(t, "PGRST102", refusal.Code, c)
			continue
		}
		require.Equal(t, 404, refusal.Status, c)
		require.Equal(t, "PGRST202", refusal.Code, c)
		require.Equal(t, message+c.message+" in the schema cache", refusal.Message)
		require.Equal(t, details+c.details+end, refusal.Details)
		if c.hint != "" {
			require.Equal(t, "Perhaps you meant to call the function "+c.hint, refusal.Hint)
		} else {
			require.Empty(t, refusal.Hint, c)
		}
	}
}

func TestAmbiguousFunctions(t *testing.T) {
	t.Parallel()
	_, err := planCall(t, "GET /same?arg=1", "", "")
	var refusal *query.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, 300, refusal.Status)
	require.Equal(t, "PGRST203", refusal.Code)
	require.Equal(t, "Could not choose the best candidate function between: public.same(arg => integer), public.same(arg => xml), public.same(arg => text, num => integer)", refusal.Message)
	require.Equal(t, "Try renaming the parameters or the function itself in the database so function overloading can be resolved", refusal.Hint)
	_, err = planCall(t, "POST /two_json", "", `{"a":1}`)
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, "PGRST203", refusal.Code)
}

func TestHintsOfNamesThatGrow(t *testing.T) {
	t.Parallel()
	c, s := desk(t, function(strings.Repeat("Ⱥ", 31), ``), function("wide", `{"name":"`+strings.Repeat("Ⱥ", 126)+`","type":"text","required":true}`))
	for name, arguments := range map[string]string{strings.Repeat("Ⱥ", 30): "", "wide": "x", strings.Repeat("Ⱥ", 200): "y"} {
		q := &query.Query{Arguments: []query.Argument{{Name: strings.Repeat("Ⱥ", 125) + arguments}}}
		_, err := plan.NewCall(c, s, name, q, nil, plan.Options{})
		require.ErrorContains(t, err, "PGRST202")
	}
}
