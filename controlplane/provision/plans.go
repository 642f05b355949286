package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/setting"
)

func (p *Provisioner) provisionPlan(row store.Project) []step {
	if row.Status != project.StatusProvisioning {
		return nil
	}
	return []step{
		{"cluster", p.chooseCluster},
		{"roles", p.makeRoles},
		{place(row), p.makePlace},
		{"migrations", p.migrate},
		{"bucket", func(ctx context.Context, r *run) error { return p.Buckets.Create(ctx, r.project.Bucket) }},
		{"keys", p.makeKeys},
		{"publish", p.publish(project.JobProvision, project.StatusProvisioning, project.StatusActive)},
	}
}

func (p *Provisioner) pausePlan(row store.Project) []step {
	if row.Status != project.StatusPausing {
		return nil
	}
	return []step{{"stop", p.connectable(false)}, {"publish", p.publish(project.JobPause, project.StatusPausing, project.StatusPaused)}}
}

func (p *Provisioner) resumePlan(row store.Project) []step {
	if row.Status != project.StatusResuming {
		return nil
	}
	return []step{
		{"migrations", p.migrate},
		{"start", p.connectable(true)},
		{"publish", p.publish(project.JobResume, project.StatusResuming, project.StatusActive)},
	}
}

func (p *Provisioner) deletePlan(row store.Project) []step {
	if row.Status != project.StatusDeleted {
		return nil
	}
	return []step{{"stop", func(ctx context.Context, r *run) error {
		if err := p.connectable(false)(ctx, r); err != nil {
			return err
		}
		return p.finish(ctx, r.queries(), r, project.JobDelete)
	}}}
}

func (p *Provisioner) purgePlan(row store.Project) []step {
	if row.Status != project.StatusPurging {
		return nil
	}
	return []step{
		{place(row), p.dropPlace},
		{"bucket", p.removeBucket},
		{"records", p.forget},
	}
}

func (p *Provisioner) migratePlan(row store.Project) []step {
	if row.Status != project.StatusActive && row.Status != project.StatusPaused || int(row.MigrationVersion) >= layout.Version() {
		return nil
	}
	return []step{{"migrations", func(ctx context.Context, r *run) error {
		if err := p.migrate(ctx, r); err != nil {
			return err
		}
		return p.finish(ctx, r.queries(), r, project.JobMigrate)
	}}}
}

// jobSettings names the job that carries settings into the project's database.
const jobSettings = "settings"

// settingsPlan carries changed settings into a project's database. A project stays what it was when that cannot be done yet.
func (p *Provisioner) settingsPlan(row store.Project) []step {
	if row.Status != project.StatusActive && row.Status != project.StatusPaused {
		return nil // its present job carries them over
	}
	return []step{{"settings", func(ctx context.Context, r *run) error {
		settings, err := databaseSettings(r.project)
		if err != nil {
			return err
		}
		c, err := p.admin(ctx, r)
		if err != nil {
			return err
		}
		if err := c.ApplySettings(ctx, r.names, settings); err != nil {
			return err
		}
		return p.finish(ctx, r.queries(), r, jobSettings)
	}}}
}

// place names the step that makes or drops where the project's data is.
func place(row store.Project) string {
	if row.Isolation == project.IsolationSchema {
		return "schemas"
	}
	return "database"
}

// chooseCluster places the project on the cluster with the most free room, unless it is placed already.
func (p *Provisioner) chooseCluster(ctx context.Context, r *run) error {
	return pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		q := store.New(tx)
		if err := q.LockClusters(ctx); err != nil {
			return fmt.Errorf("lock clusters: %w", err)
		}
		cluster := r.project.ClusterID
		if cluster == nil {
			id, err := q.RoomiestCluster(ctx)
			if errors.Is(err, pgx.ErrNoRows) {
				return fault.New(fault.Exhausted, "NO_CAPACITY", "No database cluster has room for another project. The operator must add one; then try again.")
			}
			if err != nil {
				return fmt.Errorf("choose cluster: %w", err)
			}
			cluster = &id
		}
		r.project.ClusterID, r.project.DatabaseName, r.project.Bucket = cluster, r.names.Database(), r.names.Bucket(p.BucketPrefix)
		err := q.PlaceProject(ctx, store.PlaceProjectParams{
			ID: r.project.ID, ClusterID: cluster, DatabaseName: r.project.DatabaseName, Bucket: r.project.Bucket,
		})
		if err != nil {
			return fmt.Errorf("place project: %w", err)
		}
		return nil
	})
}

func (p *Provisioner) admin(ctx context.Context, r *run) (*layout.Cluster, error) {
	if r.project.ClusterID == nil {
		return nil, fmt.Errorf("project %s has no cluster", r.project.Ref)
	}
	return p.Clusters.Admin(ctx, *r.project.ClusterID)
}

func (p *Provisioner) makeRoles(ctx context.Context, r *run) error {
	c, err := p.admin(ctx, r)
	if err != nil {
		return err
	}
	passwords, err := p.passwords(r)
	if err != nil {
		return err
	}
	return c.CreateRoles(ctx, r.names, passwords)
}

