// Package project is the tenant: what is wanted of a project and what was observed of it.
package project

import "github.com/google/uuid"

// QueueProvision is the River queue of the jobs that carry projects out.
const QueueProvision = "provision"

// ProvisionArgs asks to make a project's roles, database or schemas, bucket and keys.
type ProvisionArgs struct {
	ProjectID uuid.UUID `json:"project_id" river:"unique"`
}

// PauseArgs asks to stop a project and close its connections.
type PauseArgs struct {
	ProjectID uuid.UUID `json:"project_id" river:"unique"`
}

// ResumeArgs asks to start a paused or restored project.
type ResumeArgs struct {
	ProjectID uuid.UUID `json:"project_id" river:"unique"`
}

// DeleteArgs asks to stop a project that waits for its purge.
type DeleteArgs struct {
	ProjectID uuid.UUID `json:"project_id" river:"unique"`
}

// PurgeArgs asks to remove a project's data for good.
type PurgeArgs struct {
	ProjectID uuid.UUID `json:"project_id" river:"unique"`
}

// MigrateArgs asks to bring a project to the newest project migration.
type MigrateArgs struct {
	ProjectID uuid.UUID `json:"project_id" river:"unique"`
}

// SettingsArgs asks to carry a project's settings into its database.
type SettingsArgs struct {
	ProjectID uuid.UUID `json:"project_id" river:"unique"`
}

// ReconcileArgs asks to compare what is wanted of all projects with what is, and to queue the differences.
type ReconcileArgs struct{}

// Kind names the job.
func (ProvisionArgs) Kind() string { return "project_provision" }

// Kind names the job.
func (PauseArgs) Kind() string { return "project_pause" }

// Kind names the job.
func (ResumeArgs) Kind() string { return "project_resume" }

// Kind names the job.
func (DeleteArgs) Kind() string { return "project_delete" }

// Kind names the job.
func (PurgeArgs) Kind() string { return "project_purge" }

// Kind names the job.
func (MigrateArgs) Kind() string { return "project_migrate" }

// Kind names the job.
func (SettingsArgs) Kind() string { return "project_settings" }

// Kind names the job.
func (ReconcileArgs) Kind() string { return "project_reconcile" }

// Names of the jobs in a project's steps.
const (
	JobProvision = "provision"
	JobPause     = "pause"
	JobResume    = "resume"
	JobDelete    = "delete"
	JobPurge     = "purge"
	JobMigrate   = "migrate"
)
