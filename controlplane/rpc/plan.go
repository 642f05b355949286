package rpc

import (
	"context"
	"slices"

	"github.com/wayli-app/fluxbase/controlplane/quota"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

type planService struct{ *server }

var _ controlplanev1connect.PlanServiceHandler = planService{}

// ListPlans lists plans, smallest first.
func (s planService) ListPlans(ctx context.Context, req *v1.ListPlansRequest) (*v1.ListPlansResponse, error) {
	rows, next, err := page(s.pages, req, []any{"plans"},
		func(limit int, after cursor) ([]quota.Plan, error) {
			plans, err := s.Plans.List(ctx)
			return following(plans, func(p quota.Plan) string { return p.Name }, after.Key, limit), err
		},
		func(p quota.Plan) cursor { return cursor{Key: p.Name} })
	if err != nil {
		return nil, err
	}
	return &v1.ListPlansResponse{Plans: each(rows, planMessage), NextPageToken: next}, nil
}

// following returns at most limit rows of a short list after the one with the key, or from its start.
func following[T any](rows []T, key func(T) string, after string, limit int) []T {
	if after != "" {
		at := slices.IndexFunc(rows, func(r T) bool { return key(r) == after })
		rows = rows[at+1:]
	}
	return rows[:min(len(rows), limit)]
}

func planMessage(p quota.Plan) *v1.Plan {
	return &v1.Plan{
		Name: p.Name, Title: p.Title, MaxProjects: p.MaxProjects, RequestsPerSecond: p.RequestsPerSecond, Burst: p.Burst,
		RequestsPerSecondPerIp: p.RequestsPerSecondPerIp, RequestsPerSecondPerKey: p.RequestsPerSecondPerKey, MonthlyRequests: p.MonthlyRequests, MonthlyEgressBytes: p.MonthlyEgressBytes,
		Isolation: isolationMessage(p.Isolation), StatementTimeoutMs: p.StatementTimeoutMs, MaxStorageBytes: p.MaxStorageBytes, MaxFileBytes: p.MaxFileBytes,
	}
}
