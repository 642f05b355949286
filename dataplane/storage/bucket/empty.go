package bucket

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// EmptyKind is the kind of the outbox's items that go on emptying a bucket: Handle does them.
const EmptyKind = "empty"

// jobPatience is how long one item goes on, before it leaves the rest to a next one.
const jobPatience = 45 * time.Second

// rest is what is left of a bucket that is being emptied, and who does so.
type rest struct {
	Bucket string `json:"bucket"`
	// After is the last name that was seen, Before when it was asked for: what was uploaded later stays.
	After     string          `json:"after"`
	Before    time.Time       `json:"before"`
	Role      string          `json:"role"`
	Subject   string          `json:"subject,omitempty"`
	SessionID string          `json:"session_id,omitempty"`
	Claims    json.RawMessage `json:"claims,omitempty"`
}

// Empty removes the files of a bucket that the caller may remove. It reports whether all are gone; if not, the rest go later, as the caller too.
func (s *Service) Empty(ctx context.Context, session *projectdb.Session, id string) (done bool, err error) {
	if _, err := s.Get(ctx, session, id); err != nil {
		return false, err
	}
	c := session.Caller
	left := rest{Bucket: id, Before: s.deps.Now(), Role: c.Role, Subject: c.Subject, SessionID: c.SessionID, Claims: c.Claims}
	return s.goOn(ctx, session, left, s.deps.Patience)
}

// goOn removes page after page, for a while.
func (s *Service) goOn(ctx context.Context, session *projectdb.Session, left rest, patience time.Duration) (bool, error) {
	until := s.deps.Now().Add(patience)
	for {
		last, seen, removed, err := s.deps.Objects.Clear(ctx, session, left.Bucket, left.After, left.Before)
		if err != nil {
			return false, err
		}
		if removed < seen {
			return false, fault.New(fault.Denied, "ACCESS_DENIED", "Cannot delete %d of the files up to %q: you may have SELECT but not DELETE permissions", seen-removed, last)
		}
		if seen == 0 {
			return true, nil
		}
		left.After = last
		if !s.deps.Now().Before(until) {
			return false, s.later(ctx, session, left)
		}
	}
}

func (s *Service) later(ctx context.Context, session *projectdb.Session, left rest) error {
	err := outbox.InService(ctx, session, schema, func(tx *outbox.ServiceTx) error {
		_, err := s.deps.Queue.Add(ctx, tx, session.Project.Ref, schema, EmptyKind, left)
		return err
	})
	if err != nil {
		return fmt.Errorf("leave the rest of a bucket for later: %w", err)
	}
	return nil
}

// Handle goes on emptying a bucket. What the caller may no longer remove stays.
func (s *Service) Handle(ctx context.Context, session *projectdb.Session, item outbox.Item) error {
	var left rest
	if err := json.Unmarshal(item.Payload, &left); err != nil {
		return outbox.Refuse(err, "The rest of a bucket to empty cannot be read.")
	}
	as := *session
	as.Caller = projectdb.Caller{Role: left.Role, Claims: left.Claims, Subject: left.Subject, SessionID: left.SessionID}
	if _, err := s.goOn(ctx, &as, left, jobPatience); err != nil {
		if f := fault.From(err); f.Kind == fault.Denied {
			return outbox.Refuse(err, f.Message)
		}
		return err
	}
	return nil
}
