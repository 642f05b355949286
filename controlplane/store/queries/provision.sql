-- name: GetProject :one
select * from project where id = $1;

-- name: LockWholeProject :one
select * from project where id = $1 for update;

-- name: PlaceProject :exec
update project set cluster_id = $2, database_name = $3, bucket = $4, updated_at = now() where id = $1;

-- name: SetMigrationVersion :exec
-- Workers learn of it: by which login they reach storage depends on it.
update project set migration_version = $2, updated_at = now(), revision = nextval('project_revision') where id = $1;

-- name: SetStatusIf :execrows
update project set status = @status, failure_message = @failure_message, updated_at = now(), revision = nextval('project_revision')
where id = @id and status = any(@was::text[]);

-- name: SetIntent :exec
update project set desired = @desired, status = @status, failure_message = '', updated_at = now(), revision = nextval('project_revision')
where id = @id;

-- name: ForgetSteps :exec
delete from project_step where project_id = $1 and job = $2;

-- name: AddSteps :exec
insert into project_step (project_id, job, position, name, status)
select @project_id, @job::text, s.position, s.name, 'pending'
from unnest(@names::text[]) with ordinality as s (name, position)
on conflict do nothing;

-- name: StartStep :exec
update project_step set
    status = case name when @name::text then 'running' else 'done' end,
    message = '',
    started_at = case name when @name::text then coalesce(started_at, clock_timestamp()) else started_at end,
    finished_at = case name when @name::text then null else clock_timestamp() end
where project_id = @project_id and job = @job
  and (name = @name::text or status in ('running', 'retrying'));

-- name: FinishSteps :exec
update project_step set status = 'done', message = '', finished_at = coalesce(finished_at, clock_timestamp()),
    started_at = coalesce(started_at, clock_timestamp())
where project_id = $1 and job = $2 and status <> 'done';

-- name: FailStep :exec
update project_step set status = @status, message = @message,
    finished_at = case @status::text when 'failed' then clock_timestamp() end
where project_id = @project_id and job = @job and name = @name;

-- name: PurgeProjectKeys :exec
delete from api_key where project_id = $1;

-- name: PurgeProjectHosts :exec
delete from project_host where project_id = $1;

-- name: PurgeProjectRow :exec
update project set status = 'purged', secrets_sealed = '', settings = '{}', settings_sealed = '', failure_message = '', updated_at = now(),
    revision = nextval('project_revision')
where id = $1;

-- name: MigrationProgress :one
select count(*) as total, count(*) filter (where migration_version >= @version) as done,
    count(*) filter (where migration_version < @version and exists (
        select from project_step s where s.project_id = project.id and s.job = 'migrate' and s.status in ('retrying', 'failed'))) as failing
from project where status in ('active', 'paused', 'pausing', 'resuming');

-- name: ProjectsToReconcile :many
select p.id, p.desired, p.status, p.purge_at
from project p
where p.status <> 'purged' and (p.status <> 'failed' or p.desired = 'deleted' and p.purge_at < @now::timestamptz)
  and (p.desired <> p.status or p.purge_at < @now::timestamptz
       or (p.migration_version < @version::int and p.status in ('active', 'paused'))
       or (p.status = 'deleted' and not exists (
            select from project_step s where s.project_id = p.id and s.job = 'delete' and s.status = 'done')))
  and not (p.id = any(@busy::uuid[]))
order by p.updated_at
limit 500;
