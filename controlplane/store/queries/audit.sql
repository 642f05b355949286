-- name: InsertAuditEvent :exec
insert into audit_event (id, organization_id, actor_account_id, actor_email, action, target, ip_address, request_id, details)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: ListAuditEvents :many
select * from audit_event
where (organization_id = sqlc.narg(organization_id)::uuid
    or sqlc.narg(organization_id)::uuid is null and (organization_id is null or former_organization <> ''))
  and (@action::text = '' or action = @action or starts_with(action, @action || '.'))
  and (@actor::text = '' or lower(actor_email) = lower(@actor))
  and (sqlc.narg(after_time)::timestamptz is null or (created_at, id) < (sqlc.narg(after_time)::timestamptz, sqlc.narg(after_id)::uuid))
order by created_at desc, id desc
limit @max_rows;
