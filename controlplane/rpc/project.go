package rpc

import (
	"context"
	"errors"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/wayli-app/fluxbase/controlplane/organization"
	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/internal/fault"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

// watchCheck is how often a quiet stream's caller is checked anew, and its project read in case a signal was lost.
const watchCheck = 15 * time.Second

var errRestarting = fault.New(fault.Unavailable, "SHUTTING_DOWN", "The server is restarting. Watch again.")

type projectService struct{ *server }

var _ controlplanev1connect.ProjectServiceHandler = projectService{}

// CreateProject records a project and queues its provisioning.
func (s projectService) CreateProject(ctx context.Context, req *v1.CreateProjectRequest) (*v1.CreateProjectResponse, error) {
	a := accessOf(ctx)
	if req.GetCluster() != "" && !a.account.Operator {
		return nil, fault.New(fault.Denied, "OPERATORS_ONLY", "Only operators of this installation choose a project's cluster.")
	}
	procedure := controlplanev1connect.ProjectServiceCreateProjectProcedure
	return once(ctx, s.Repeats, procedure, req, func(ctx context.Context) (*v1.CreateProjectResponse, error) {
		p, err := s.Projects.Create(ctx, project.CreateInput{
			Organization: a.organization.ID, Name: req.GetName(), Isolation: isolationOf[req.GetIsolation()], Cluster: req.GetCluster(),
		})
		if err != nil {
			return nil, err
		}
		return &v1.CreateProjectResponse{Project: projectMessage(p)}, nil
	})
}

// GetProject returns one project.
func (s projectService) GetProject(ctx context.Context, req *v1.GetProjectRequest) (*v1.GetProjectResponse, error) {
	p, err := s.Projects.Get(ctx, req.GetRef())
	return &v1.GetProjectResponse{Project: projectMessage(p)}, err
}

// ListProjects lists projects, newest first.
func (s projectService) ListProjects(ctx context.Context, req *v1.ListProjectsRequest) (*v1.ListProjectsResponse, error) {
	a := accessOf(ctx)
	var org *uuid.UUID
	if req.GetOrganization() != "" {
		org = &a.organization.ID
	}
	rows, next, err := page(s.pages, req, []any{"projects", a.account.ID, req.GetOrganization(), req.GetSearch()},
		func(limit int, after cursor) ([]project.Project, error) {
			return s.Projects.List(ctx, project.ListFilter{
				Account: a.account.ID, Organization: org, Search: req.GetSearch(), Limit: limit, AfterTime: after.Time, AfterID: after.ID,
			})
		},
		func(p project.Project) cursor { return byTime(p.CreatedAt, p.ID) })
	if err != nil {
		return nil, err
	}
	return &v1.ListProjectsResponse{Projects: each(rows, projectMessage), NextPageToken: next}, nil
}

// UpdateProject changes a project's name.
func (s projectService) UpdateProject(ctx context.Context, req *v1.UpdateProjectRequest) (*v1.UpdateProjectResponse, error) {
	if _, err := masked(req.GetUpdateMask(), "name"); err != nil {
		return nil, err
	}
	p, err := s.Projects.Rename(ctx, req.GetRef(), req.GetName())
	return &v1.UpdateProjectResponse{Project: projectMessage(p)}, err
}

// PauseProject stops a project's answering.
func (s projectService) PauseProject(ctx context.Context, req *v1.PauseProjectRequest) (*v1.PauseProjectResponse, error) {
	p, err := s.Projects.Pause(ctx, req.GetRef())
	return &v1.PauseProjectResponse{Project: projectMessage(p)}, err
}

// ResumeProject makes a paused project answer again.
func (s projectService) ResumeProject(ctx context.Context, req *v1.ResumeProjectRequest) (*v1.ResumeProjectResponse, error) {
	p, err := s.Projects.Resume(ctx, req.GetRef())
	return &v1.ResumeProjectResponse{Project: projectMessage(p)}, err
}

// DeleteProject deletes a project, until its grace time ends only softly.
func (s projectService) DeleteProject(ctx context.Context, req *v1.DeleteProjectRequest) (*v1.DeleteProjectResponse, error) {
	p, err := s.Projects.Delete(ctx, req.GetRef())
	return &v1.DeleteProjectResponse{Project: projectMessage(p)}, err
}

// RestoreProject takes a deletion back.
func (s projectService) RestoreProject(ctx context.Context, req *v1.RestoreProjectRequest) (*v1.RestoreProjectResponse, error) {
	p, err := s.Projects.Restore(ctx, req.GetRef())
	return &v1.RestoreProjectResponse{Project: projectMessage(p)}, err
}

// RetryProject queues a failed project's job again.
func (s projectService) RetryProject(ctx context.Context, req *v1.RetryProjectRequest) (*v1.RetryProjectResponse, error) {
	p, err := s.Projects.Retry(ctx, req.GetRef())
	return &v1.RetryProjectResponse{Project: projectMessage(p)}, err
}

// WatchProject sends the project at once and at each change. Before each message the caller's right is checked anew.
func (s projectService) WatchProject(ctx context.Context, req *v1.WatchProjectRequest, stream *connect.ServerStream[v1.WatchProjectResponse]) error {
	changed, stop := s.Changes.Subscribe(req.GetRef())
	defer stop()
	check := time.NewTicker(watchCheck)
	defer check.Stop()
	var sent *v1.WatchProjectResponse
	for {
		p, err := s.Projects.Get(ctx, req.GetRef())
		if err != nil {
			return err
		}
		next := &v1.WatchProjectResponse{Project: projectMessage(p)}
		if !proto.Equal(sent, next) {
			if err := stream.Send(next); err != nil {
				return err
			}
			sent = next
		}
		select {
		case <-ctx.Done(): // the client has left, its time is over, or the server drains
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return ctx.Err()
			}
			return errRestarting
		case <-s.Changes.Ended():
			return errRestarting
		case <-changed:
		case <-check.C:
		}
		if err := accessOf(ctx).again(ctx); err != nil {
			return err
		}
	}
}

