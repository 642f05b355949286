package project

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/wayli-app/fluxbase/controlplane/store"
)

// Usage is what a project uses beside what its organisation's plan gives, in which zero is no limit.
type Usage struct {
	// Month is the first day of the month that is counted, in UTC.
	Month time.Time
	store.ProjectUsageRow
}

// Usage returns what a project uses. It is as far behind as the workers' reports are.
func (s *Service) Usage(ctx context.Context, ref string) (Usage, error) {
	row, err := s.find(ctx, ref)
	if err != nil {
		return Usage{}, err
	}
	now := s.Now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	used, err := store.Read(ctx, s.Pool).ProjectUsage(ctx, store.ProjectUsageParams{Month: pgtype.Date{Time: month, Valid: true}, ProjectID: row.ID})
	if err != nil {
		return Usage{}, fmt.Errorf("read usage: %w", err)
	}
	return Usage{month, used}, nil
}
