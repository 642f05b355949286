package rpc

import (
	"context"

	"github.com/wayli-app/fluxbase/controlplane/audit"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

type auditService struct{ *server }

var _ controlplanev1connect.AuditServiceHandler = auditService{}

// ListAuditEvents lists an organisation's events, or the platform's.
func (s auditService) ListAuditEvents(ctx context.Context, req *v1.ListAuditEventsRequest) (*v1.ListAuditEventsResponse, error) {
	filter := audit.Filter{Action: req.GetAction(), Actor: req.GetActor()}
	if req.GetOrganization() != "" {
		filter.Organization = &accessOf(ctx).organization.ID
	}
	rows, next, err := page(s.pages, req, []any{"audit", req.GetOrganization(), filter.Action, filter.Actor},
		func(limit int, after cursor) ([]audit.Event, error) {
			filter.Limit, filter.AfterTime, filter.AfterID = limit, after.Time, after.ID
			return s.Audit.List(ctx, filter)
		},
		func(e audit.Event) cursor { return byTime(e.CreatedAt, e.ID) })
	if err != nil {
		return nil, err
	}
	return &v1.ListAuditEventsResponse{Events: each(rows, eventMessage), NextPageToken: next}, nil
}

func eventMessage(e audit.Event) *v1.AuditEvent {
	out := &v1.AuditEvent{
		Id: e.ID.String(), CreateTime: stamp(e.CreatedAt), ActorEmail: e.Email, Action: e.Action, Target: e.Target,
		IpAddress: e.IPAddress, Details: e.Details, RequestId: e.RequestID, FormerOrganization: e.FormerOrganization,
	}
	if e.AccountID != nil {
		out.ActorAccountId = e.AccountID.String()
	}
	return out
}
