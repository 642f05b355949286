package project

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// change is one move of the state machine.
type change struct {
	action  string
	from    []string
	verb    string
	desired string
	status  string
	// purgeAt is set for a deletion.
	purgeAt *time.Time
	job     func(uuid.UUID) river.JobArgs
}

// Pause stops a project's answering and closes its connections; its data is kept.
func (s *Service) Pause(ctx context.Context, ref string) (Project, error) {
	return s.move(ctx, ref, func(context.Context, pgx.Tx, store.Project) (change, error) {
		return change{action: "project.pause", from: []string{StatusActive}, verb: "paused", desired: WantPaused, status: StatusPausing,
			job: func(p uuid.UUID) river.JobArgs { return PauseArgs{p} }}, nil
	})
}

// Resume makes a paused project answer again.
func (s *Service) Resume(ctx context.Context, ref string) (Project, error) {
	return s.move(ctx, ref, func(context.Context, pgx.Tx, store.Project) (change, error) {
		return change{action: "project.resume", from: []string{StatusPaused}, verb: "resumed", desired: WantActive, status: StatusResuming,
			job: func(p uuid.UUID) river.JobArgs { return ResumeArgs{p} }}, nil
	})
}

// Delete stops a project's answering at once; its data is purged after the grace time.
func (s *Service) Delete(ctx context.Context, ref string) (Project, error) {
	purgeAt := s.Now().Add(s.DeleteGrace)
	from := []string{StatusProvisioning, StatusActive, StatusPausing, StatusPaused, StatusResuming, StatusFailed}
	return s.move(ctx, ref, func(_ context.Context, _ pgx.Tx, p store.Project) (change, error) {
		if p.Desired == WantDeleted || p.Desired == WantPurged {
			return change{}, fault.New(fault.FailedPrecondition, "PROJECT_DELETED", "The project is deleted already.")
		}
		return change{action: "project.delete", from: from, verb: "deleted", desired: WantDeleted, status: StatusDeleted, purgeAt: &purgeAt,
			job: func(p uuid.UUID) river.JobArgs { return DeleteArgs{p} }}, nil
	})
}

// Restore takes a deletion back within the grace time. What was deleted before it was whole is provisioned on.
func (s *Service) Restore(ctx context.Context, ref string) (Project, error) {
	return s.move(ctx, ref, func(ctx context.Context, tx pgx.Tx, p store.Project) (change, error) {
		if p.Desired == WantDeleted && p.PurgeAt != nil && !s.Now().Before(*p.PurgeAt) {
			return change{}, fault.New(fault.FailedPrecondition, "GRACE_TIME_OVER", "The grace time ended on %s; the project's data is being purged.",
				p.PurgeAt.UTC().Format(time.RFC3339))
		}
		if p.Desired == WantDeleted {
			if _, err := s.Quota.ReserveProject(ctx, tx, *p.OrganizationID); err != nil {
				return change{}, err
			}
		}
		whole, err := s.provisioned(ctx, tx, p.ID)
		if err != nil {
			return change{}, err
		}
		out := change{action: "project.restore", from: []string{StatusDeleted, StatusFailed}, verb: "restored", desired: WantActive, status: StatusResuming,
			job: func(p uuid.UUID) river.JobArgs { return ResumeArgs{p} }}
		if !whole {
			out.status, out.job = StatusProvisioning, func(p uuid.UUID) river.JobArgs { return ProvisionArgs{p} }
		}
		if p.Desired != WantDeleted {
			out.from = nil
		}
		return out, nil
	})
}

// Retry queues the job of a failed project again.
func (s *Service) Retry(ctx context.Context, ref string) (Project, error) {
	return s.move(ctx, ref, func(ctx context.Context, tx pgx.Tx, p store.Project) (change, error) {
		out := change{action: "project.retry", from: []string{StatusFailed}, verb: "retried", desired: p.Desired, purgeAt: p.PurgeAt}
		whole, err := s.provisioned(ctx, tx, p.ID)
		if err != nil {
			return change{}, err
		}
		switch {
		case p.Desired == WantPurged:
			out.status, out.job = StatusPurging, func(p uuid.UUID) river.JobArgs { return PurgeArgs{p} }
		case p.Desired == WantDeleted:
			out.status, out.job = StatusDeleted, func(p uuid.UUID) river.JobArgs { return DeleteArgs{p} }
		case !whole:
			out.status, out.job = StatusProvisioning, func(p uuid.UUID) river.JobArgs { return ProvisionArgs{p} }
		case p.Desired == WantPaused:
			out.status, out.job = StatusPausing, func(p uuid.UUID) river.JobArgs { return PauseArgs{p} }
		default:
			out.status, out.job = StatusResuming, func(p uuid.UUID) river.JobArgs { return ResumeArgs{p} }
		}
		return out, nil
	})
}

// move makes one change of state under the project's row lock: row, job and audit event commit together. It fails with
// FailedPrecondition and reason PROJECT_STATE when the project is in none of the states that the change starts from.
func (s *Service) move(ctx context.Context, ref string, decide func(context.Context, pgx.Tx, store.Project) (change, error)) (Project, error) {
	err := store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		p, err := s.lock(ctx, tx, ref)
		if err != nil {
			return err
		}
		c, err := decide(ctx, tx, p)
		if err != nil {
			return err
		}
		if !slices.Contains(c.from, p.Status) {
			return fault.New(fault.FailedPrecondition, "PROJECT_STATE", "The project is %s, so it cannot be %s now.", p.Status, c.verb)
		}
		var deletedAt *time.Time
		if c.purgeAt != nil {
			now := s.Now()
			deletedAt = &now
			if p.DeletedAt != nil {
				deletedAt = p.DeletedAt
			}
		}
		if err := store.New(tx).SetProjectState(ctx, store.SetProjectStateParams{
			ID: p.ID, Desired: c.desired, Status: c.status, DeletedAt: deletedAt, PurgeAt: c.purgeAt,
		}); err != nil {
			return fmt.Errorf("change state: %w", err)
		}
		if err := s.queue(ctx, tx, c.job(p.ID)); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, p.OrganizationID, c.action, "project/"+ref, map[string]any{"name": p.Name, "was": p.Status})
	})
	if err != nil {
		return Project{}, err
	}
	return s.Get(ctx, ref)
}

// provisioned reports whether every step of the provisioning was done once.
func (s *Service) provisioned(ctx context.Context, tx pgx.Tx, project uuid.UUID) (bool, error) {
	steps, err := store.New(tx).ListSteps(ctx, project)
	if err != nil {
		return false, fmt.Errorf("read steps: %w", err)
	}
	found := false
	for _, step := range steps {
		if step.Job != JobProvision {
			continue
		}
		if step.Status != "done" {
			return false, nil
		}
		found = true
	}
	return found, nil
}
