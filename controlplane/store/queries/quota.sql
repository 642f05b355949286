-- name: LockOrganizationPlan :one
select plan.max_projects, plan.title, plan.isolation
from organization o
join plan on plan.name = o.plan
where o.id = $1
for update of o;

-- name: CountProjects :one
select count(*) filter (where desired in ('active', 'paused')) as live, count(*) as kept
from project
where organization_id = $1 and status <> 'purged';

-- name: ProjectUsage :one
-- What a project uses, its organisation's use of the month, and what the plan gives. Projects without an organisation have no plan.
select
    coalesce(m.requests, 0)::bigint as requests, coalesce(m.egress_bytes, 0)::bigint as egress_bytes,
    coalesce(om.requests, 0)::bigint as organization_requests, coalesce(om.egress_bytes, 0)::bigint as organization_egress_bytes,
    coalesce(pl.title, '')::text as plan, coalesce(pl.monthly_requests, 0)::bigint as monthly_requests,
    coalesce(pl.monthly_egress_bytes, 0)::bigint as monthly_egress_bytes,
    coalesce(pl.max_storage_bytes, 0)::bigint as max_storage_bytes, coalesce(pl.max_file_bytes, 0)::bigint as max_file_bytes,
    coalesce(s.bytes, 0)::bigint as stored_bytes, coalesce(s.blobs, 0)::bigint as stored_files, s.measured_at,
    p.over_quota_reason
from project p
left join organization o on o.id = p.organization_id
left join plan pl on pl.name = o.plan
left join usage_month m on m.project_id = p.id and m.month = sqlc.arg(month)::date
left join lateral (
    select sum(u.requests) as requests, sum(u.egress_bytes) as egress_bytes
    from usage_month u join project q on q.id = u.project_id
    where q.organization_id = p.organization_id and u.month = sqlc.arg(month)::date
) om on true
left join project_storage s on s.project_id = p.id
where p.id = sqlc.arg(project_id)::uuid;