// GetConnectionInfo tells how the project is reached.
func (s projectService) GetConnectionInfo(ctx context.Context, req *v1.GetConnectionInfoRequest) (*v1.GetConnectionInfoResponse, error) {
	c, err := s.Projects.Connection(ctx, req.GetRef(), accessOf(ctx).organization.Role.Includes(organization.Developer))
	if err != nil {
		return nil, err
	}
	return &v1.GetConnectionInfoResponse{
		Url: c.URL, PathUrl: c.PathURL, DatabaseUrl: c.DatabaseURL, AnonKey: c.AnonKey, ServiceRoleKey: c.ServiceRoleKey, JwtSecret: c.JWTSecret,
	}, nil
}

// CreateDeveloperToken makes a token for the project's /meta/v1.
func (s projectService) CreateDeveloperToken(ctx context.Context, req *v1.CreateDeveloperTokenRequest) (*v1.CreateDeveloperTokenResponse, error) {
	value, expires, err := s.Projects.DeveloperToken(ctx, req.GetRef(), accessOf(ctx).account.ID)
	if err != nil {
		return nil, err
	}
	return &v1.CreateDeveloperTokenResponse{Token: value, ExpireTime: stamp(expires)}, nil
}

// GetSettings returns every setting.
func (s projectService) GetSettings(ctx context.Context, req *v1.GetSettingsRequest) (*v1.GetSettingsResponse, error) {
	settings, err := s.Projects.Settings(ctx, req.GetRef())
	return &v1.GetSettingsResponse{Settings: each(settings, settingMessage)}, err
}

// UpdateSettings changes settings, all or none.
func (s projectService) UpdateSettings(ctx context.Context, req *v1.UpdateSettingsRequest) (*v1.UpdateSettingsResponse, error) {
	settings, err := s.Projects.UpdateSettings(ctx, req.GetRef(), req.GetValues())
	return &v1.UpdateSettingsResponse{Settings: each(settings, settingMessage)}, err
}

// GetUsage returns what the project uses.
func (s projectService) GetUsage(ctx context.Context, req *v1.GetUsageRequest) (*v1.GetUsageResponse, error) {
	u, err := s.Projects.Usage(ctx, req.GetRef())
	if err != nil {
		return nil, err
	}
	return &v1.GetUsageResponse{Usage: &v1.Usage{
		Month: u.Month.Format(time.DateOnly), Requests: u.Requests, EgressBytes: u.EgressBytes,
		OrganizationRequests: u.OrganizationRequests, OrganizationEgressBytes: u.OrganizationEgressBytes,
		StoredBytes: u.StoredBytes, StoredFiles: u.StoredFiles, StoreTime: maybe(u.MeasuredAt),
		Plan: u.Plan, MonthlyRequests: u.MonthlyRequests, MonthlyEgressBytes: u.MonthlyEgressBytes,
		MaxStorageBytes: u.MaxStorageBytes, MaxFileBytes: u.MaxFileBytes, OverQuotaReason: u.OverQuotaReason,
	}}, nil
}

var isolationOf = map[v1.Isolation]string{
	v1.Isolation_ISOLATION_UNSPECIFIED: "", v1.Isolation_ISOLATION_DATABASE: project.IsolationDatabase, v1.Isolation_ISOLATION_SCHEMA: project.IsolationSchema,
}

func isolationMessage(s string) v1.Isolation {
	return v1.Isolation(v1.Isolation_value["ISOLATION_"+strings.ToUpper(s)])
}

func projectMessage(p project.Project) *v1.Project {
	out := &v1.Project{
		Id: p.ID.String(), Ref: p.Ref, Name: p.Name, Organization: p.Organization, Isolation: isolationMessage(p.Isolation),
		Status: v1.ProjectStatus(v1.ProjectStatus_value["PROJECT_STATUS_"+strings.ToUpper(p.Status)]),
		Url:    p.URL, PathUrl: p.PathURL, FailureMessage: p.FailureMessage, Cluster: p.Cluster,
		CreateTime: stamp(p.CreatedAt), UpdateTime: stamp(p.UpdatedAt), PurgeTime: maybe(p.PurgeAt),
	}
	for _, step := range p.Steps {
		out.Steps = append(out.Steps, &v1.Step{
			Name: step.Name, Status: v1.StepStatus(v1.StepStatus_value["STEP_STATUS_"+strings.ToUpper(step.Status)]), Message: step.Message,
			StartTime: maybe(step.StartedAt), FinishTime: maybe(step.FinishedAt),
		})
	}
	return out
}

func settingMessage(s project.Setting) *v1.Setting {
	return &v1.Setting{
		Key: s.Key, Value: s.Value, DefaultValue: s.Fallback, Type: string(s.Type), Description: s.Description,
		Set: s.Set, Min: s.Min, Max: s.Max, OneOf: s.OneOf,
	}
}
