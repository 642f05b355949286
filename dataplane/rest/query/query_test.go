package query_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

func parse(t *testing.T, s string, call bool) *query.Query {
	t.Helper()
	q, err := query.Parse(s, call)
	require.NoError(t, err, s)
	return q
}

func node(items ...query.Item) query.Node {
	if items == nil {
		items = []query.Item{}
	}
	return query.Node{Select: items, Limit: -1, Offset: -1}
}

func column(name string, steps ...query.Step) query.Item {
	return query.Item{Field: query.Field{Column: name, Path: steps}}
}

func embed(e query.Embed) query.Item { return query.Item{Embed: &e} }

func TestParseSelect(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][]query.Item{
		"":                    {},
		"*":                   nil,
		" * ":                 nil,
		"a, b":                {column("a"), column("b")},
		"*,a":                 {{Star: true}, column("a")},
		"n:name::text":        {{Field: query.Field{Column: "name"}, Alias: "n", Cast: "text"}},
		"a::double precision": {{Field: query.Field{Column: "a"}, Cast: "double precision"}},
		"a::_int4":            {{Field: query.Field{Column: "a"}, Cast: "_int4"}},
		"a::numeric(10, 2)[]": {{Field: query.Field{Column: "a"}, Cast: "numeric(10,2)[]"}},
		"field-with_sep":      {column("field-with_sep")},
		"Just A Server Model": {column("Just A Server Model")},
		"naïve,名前,x$1":        {column("naïve"), column("名前"), column("x$1")},
		`":arr->ow::cast","(inside,parens)","  a.b\"c\\  "`: {column(":arr->ow::cast"), column("(inside,parens)"), column(`  a.b"c\  `)},
		"data->a->>0":                {column("data", query.Step{Key: "a"}, query.Step{Key: "0", Index: true, Text: true})},
		"data->-2->>a":               {column("data", query.Step{Key: "-2", Index: true}, query.Step{Key: "a", Text: true})},
		`data->"0"->>"a.b,c"`:        {column("data", query.Step{Key: "0"}, query.Step{Key: "a.b,c", Text: true})},
		"data->0xy1->23-xy-45":       {column("data", query.Step{Key: "0xy1"}, query.Step{Key: "23-xy-45"})},
		"data->!@#$%^%26*_d":         {column("data", query.Step{Key: "!@#$%^&*_d"})},
		"data->>c->1":                {column("data", query.Step{Key: "c", Text: true}, query.Step{Key: "1", Index: true})},
		"settings->>int::integer":    {{Field: query.Field{Column: "settings", Path: []query.Step{{Key: "int", Text: true}}}, Cast: "integer"}},
		"count()":                    {{Aggregate: "count"}},
		"c:count()::text":            {{Alias: "c", Aggregate: "count", AggregateCast: "text"}},
		"count,x:count":              {column("count"), {Field: query.Field{Column: "count"}, Alias: "x"}},
		"a.sum()::text,b::int.avg()": {{Field: query.Field{Column: "a"}, Aggregate: "sum", AggregateCast: "text"}, {Field: query.Field{Column: "b"}, Cast: "int", Aggregate: "avg"}},
		"s:j->>k::int.max()::text": {{Field: query.Field{Column: "j", Path: []query.Step{{Key: "k", Text: true}}}, Alias: "s", Cast: "int",
			Aggregate: "max", AggregateCast: "text"}},
		"rel()":                    {embed(query.Embed{Relation: "rel", Node: node()})},
		"a:rel!h!inner(x)":         {embed(query.Embed{Relation: "rel", Alias: "a", Hint: "h", Join: "inner", Node: node(column("x"))})},
		"rel!left!h(*)":            {embed(query.Embed{Relation: "rel", Hint: "h", Join: "left", Node: node(query.Item{Star: true})})},
		`rel!"inner"(*)`:           {embed(query.Embed{Relation: "rel", Hint: "inner", Node: node(query.Item{Star: true})})},
		"...rel!inner_fk(count())": {embed(query.Embed{Relation: "rel", Hint: "inner_fk", Spread: true, Node: node(query.Item{Aggregate: "count"})})},
		"id, r1( a, r2(b) ) , c": {column("id"), embed(query.Embed{Relation: "r1", Node: node(column("a"), embed(query.Embed{Relation: "r2", Node: node(column("b"))}))}),
			column("c")},
		"name,projects(count)'": {column("name"), embed(query.Embed{Relation: "projects", Node: node(column("count"))})},
		`"count"(id)`:           {embed(query.Embed{Relation: "count", Node: node(column("id"))})},
	} {
		q := parse(t, "select="+strings.ReplaceAll(s, "+", "%2B"), false)
		require.Equal(t, want, q.Select, s)
	}
}

