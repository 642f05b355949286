-- name: SnapshotProject :one
-- Everything of a snapshot that is one row. Projects without an organisation ("platform") have no limits. "served" tells
-- whether the project was ever active.
select sqlc.embed(p),
    coalesce(c.host, '')::text as cluster_host, coalesce(c.port, 0)::int as cluster_port, coalesce(c.ssl_mode, '')::text as cluster_ssl_mode,
    coalesce(pl.requests_per_second, 0)::int as requests_per_second, coalesce(pl.burst, 0)::int as burst,
    coalesce(pl.requests_per_second_per_ip, 0)::int as requests_per_second_per_ip,
    coalesce(pl.requests_per_second_per_key, 0)::int as requests_per_second_per_key,
    coalesce(pl.statement_timeout_ms, 0)::int as statement_timeout_ms,
    coalesce(pl.max_storage_bytes, 0)::bigint as max_storage_bytes, coalesce(pl.max_file_bytes, 0)::bigint as max_file_bytes,
    (exists (select from project_step s where s.project_id = p.id and s.job = 'provision')
        and not exists (select from project_step s where s.project_id = p.id and s.job = 'provision' and s.status <> 'done'))::bool as served
from project p
left join cluster c on c.id = p.cluster_id
left join organization o on o.id = p.organization_id
left join plan pl on pl.name = o.plan
where p.status <> 'purged'
    and (p.ref = sqlc.arg(ref)::text
        or p.id = (select h.project_id from project_host h where h.host = sqlc.arg(host)::text and h.verified_at is not null));

-- name: SnapshotKeys :many
select id, type, hash, expires_at, scopes, requests_per_second from api_key
where project_id = $1 and revoked_at is null and (expires_at is null or expires_at > now()) order by id;

-- name: SnapshotHosts :many
select host from project_host where project_id = $1 and verified_at is not null order by host;

-- name: InsertUsageReport :execrows
insert into usage_report (id) values ($1) on conflict do nothing;

-- name: AddUsageMinutes :exec
-- Rows in one order, so that two reports cannot wait for each other. No two are of one project, service and minute. A histogram is
-- given as the text of an array, since arrays of arrays must be of one length.
insert into usage_minute as m (project_id, service, minute, requests, egress_bytes, errors, client_errors, latency)
select p.id, u.service, u.minute, u.requests, u.egress_bytes, u.errors, u.client_errors, u.latency::bigint[]
from (
    select unnest(sqlc.arg(project_ids)::uuid[]) as project_id, unnest(sqlc.arg(services)::text[]) as service,
        unnest(sqlc.arg(minutes)::timestamptz[]) as minute, unnest(sqlc.arg(requests)::bigint[]) as requests,
        unnest(sqlc.arg(egress_bytes)::bigint[]) as egress_bytes, unnest(sqlc.arg(errors)::bigint[]) as errors,
        unnest(sqlc.arg(client_errors)::bigint[]) as client_errors, unnest(sqlc.arg(latencies)::text[]) as latency
) u
join project p on p.id = u.project_id
order by 1, 2, 3
on conflict (project_id, minute, service) do update
set requests = m.requests + excluded.requests, egress_bytes = m.egress_bytes + excluded.egress_bytes, errors = m.errors + excluded.errors,
    client_errors = m.client_errors + excluded.client_errors,
    latency = (select coalesce(array_agg(coalesce(m.latency[i], 0) + coalesce(excluded.latency[i], 0) order by i), '{}')
        from generate_series(1, greatest(cardinality(m.latency), cardinality(excluded.latency))) as i);

-- name: AddUsageHalfHours :exec
-- What AddUsageMinutes adds, by half hour.
insert into usage_half_hour as h (project_id, service, half_hour, requests, egress_bytes, errors, client_errors, latency)
select p.id, u.service, date_bin('30 minutes', u.minute, 'epoch'), sum(u.requests), sum(u.egress_bytes), sum(u.errors), sum(u.client_errors),
    array[coalesce(sum(u.latency[1]), 0), coalesce(sum(u.latency[2]), 0), coalesce(sum(u.latency[3]), 0), coalesce(sum(u.latency[4]), 0),
        coalesce(sum(u.latency[5]), 0), coalesce(sum(u.latency[6]), 0), coalesce(sum(u.latency[7]), 0), coalesce(sum(u.latency[8]), 0),
        coalesce(sum(u.latency[9]), 0), coalesce(sum(u.latency[10]), 0), coalesce(sum(u.latency[11]), 0), coalesce(sum(u.latency[12]), 0),
        coalesce(sum(u.latency[13]), 0)]::bigint[]
from (
    select unnest(sqlc.arg(project_ids)::uuid[]) as project_id, unnest(sqlc.arg(services)::text[]) as service,
        unnest(sqlc.arg(minutes)::timestamptz[]) as minute, unnest(sqlc.arg(requests)::bigint[]) as requests,
        unnest(sqlc.arg(egress_bytes)::bigint[]) as egress_bytes, unnest(sqlc.arg(errors)::bigint[]) as errors,
        unnest(sqlc.arg(client_errors)::bigint[]) as client_errors, unnest(sqlc.arg(latencies)::text[])::bigint[] as latency
) u
join project p on p.id = u.project_id
group by 1, 2, 3 order by 1, 2, 3
on conflict (project_id, half_hour, service) do update
set requests = h.requests + excluded.requests, egress_bytes = h.egress_bytes + excluded.egress_bytes, errors = h.errors + excluded.errors,
    client_errors = h.client_errors + excluded.client_errors,
    latency = array[h.latency[1] + excluded.latency[1], h.latency[2] + excluded.latency[2], h.latency[3] + excluded.latency[3],
        h.latency[4] + excluded.latency[4], h.latency[5] + excluded.latency[5], h.latency[6] + excluded.latency[6],
        h.latency[7] + excluded.latency[7], h.latency[8] + excluded.latency[8], h.latency[9] + excluded.latency[9],
        h.latency[10] + excluded.latency[10], h.latency[11] + excluded.latency[11], h.latency[12] + excluded.latency[12],
        h.latency[13] + excluded.latency[13]];

