package cleanup

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/internal/setting"
)

//go:embed sql/range_renditions.sql
var rangeRenditionsSQL string

//go:embed sql/known_renditions.sql
var knownRenditionsSQL string

//go:embed sql/forget_renditions.sql
var forgetRenditionsSQL string

//go:embed sql/no_version.sql
var noVersionSQL string

//go:embed sql/drop_no_version.sql
var dropNoVersionSQL string

//go:embed sql/overdue_leases.sql
var overdueLeasesSQL string

//go:embed sql/overdue_uploads.sql
var overdueUploadsSQL string

//go:embed sql/old_parts.sql
var oldPartsSQL string

//go:embed sql/unattended_parts.sql
var unattendedPartsSQL string

//go:embed sql/unattended_removals.sql
var unattendedRemovalsSQL string

//go:embed sql/usage.sql
var usageSQL string

//go:embed sql/lock_usage.sql
var lockUsageSQL string

//go:embed sql/recount.sql
var recountSQL string

// renditionPrefix begins the keys of images made of others.
const renditionPrefix = "renditions/"

// renditionGrace is how long the making of one may take.
const renditionGrace = time.Hour

// rendition is a row of renditions.
type rendition struct {
	Key     string
	Created time.Time
	Source  bool
}

// renditions compares a page of the images that were made of others with what is known of them.
func (l *look) renditions(ctx context.Context, at position) (position, error) {
	keys, err := l.list(ctx, l.session, renditionPrefix, at.After)
	if err != nil {
		return at, err
	}
	upto := ""
	if !keys.last {
		upto = keys.keys[len(keys.keys)-1].key
	}
	rows, full, err := page(ctx, l, rangeRenditionsSQL, at.After, upto, pgx.RowToStructByPos[rendition])
	if err != nil {
		return at, fmt.Errorf("read renditions: %w", err)
	}
	if full {
		upto = rows[len(rows)-1].Key
	}
	there := map[string]stored{}
	for _, k := range keys.keys {
		if upto == "" || k.key <= upto {
			there[k.key] = k
			l.report.Checked.Keys++
			l.report.Checked.RenditionBytes += k.size
		}
	}
	known := map[string]rendition{}
	for _, r := range rows {
		known[r.Key] = r
		l.report.Checked.Renditions++
	}
	if err := l.strayRenditions(ctx, there, known); err != nil {
		return at, err
	}
	if err := l.brokenRenditions(ctx, there, known); err != nil {
		return at, err
	}
	if upto == "" {
		return position{Phase: phaseUploads}, nil
	}
	return position{Phase: phaseRenditions, After: upto}, nil
}

func (l *look) strayRenditions(ctx context.Context, there map[string]stored, known map[string]rendition) error {
	var old []string
	for _, k := range without(there, known) {
		if time.Since(there[k].modified) > renditionGrace {
			old = append(old, k)
		}
	}
	after, err := l.about(ctx, knownRenditionsSQL, old)
	if err != nil {
		return err
	}
	var strays []string
	for _, k := range old {
		if !after[k] {
			l.report.found(StrayRenditions, there[k].size, k)
			strays = append(strays, k)
		}
	}
	if !l.o.Repair || len(strays) == 0 {
		return nil
	}
	if err := l.Blobs.RemoveKeys(ctx, l.session.Project, strays...); err != nil {
		return err
	}
	l.report.repaired(StrayRenditions, len(strays))
	return nil
}

func (l *look) brokenRenditions(ctx context.Context, there map[string]stored, known map[string]rendition) error {
	var broken []string
	for k, r := range known {
		if _, ok := there[k]; (!ok || !r.Source) && time.Since(r.Created) > renditionGrace {
			l.report.found(BrokenRenditions, there[k].size, k)
			broken = append(broken, k)
		}
	}
	if !l.o.Repair || len(broken) == 0 {
		return nil
	}
	if err := l.Blobs.RemoveKeys(ctx, l.session.Project, broken...); err != nil {
		return err
	}
	if err := l.exec(ctx, l.session, forgetRenditionsSQL, broken); err != nil {
		return fmt.Errorf("forget renditions: %w", err)
	}
	l.report.repaired(BrokenRenditions, len(broken))
	return nil
}

