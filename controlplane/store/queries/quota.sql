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
