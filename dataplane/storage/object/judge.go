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

// judge tries to write the row of an upload, and undoes it. For whom no policy holds it only looks.
func (s *Service) judge(ctx context.Context, session *projectdb.Session, t *Ticket) (found rules, err error) {
	if unbound(session) {
		return s.look(ctx, session, t)
	}
	trial := t.statement(max(t.Size, 0), "", "")
	rows := 0
	o := options(session, t.Operation, true)
	o.Rollback = true
	err = session.Run(ctx, o, projectdb.Batch{Statements: []projectdb.Statement{{SQL: rulesSQL, Args: []any{t.Bucket}}, trial}},
		func(i int, r pgx.Rows) error {
			if i == 0 {
				return found.read(r)
			}
			for rows = 0; r.Next(); rows++ {
			}
			return r.Err()
		})
	if missing := found.missing(t.Bucket, err); missing != nil {
		return found, missing
	}
	switch {
	case err != nil:
		return found, t.refused(err)
	case t.replaces() && rows == 0:
		return found, t.absent()
	}
	return found, nil
}

// missing refuses a bucket that is not there or not for files. err is how asking ended.
func (r rules) missing(bucket string, err error) error {
	switch {
	case !r.known && (err == nil || isRefusal(err)):
		return noSuchBucket(err)
	case r.known && r.kind != "STANDARD":
		return fault.New(fault.FailedPrecondition, "NO_SUCH_BUCKET", "The bucket %q is not one for files.", bucket)
	}
	return nil
}

// look judges an upload by what is there.
func (s *Service) look(ctx context.Context, session *projectdb.Session, t *Ticket) (found rules, err error) {
	var there *Object
	err = session.Run(ctx, options(session, t.Operation, false),
		projectdb.Batch{Statements: []projectdb.Statement{reading(session, rulesSQL, t.Bucket), reading(session, findSQL, t.Bucket, t.Name)}},
		func(i int, r pgx.Rows) error {
			if i == 0 {
				return found.read(r)
			}
			return one(&there)(r)
		})
	if missing := found.missing(t.Bucket, err); missing != nil {
		return found, missing
	}
	switch {
	case err != nil:
		return found, err
	case t.replaces() && (there == nil || t.IfMatch != "" && t.IfMatch != "*" && t.IfMatch != there.Metadata.ETag):
		return found, t.absent()
	case there != nil && !t.replaces() && (!t.Upsert || t.IfNoneMatch != ""):
		return found, t.refused(fault.New(fault.Exists, "KEY_ALREADY_EXISTS", "The resource already exists"))
	}
	s.known.note(session, t.Bucket, found)
	return found, nil
}
