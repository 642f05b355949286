// Package event tells a project's webhook of objects that come, change and go, and the cache in front of it what to forget. Triggers write both to the
// outbox in the transaction that changes the rows (migrations/project/0014), so that nothing is told that did not happen, and what happened is told.
package event

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// The kinds of items in the outbox.
const (
	KindEvent = "event"
	KindPurge = "purge"
)

const schema = "storage"

// timeout bounds one delivery.
const timeout = 15 * time.Second

// Renditions are images made of others.
type Renditions interface {
	// Forget removes those of versions.
	Forget(ctx context.Context, session *projectdb.Session, versions []string) error
}

// Deps are what a Service needs.
type Deps struct {
	Log   *slog.Logger
	Queue *outbox.Queue
	// Egress guards requests.
	Egress *egress.Guard
	// Renditions may be nil: then none are kept.
	Renditions Renditions
}

// Service tells of changes. It keeps nothing of projects.
type Service struct {
	Deps
	client  *http.Client
	breaker *breaker
}

// New makes a Service.
func New(d Deps) *Service {
	client := d.Egress.Client(timeout)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // a redirected POST would lose its body
	return &Service{Deps: d, client: client, breaker: newBreaker(time.Now)}
}

// Watch prepares a transaction that changes objects or buckets: the settings belong into it, and told is called when it has committed. It asks for
// nothing where nobody is to be told.
func (s *Service) Watch(ctx context.Context, p *directory.Project) (settings []projectdb.Setting, told func()) {
	var ids []uuid.UUID
	item := func(name string) {
		id := uuid.New()
		ids = append(ids, id)
		settings = append(settings, projectdb.Setting{Name: name, Value: id.String()})
	}
	if events := setting.Get[[]string](p.Settings, "storage.webhook_events"); setting.Get[string](p.Settings, "storage.webhook_url") != "" && len(events) > 0 {
		settings = append(settings, projectdb.Setting{Name: "storage.events", Value: strings.Join(events, ",")})
		item("storage.events_id")
	}
	if setting.Get[string](p.Settings, "storage.cdn_purge_url") != "" {
		item("storage.purges_id")
	}
	if len(ids) == 0 {
		return nil, func() {}
	}
	s.Queue.Announce(ctx, p.Ref, schema, time.Now())
	return settings, func() {
		for _, id := range ids {
			s.Queue.Deliver(p.Ref, schema, id)
		}
	}
}

// purge is what a cache is to forget: an object, all of a bucket when Name is "", or everything when Bucket is "" too.
type purge struct {
	Bucket string `json:"bucket"`
	Name   string `json:"name,omitempty"`
	// Transformations leaves the original where it is.
	Transformations bool `json:"transformations,omitempty"`
}

// Purge has the cache in front of the project forget a public object, a whole bucket when name is "", or everything when bucket is "" too. With
// transformations it is only what images were made of them, which are forgotten here as well. Only service_role may.
func (s *Service) Purge(ctx context.Context, session *projectdb.Session, bucket, name string, transformations bool) error {
	if session.Caller.Role != "service_role" {
		return fault.New(fault.Denied, "ACCESS_DENIED", "Only service_role may purge caches.")
	}
	if setting.Get[string](session.Project.Settings, "storage.cdn_purge_url") == "" {
		return fault.New(fault.FailedPrecondition, "FEATURE_NOT_ENABLED", "The project has told of no cache in front of it: set storage.cdn_purge_url.")
	}
	if transformations && s.Renditions != nil {
		if err := s.forget(ctx, session, bucket, name); err != nil {
			return err
		}
	}
	return outbox.InService(ctx, session, schema, func(tx *outbox.ServiceTx) error {
		_, err := s.Queue.Add(ctx, tx, session.Project.Ref, schema, KindPurge, purges{Purges: []purge{{bucket, name, transformations}}})
		return err
	})
}
