-- name: LockProjectSecrets :one
select id, ref, organization_id, secrets_sealed from project where id = $1 and status <> 'purged' for update;

-- name: ProjectSecrets :one
select secrets_sealed from project where id = $1 and status <> 'purged';

-- name: SetProjectSecrets :exec
update project set secrets_sealed = $2, updated_at = now(), revision = nextval('project_revision') where id = $1;
