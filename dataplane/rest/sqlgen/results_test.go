package sqlgen_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/sqlgen"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

const people = `
insert into clients (id, name, meta, tags, shade, search) values (1, 'Ada', '{"a": {"b": "c"}, "n": 2}', '{x,y}', 255, 'fun'), (2, 'Bob', '{"n": 10}', '{}', 256, null), (3, 'Cyd', null, null, null, null);
insert into projects (id, name, client_id, budget, data) values (1, 'engine', 1, 10, '{"x": 1}'), (2, 'loom', 1, 20, null), (3, 'boat', 2, 5, null), (4, 'orphan', null, 1, null);
insert into tasks (id, name, done, project_id, boss) values (1, 'draw', true, 1, null), (2, 'build', false, 1, 1), (3, 'weave', false, 2, 1), (4, 'sail', null, 3, null);
insert into users (id, name) values (1, 'Una'), (2, 'Vic');
insert into users_tasks values (1, 1), (1, 2), (2, 2);
insert into details values (1, 'first');`

// TestResultsOfReads runs reads in Postgres.
func TestResultsOfReads(t *testing.T) {
	t.Parallel()
	pool := testkit.Database(t, fstest.MapFS{})
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	schema, err := os.ReadFile("testdata/office.sql")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), string(schema)+people)
	require.NoError(t, err)
	for target, want := range map[string]string{
		"/users?id=eq.1": `{"id":1,"name":"Una"}`,
		"/clients?select=id,shade&shade=in.(ff,0100)&order=id":               `{"id":1,"shade":"#0000ff"} {"id":2,"shade":"#000100"}`,
		"/clients?select=id&shade=eq(any).{ff}":                              `{"id":1}`,
		"/clients?select=id,shade::text&id=eq.1":                             `{"id":1,"shade":"\"#0000ff\""}`,
		"/clients?select=b:meta->a->>b,tags->0&id=lt.3":                      `{"b":"c","tags":"x"} {"b":null,"tags":null}`,
		"/clients?select=id&meta->n=gt.2":                                    `{"id":2}`,
		"/clients?select=id&name=like(any).{A*,*d}&order=id.desc":            `{"id":3} {"id":1}`,
		"/clients?select=id&search=fts.fun":                                  `{"id":1}`,
		"/clients?select=id&or=(name.fts(simple).bob,meta.is.null)&order=id": `{"id":2} {"id":3}`,
		"/clients?select=id,label&label=eq.Bob":                              `{"id":2,"label":"Bob"}`,
		"/projects?select=id,clients(name)&order=clients(name).desc.nullslast,id&id=gt.1": `{"id":3,"clients":{"name":"Bob"}}
			{"id":2,"clients":{"name":"Ada"}} {"id":4,"clients":null}`,
		"/clients?select=id,projects(name)&projects.order=name.desc&projects.limit=1&order=id": `{"id":1,"projects":[{"name":"loom"}]}
			{"id":2,"projects":[{"name":"boat"}]} {"id":3,"projects":[]}`,
		"/clients?select=id,projects!inner(id,tasks!inner(id))&projects.tasks.done=is.true":          `{"id":1,"projects":[{"id":1,"tasks":[{"id":1}]}]}`,
		"/clients?select=id,details(note)&order=id&limit=2":                                          `{"id":1,"details":{"note":"first"}} {"id":2,"details":null}`,
		"/clients?projects=is.null&select=id,projects()":                                             `{"id":3}`,
		"/clients?select=id,projects(),details()&or=(projects.is.null,details.not.is.null)&order=id": `{"id":1} {"id":3}`,
		"/users?select=name,tasks(name)&tasks.order=id&order=id":                                     `{"name":"Una","tasks":[{"name":"draw"},{"name":"build"}]} {"name":"Vic","tasks":[{"name":"build"}]}`,
		"/tasks?select=id,boss(id),tasks(id)&id=lt.3&tasks.order=id&order=id":                        `{"id":1,"boss":null,"tasks":[{"id":2},{"id":3}]} {"id":2,"boss":{"id":1},"tasks":[]}`,
		"/clients?select=name,newest(name,open_tasks(name))&order=id":                                `{"name":"Ada","newest":{"name":"loom","open_tasks":[{"name":"weave"}]}} {"name":"Bob","newest":{"name":"boat","open_tasks":[]}} {"name":"Cyd","newest":null}`,
		"/projects?select=id,...clients(client:name,...details(note))&id=in.(1,4)&order=id":          `{"id":1,"client":"Ada","note":"first"} {"id":4,"client":null,"note":null}`,
		"/clients?select=id,...projects(project:name,tasks(id))&projects.order=id&order=id": `{"id":1,"project":["engine","loom"],"tasks":[[{"id":1},{"id":2}],[{"id":3}]]}
			{"id":2,"project":["boat"],"tasks":[[{"id":4}]]} {"id":3,"project":[],"tasks":[]}`,
		"/projects?select=client_id,budget.sum(),count()&order=client_id":             `{"client_id":1,"sum":30,"count":2} {"client_id":2,"sum":5,"count":1} {"client_id":null,"sum":1,"count":1}`,
		"/projects?select=budget.max(),...clients(name)&order=clients(name)":          `{"max":20,"name":"Ada"} {"max":5,"name":"Bob"} {"max":1,"name":null}`,
		"/projects?select=count(),clients(shade)&clients=not.is.null&clients.id=eq.1": `{"count":2,"clients":{"shade":"#0000ff"}}`,
		"/clients?select=name,projects(count)&order=id&limit=1":                       `{"name":"Ada","projects":[{"count":2}]}`,
		"/clients?select=projects()&limit=1":                                          `{}`,
		"/projects?select=x:data->>x,count()&order=data->>x":                          `{"x":"1","count":1} {"x":null,"count":3}`,
	} {
		r, err := planned(t, target, plan.Options{Aggregates: true})
		require.NoError(t, err, target)
		got := []string{}
		statement := sqlgen.Rows(&plan.Statement{Read: r})
		rows, err := conn.Query(t.Context(), statement.SQL, statement.Args...)
		require.NoError(t, err, target)
		for rows.Next() {
			got = append(got, string(rows.RawValues()[0]))
		}
		require.NoError(t, rows.Err(), target)
		require.JSONEq(t, array(want), "["+strings.Join(got, ",")+"]", target)
	}
}

// array makes one of objects with spaces between them.
func array(objects string) string {
	return "[" + strings.Join(strings.Split(strings.Join(strings.Fields(objects), " "), "} {"), "},{") + "]"
}
