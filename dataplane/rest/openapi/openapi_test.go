package openapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/openapi"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

const fixtures = `
comment on schema {public} is $$Shop

Sells things.$$;
create type mood as enum ('sad', 'happy');
create domain cents as int;
create table authors (id int primary key, name varchar(30) not null default 'nobody');
create table books (id bigint generated always as identity primary key, author int references authors, isbn char(13) unique, price numeric(8, 2) not null, mood mood default 'sad',
	tags text[], meta jsonb default '{}', at timestamptz not null default now(), cost cents default 5, ok boolean default true, made int generated always as (1) stored, "odd {col}" text default 'it''s', "select" int);
comment on table books is $$Books
All of them.$$;
comment on column books.price is 'In euros.'; comment on column books.author is 'Who wrote it.';
create view prices as select id, price, author from books;
create table secret (id int primary key);
create table part (id int) partition by list (id); create table part1 partition of part for values in (1);
create table "Odd {x}/y z" ("a b" int primary key);
create function find(term text, n int default 5, variadic more text[] default '{}') returns setof books language sql stable as 'select * from books';
comment on function find is $$Find books
By a term.$$;
create function hidden() returns int language sql as 'select 1'; revoke execute on function hidden from public;
create function raw(jsonb) returns jsonb language sql immutable as 'select $1';
create function nothing() returns void language sql as '';
create function moody(m mood) returns mood language sql stable as 'select m';
grant select on books, prices, part, part1 to {anon}; grant insert (price), update (price) on books to {anon};
grant all on authors, "Odd {x}/y z" to {anon};
`

type bundle struct {
	session *projectdb.Session
	engine  *engine.Engine
	project *directory.Project
	door    *projectdb.Door
}

func setup(t *testing.T, shared bool) *bundle {
	t.Helper()
	p, err := directory.FromSnapshot(testkit.Project(t, shared))
	require.NoError(t, err)
	door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t), MaxConnections: 5})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, door.Close(ctx))
	})
	b := &bundle{door.Bind(p, projectdb.Caller{Role: "anon", Claims: json.RawMessage(`{"role":"anon"}`)}), engine.New(catalog.NewCache()), p, door}
	b.owner(t, fixtures)
	return b
}

func (b *bundle) owner(t *testing.T, sql string) {
	t.Helper()
	sql = strings.NewReplacer("{anon}", b.project.Role("anon"), "{public}", `"`+b.project.Schema("public")+`"`).Replace(sql)
	s := b.door.Bind(b.project, projectdb.Caller{Role: "anon", Developer: "test"})
	require.NoError(t, s.AsOwner(context.Background(), func(c *pgx.Conn) error {
		_, err := c.PgConn().Exec(context.Background(), sql).ReadAll()
		return err
	}))
}

func (b *bundle) request(mode string) *engine.Request {
	return &engine.Request{Session: b.session, Config: &engine.Config{Exposure: catalog.Exposure{Schemas: []string{"public"}, ExtraSearchPath: []string{"extensions"}}, OpenAPIMode: mode}}
}

func (b *bundle) swagger(t *testing.T, r *engine.Request) map[string]any {
	t.Helper()
	c, s, err := b.engine.Schema(context.Background(), r)
	require.NoError(t, err)
	raw, err := openapi.Describer{Engine: b.engine, Version: "1"}.Describe(context.Background(), r, c, s, "https://ref.example.com/rest/v1")
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

func (b *bundle) document(t *testing.T, mode string) map[string]any {
	t.Helper()
	r := b.request(mode)
	_, s, err := b.engine.Fresh(context.Background(), r)
	require.NoError(t, err)
	rights, err := openapi.Ask(context.Background(), b.engine, r, s)
	require.NoError(t, err)
	raw := openapi.Document(&openapi.Source{Schema: s, Rights: rights, Base: "https://ref.example.com", Version: "1", Named: mode == "ignore-privileges", Aggregates: true})
	var out map[string]any
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

func both(t *testing.T, fn func(t *testing.T, b *bundle)) {
	t.Helper()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(t, setup(t, shared))
		})
	}
}

