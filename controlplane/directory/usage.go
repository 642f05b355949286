package directory

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/metric"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

// quotaInterval is how often all quotas are looked at; those of projects in a report are looked at with it.
const quotaInterval = time.Minute

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
		if err := q.AddUsageHalfHours(ctx, store.AddUsageHalfHoursParams(minutes)); err != nil {
			return fmt.Errorf("add half hours: %w", err)
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

// usageKey names a row of usage.
type usageKey struct {
	project uuid.UUID
	service string
	minute  time.Time
}

// usage turns records into columns, with those of one project, service and minute put together.
func (d *Directory) usage(records []*directoryv1.UsageRecord) (store.AddUsageMinutesParams, store.AddUsageMonthsParams, []uuid.UUID, error) {
	var out store.AddUsageMinutesParams
	rows, latencies := map[usageKey]int{}, [][]int64{}
	for i, r := range records {
		k, err := d.usageKey(i, r)
		if err != nil {
			return out, store.AddUsageMonthsParams{}, nil, err
		}
		row, ok := rows[k]
		if !ok {
			row = len(rows)
			rows[k] = row
			out.ProjectIds, out.Services, out.Minutes = append(out.ProjectIds, k.project), append(out.Services, k.service), append(out.Minutes, k.minute)
			out.Requests, out.EgressBytes = append(out.Requests, 0), append(out.EgressBytes, 0)
			out.Errors, out.ClientErrors = append(out.Errors, 0), append(out.ClientErrors, 0)
			latencies = append(latencies, nil)
		}
		out.Requests[row] += r.GetRequests()
		out.EgressBytes[row] += r.GetEgressBytes()
		out.Errors[row] += r.GetErrors()
		out.ClientErrors[row] += r.GetClientErrors()
		latencies[row] = added(latencies[row], r.GetLatency())
	}
	for _, l := range latencies {
		out.Latencies = append(out.Latencies, arrayText(l))
	}
	projects := slices.Clone(out.ProjectIds)
	slices.SortFunc(projects, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	months := store.AddUsageMonthsParams{ProjectIds: out.ProjectIds, Minutes: out.Minutes, Requests: out.Requests, EgressBytes: out.EgressBytes}
	return out, months, slices.Compact(projects), nil
}

// usageKey checks a record.
func (d *Directory) usageKey(i int, r *directoryv1.UsageRecord) (usageKey, error) {
	invalid := func(format string) (usageKey, error) {
		return usageKey{}, fault.New(fault.Invalid, "USAGE_INVALID", format, i)
	}
	project, err := uuid.Parse(r.GetProjectId())
	if err != nil {
		return invalid("Record %d has no project id.")
	}
	if !slices.Contains(metric.Services, r.GetService()) {
		return invalid("Record %d is of an unknown service.")
	}
	counts := append([]int64{r.GetRequests(), r.GetEgressBytes(), r.GetErrors(), r.GetClientErrors()}, r.GetLatency()...)
	if slices.Min(counts) < 0 {
		return invalid("Record %d counts less than nothing.")
	}
	if len(r.GetLatency()) > metric.LatencyBuckets {
		return invalid("Record %d has too many latencies.")
	}
	if !r.GetMinute().IsValid() || r.GetMinute().AsTime().After(d.now().Add(time.Hour)) {
		return invalid("Record %d has no minute of the past.")
	}
	return usageKey{project, r.GetService(), r.GetMinute().AsTime().Truncate(time.Minute)}, nil
}

// added adds a histogram to another.
func added(to, more []int64) []int64 {
	for i, n := range more {
		if i == len(to) {
			to = append(to, 0)
		}
		to[i] += n
	}
	return to
}

// arrayText writes numbers as Postgres reads an array.
func arrayText(numbers []int64) string {
	out := []byte{'{'}
	for i, n := range numbers {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, n, 10)
	}
	return string(append(out, '}'))
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

// SweepUsage forgets usage by the minute and by the half hour before a time, and tells how many rows that were. The sums by month stay.
func (d *Directory) SweepUsage(ctx context.Context, before time.Time) (int64, error) {
	minutes, err := forget(func() (int64, error) {
		return d.queries.ForgetUsageMinutes(ctx, store.ForgetUsageMinutesParams{Before: before, MaxRows: sweepBatch})
	})
	if err != nil {
		return minutes, fmt.Errorf("forget old usage: %w", err)
	}
	halfHours, err := forget(func() (int64, error) {
		return d.queries.ForgetUsageHalfHours(ctx, store.ForgetUsageHalfHoursParams{Before: before, MaxRows: sweepBatch})
	})
	if err != nil {
		return minutes + halfHours, fmt.Errorf("forget old sums of usage: %w", err)
	}
	return minutes + halfHours, nil
}

// forget removes rows in batches until there are no more, and tells how many they were.
func forget(batch func() (int64, error)) (int64, error) {
	for total := int64(0); ; {
		n, err := batch()
		total += n
		if err != nil || n < sweepBatch {
			return total, err
		}
	}
}
