package object

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Judge asks the project's policies about an upload that is to come later, of what type and size is not known yet.
func (s *Service) Judge(ctx context.Context, session *projectdb.Session, target Target) error {
	t := &Ticket{Target: target, ID: uuid.New()}
	if err := t.check(); err != nil {
		return err
	}
	if t.OwnerID == "" {
		t.OwnerID = session.Caller.Subject
	}
	_, err := s.judge(ctx, session, t)
	return err
}

// judge tries to write the row of an upload, and undoes it.
func (s *Service) judge(ctx context.Context, session *projectdb.Session, t *Ticket) (found rules, err error) {
	trial := t.statement(max(t.Size, 0), "", "")
	rows := 0
	o := options(session, t.Operation, true)
	o.Rollback = true
	err = session.Run(ctx, o, projectdb.Batch{Statements: []projectdb.Statement{{SQL: rulesSQL, Args: []any{t.Bucket}}, trial}},
		func(i int, r pgx.Rows) error {
			if i == 0 {
				return found.read(r)
			}
			for rows = 0; r.Next(); rows++ { //nolint:revive // counted only
			}
			return r.Err()
		})
	switch {
	case !found.known && (err == nil || isRefusal(err)):
		return found, noSuchBucket(err)
	case found.known && found.kind != "STANDARD":
		return found, fault.New(fault.FailedPrecondition, "NO_SUCH_BUCKET", "The bucket %q is not one for files.", t.Bucket)
	case err != nil:
		return found, t.refused(err)
	case t.replaces() && rows == 0:
		return found, t.absent()
	}
	return found, nil
}