// at goes into a document.
func at(t *testing.T, doc any, path ...string) any {
	t.Helper()
	for _, step := range path {
		object, ok := doc.(map[string]any)
		require.True(t, ok, "%v", path)
		require.Contains(t, object, step, "%v", path)
		doc = object[step]
	}
	return doc
}

func requireAt(t *testing.T, want string, doc any, path ...string) {
	t.Helper()
	got, err := json.Marshal(at(t, doc, path...))
	require.NoError(t, err)
	require.JSONEq(t, want, string(got), "%v", path)
}

func TestSwagger(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b *bundle) {
		doc := b.swagger(t, b.request("follow-privileges"))
		requireAt(t, `{"title":"Shop","description":"Sells things.","version":"1"}`, doc, "info")
		requireAt(t, `"ref.example.com:443"`, doc, "host")
		requireAt(t, `"/rest/v1"`, doc, "basePath")
		requireAt(t, `["https"]`, doc, "schemes")
		require.NotContains(t, doc, "securityDefinitions")
		books := at(t, doc, "definitions", "books")
		requireAt(t, `["id","price","at"]`, books, "required")
		requireAt(t, `"Books\nAll of them."`, books, "description")
		for column, want := range map[string]string{
			"id":     `{"description":"Note:\nThis is a Primary Key.<pk/>","format":"int64","type":"integer"}`,
			"author": "{\"description\":\"Who wrote it.\\n\\nNote:\\nThis is a Foreign Key to `authors.id`.<fk table='authors' column='id'/>\",\"format\":\"int32\",\"type\":\"integer\"}",
			"isbn":   `{"format":"character","maxLength":13,"type":"string"}`,
			"price":  `{"description":"In euros.","format":"numeric","type":"number"}`,
			"mood":   `{"default":"sad","enum":["sad","happy"],"format":"public.mood","type":"string"}`,
			"tags":   `{"format":"text[]","type":"array","items":{"type":"string"}}`,
			"meta":   `{"format":"jsonb"}`,
			"at":     `{"default":"now()","format":"timestamp with time zone","type":"string"}`,
			"cost":   `{"default":5,"format":"int32","type":"integer"}`,
			"ok":     `{"default":true,"format":"boolean","type":"boolean"}`,

			"odd {col}": `{"default":"it's","format":"text","type":"string"}`,
		} {
			requireAt(t, want, books, "properties", column)
		}
		requireAt(t, "{\"description\":\"Note:\\nThis is a Foreign Key to `authors.id`.<fk table='authors' column='id'/>\",\"format\":\"int32\",\"type\":\"integer\"}", doc, "definitions", "prices", "properties", "author")
		requireAt(t, `"Books"`, doc, "paths", "/books", "get", "summary")
		requireAt(t, `"All of them."`, doc, "paths", "/books", "get", "description")
		requireAt(t, `[{"$ref":"#/parameters/body.authors"},{"$ref":"#/parameters/select"},{"$ref":"#/parameters/preferPost"}]`, doc, "paths", "/authors", "post", "parameters")
		requireAt(t, `{"name":"price","description":"In euros.","required":false,"in":"query","type":"string"}`, doc, "parameters", "rowFilter.books.price")
		requireAt(t, `{"$ref":"#/definitions/Odd%20%7Bx%7D~1y%20z"}`, doc, "parameters", "body.Odd {x}/y z", "schema")
		walk(t, doc, doc)
		paths := at(t, doc, "paths").(map[string]any)
		for _, gone := range []string{"/secret", "/part1", "/rpc/hidden"} {
			require.NotContains(t, paths, gone)
		}
		require.Contains(t, paths, "/part")
		find := at(t, paths, "/rpc/find")
		requireAt(t, `"Find books"`, find, "get", "summary")
		requireAt(t, `[{"name":"term","required":true,"in":"query","type":"string","format":"text"},{"name":"n","required":false,"in":"query","type":"integer","format":"int32"},
			{"name":"more","required":false,"in":"query","type":"array","collectionFormat":"multi","items":{"type":"string","format":"text"}}]`, find, "get", "parameters")
		requireAt(t, `["term"]`, find.(map[string]any)["post"].(map[string]any)["parameters"].([]any)[0], "schema", "required")
		requireAt(t, `[{"name":"m","required":true,"in":"query","type":"string","format":"mood"}]`, paths, "/rpc/moody", "get", "parameters")
		require.NotContains(t, paths["/rpc/nothing"], "get")
		if physical := b.project.Schema("public"); physical != "public" {
			raw, err := json.Marshal(doc)
			require.NoError(t, err)
			require.NotContains(t, string(raw), physical)
		}
	})
}

