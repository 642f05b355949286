package dataplane

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/hook"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/mail"
)

// providerTimeout bounds a request to who sends text messages.
const providerTimeout = 15 * time.Second

// newJobs makes the queue of what requests leave for later, and the messages of auth, which are in it.
func (w *Worker) newJobs(deps Deps, limiter guard.Limiter, out *egress.Guard) (err error) {
	w.jobs, err = outbox.New(outbox.Deps{
		URL: w.cfg.JobsURL.Reveal(), Projects: w.directory, Binder: w.door, Journal: journal{w.redis}, Log: deps.Log, Metrics: deps.Metrics,
		Grace: max(90*time.Second, w.cfg.Dataplane.RequestTimeout+30*time.Second), Drain: w.cfg.DrainTimeout / 2, // what the jobs wrote down goes through the door, which closes after them
	})
	if err != nil {
		return err
	}
	with := message.Deps{
		Log: deps.Log, Queue: w.jobs, Limiter: limiter, Hooks: hook.New(hook.Deps{Egress: out}), Platform: deps.Mail,
		Dial: out.Dialer().DialContext, HTTP: out.Client(providerTimeout), CheckURL: out.CheckURL,
		Address: func(p *directory.Project) string { return p.URL },
	}
	if deps.Mail == nil && w.cfg.SMTP.Host != "" {
		with.Platform, with.PlatformRate = mail.New(w.cfg.SMTP), w.cfg.SMTP.ProjectRate
	}
	if w.cfg.Dev { // names below localhost resolve on some machines only
		with.Address = func(p *directory.Project) string { return w.cfg.PathURL(p.Ref) }
	}
	w.messages = message.New(with)
	w.jobs.Register(store.Schema, w.messages)
	return nil
}

// journal keeps in Redis which outboxes the jobs do not know of while their database is down, so that no worker's end loses them.
type journal struct{ redis redis.UniversalClient }

const journalKey = "fluxbase:outbox:behind"

func (j journal) Remember(ctx context.Context, outboxes []string) error {
	return j.redis.SAdd(ctx, journalKey, members(outboxes)...).Err()
}

func (j journal) Recall(ctx context.Context) ([]string, error) {
	return j.redis.SRandMemberN(ctx, journalKey, 10_000).Result()
}

func (j journal) Forget(ctx context.Context, outboxes []string) error {
	return j.redis.SRem(ctx, journalKey, members(outboxes)...).Err()
}

func members(names []string) []any {
	out := make([]any, len(names))
	for i, name := range names {
		out[i] = name
	}
	return out
}

var _ outbox.Journal = journal{}
