// Package quota knows the plans and decides whether an organisation may have one thing more.
package quota

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// keptFactor bounds what waits for its purge: an organisation that makes and deletes projects in a loop would else fill the
// clusters.
const keptFactor = 5

// Plan is the limits that an organisation buys. Zero means no limit.
type Plan = store.Plan

// Plans reads plans and counts against them.
type Plans struct{ pool *pgxpool.Pool }

// New makes Plans of the control database.
func New(pool *pgxpool.Pool) (*Plans, error) {
	if pool == nil {
		return nil, errors.New("quota: the pool is missing")
	}
	return &Plans{pool}, nil
}

// List returns every plan, smallest first.
func (p *Plans) List(ctx context.Context) ([]Plan, error) {
	plans, err := store.Read(ctx, p.pool).ListPlans(ctx)
	if err != nil {
		return nil, fmt.Errorf("list plans: %w", err)
	}
	return plans, nil
}

// ReserveProject checks that the organisation's plan has room for one more project and returns the isolation that the plan
// gives to new ones. It locks the organisation until the transaction ends, so that two cannot take the last place. It fails
// with Exhausted and reason PROJECT_QUOTA.
func (p *Plans) ReserveProject(ctx context.Context, tx pgx.Tx, organization uuid.UUID) (string, error) {
	q := store.New(tx)
	plan, err := q.LockOrganizationPlan(ctx, organization)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", fault.New(fault.NotFound, "ORGANIZATION_NOT_FOUND", "There is no such organisation, or you are not a member of it.")
	}
	if err != nil {
		return "", fmt.Errorf("lock organisation: %w", err)
	}
	if plan.MaxProjects == 0 {
		return plan.Isolation, nil
	}
	count, err := q.CountProjects(ctx, &organization)
	if err != nil {
		return "", fmt.Errorf("count projects: %w", err)
	}
	limit := int64(plan.MaxProjects)
	if count.Live >= limit {
		return "", fault.New(fault.Exhausted, "PROJECT_QUOTA", "The plan %s has room for %d projects, and all are taken. Delete one, or move to a larger plan.", plan.Title, limit)
	}
	if count.Kept >= keptFactor*limit {
		return "", fault.New(fault.Exhausted, "DELETED_PROJECT_QUOTA", "Too many deleted projects still wait for their purge. Try again when some are gone, or move to a larger plan.")
	}
	return plan.Isolation, nil
}