func TestSwaggerModes(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b *bundle) {
		all := b.request("ignore-privileges")
		all.Config.Security, all.Config.ProxyURI = true, "https://api.example.org:8443/v2"
		doc := b.swagger(t, all)
		for _, there := range []string{"/secret", "/rpc/hidden"} {
			require.Contains(t, at(t, doc, "paths"), there)
		}
		require.NotContains(t, at(t, doc, "paths"), "/part1")
		requireAt(t, `"api.example.org:8443"`, doc, "host")
		requireAt(t, `"/v2"`, doc, "basePath")
		requireAt(t, `[{"JWT":[]}]`, doc, "security")
		requireAt(t, `"apiKey"`, doc, "securityDefinitions", "JWT", "type")
		other := b.request("follow-privileges")
		other.Session = b.door.Bind(b.project, projectdb.Caller{Role: "authenticated", Claims: json.RawMessage(`{}`)})
		require.NotContains(t, at(t, b.swagger(t, other), "paths"), "/books", "no grant, no path")
	})
}

// TestPreRequest holds that the function before requests decides, as for any request.
func TestPreRequest(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b *bundle) {
		b.owner(t, `create function before() returns void language plpgsql as $$ begin raise sqlstate 'PT403' using message = 'not you'; end $$`)
		r := b.request("follow-privileges")
		r.Config.PreRequest = "public.before"
		c, s, err := b.engine.Schema(context.Background(), r)
		require.NoError(t, err)
		_, err = openapi.Describer{Engine: b.engine}.Describe(context.Background(), r, c, s, "")
		require.ErrorContains(t, err, "not you")
	})
}

func TestDocument(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b *bundle) {
		doc := b.document(t, "follow-privileges")
		requireValid(t, doc)
		requireAt(t, `"3.1.0"`, doc, "openapi")
		requireAt(t, `[{"url":"https://ref.example.com"}]`, doc, "servers")
		books := at(t, doc, "components", "schemas", "books", "properties")
		for column, want := range map[string]string{
			"id":     `{"type":"integer","format":"int64","readOnly":true,"x-postgres-type":"bigint"}`,
			"author": `{"type":["integer","null"],"format":"int32","description":"Who wrote it.\n\nRefers to authors.id.","x-postgres-type":"integer"}`,
			"isbn":   `{"type":["string","null"],"maxLength":13,"x-postgres-type":"character(13)"}`,
			"mood":   `{"type":["string","null"],"enum":["sad","happy",null],"default":"sad","x-postgres-type":"public.mood"}`,
			"at":     `{"type":"string","format":"date-time","x-postgres-type":"timestamp with time zone"}`,
			"tags":   `{"type":["array","null"],"items":{"type":["string","null"]},"x-postgres-type":"text[]"}`,
			"meta":   `{"x-postgres-type":"jsonb"}`,
		} {
			requireAt(t, want, books, column)
		}
		requireAt(t, `["price"]`, doc, "components", "schemas", "books.new", "required")
		require.NotContains(t, at(t, doc, "components", "schemas", "books.new", "properties"), "id")
		many := at(t, doc, "paths", "/api/v1/tables/books")
		require.Contains(t, many, "get")
		require.Contains(t, many, "post", "a grant of one column is one")
		require.Contains(t, many, "patch")
		require.NotContains(t, many, "delete", "no grant")
		require.NotContains(t, at(t, doc, "paths", "/api/v1/tables/prices"), "post", "a view")
		require.Contains(t, at(t, doc, "paths"), "/api/v1/tables/Odd%20%7Bx%7D%2Fy%20z/{id}")
		paths := at(t, doc, "paths").(map[string]any)
		for _, gone := range []string{"/api/v1/tables/secret", "/api/v1/tables/part1", "/api/v1/rpc/hidden", "/storage/v1/object"} {
			require.NotContains(t, paths, gone)
		}
		for _, there := range []string{"/api/v1/transaction", "/api/v1/openapi.json", "/auth/v1/token", "/api/v1/rpc/find"} {
			require.Contains(t, paths, there)
		}
		require.NotContains(t, at(t, paths, "/api/v1/rpc/nothing"), "get", "volatile")
		require.Contains(t, at(t, paths, "/api/v1/rpc/nothing", "post", "responses"), "204")
		named := b.document(t, "ignore-privileges")
		requireValid(t, named)
		requireAt(t, `"public"`, at(t, named, "paths", "/api/v1/tables/books", "parameters").([]any)[0], "schema", "const")
		if physical := b.project.Schema("public"); physical != "public" {
			raw, err := json.Marshal(doc)
			require.NoError(t, err)
			require.NotContains(t, string(raw), physical)
		}
	})
}