// rest looks at what is in tables only.
func (l *look) rest(ctx context.Context) error {
	checks := []func(context.Context) error{l.noVersion, l.overdue, l.oldParts, l.unattendedRemovals, l.usage}
	if l.blind {
		checks = []func(context.Context) error{l.overdue, l.unattendedRemovals, l.usage}
	}
	for _, check := range checks {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// noVersion finds rows that name no bytes at all.
func (l *look) noVersion(ctx context.Context) error {
	var found []named
	err := elevated(ctx, l.session, noVersionSQL, []any{maxOverdue}, func(rows pgx.Rows) (err error) {
		found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (n named, err error) { return n, row.Scan(&n.Bucket, &n.Name) })
		return err
	})
	if err != nil {
		return fmt.Errorf("look for objects without a version: %w", err)
	}
	for _, o := range found {
		l.report.found(MissingBytes, 0, o.String())
	}
	if !l.o.DropRows || len(found) == 0 {
		return nil
	}
	if err := l.drop(ctx, dropNoVersionSQL); err != nil {
		return err
	}
	l.report.repaired(MissingBytes, len(found))
	return nil
}

// maxOverdue is how many leases, and uploads of one protocol, are seen to at once; the others are next time.
const maxOverdue = 1000

// overdue finds leases and uploads that should have ended and that no item is left for.
func (l *look) overdue(ctx context.Context) error {
	leases, err := l.strings(ctx, l.session, overdueLeasesSQL, maxOverdue)
	if err != nil {
		return err
	}
	if err := l.attend(ctx, KindLeaseEnded, leases, func(id string) any { return blob.LeaseEnded{Lease: id} }); err != nil {
		return err
	}
	resumable, err := l.strings(ctx, l.session, overdueUploadsSQL, maxOverdue)
	if err != nil {
		return err
	}
	return l.attend(ctx, KindResumableExpired, resumable, func(id string) any { return Expired{id} })
}

// oldParts finds uploads in S3's parts that should have ended and that no item is left for.
func (l *look) oldParts(ctx context.Context) error {
	var parts []string
	life := setting.Get[int64](l.session.Project.Settings, "storage.resumable_expiry")
	err := elevated(ctx, l.session, oldPartsSQL, []any{strconv.FormatInt(life, 10), maxOverdue}, func(rows pgx.Rows) (err error) {
		parts, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil || len(parts) == 0 {
		return err
	}
	parts, err = l.strings(ctx, l.session, unattendedPartsSQL, parts)
	if err != nil {
		return err
	}
	return l.attend(ctx, KindMultipartExpired, parts, func(id string) any { return Expired{id} })
}

func (l *look) attend(ctx context.Context, kind string, ids []string, payload func(id string) any) error {
	for _, id := range ids {
		l.report.found(Unattended, 0, kind+" "+id)
		if !l.o.Repair {
			continue
		}
		if err := l.later(ctx, l.session, kind, payload(id), time.Now()); err != nil {
			return err
		}
		l.report.repaired(Unattended, 1)
	}
	return nil
}

func (l *look) unattendedRemovals(ctx context.Context) error {
	var n int64
	err := l.session.InService(ctx, schema, func(tx pgx.Tx) error { return tx.QueryRow(ctx, unattendedRemovalsSQL).Scan(&n) })
	if err != nil || n == 0 {
		return err
	}
	l.report.found(Unattended, 0, fmt.Sprintf("%d removals", n))
	if l.o.Repair {
		l.remove = true
		l.report.repaired(Unattended, 1)
	}
	return nil
}

// usage compares what is counted with the sum of what there is.
func (l *look) usage(ctx context.Context) error {
	var bytes, blobs, sum, count int64
	err := l.session.InService(ctx, schema, func(tx pgx.Tx) error { return tx.QueryRow(ctx, usageSQL).Scan(&bytes, &blobs, &sum, &count) })
	if err != nil || bytes == sum && blobs == count {
		return err
	}
	l.report.found(WrongUsage, bytes-sum, fmt.Sprintf("%d bytes in %d versions are counted, %d in %d there are", bytes, blobs, sum, count))
	if !l.o.Repair {
		return nil
	}
	err = l.session.InService(ctx, schema, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockUsageSQL); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, recountSQL)
		return err
	})
	if err != nil {
		return fmt.Errorf("count usage anew: %w", err)
	}
	l.report.repaired(WrongUsage, 1)
	return nil
}
