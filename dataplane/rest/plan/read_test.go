package plan_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// table describes one in JSON: its columns, all of which are integers, and "key: columns > table" for what it refers to.
func table(name, columns, key string, references ...string) []byte {
	type m = map[string]any
	r := m{"schema": "abc_public", "name": name, "kind": "r", "plain": true}
	var list, refs []m
	for _, c := range strings.Fields(columns) {
		column := m{"name": c, "type": "integer", "base": "integer"}
		if c == "doc" {
			column = m{"name": c, "type": "jsonb", "base": "jsonb", "json": true}
		}
		list = append(list, column)
	}
	for _, ref := range references {
		constraint, rest, _ := strings.Cut(ref, ": ")
		from, to, _ := strings.Cut(rest, " > ")
		refs = append(refs, m{"name": constraint, "schema": "abc_public", "table": to, "columns": strings.Fields(from), "targets": []string{"id"}})
	}
	r["columns"], r["references"] = list, refs
	r["keys"] = []m{{"name": name + "_pkey", "primary": true, "columns": strings.Fields(key)}}
	out, _ := json.Marshal(r)
	return out
}

// town is a catalog of tables with every kind of relationship.
func town(t testing.TB) (*catalog.Catalog, *catalog.Schema) {
	t.Helper()
	c := catalog.New(&directory.Project{SchemaPrefix: "abc_"}, []string{"public"})
	for _, r := range [][]byte{
		table("houses", "id street_id doc", "id", "houses_street_id_fkey: street_id > streets"),
		table("streets", "id main_house_id", "id", "main: main_house_id > houses"),
		table("people", "id house_id parent_id", "id", "people_house_id_fkey: house_id > houses", "parent: parent_id > people"),
		table("pets", "id", "id"),
		table("owns", "person_id pet_id", "person_id pet_id", "owns_person_fkey: person_id > people", "owns_pet_fkey: pet_id > pets"),
		table("feeds", "person_id pet_id", "person_id pet_id", "feeds_person_fkey: person_id > people", "feeds_pet_fkey: pet_id > pets"),
		table("roofs", "id house_id", "id", "roofs_house_id_fkey: id > houses"),
		table("lonely", "id", "id"),
		table("houses_of_old", "id", "id"),
	} {
		require.NoError(t, c.Add("relation", r))
	}
	require.NoError(t, c.Add("function", []byte(`{"schema":"abc_public","name":"neighbours","volatility":"s","set":true,"rows":100,"returns":"composite",
		"relation_schema":"abc_public","relation_name":"people","row_schema":"abc_public","row_name":"people","arguments":[{"name":"","type":"people","required":true}]}`)))
	require.NoError(t, c.Add("function", []byte(`{"schema":"abc_public","name":"age","volatility":"s","returns":"scalar","type":"integer","base":"integer",
		"row_schema":"abc_public","row_name":"people","arguments":[{"name":"","type":"people","required":true}]}`)))
	return c, c.Schemas["public"]
}

// planRead plans "/houses?select=id".
func planRead(t testing.TB, target string, o plan.Options) (*plan.Read, error) {
	t.Helper()
	c, s := town(t)
	path, raw, _ := strings.Cut(target, "?")
	q, err := query.Parse(raw, false)
	require.NoError(t, err)
	r, err := plan.Relation(s, strings.TrimPrefix(path, "/"))
	if err != nil {
		return nil, err
	}
	return plan.NewRead(c, s, r, &q.Node, o)
}

func TestReadsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target, code, message, details, hint string
		status                               int
	}{
		"a table that is not there": {"/housess", "PGRST205", "Could not find the table 'public.housess' in the schema cache", "",
			"Perhaps you meant the table 'public.houses'", http.StatusNotFound},
		"a table like no other": {"/h", "PGRST205", "Could not find the table 'public.h' in the schema cache", "", "", http.StatusNotFound},
		"no relationship": {"/houses?select=lonely(*)", "PGRST200", "Could not find a relationship between 'houses' and 'lonely' in the schema cache",
			"Searched for a foreign key relationship between 'houses' and 'lonely' in the schema 'public', but no matches were found.", "", 400},
		"a target like one that is related": {"/pets?select=peoples(*)", "PGRST200", "Could not find a relationship between 'pets' and 'peoples' in the schema cache",
			"Searched for a foreign key relationship between 'pets' and 'peoples' in the schema 'public', but no matches were found.",
			"Perhaps you meant 'people' instead of 'peoples'.", 400},
		"a hint that is not known": {"/people?select=houses!x(*)", "PGRST200", "Could not find a relationship between 'people' and 'houses' in the schema cache",
			"Searched for a foreign key relationship between 'people' and 'houses' using the hint 'x' in the schema 'public', but no matches were found.", "", 400},
		"a table without relationships": {"/lonely?select=pets(*)", "PGRST200", "Could not find a relationship between 'lonely' and 'pets' in the schema cache",
			"Searched for a foreign key relationship between 'lonely' and 'pets' in the schema 'public', but no matches were found.", "", 400},
		"an order by many": {"/people?select=pets!owns(id)&order=pets(id)", "PGRST118", "A related order on 'pets' is not possible",
			"'people' and 'pets' do not form a many-to-one or one-to-one relationship", "", 400},
		"a filter of an embed": {"/people?select=houses(id)&houses=eq.1", "PGRST120", "Bad operator on the 'houses' embedded resource",
			"Only is null or not is null filters are allowed on embedded resources", "", 400},
		"an aggregate":                     {"/people?select=id.sum()", "PGRST123", "Use of aggregate functions is not allowed", "", "", 400},
		"an aggregate of rows as a column": {"/people?select=json_agg", "42703", "column people.json_agg does not exist", "", "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := planRead(t, c.target, plan.Options{})
			var e *query.Error
			require.ErrorAs(t, err, &e)
			details, _ := e.Details.(string)
			require.Equal(t, []any{c.code, c.message, c.details, c.hint, c.status}, []any{e.Code, e.Message, details, e.Hint, e.Status})
		})
	}
}

func TestAmbiguousEmbeds(t *testing.T) {
	t.Parallel()
	_, err := planRead(t, "/houses?select=streets(*)", plan.Options{})
	var e *query.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, http.StatusMultipleChoices, e.Status)
	require.Equal(t, "Could not embed because more than one relationship was found for 'houses' and 'streets'", e.Message)
	require.Equal(t, "Try changing 'streets' to one of the following: 'streets!main', 'streets!houses_street_id_fkey'. "+
		"Find the desired relationship in the 'details' key.", e.Hint)
	details, err := json.Marshal(e.Details)
	require.NoError(t, err)
	require.JSONEq(t, `[{"cardinality":"one-to-many","embedding":"houses with streets","relationship":"main using houses(id) and streets(main_house_id)"},
		{"cardinality":"many-to-one","embedding":"houses with streets","relationship":"houses_street_id_fkey using houses(street_id) and streets(id)"}]`, string(details))

	_, err = planRead(t, "/people?select=pets(*)", plan.Options{})
	require.ErrorAs(t, err, &e)
	require.Equal(t, "Try changing 'pets' to one of the following: 'pets!feeds', 'pets!owns'. Find the desired relationship in the 'details' key.", e.Hint)
	details, err = json.Marshal(e.Details)
	require.NoError(t, err)
	require.Contains(t, string(details), `"relationship":"feeds using feeds_person_fkey(person_id) and feeds_pet_fkey(pet_id)"`)
}

func TestEmbedsAreChosen(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/houses?select=street_id(*)":                       "many-to-one houses_street_id_fkey",
		"/houses?select=streets!street_id(*)":               "many-to-one houses_street_id_fkey",
		"/houses?select=streets!houses_street_id_fkey(*)":   "many-to-one houses_street_id_fkey",
		"/houses?select=streets!main_house_id(*)":           "one-to-many main",
		"/houses?select=people(*)":                          "one-to-many people_house_id_fkey",
		"/houses?select=roofs(*)":                           "one-to-one roofs_house_id_fkey",
		"/people?select=parent(*)":                          "many-to-one parent",
		"/people?select=parent_id(*)":                       "many-to-one parent",
		"/people?select=people(*)":                          "one-to-many parent",
		"/people?select=children:people!parent_id(*)":       "one-to-many parent",
		"/people?select=children:people!parent(*)":          "one-to-many parent",
		"/people?select=pets!owns(*)":                       "many-to-many owns",
		"/people?select=neighbours(*)":                      "one-to-many neighbours",
		"/people?select=houses!inner(*)&houses=not.is.null": "many-to-one people_house_id_fkey",
	} {
		t.Run(target, func(t *testing.T) {
			r, err := planRead(t, target, plan.Options{})
			require.NoError(t, err)
			require.Len(t, r.Embeds, 1)
			rel := r.Embeds[0].Relationship
			name := rel.Constraint
			if rel.Junction != nil {
				name = rel.Junction.Relation.Name
			}
			if rel.Function != nil {
				name = rel.Function.Name
			}
			require.Equal(t, want, string(rel.Cardinality)+" "+name)
		})
	}
}