// requireValid holds what OpenAPI 3.1 demands of the parts that are used.
func requireValid(t *testing.T, doc map[string]any) {
	t.Helper()
	ids, tags := map[string]bool{}, map[string]bool{}
	for _, tag := range doc["tags"].([]any) {
		tags[tag.(map[string]any)["name"].(string)] = true
	}
	for name := range at(t, doc, "components", "schemas").(map[string]any) {
		require.Regexp(t, `^[a-zA-Z0-9._-]+$`, name)
	}
	for path, item := range doc["paths"].(map[string]any) {
		require.True(t, strings.HasPrefix(path, "/"), path)
		_, err := url.PathUnescape(path)
		require.NoError(t, err)
		shared, _ := item.(map[string]any)["parameters"].([]any)
		for method, raw := range item.(map[string]any) {
			if method == "parameters" {
				continue
			}
			where := method + " " + path
			require.Contains(t, []string{"get", "post", "put", "patch", "delete"}, method)
			operation := raw.(map[string]any)
			id := operation["operationId"].(string)
			require.False(t, ids[id], "%s twice", id)
			ids[id] = true
			for _, tag := range operation["tags"].([]any) {
				require.True(t, tags[tag.(string)], where)
			}
			require.NotEmpty(t, operation["responses"], where)
			for status, response := range operation["responses"].(map[string]any) {
				require.Regexp(t, `^([1-5]\d\d|default)$`, status)
				response = resolve(t, doc, response)
				require.NotEmpty(t, response.(map[string]any)["description"], where)
			}
			own, _ := operation["parameters"].([]any)
			seen := map[string]bool{}
			for _, p := range append(append([]any{}, shared...), own...) {
				parameter := resolve(t, doc, p).(map[string]any)
				key := fmt.Sprint(parameter["in"], " ", parameter["name"])
				require.False(t, seen[key], "%s: %s twice", where, key)
				seen[key] = true
				require.Contains(t, parameter, "schema", where)
				require.Contains(t, []any{"query", "path", "header"}, parameter["in"])
			}
			for _, name := range placeholder.FindAllStringSubmatch(path, -1) {
				require.True(t, seen["path "+name[1]], where)
				delete(seen, "path "+name[1])
			}
			for key := range seen {
				require.False(t, strings.HasPrefix(key, "path "), where)
			}
		}
	}
	walk(t, doc, doc)
}

var placeholder = regexp.MustCompile(`\{([^}]*)\}`)

// walk resolves every reference.
func walk(t *testing.T, doc map[string]any, value any) {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		if _, ok := v["$ref"].(string); ok {
			resolve(t, doc, v)
		}
		for _, one := range v {
			walk(t, doc, one)
		}
	case []any:
		for _, one := range v {
			walk(t, doc, one)
		}
	}
}

func resolve(t *testing.T, doc map[string]any, value any) any {
	t.Helper()
	ref, ok := value.(map[string]any)["$ref"].(string)
	if !ok {
		return value
	}
	path, local := strings.CutPrefix(ref, "#/")
	require.True(t, local, ref)
	steps := strings.Split(path, "/")
	for i, step := range steps {
		step, err := url.PathUnescape(step)
		require.NoError(t, err)
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	}
	return at(t, doc, steps...)
}
