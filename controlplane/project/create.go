package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
)

// CreateInput says what project is wanted.
type CreateInput struct {
	Organization uuid.UUID
	Name         string
	// Isolation is empty for the plan's.
	Isolation string
	// Cluster names a cluster; empty for one with free room.
	Cluster string
}

// Create records a project and queues its provisioning, in one transaction. It fails with Exhausted and reason
// PROJECT_QUOTA when the plan has no room, and with Invalid for a bad name or unknown cluster.
func (s *Service) Create(ctx context.Context, in CreateInput) (Project, error) {
	name, err := id.Title(in.Name)
	if err != nil {
		return Project{}, err
	}
	var ref string
	err = store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		isolation, err := s.Quota.ReserveProject(ctx, tx, in.Organization)
		if err != nil {
			return err
		}
		if in.Isolation != "" {
			isolation = in.Isolation
		}
		cluster, err := s.clusterNamed(ctx, tx, in.Cluster)
		if err != nil {
			return err
		}
		row := store.InsertProjectParams{OrganizationID: &in.Organization, Name: name, Isolation: isolation, ClusterID: cluster}
		settings := map[string]json.RawMessage{}
		if s.AutoConfirm {
			settings[autoConfirm] = json.RawMessage("true")
		}
		p, err := s.insert(ctx, tx, row, settings)
		if err != nil {
			return err
		}
		ref = p.Ref
		return s.Audit.Record(ctx, tx, &in.Organization, "project.create", "project/"+p.Ref, map[string]any{"name": name, "isolation": isolation})
	})
	if err != nil {
		return Project{}, err
	}
	return s.Get(ctx, ref)
}

// insert writes the row and queues the job. A ref that is taken is made anew; a fixed ref that is taken gives no row.
func (s *Service) insert(ctx context.Context, tx pgx.Tx, row store.InsertProjectParams, settings map[string]json.RawMessage) (store.Project, error) {
	row.ID = uuid.Must(uuid.NewV7())
	secrets, err := NewSecrets()
	if err != nil {
		return store.Project{}, err
	}
	if row.SecretsSealed, err = secrets.Seal(s.Sealer, row.ID); err != nil {
		return store.Project{}, err
	}
	if row.Settings, err = json.Marshal(settings); err != nil {
		return store.Project{}, fmt.Errorf("encode settings: %w", err)
	}
	fixed := row.Ref != ""
	for range 5 {
		if !fixed {
			row.Ref = id.NewRef()
		}
		p, err := store.New(tx).InsertProject(ctx, row)
		if errors.Is(err, pgx.ErrNoRows) && !fixed {
			continue
		}
		if err != nil {
			return store.Project{}, fmt.Errorf("insert project: %w", err)
		}
		return p, s.queue(ctx, tx, ProvisionArgs{ProjectID: p.ID})
	}
	return store.Project{}, errors.New("no free project ref in five tries")
}

// queue adds a job in the transaction of what asks for it. The state machine, under the project's row lock, asks once for
// each change, so jobs need no uniqueness of their own.
func (s *Service) queue(ctx context.Context, tx pgx.Tx, args river.JobArgs) error {
	if _, err := s.Jobs.InsertTx(ctx, tx, args, &river.InsertOpts{Queue: QueueProvision}); err != nil {
		return fmt.Errorf("queue %s: %w", args.Kind(), err)
	}
	return nil
}

func (s *Service) clusterNamed(ctx context.Context, tx pgx.Tx, name string) (*uuid.UUID, error) {
	if name == "" {
		return nil, nil
	}
	c, err := store.New(tx).ClusterByName(ctx, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, &fault.Error{Kind: fault.Invalid, Reason: "CLUSTER_NOT_FOUND", Message: fmt.Sprintf("There is no cluster %q.", name),
			Fields: map[string]string{"cluster": "names no registered cluster"}}
	}
	if err != nil {
		return nil, fmt.Errorf("find cluster: %w", err)
	}
	return &c.ID, nil
}

// Rename changes a project's display name.
func (s *Service) Rename(ctx context.Context, ref, name string) (Project, error) {
	name, err := id.Title(name)
	if err != nil {
		return Project{}, err
	}
	err = store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		p, err := s.lock(ctx, tx, ref)
		if err != nil {
			return err
		}
		if err := store.New(tx).SetProjectName(ctx, store.SetProjectNameParams{ID: p.ID, Name: name}); err != nil {
			return fmt.Errorf("rename project: %w", err)
		}
		return s.Audit.Record(ctx, tx, p.OrganizationID, "project.update", "project/"+ref, map[string]any{"name": name, "old_name": p.Name})
	})
	if err != nil {
		return Project{}, err
	}
	return s.Get(ctx, ref)
}
