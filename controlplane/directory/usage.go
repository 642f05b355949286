package directory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

// quotaInterval is how often all quotas are looked at; those of projects in a report are looked at with it.
const quotaInterval = time.Minute

var services = []string{"rest", "api", "graphql", "auth", "storage", "realtime", "functions", "meta"}

// ReportUsage adds a worker's counters, once for each report id.
func (d *Directory) ReportUsage(ctx context.Context, req *directoryv1.ReportUsageRequest) (*directoryv1.ReportUsageResponse, error) {
	if err := validate(req); err != nil {
		return nil, err
	}
	minutes, months, projects, err := d.usage(req.GetRecords())
	if err != nil {
		return nil, d.failure(ctx, "read usage", err)
	}
	keys, err := keyUses(req.GetKeyUses())
	if err != nil {
		return nil, d.failure(ctx, "read key uses", err)
	}
	stored, err := d.storage(req.GetStorage())
	if err != nil {
		return nil, d.failure(ctx, "read storage", err)
	}
	report, err := uuid.Parse(req.GetReportId())
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	counted := false
	err = pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		q := store.New(tx)
		fresh, err := q.InsertUsageReport(ctx, report)
		if err != nil || fresh == 0 {
			return err
		}
		counted = true
		if err := q.AddUsageMinutes(ctx, minutes); err != nil {
			return fmt.Errorf("add minutes: %w", err)
		}
		if err := q.AddUsageMonths(ctx, months); err != nil {
			return fmt.Errorf("add months: %w", err)
		}
		if err := q.KeepStorage(ctx, stored); err != nil {
			return fmt.Errorf("keep storage: %w", err)
		}
		return q.TouchKeys(ctx, keys)
	})
	if err != nil {
		return nil, d.failure(ctx, "count usage", err)
	}
	if counted && len(projects) > 0 {
		d.evaluate(ctx, projects)
	}
	return &directoryv1.ReportUsageResponse{}, nil
}

// usage turns records into columns.
func (d *Directory) usage(records []*directoryv1.UsageRecord) (store.AddUsageMinutesParams, store.AddUsageMonthsParams, []uuid.UUID, error) {
	var out store.AddUsageMinutesParams
	invalid := func(format string, args ...any) (store.AddUsageMinutesParams, store.AddUsageMonthsParams, []uuid.UUID, error) {
		return out, store.AddUsageMonthsParams{}, nil, fault.New(fault.Invalid, "USAGE_INVALID", format, args...)
	}
	latest := d.now().Add(time.Hour)
	for i, r := range records {
		project, err := uuid.Parse(r.GetProjectId())
		if err != nil {
			return invalid("Record %d has no project id.", i)
		}
		if !slices.Contains(services, r.GetService()) {
			return invalid("Record %d is of an unknown service.", i)
		}
		if r.GetRequests() < 0 || r.GetEgressBytes() < 0 || r.GetErrors() < 0 {
			return invalid("Record %d counts less than nothing.", i)
		}
		if !r.GetMinute().IsValid() || r.GetMinute().AsTime().After(latest) {
			return invalid("Record %d has no minute of the past.", i)
		}
		out.ProjectIds = append(out.ProjectIds, project)
		out.Services = append(out.Services, r.GetService())
		out.Minutes = append(out.Minutes, r.GetMinute().AsTime())
		out.Requests = append(out.Requests, r.GetRequests())
		out.EgressBytes = append(out.EgressBytes, r.GetEgressBytes())
		out.Errors = append(out.Errors, r.GetErrors())
	}
	projects := slices.Clone(out.ProjectIds)
	slices.SortFunc(projects, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	months := store.AddUsageMonthsParams{ProjectIds: out.ProjectIds, Minutes: out.Minutes, Requests: out.Requests, EgressBytes: out.EgressBytes}
	return out, months, slices.Compact(projects), nil
}

func keyUses(uses []*directoryv1.KeyUse) (store.TouchKeysParams, error) {
	var out store.TouchKeysParams
	for i, u := range uses {
		project, projectErr := uuid.Parse(u.GetProjectId())
		key, keyErr := uuid.Parse(u.GetKeyId())
		if projectErr != nil || keyErr != nil || !u.GetLastUseTime().IsValid() {
			return out, fault.New(fault.Invalid, "USAGE_INVALID", "Key use %d is malformed.", i)
		}
		out.ProjectIds = append(out.ProjectIds, project)
		out.KeyIds = append(out.KeyIds, key)
		out.UsedAt = append(out.UsedAt, u.GetLastUseTime().AsTime())
	}
	return out, nil
}

// storage turns measures of files into columns.
func (d *Directory) storage(uses []*directoryv1.StorageUse) (store.KeepStorageParams, error) {
	out := store.KeepStorageParams{At: d.now()}
	for i, u := range uses {
		project, err := uuid.Parse(u.GetProjectId())
		if err != nil || u.GetBytes() < 0 || u.GetBlobs() < 0 || !u.GetMeasureTime().IsValid() {
			return out, fault.New(fault.Invalid, "USAGE_INVALID", "Measure %d of storage is malformed.", i)
		}
		out.ProjectIds = append(out.ProjectIds, project)
		out.Bytes = append(out.Bytes, u.GetBytes())
		out.Blobs = append(out.Blobs, u.GetBlobs())
		out.MeasuredAt = append(out.MeasuredAt, u.GetMeasureTime().AsTime())
	}
	return out, nil
}

// evaluate compares the use of the projects' organisations with their plans. Nil looks at every organisation.
func (d *Directory) evaluate(ctx context.Context, projects []uuid.UUID) {
	if projects == nil {
		projects = []uuid.UUID{}
	}
	changed, err := d.queries.EvaluateQuotas(ctx, store.EvaluateQuotasParams{ProjectIds: projects, At: d.now()})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		d.log.ErrorContext(ctx, "evaluate quotas", "error", err)
	case changed > 0:
		d.log.InfoContext(ctx, "quotas changed", "projects", changed)
	}
}

// keepQuotas finds what no report tells: a new month, another plan.
func (d *Directory) keepQuotas(ctx context.Context) {
	tick := time.NewTicker(quotaInterval)
	defer tick.Stop()
	for {
		d.evaluate(ctx, nil)
		if err := d.queries.ForgetUsageReports(ctx); err != nil && ctx.Err() == nil {
			d.log.ErrorContext(ctx, "forget old usage reports", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweepBatch is how many rows are removed at once, so that reports do not wait long.
const sweepBatch = 10_000

// SweepUsage forgets usage by the minute before a time, and tells how many rows that were. The sums by month stay.
func (d *Directory) SweepUsage(ctx context.Context, before time.Time) (int64, error) {
	total := int64(0)
	for {
		n, err := d.queries.ForgetUsageMinutes(ctx, store.ForgetUsageMinutesParams{Before: before, MaxRows: sweepBatch})
		total += n
		if err != nil {
			return total, fmt.Errorf("forget old usage: %w", err)
		}
		if n < sweepBatch {
			return total, nil
		}
	}
}
