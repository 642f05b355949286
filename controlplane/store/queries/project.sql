-- name: InsertProject :one
insert into project (id, ref, organization_id, name, isolation, cluster_id, secrets_sealed, settings)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (ref) do nothing
returning *;

-- name: GetProjectByRef :one
select sqlc.embed(project), coalesce(o.slug, '')::text as organization, coalesce(c.name, '')::text as cluster
from project
left join organization o on o.id = project.organization_id
left join cluster c on c.id = project.cluster_id
where project.ref = $1;

-- name: ListProjects :many
select sqlc.embed(project), o.slug::text as organization, coalesce(c.name, '')::text as cluster
from project
join organization o on o.id = project.organization_id
join member m on m.organization_id = o.id and m.account_id = @account_id
left join cluster c on c.id = project.cluster_id
where (sqlc.narg(organization_id)::uuid is null or o.id = sqlc.narg(organization_id)::uuid)
  and project.status <> 'purged'
  and (@search::text = '' or strpos(lower(project.name), lower(@search)) > 0 or strpos(project.ref, lower(@search)) > 0)
  and (sqlc.narg(after_time)::timestamptz is null
       or (project.created_at, project.id) < (sqlc.narg(after_time)::timestamptz, sqlc.narg(after_id)::uuid))
order by project.created_at desc, project.id desc
limit @max_rows;

-- name: LockProjectByRef :one
select * from project where ref = $1 for update;

-- name: SetProjectName :exec
update project set name = $2, updated_at = now() where id = $1;

-- name: SetProjectState :exec
update project set desired = @desired, status = @status, failure_message = '', deleted_at = @deleted_at, purge_at = @purge_at,
    updated_at = now(), revision = nextval('project_revision')
where id = @id;

-- name: SetProjectSettings :exec
update project set settings = $2, settings_sealed = $3, updated_at = now(), revision = nextval('project_revision') where id = $1;

-- name: ListSteps :many
select * from project_step where project_id = $1 order by job, position;

-- name: ListStepsOf :many
select * from project_step where project_id = any(@project_ids::uuid[]) order by project_id, job, position;

-- name: ProjectCluster :one
select host, port, ssl_mode from cluster where id = $1;

-- name: ClusterByName :one
select id, draining from cluster where name = $1;