// passwords are those of the project's logins.
func (p *Provisioner) passwords(r *run) (layout.Passwords, error) {
	secrets, err := project.OpenSecrets(p.Sealer, r.project.ID, r.project.SecretsSealed)
	if err != nil {
		return layout.Passwords{}, err
	}
	storage, err := secrets.StoragePassword()
	if err != nil {
		return layout.Passwords{}, err
	}
	return layout.Passwords{
		Authenticator: secrets.AuthenticatorPassword, Admin: secrets.AdminPassword, Storage: storage, Owner: secrets.OwnerPassword,
	}, nil
}

func (p *Provisioner) makePlace(ctx context.Context, r *run) error {
	c, err := p.admin(ctx, r)
	if err != nil {
		return err
	}
	if r.names.Shared() {
		err = c.CreateSchemas(ctx, r.names)
	} else {
		err = c.CreateDatabase(ctx, r.names)
	}
	if err != nil {
		return err
	}
	return p.setVersion(ctx, r, layout.Version())
}

func (p *Provisioner) setVersion(ctx context.Context, r *run, version int) error {
	r.project.MigrationVersion = int32(version)
	if err := r.queries().SetMigrationVersion(ctx, store.SetMigrationVersionParams{ID: r.project.ID, MigrationVersion: int32(version)}); err != nil {
		return fmt.Errorf("record migration version: %w", err)
	}
	return nil
}

// migrate brings the project to the newest migration, and carries its settings into the database.
func (p *Provisioner) migrate(ctx context.Context, r *run) error {
	settings, err := databaseSettings(r.project)
	if err != nil {
		return err
	}
	c, err := p.admin(ctx, r)
	if err != nil {
		return err
	}
	if int(r.project.MigrationVersion) < layout.Version() {
		passwords, err := p.passwords(r)
		if err != nil {
			return err
		}
		version, err := c.Migrate(ctx, r.names, passwords, int(r.project.MigrationVersion))
		if err != nil {
			return err
		}
		if err := p.setVersion(ctx, r, version); err != nil {
			return err
		}
	}
	if r.project.Status == project.StatusProvisioning && settings == (layout.Settings{}) {
		return nil // a new project has these
	}
	return c.ApplySettings(ctx, r.names, settings)
}

func databaseSettings(row store.Project) (layout.Settings, error) {
	stored := map[string]json.RawMessage{}
	if err := json.Unmarshal(row.Settings, &stored); err != nil {
		return layout.Settings{}, fmt.Errorf("decode settings of %s: %w", row.Ref, err)
	}
	texts := make(map[string]string, len(stored))
	for k, v := range stored {
		texts[k] = string(v)
	}
	return layout.Settings{ExposeNewTables: setting.Get[bool](setting.Decode(texts), "rest.expose_new_tables")}, nil
}

func (p *Provisioner) makeKeys(ctx context.Context, r *run) error {
	return pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error { return p.Keys.EnsureDefaults(ctx, tx, r.project.ID) })
}

// publish makes the change known to workers and people, unless something else has been asked for in the meantime.
func (p *Provisioner) publish(job, from, to string) func(context.Context, *run) error {
	return func(ctx context.Context, r *run) error {
		return pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
			q := store.New(tx)
			// The steps first: who sees the new status then sees them all done.
			if err := p.finish(ctx, q, r, job); err != nil {
				return err
			}
			if to == project.StatusActive { // a deletion that was taken back is to be carried out anew the next time
				if err := q.ForgetSteps(ctx, store.ForgetStepsParams{ProjectID: r.project.ID, Job: project.JobDelete}); err != nil {
					return fmt.Errorf("forget deletion: %w", err)
				}
			}
			if _, err := q.SetStatusIf(ctx, store.SetStatusIfParams{ID: r.project.ID, Status: to, Was: []string{from}}); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
			return nil
		})
	}
}

func (p *Provisioner) finish(ctx context.Context, q *store.Queries, r *run, job string) error {
	if err := q.FinishSteps(ctx, store.FinishStepsParams{ProjectID: r.project.ID, Job: job}); err != nil {
		return fmt.Errorf("finish steps: %w", err)
	}
	return nil
}

// connectable lets the project's logins in or keeps them out. A project without a cluster has none.
func (p *Provisioner) connectable(yes bool) func(context.Context, *run) error {
	return func(ctx context.Context, r *run) error {
		if r.project.ClusterID == nil {
			return nil
		}
		c, err := p.admin(ctx, r)
		if err != nil {
			return err
		}
		return c.SetConnectable(ctx, r.names, yes)
	}
}

func (p *Provisioner) dropPlace(ctx context.Context, r *run) error {
	if r.project.ClusterID == nil {
		return nil
	}
	c, err := p.admin(ctx, r)
	if err != nil {
		return err
	}
	return c.Drop(ctx, r.names)
}

func (p *Provisioner) removeBucket(ctx context.Context, r *run) error {
	if r.project.Bucket == "" {
		return nil
	}
	return p.Buckets.Remove(ctx, r.project.Bucket)
}

// forget removes the project's secrets, keys, hosts and snippets. The row stays, so that its ref is never given again.
func (p *Provisioner) forget(ctx context.Context, r *run) error {
	return pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		q := store.New(tx)
		for _, err := range []error{
			q.PurgeProjectKeys(ctx, r.project.ID), q.PurgeProjectHosts(ctx, r.project.ID), q.PurgeProjectSnippets(ctx, r.project.ID),
			p.finish(ctx, q, r, project.JobPurge), q.PurgeProjectRow(ctx, r.project.ID),
		} {
			if err != nil {
				return fmt.Errorf("purge records: %w", err)
			}
		}
		return nil
	})
}
