package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// TestNoAcknowledgedWriteIsLost kills one of two control planes and one of two workers while rows are written and projects
// made. What was acknowledged before, during and after must be there; service goes on. It runs before the parallel tests.
func TestNoAcknowledgedWriteIsLost(t *testing.T) {
	in := install(t)
	owner := in.signUp(t, "writer")
	projects := []*project{owner.create(t, "Ledger", false), owner.create(t, "Shared ledger", true)}
	for _, p := range projects {
		p.sql(t, "--command", "create table ledger (id text primary key); grant select on ledger to anon")
		require.Eventually(t, func() bool { return p.insert(t.Context(), id.NewRef()) }, waitFor, tick, "the table is not seen")
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	acknowledged := make(chan entry)
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() { projects[i%len(projects)].write(ctx, acknowledged) })
	}
	kept := map[entry]bool{}
	// collect takes n acknowledgements: the signal that writing goes on.
	collect := func(n int) {
		for range n {
			select {
			case e := <-acknowledged:
				kept[e] = true
			case <-time.After(30 * time.Second):
				require.Fail(t, "writing has stopped", "%s\n%s", in.workers[1].output(), in.control[1].output())
			}
		}
	}
	collect(200)
	making := owner.ask(t, 3)
	in.workers[0].kill()
	collect(100)
	in.control[0].kill()
	making = append(making, owner.ask(t, 2)...)
	collect(300)
	stop()
	go func() { writers.Wait(); close(acknowledged) }()
	for e := range acknowledged {
		kept[e] = true
	}
	for _, p := range projects {
		p.requireRows(t, kept)
	}
	t.Logf("%d acknowledged rows are all there", len(kept))
	for _, ref := range making {
		owner.requireActive(t, ref)
	}
	// What was killed comes back, and serves what it knew from its own copy and what it missed.
	require.NoError(t, in.startControl(0))
	require.NoError(t, in.startWorker(0))
	for _, p := range projects {
		require.True(t, p.insert(t.Context(), id.NewRef()))
	}
}

// entry is a row that was acknowledged.
type entry struct{ ref, id string }

// write inserts rows until ctx ends, and reports those that were acknowledged. A row whose answer was lost may be there or not.
func (p *project) write(ctx context.Context, acknowledged chan<- entry) {
	for ctx.Err() == nil {
		e := entry{p.ref, id.NewRef()}
		if p.insert(context.WithoutCancel(ctx), e.id) {
			select {
			case acknowledged <- e:
			case <-ctx.Done():
				acknowledged <- e // the collector drains what is left
			}
		}
	}
}

func (p *project) insert(ctx context.Context, value string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.pathURL+"/rest/v1/ledger", strings.NewReader(fmt.Sprintf(`{"id":%q}`, value)))
	if err != nil {
		return false
	}
	request.Header.Set("apikey", p.secret)
	request.Header.Set("Content-Type", "application/json")
	answer, err := httpClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusCreated
}

// requireRows looks for the acknowledged rows behind Fluxbase's back.
func (p *project) requireRows(t *testing.T, kept map[entry]bool) {
	t.Helper()
	database, schema := p.ref, "public"
	if p.shared {
		database, schema = "fluxbase_shared", p.ref+"_public"
	}
	conn, err := pgx.Connect(t.Context(), p.owner.in.postgres.URL(database))
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), "select id from "+pg.Ident(schema, "ledger"))
	require.NoError(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	there := map[string]bool{}
	for _, value := range ids {
		there[value] = true
	}
	n := 0
	for e := range kept {
		if e.ref == p.ref {
			n++
			require.True(t, there[e.id], "an acknowledged row is lost")
		}
	}
	require.Positive(t, n)
}

// ask asks for projects and does not wait. As a client that got no answer does, it asks again with the same idempotency key.
func (a *account) ask(t *testing.T, n int) (refs []string) {
	t.Helper()
	for range n {
		request := &controlplanev1.CreateProjectRequest{Organization: a.organization, Name: "Made meanwhile", IdempotencyKey: id.NewRef()}
		require.Eventually(t, func() bool {
			made, err := a.projects.CreateProject(t.Context(), request)
			if err == nil {
				refs = append(refs, made.GetProject().GetRef())
			}
			return err == nil
		}, waitFor, tick)
	}
	return refs
}

func (a *account) requireActive(t *testing.T, ref string) {
	t.Helper()
	var last *controlplanev1.Project
	require.Eventually(t, func() bool {
		got, err := a.projects.GetProject(t.Context(), &controlplanev1.GetProjectRequest{Ref: ref})
		if err == nil {
			last = got.GetProject()
		}
		return last.GetStatus() == controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE
	}, time.Minute, tick, "%s: %v", ref, last)
}
