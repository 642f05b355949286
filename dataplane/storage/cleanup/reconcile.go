package cleanup

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
)

//go:embed sql/live_versions.sql
var liveVersionsSQL string

//go:embed sql/in_service.sql
var inServiceSQL string

// reconcileEvery is how often a project that stores something is looked over.
const reconcileEvery = 7 * 24 * time.Hour

// periodic is a look that is under way, or begins.
type periodic struct {
	Cursor string `json:"cursor,omitempty"`
}

// Reconcile compares a project's bucket with its tables, in order and page by page, while the project is used: whatever seems amiss is asked about once
// more before it counts. It fails, and repairs nothing more, when either side does not answer.
func (s *Service) Reconcile(ctx context.Context, session *projectdb.Session, o Options) (*Report, error) {
	return s.look(ctx, session, o, false)
}

func (s *Service) look(ctx context.Context, session *projectdb.Session, o Options, blind bool) (*Report, error) {
	at, err := parseCursor(o.Cursor)
	if err != nil {
		return nil, err
	}
	l := &look{Service: s, session: session, o: o, blind: blind, report: &Report{DryRun: !o.Repair && !o.DropRows, Problems: []Problem{}}}
	for began := time.Now(); at.Phase != phaseDone; {
		if at, err = l.step(ctx, at); err != nil {
			return nil, err
		}
		if o.Patience > 0 && time.Since(began) > o.Patience && at.Phase != phaseDone {
			l.report.Next = at.cursor()
			break
		}
	}
	if l.remove {
		if err := s.later(ctx, session, KindRemove, struct{}{}, time.Now()); err != nil {
			return nil, err
		}
	}
	for _, p := range l.report.Problems {
		s.metrics.problems.WithLabelValues(p.Kind).Add(float64(p.Count))
		s.Log.WarnContext(ctx, "rows and bytes of a project's files did not agree", "ref", session.Project.Ref, "kind", p.Kind, "count", p.Count,
			"bytes", p.Bytes, "repaired", p.Repaired)
	}
	return l.report, nil
}

// triesToAsk is how often the weekly look tries to learn from the project's own tables what objects have.
const triesToAsk = 3

// reconcileOn is the look that a project has every week: it repairs what loses no file. A project whose tables cannot be asked, perhaps because its
// owner would not have it counted, is counted all the same.
func (s *Service) reconcileOn(ctx context.Context, session *projectdb.Session, item outbox.Item, at periodic) error {
	blind := item.Attempts >= triesToAsk
	if blind {
		s.Log.WarnContext(ctx, "the tables of a project's files cannot be read: all bytes that are there are counted, whatever has them", "ref", session.Project.Ref)
	}
	report, err := s.look(ctx, session, Options{Repair: true, Cursor: at.Cursor, Patience: s.Slice}, blind)
	switch {
	case err != nil:
		return away(err)
	case report.Next != "":
		return s.later(ctx, session, KindReconcile, periodic{Cursor: report.Next}, time.Now())
	}
	err = outbox.InService(ctx, session, schema, func(tx *outbox.ServiceTx) error {
		var used bool
		if err := tx.QueryRow(ctx, inServiceSQL).Scan(&used); err != nil || !used {
			return err
		}
		return s.ensurePeriodic(ctx, tx, session, item.ID)
	})
	if err != nil {
		return away(err)
	}
	return nil
}

// look is one look over a project.
type look struct {
	*Service
	session *projectdb.Session
	o       Options
	report  *Report
	// blind tells that the project's own tables cannot be read: then it is not known what objects have.
	blind bool
	// remove tells that something was noted for removal.
	remove bool
}

func (l *look) step(ctx context.Context, at position) (position, error) {
	switch at.Phase {
	case phaseObjects:
		return l.objects(ctx, at)
	case phaseRenditions:
		return l.renditions(ctx, at)
	case phaseUploads:
		return l.uploads(ctx, at)
	}
	return position{Phase: phaseDone}, l.rest(ctx)
}

// strings asks the service's tables about some versions or keys; about none it asks nothing.
func (l *look) about(ctx context.Context, sql string, these []string) (map[string]bool, error) {
	out := map[string]bool{}
	if len(these) == 0 {
		return out, nil
	}
	list, err := l.strings(ctx, l.session, sql, these)
	for _, v := range list {
		out[v] = true
	}
	return out, err
}

// uploads looks at a page of the uploads in parts that the object store holds.
func (l *look) uploads(ctx context.Context, at position) (position, error) {
	in := &s3.ListMultipartUploadsInput{Bucket: &l.session.Project.Bucket}
	if at.After != "" {
		in.KeyMarker, in.UploadIdMarker = &at.After, &at.ID
	}
	out, err := l.Blobs.Client().ListMultipartUploads(ctx, in)
	if err != nil {
		return at, blob.Fault(err, "list uploads in parts")
	}
	var versions []string
	of := make([]string, len(out.Uploads))
	for i, u := range out.Uploads {
		if v, ok := versionOf(aws.ToString(u.Key)); ok {
			of[i] = v
			versions = append(versions, v)
		}
	}
	live, err := l.about(ctx, liveVersionsSQL, versions)
	if err != nil {
		return at, err
	}
	for i, u := range out.Uploads {
		// What is below no lease is a rendition, or another program's; neither takes long.
		if live[of[i]] || of[i] == "" && time.Since(aws.ToTime(u.Initiated)) < reconcileEvery {
			continue
		}
		l.report.found(AbandonedUploads, 0, aws.ToString(u.Key))
		if l.o.Repair {
			if err := l.abort(ctx, l.session, aws.ToString(u.Key), aws.ToString(u.UploadId)); err != nil {
				return at, err
			}
			l.report.repaired(AbandonedUploads, 1)
		}
	}
	if !aws.ToBool(out.IsTruncated) || len(out.Uploads) == 0 {
		return position{Phase: phaseRest}, nil
	}
	return position{Phase: phaseUploads, After: aws.ToString(out.NextKeyMarker), ID: aws.ToString(out.NextUploadIdMarker)}, nil
}

// page reads a range of a table in order. It is full when there may be more.
func page[T any](ctx context.Context, l *look, sql string, after, upto string, scan pgx.RowToFunc[T]) (out []T, full bool, err error) {
	most := 2 * l.Page
	err = l.session.InService(ctx, schema, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sql, after, upto, most)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, scan)
		return err
	})
	return out, len(out) == most, err
}

// drop removes rows of the project's own table.
func (l *look) drop(ctx context.Context, sql string, args ...any) error {
	o := elevatedOptions()
	o.Settings = append(o.Settings, projectdb.Setting{Name: "storage.operation", Value: "storage.object.delete"})
	err := l.session.Elevated().InTx(ctx, o, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove rows without bytes: %w", err)
	}
	l.remove = true
	return nil
}

// exists asks the object store itself.
func (l *look) exists(ctx context.Context, version string) (bool, error) {
	key, err := blob.Key(version)
	if err != nil {
		return false, nil //nolint:nilerr // what is no version has no bytes
	}
	_, err = l.Blobs.Client().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &l.session.Project.Bucket, Key: &key})
	switch blob.ErrorCode(err) {
	case "":
		return err == nil, err
	case "NotFound", "NoSuchKey":
		return false, nil
	}
	return false, blob.Fault(err, "look for "+key)
}
