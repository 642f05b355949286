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

	"github.com/wayli-app/fluxbase/internal/id"
)

// TestNoAcknowledgedMailIsLost kills one of two workers while people ask for links to sign in. Every mail that was acknowledged arrives, those too that
// the killed worker had not sent yet. It runs before the parallel tests.
func TestNoAcknowledgedMailIsLost(t *testing.T) {
	in := install(t)
	owner := in.signUp(t, "postmaster")
	projects := []*project{owner.create(t, "Post", false), owner.create(t, "Shared post", true)}
	for _, p := range projects {
		p.set(t, everything, in.world.settings())
		require.Eventually(t, func() bool { return p.askForLink(t.Context(), "first."+p.ref+"@example.com") }, waitFor, tick, "no mail is taken")
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	acknowledged := make(chan string)
	var askers sync.WaitGroup
	for i := range 4 {
		askers.Go(func() {
			for ctx.Err() == nil {
				if to := id.NewRef() + "@example.com"; projects[i%len(projects)].askForLink(context.WithoutCancel(ctx), to) {
					acknowledged <- to // the collector drains what is left
				}
			}
		})
	}
	var sent []string
	collect := func(n int) {
		for range n {
			select {
			case to := <-acknowledged:
				sent = append(sent, to)
			case <-time.After(30 * time.Second):
				require.Fail(t, "no mail is taken any more", in.workers[1].output())
			}
		}
	}
	collect(30)
	in.workers[0].kill()
	collect(30)
	stop()
	go func() { askers.Wait(); close(acknowledged) }()
	for to := range acknowledged {
		sent = append(sent, to)
	}
	waiting, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	var hurried sync.WaitGroup
	hurried.Go(func() { in.hurryJobs(waiting) })
	for _, to := range sent {
		got, err := in.world.mail.Next(waiting, to)
		require.NoError(t, err, "%d acknowledged mails", len(sent))
		require.Contains(t, got.Text, "/auth/v1/verify?token=")
	}
	done()
	hurried.Wait()
	t.Logf("%d acknowledged mails have arrived", len(sent))
	require.NoError(t, in.startWorker(0))
}

// askForLink reports whether a mail with a link to sign in was promised.
func (p *project) askForLink(ctx context.Context, to string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.pathURL+"/auth/v1/otp", strings.NewReader(fmt.Sprintf(`{"email":%q}`, to)))
	if err != nil {
		return false
	}
	request.Header.Set("apikey", p.publishable)
	answer, err := httpClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// hurryJobs spares a test the minutes until a sweep is due, and until a job counts as abandoned by a worker that died.
func (in *installation) hurryJobs(ctx context.Context) {
	conn, err := pgx.Connect(ctx, in.postgres.URL("fluxbase_jobs"))
	if err != nil {
		return // the mails will be missed
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for every := time.NewTicker(time.Second); ; {
		_, _ = conn.Exec(ctx, `update river_job set state = 'available', scheduled_at = now(), finalized_at = null
			where state = 'scheduled' or (state = 'running' and attempted_at < now() - interval '5 seconds')`)
		select {
		case <-ctx.Done():
			every.Stop()
			return
		case <-every.C:
		}
	}
}