func TestBoundsOfReads(t *testing.T) {
	t.Parallel()
	r, err := planRead(t, "/houses?select=id,people(id,houses(id))&limit=500&people.limit=5", plan.Options{MaxRows: 100})
	require.NoError(t, err)
	require.Equal(t, int64(100), r.Limit)
	require.Equal(t, int64(5), r.Embeds[0].Limit)
	require.Equal(t, int64(-1), r.Embeds[0].Embeds[0].Limit, "one row needs no bound")

	_, err = planRead(t, "/houses?select=people(houses(id))", plan.Options{MaxDepth: 2})
	require.NoError(t, err)
	_, err = planRead(t, "/houses?select=people(houses(id))", plan.Options{MaxDepth: 1})
	require.ErrorContains(t, err, "too deeply")

	// Each filter of an embed by null repeats the embed's own: three levels of them would be gigabytes of SQL.
	many := func(name string) string { return "(" + strings.Repeat(name+".is.null,", 200) + name + ".is.null)" }
	_, err = planRead(t, "/houses?select=people(people(people(id)))&or="+many("people")+"&people.or="+many("people")+"&people.people.or="+many("people"), plan.Options{})
	require.ErrorContains(t, err, "too complex")
}

func TestAggregates(t *testing.T) {
	t.Parallel()
	o := plan.Options{Aggregates: true}
	r, err := planRead(t, "/people?select=id.max(),...houses(street_id,...roofs(id.count()))", o)
	require.NoError(t, err)
	require.True(t, r.Grouped, "what is aggregated in a spread is the parent's")
	require.False(t, r.Embeds[0].Grouped)
	require.False(t, r.Embeds[0].Embeds[0].Grouped)

	r, err = planRead(t, "/houses?select=id,people(id.max())", o)
	require.NoError(t, err)
	require.False(t, r.Grouped)
	require.True(t, r.Embeds[0].Grouped)

	_, err = planRead(t, "/houses?select=id,...people(id.max())", o)
	require.ErrorContains(t, err, "PGRST127")

	r, err = planRead(t, "/houses?select=id,people(count)", plan.Options{})
	require.NoError(t, err, "what clients wrote before there were aggregates")
	require.Equal(t, "count", r.Embeds[0].Outputs[0].Aggregate)
}

func TestSilentEmbeds(t *testing.T) {
	t.Parallel()
	r, err := planRead(t, "/houses?select=id,people(pets!owns()),roofs(id,houses())", plan.Options{})
	require.NoError(t, err)
	require.Len(t, r.Embeds, 2)
	require.True(t, r.Embeds[0].Silent, "nothing but what is silent")
	require.False(t, r.Embeds[1].Silent)
	require.Len(t, r.Outputs, 2)
}

func TestPlainReads(t *testing.T) {
	t.Parallel()
	for target, plain := range map[string]bool{
		"/people": true, "/people?id=eq.1&order=id&select=id,x:id::text,houses(id)": true, "/people?select=id::mine": false, "/people?select=age": false,
		"/people?age=eq.1": false, "/people?order=age": false, "/people?select=neighbours(id)": false, "/people?nothing=eq.1": false,
		"/people?select=pets!owns(id)": true, "/people?select=id.sum()": true, "/people?select=id::text.max()": false, "/houses?doc->a=eq.1": true,
		"/people?or=(id.eq.1,age.eq.2)": false, "/people?houses=is.null&select=houses()": true, "/houses?select=people(age)": false,
	} {
		r, err := planRead(t, target, plan.Options{Aggregates: true})
		require.NoError(t, err, target)
		require.Equal(t, plain, (&plan.Statement{Read: r}).Plain(), target)
	}
}

func TestColumnsOfReads(t *testing.T) {
	t.Parallel()
	r, err := planRead(t, "/people?select=x:id,houses(id)&order=parent_id", plan.Options{})
	require.NoError(t, err)
	names, all := r.Columns()
	require.ElementsMatch(t, []string{"id", "house_id", "parent_id"}, names)
	require.False(t, all)
	for _, target := range []string{"/people?select=age", "/people?select=neighbours(id)", "/people?select=nothing", "/people", "/people?select=id,*"} {
		r, err := planRead(t, target, plan.Options{})
		require.NoError(t, err)
		_, all := r.Columns()
		require.True(t, all, target)
	}
}
