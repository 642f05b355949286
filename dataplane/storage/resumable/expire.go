package resumable

import (
	"context"
	"errors"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Expire ends an upload whose time is over: its row, its parts and whatever else it has written. What became an object stays. It is safe twice.
func (s *Service) Expire(ctx context.Context, session *projectdb.Session, id string) error {
	r, err := find(ctx, session, id)
	switch {
	case errors.Is(err, errNoUpload):
		return nil
	case err != nil:
		return err
	case s.d.Now().Before(r.expires):
		return outbox.Retry(nil, "The upload has not expired yet.")
	}
	held := s.locks.of(session.Project.Ref, id)
	waiting, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	if err := held.Lock(waiting, func() {}); err != nil {
		return outbox.Retry(err, "The upload is in use.")
	}
	defer func() { _ = held.Unlock() }()
	u := &upload{s: s, session: session, row: r}
	err = u.end(ctx)
	switch {
	case errors.Is(err, errNoUpload):
		return nil
	case !errors.Is(err, errFinished):
		return err
	}
	if r, err = find(ctx, session, id); err != nil {
		return err
	}
	if r.state.Strays {
		if err := s.sweep(ctx, session.Project, r.lease(), r.version); err != nil {
			return err
		}
	}
	return r.remove(ctx, session)
}
