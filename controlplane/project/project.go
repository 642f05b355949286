package project

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// The two isolations.
const (
	IsolationDatabase = "database"
	IsolationSchema   = "schema"
)

// What is wanted of a project.
const (
	WantActive  = "active"
	WantPaused  = "paused"
	WantDeleted = "deleted"
	WantPurged  = "purged"
)

// What was last observed of a project.
const (
	StatusProvisioning = "provisioning"
	StatusActive       = "active"
	StatusPausing      = "pausing"
	StatusPaused       = "paused"
	StatusResuming     = "resuming"
	StatusDeleted      = "deleted"
	StatusPurging      = "purging"
	StatusPurged       = "purged"
	StatusFailed       = "failed"
)

// Jobs queues a job in a transaction; a River client does.
type Jobs interface {
	InsertTx(ctx context.Context, tx pgx.Tx, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
}

// Quota reserves room for one more project of an organisation, under a lock that the transaction holds, and returns the
// isolation that the plan gives to new projects.
type Quota interface {
	ReserveProject(ctx context.Context, tx pgx.Tx, organization uuid.UUID) (isolation string, err error)
}

// Auditor records a deed in the transaction of what it records.
type Auditor interface {
	Record(ctx context.Context, tx pgx.Tx, organization *uuid.UUID, action, target string, details map[string]any) error
}

// Addresses tells where a project is reached; config.Config does.
type Addresses interface {
	ProjectBaseURL(ref string) string
	PathURL(ref string) string
}

// Deps is what the service needs.
type Deps struct {
	Pool      *pgxpool.Pool
	Sealer    *seal.Sealer
	Jobs      Jobs
	Quota     Quota
	Audit     Auditor
	Addresses Addresses
	// PublicURL is the console's address, the site of the platform project.
	PublicURL string
	// AutoConfirm makes new projects take addresses as confirmed at sign-up: `fluxbase dev`.
	AutoConfirm bool
	// Mails tells that the installation has a mail server, so that the platform project can have addresses confirmed.
	Mails       bool
	DeleteGrace time.Duration
	Log         *slog.Logger
	// Now defaults to time.Now.
	Now func() time.Time
}

// Service creates, changes and shows projects.
type Service struct {
	Deps
	mu       sync.Mutex
	platform platformKeys
	// platformSeen counts the changes of the platform project that were heard of.
	platformSeen uint64
}

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Pool == nil || d.Sealer == nil || d.Jobs == nil || d.Quota == nil || d.Audit == nil || d.Addresses == nil || d.Log == nil {
		return nil, errors.New("project: a dependency is missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{Deps: d}, nil
}

// Project is a customer's backend as its members see it.
type Project struct {
	ID             uuid.UUID
	Ref            string
	OrganizationID *uuid.UUID
	// Organization is the slug.
	Organization   string
	Name           string
	Desired        string
	Status         string
	Isolation      string
	URL, PathURL   string
	Cluster        string
	Steps          []Step
	FailureMessage string
	CreatedAt      time.Time
	UpdatedAt      time.Time
	PurgeAt        *time.Time
}

// Step is one part of a project's present or last job.
type Step struct {
	Name, Status, Message string
	StartedAt, FinishedAt *time.Time
}

// ErrNotFound says that there is no such project, or that the caller may not know of it.
var ErrNotFound = fault.New(fault.NotFound, "PROJECT_NOT_FOUND", "There is no such project, or you are not a member of its organisation.")

// Get returns the project of ref with its steps. It fails with ErrNotFound, also for purged projects.
func (s *Service) Get(ctx context.Context, ref string) (Project, error) {
	q := store.Read(ctx, s.Pool)
	row, err := q.GetProjectByRef(ctx, ref)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && row.Project.Status == StatusPurged {
		return Project{}, ErrNotFound
	}
	if err != nil {
		return Project{}, fmt.Errorf("read project: %w", err)
	}
	steps, err := q.ListSteps(ctx, row.Project.ID)
	if err != nil {
		return Project{}, fmt.Errorf("read steps: %w", err)
	}
	return s.shown(row.Project, row.Organization, row.Cluster, steps), nil
}

// ListFilter says which projects List returns.
type ListFilter struct {
	// Account must be a member of the projects' organisations.
	Account uuid.UUID
	// Organization is nil for all of the account's.
	Organization *uuid.UUID
	Search       string
	Limit        int
	// AfterTime and AfterID are of the last project of the page before; nil for the first page.
	AfterTime *time.Time
	AfterID   *uuid.UUID
}

// List returns projects, newest first.
func (s *Service) List(ctx context.Context, f ListFilter) ([]Project, error) {
	q := store.Read(ctx, s.Pool)
	rows, err := q.ListProjects(ctx, store.ListProjectsParams{
		AccountID: f.Account, OrganizationID: f.Organization, Search: f.Search,
		AfterTime: f.AfterTime, AfterID: f.AfterID, MaxRows: int32(f.Limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.Project.ID
	}
	steps, err := q.ListStepsOf(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("list steps: %w", err)
	}
	byProject := map[uuid.UUID][]store.ProjectStep{}
	for _, step := range steps {
		byProject[step.ProjectID] = append(byProject[step.ProjectID], step)
	}
	out := make([]Project, len(rows))
	for i, r := range rows {
		out[i] = s.shown(r.Project, r.Organization, r.Cluster, byProject[r.Project.ID])
	}
	return out, nil
}

func (s *Service) shown(p store.Project, organization, cluster string, steps []store.ProjectStep) Project {
	return Project{
		ID: p.ID, Ref: p.Ref, OrganizationID: p.OrganizationID, Organization: organization, Name: p.Name,
		Desired: p.Desired, Status: p.Status, Isolation: p.Isolation, Cluster: cluster,
		URL: s.Addresses.ProjectBaseURL(p.Ref), PathURL: s.Addresses.PathURL(p.Ref),
		Steps: stepsOf(presentJob(p.Status, steps), steps), FailureMessage: p.FailureMessage,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, PurgeAt: p.PurgeAt,
	}
}

// presentJob is the job whose steps are shown: the one that the status speaks of, if it has begun, or else the one that
// was last at work.
func presentJob(status string, steps []store.ProjectStep) string {
	running := map[string]string{
		StatusProvisioning: JobProvision, StatusPausing: JobPause, StatusResuming: JobResume,
		StatusDeleted: JobDelete, StatusPurging: JobPurge,
	}[status]
	job, latest := "", time.Time{}
	for _, step := range steps {
		if step.Job == running {
			return running
		}
		if job == "" || step.StartedAt != nil && step.StartedAt.After(latest) {
			job = step.Job
		}
		if step.StartedAt != nil && step.StartedAt.After(latest) {
			latest = *step.StartedAt
		}
	}
	return job
}

func stepsOf(job string, steps []store.ProjectStep) []Step {
	out := []Step{}
	for _, step := range steps {
		if step.Job == job {
			out = append(out, Step{
				Name: step.Name, Status: step.Status, Message: step.Message,
				StartedAt: step.StartedAt, FinishedAt: step.FinishedAt,
			})
		}
	}
	return out
}

// lock reads a customer's project for a change. The platform's own project cannot be changed by anyone.
func (s *Service) lock(ctx context.Context, tx pgx.Tx, ref string) (store.Project, error) {
	p, err := store.New(tx).LockProjectByRef(ctx, ref)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && (p.OrganizationID == nil || p.Status == StatusPurged) {
		return store.Project{}, ErrNotFound
	}
	if err != nil {
		return store.Project{}, fmt.Errorf("lock project: %w", err)
	}
	return p, nil
}