func TestParseFilters(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]query.Filter{
		"id=eq.5":                  {Operator: "eq", Value: "5"},
		"id=eq.":                   {Operator: "eq"},
		"id=eq.a+b%20c%2Bd":        {Operator: "eq", Value: "a b c+d"},
		"id=eq(any).{3,4}":         {Operator: "eq", Quantifier: "any", Value: "{3,4}"},
		"id=ilike(all).{%p%,%g%}":  {Operator: "ilike", Quantifier: "all", Value: "{%p%,%g%}"},
		"id=fts.a%26b":             {Operator: "fts", Value: "a&b"},
		"id=phfts(german).Art x":   {Operator: "phfts", Language: "german", Value: "Art x"},
		"id=is.NoT_NuLl":           {Operator: "is", Value: "not_null"},
		"id=is.TRUE":               {Operator: "is", Value: "true"},
		"id=isdistinct.2":          {Operator: "isdistinct", Value: "2"},
		"id=match.*.x{1,2}":        {Operator: "match", Value: "*.x{1,2}"},
		"id=adj.(1,2)":             {Operator: "adj", Value: "(1,2)"},
		"id=in.()":                 {Operator: "in", List: []string{}},
		"id=in.(    )":             {Operator: "in", List: []string{}},
		"id=in.( ,3,4)":            {Operator: "in", List: []string{"", "3", "4"}},
		`id=in.("")`:               {Operator: "in", List: []string{""}},
		`id=in.(1,"x, y","a\"\\")`: {Operator: "in", List: []string{"1", "x, y", `a"\`}},
		`id=in.(")`:                {Operator: "in", List: []string{`"`}},
		`id=in.(D"Q"M")`:           {Operator: "in", List: []string{`D"Q"M"`}},
		`id=in.("D\a\vid")`:        {Operator: "in", List: []string{"David"}},
	} {
		want.Column = "id"
		require.Equal(t, []query.Condition{{Filter: &want}}, parse(t, s, false).Where, s)
		negated := strings.Replace(s, "=", "=not.", 1)
		require.Equal(t, []query.Condition{{Not: true, Filter: &want}}, parse(t, negated, false).Where, negated)
	}
	require.Equal(t, query.Field{Column: "*id*", Path: []query.Step{{Key: "a.b"}, {Key: "-1", Index: true, Text: true}}},
		parse(t, `"*id*"->"a.b"->>-1=eq.1`, false).Where[0].Filter.Field)
	require.Equal(t, "id", parse(t, "id::text=eq.1", false).Where[0].Filter.Column)
}

func TestParseTrees(t *testing.T) {
	t.Parallel()
	filter := func(not bool, column, op, value string) query.Condition {
		return query.Condition{Not: not, Filter: &query.Filter{Field: query.Field{Column: column}, Operator: op, Value: value}}
	}
	for s, want := range map[string]query.Condition{
		"or=(a.eq.1)":                {Any: []query.Condition{filter(false, "a", "eq", "1")}},
		"not.and=(a.eq.1,b.not.gt.)": {Not: true, All: []query.Condition{filter(false, "a", "eq", "1"), filter(true, "b", "gt", "")}},
		"and=( or ( a.eq.2 , b.is.null ) , not.and(c.lt.1))": {All: []query.Condition{
			{Any: []query.Condition{filter(false, "a", "eq", "2 "), filter(false, "b", "is", "null")}},
			{Not: true, All: []query.Condition{filter(false, "c", "lt", "1")}}}},
		"or=(and_x.eq.1, or_y.eq.2,not.eq.3,and.eq.4,or.eq.5)": {Any: []query.Condition{filter(false, "and_x", "eq", "1"), filter(false, "or_y", "eq", "2"),
			filter(false, "not", "eq", "3"), filter(false, "and", "eq", "4"), filter(false, "or", "eq", "5")}},
		`or=(a.eq."x,(y)\"",b.cs.{1,{2,3}},c.cd.{"a}b",c},d.eq.{1,e.eq.x"y")`: {Any: []query.Condition{filter(false, "a", "eq", `x,(y)"`),
			filter(false, "b", "cs", "{1,{2,3}}"), filter(false, "c", "cd", `{"a}b",c}`), filter(false, "d", "eq", "{1"), filter(false, "e", "eq", `x"y"`)}},
		"and=(id.eq.1,id.neq.2))":      {All: []query.Condition{filter(false, "id", "eq", "1"), filter(false, "id", "neq", "2")}},
		"or=(r.not.is.null,s.is.null)": {Any: []query.Condition{filter(true, "r", "is", "null"), filter(false, "s", "is", "null")}},
		`or=(a->>b.not.in.(1,"2,3"),c.like(any).{x,y},d.not.plfts(fr).amusant z)`: {Any: []query.Condition{
			{Not: true, Filter: &query.Filter{Field: query.Field{Column: "a", Path: []query.Step{{Key: "b", Text: true}}}, Operator: "in", List: []string{"1", "2,3"}}},
			{Filter: &query.Filter{Field: query.Field{Column: "c"}, Operator: "like", Quantifier: "any", Value: "{x,y}"}},
			{Not: true, Filter: &query.Filter{Field: query.Field{Column: "d"}, Operator: "plfts", Language: "fr", Value: "amusant z"}}}},
	} {
		require.Equal(t, []query.Condition{want}, parse(t, s, false).Where, s)
	}
}

func TestParseOrder(t *testing.T) {
	t.Parallel()
	field := func(name string, steps ...query.Step) query.Field { return query.Field{Column: name, Path: steps} }
	q := parse(t, `select=rel(c)&order=a,b.asc,c.desc.nullslast , d.nullsfirst,e->>0.desc,"f.g",rel(h->i).asc.nullsfirst&limit=10&offset=20`, false)
	require.Equal(t, []query.Order{{Field: field("a")}, {Field: field("b"), Direction: "asc"}, {Field: field("c"), Direction: "desc", Nulls: "last"},
		{Field: field("d"), Nulls: "first"}, {Field: field("e", query.Step{Key: "0", Index: true, Text: true}), Direction: "desc"}, {Field: field("f.g")},
		{Relation: "rel", Field: field("h", query.Step{Key: "i"}), Direction: "asc", Nulls: "first"}}, q.Order)
	require.Equal(t, []int64{10, 20}, []int64{q.Limit, q.Offset})
	q = parse(t, "limit=x&offset=-4&limit=99999999999999999999&select&columns=a,%22b c%22, a&on_conflict=id&columns=z&apikey=k", false)
	require.Equal(t, []int64{1<<63 - 1, -1}, []int64{q.Limit, q.Offset})
	require.Nil(t, q.Select)
	require.Equal(t, [][]string{{"a", "b c"}, {"id"}}, [][]string{q.Columns, q.OnConflict})
}

func TestParseAddressed(t *testing.T) {
	t.Parallel()
	q := parse(t, "t.name=like.D*&select=id,t:tasks(id,users!inner(id)),...clients(name)&t.users.id=in.(1,2)&t.users.not.or=(a.eq.1,b.eq.2)"+
		"&t.order=id.desc&t.users.limit=3&clients.data->>x=eq.1&t=not.is.null&t.offset=1&t.users=is.null", false)
	require.Len(t, q.Where, 1)
	require.Equal(t, "t", q.Where[0].Filter.Column)
	tasks, clients := q.Select[1].Embed, q.Select[2].Embed
	require.Equal(t, "name", tasks.Where[0].Filter.Column)
	require.Equal(t, "users", tasks.Where[1].Filter.Column)
	require.Equal(t, "desc", tasks.Order[0].Direction)
	require.EqualValues(t, 1, tasks.Offset)
	users := tasks.Select[1].Embed
	require.Equal(t, []string{"1", "2"}, users.Where[0].Filter.List)
	require.True(t, users.Where[1].Not)
	require.Len(t, users.Where[1].Any, 2)
	require.EqualValues(t, 3, users.Limit)
	require.Equal(t, []query.Step{{Key: "x", Text: true}}, clients.Where[0].Filter.Path)

	for s, want := range map[string]query.Error{
		"select=id,the_tasks:tasks(id)&tasks.name=like.x": {Message: "'tasks' is not an embedded resource in this request",
			Details: "Target names are not allowed in filters if they have an alias", Hint: "Change 'tasks' to 'the_tasks' in filters, orders or limits."},
		"select=id,clients(name)&order=clientsx(name).nullsfirst": {Message: "'clientsx' is not an embedded resource in this request",
			Hint: "Verify that 'clientsx' is included in the 'select' query parameter."},
		"x.limit=1":                        {Message: "'x' is not an embedded resource in this request", Hint: "Verify that 'x' is included in the 'select' query parameter."},
		"select=a(b(c))&a.c.or=(d.eq.1)":   {Message: "'c' is not an embedded resource in this request", Hint: "Verify that 'c' is included in the 'select' query parameter."},
		"select=a(b(c))&a.order=c(x).desc": {Message: "'c' is not an embedded resource in this request", Hint: "Verify that 'c' is included in the 'select' query parameter."},
	} {
		want.Status, want.Code = 400, "PGRST108"
		_, err := query.Options{}.Parse(s)
		require.Equal(t, &want, err, s)
	}
	q = parse(t, "select=the_tasks:tasks(u:users(id))&tasks.name=eq.x&tasks.users.limit=3&tasks.order=users(id)", false)
	require.Equal(t, []string{"tasks", "users"}, q.Legacy)
	tasks = q.Select[0].Embed
	require.Equal(t, "name", tasks.Where[0].Filter.Column)
	require.Equal(t, "u", tasks.Order[0].Relation)
	require.EqualValues(t, 3, tasks.Select[0].Embed.Limit)
}

func TestParseCall(t *testing.T) {
	t.Parallel()
	q := parse(t, "a=1&id=gt.2&v=hi&v=there&c=not.x&d=fts(english).y&e=eq(x).z&f=&select=id&limit=3&columns=k", true)
	require.Equal(t, []query.Argument{{"a", "1"}, {"v", "hi"}, {"v", "there"}, {"c", "not.x"}, {"e", "eq(x).z"}, {"f", ""}}, q.Arguments)
	require.Len(t, q.Where, 2)
	require.EqualValues(t, 3, q.Limit)
	q = parse(t, "char_={abc,abcdefg}&fullName=Michael Scott&SSN=401-32-XXXX&or=(a.eq.1)", true)
	require.Equal(t, []query.Argument{{"char_", "{abc,abcdefg}"}, {"fullName", "Michael Scott"}, {"SSN", "401-32-XXXX"}}, q.Arguments)
	_, err := query.Parse("id=is.5", true)
	require.Error(t, err)
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][2]string{
		"id=0":                          {`"failed to parse filter (0)" (line 1, column 1)`, `unexpected "0" expecting "not" or operator (eq, gt, ...)`},
		"id=":                           {`"failed to parse filter ()" (line 1, column 1)`, `unexpected end of input expecting "not" or operator (eq, gt, ...)`},
		"id=wrong.1":                    {`"failed to parse filter (wrong.1)" (line 1, column 1)`, `unexpected "w" expecting "not" or operator (eq, gt, ...)`},
		"id=not.5":                      {`"failed to parse filter (not.5)" (line 1, column 5)`, `unexpected "5" expecting operator (eq, gt, ...)`},
		"id=nothing.5":                  {`"failed to parse filter (nothing.5)" (line 1, column 4)`, `unexpected "h" expecting "."`},
		"id=eqq.5":                      {`"failed to parse filter (eqq.5)" (line 1, column 3)`, `unexpected "q" expecting operator (eq, gt, ...)`},
		"id=neq(any).{1}":               {`"failed to parse filter (neq(any).{1})" (line 1, column 4)`, `unexpected "(" expecting operator (eq, gt, ...)`},
		"id=eq":                         {`"failed to parse filter (eq)" (line 1, column 3)`, `unexpected end of input expecting operator (eq, gt, ...)`},
		"id=is.nil":                     {`"failed to parse filter (is.nil)" (line 1, column 5)`, `unexpected "i" expecting isVal: (null, not_null, true, false, unknown)`},
		"id=is.ok":                      {`"failed to parse filter (is.ok)" (line 1, column 4)`, `unexpected "o" expecting isVal: (null, not_null, true, false, unknown)`},
		"id=in.1":                       {`"failed to parse filter (in.1)" (line 1, column 4)`, `unexpected "1" expecting "("`},
		"id=in.(1":                      {`"failed to parse filter (in.(1)" (line 1, column 6)`, `unexpected end of input expecting "," or ")"`},
		"order=id.asc.nullslasttt":      {`"failed to parse order (id.asc.nullslasttt)" (line 1, column 17)`, `unexpected 't' expecting "," or end of input`},
		"select=data->>--34":            {`"failed to parse select parameter (data->>--34)" (line 1, column 9)`, `unexpected "-" expecting digit`},
		"or=)(":                         {`"failed to parse logic tree ()()" (line 1, column 3)`, `unexpected ")" expecting "("`},
		"and=(ord(id.eq.1),id.eq.2)":    {`"failed to parse logic tree ((ord(id.eq.1),id.eq.2))" (line 1, column 7)`, `unexpected "d" expecting "("`},
		"or=(id.in.1,2,id.eq.3)":        {`"failed to parse logic tree ((id.in.1,2,id.eq.3))" (line 1, column 10)`, `unexpected "1" expecting "("`},
		"or=(id.eq.1,not.xor(id.eq.2))": {`"failed to parse logic tree ((id.eq.1,not.xor(id.eq.2)))" (line 1, column 16)`, `unexpected "x" expecting logic operator (and, or)`},
		"or=(a.eq.1":                    {`"failed to parse logic tree ((a.eq.1)" (line 1, column 10)`, `unexpected end of input expecting "," or ")"`},
		"order=":                        {`"failed to parse order ()" (line 1, column 1)`, `unexpected end of input expecting field name (* or [a..z0..9_$])`},
		"a!b.limit=1":                   {`"failed to parse tree path (a!b.limit)" (line 1, column 2)`, `unexpected "!" expecting "."`},
	} {
		_, err := query.Parse(s, false)
		require.Equal(t, &query.Error{Status: 400, Code: "PGRST100", Message: want[0], Details: want[1]}, err, s)
	}
	deep := strings.Repeat("a(", 100)
	for _, s := range []string{"or=a.eq.1", "or=()", "select=a,,b", "select=a,", `select="a`, "select=a::", "select=a.b", "select=a.median()",
		"select=a->b(c)", "select=a(b", "select=a!x!y(b)", "select=a!inner", "select=...a", "select=a::numeric(x)", "select=*a", `select=""`, "columns=", "on_conflict=*",
		"select=" + deep, "or=" + strings.Repeat("(or", 100), "a" + strings.Repeat("->b", 100) + "=eq.1", strings.Repeat("a.", 100) + "b=eq.1", "a=eq.%00", "%00=eq.1",
		"select=a" + strings.Repeat(",a", 5000), strings.Repeat("a=eq.1&", 5000), "order=id.up", "order=a(b", "*=eq.1", "select=a()" + strings.Repeat(",a()", 300), "rel.or=1&select=rel()", "order=a" + strings.Repeat(",a", 5000)} {
		_, err := query.Parse(s, false)
		var refusal *query.Error
		require.ErrorAs(t, err, &refusal, "%.80s", s)
		require.Equal(t, "PGRST100", refusal.Code, "%.80s", s)
		require.NotEmpty(t, refusal.Details)
	}
	for _, s := range []string{"limit=-1", "select=a()&a.limit=-2"} {
		_, err := query.Parse(s, false)
		require.Equal(t, &query.Error{Status: 416, Code: "PGRST103", Message: "Requested range not satisfiable", Details: "Limit should be greater than or equal to zero."}, err, s)
	}
}