-- name: AddUsageMonths :exec
insert into usage_month as m (project_id, month, requests, egress_bytes)
select p.id, date_trunc('month', u.minute at time zone 'UTC')::date, sum(u.requests), sum(u.egress_bytes)
from (
    select unnest(sqlc.arg(project_ids)::uuid[]) as project_id, unnest(sqlc.arg(minutes)::timestamptz[]) as minute,
        unnest(sqlc.arg(requests)::bigint[]) as requests, unnest(sqlc.arg(egress_bytes)::bigint[]) as egress_bytes
) u
join project p on p.id = u.project_id
group by 1, 2 order by 1, 2
on conflict (project_id, month) do update
set requests = m.requests + excluded.requests, egress_bytes = m.egress_bytes + excluded.egress_bytes;

-- name: KeepStorage :exec
-- The newest measure counts, whatever the order in which reports come. A worker's clock that is fast does not make its measures last.
insert into project_storage as s (project_id, bytes, blobs, measured_at)
select distinct on (p.id) p.id, u.bytes, u.blobs, least(u.measured_at, sqlc.arg(at)::timestamptz)
from (
    select unnest(sqlc.arg(project_ids)::uuid[]) as project_id, unnest(sqlc.arg(bytes)::bigint[]) as bytes,
        unnest(sqlc.arg(blobs)::bigint[]) as blobs, unnest(sqlc.arg(measured_at)::timestamptz[]) as measured_at
) u
join project p on p.id = u.project_id
order by p.id, u.measured_at desc
on conflict (project_id) do update
set bytes = excluded.bytes, blobs = excluded.blobs, measured_at = excluded.measured_at
where s.measured_at < excluded.measured_at;

-- name: TouchKeys :exec
update api_key k set last_used_at = u.used_at
from (
    select r.key_id, r.project_id, max(r.used_at)::timestamptz as used_at
    from (
        select unnest(sqlc.arg(key_ids)::uuid[]) as key_id, unnest(sqlc.arg(project_ids)::uuid[]) as project_id,
            unnest(sqlc.arg(used_at)::timestamptz[]) as used_at
    ) r
    group by 1, 2
) u
where k.id = u.key_id and k.project_id = u.project_id and (k.last_used_at is null or k.last_used_at < u.used_at);

-- name: EvaluateQuotas :execrows
-- Compares the month's use of organisations with their plans, and tells their projects where the answer changed. Without
-- project_ids all organisations are looked at, else those of these projects.
with chosen as (
    select o.id, pl.monthly_requests, pl.monthly_egress_bytes, pl.title
    from organization o join plan pl on pl.name = o.plan
    where cardinality(sqlc.arg(project_ids)::uuid[]) = 0
        or o.id in (select organization_id from project where id = any (sqlc.arg(project_ids)::uuid[]))
), used as (
    select p.organization_id, sum(m.requests) as requests, sum(m.egress_bytes) as egress_bytes
    from project p join usage_month m on m.project_id = p.id
    where m.month = date_trunc('month', sqlc.arg(at)::timestamptz at time zone 'UTC')::date
        and p.organization_id in (select id from chosen)
    group by 1
), verdict as (
    select c.id, case
        when c.monthly_requests > 0 and u.requests >= c.monthly_requests
            then format('The %s plan''s %s requests of this month are used up.', c.title, c.monthly_requests)
        when c.monthly_egress_bytes > 0 and u.egress_bytes >= c.monthly_egress_bytes
            then format('The %s plan''s %s of egress (answers and files that were sent) of this month are used up.', c.title,
                case when c.monthly_egress_bytes >= 1000000000 then trim_scale(round(c.monthly_egress_bytes / 1e9, 2)) || ' GB' else c.monthly_egress_bytes || ' bytes' end)
        else '' end as reason
    from chosen c left join used u on u.organization_id = c.id
), due as (
    select p.id, v.reason from project p join verdict v on v.id = p.organization_id
    where p.over_quota_reason <> v.reason and p.status <> 'purged'
    order by p.id for update of p
)
update project p set over_quota_reason = d.reason, revision = nextval('project_revision')
from due d where p.id = d.id;

-- name: ForgetUsageReports :exec
delete from usage_report where created_at < now() - interval '1 day';

-- name: ForgetUsageMinutes :execrows
delete from usage_minute where (project_id, minute, service) in (
    select m.project_id, m.minute, m.service from usage_minute m where m.minute < @before::timestamptz limit @max_rows);

-- name: ForgetUsageHalfHours :execrows
delete from usage_half_hour where (project_id, half_hour, service) in (
    select h.project_id, h.half_hour, h.service from usage_half_hour h where h.half_hour < @before::timestamptz limit @max_rows);
