-- name: UsageSeries :many
-- Sums by step, from the start: of half hours, and from a time on of minutes. Histograms of one bucket each, so that no array is taken apart.
select date_bin(make_interval(secs => sqlc.arg(step_seconds)::float8), u.at, sqlc.arg(starting)::timestamptz)::timestamptz as at,
    (case when sqlc.arg(by_service)::bool then u.service else '' end)::text as service,
    sum(u.requests)::bigint as requests, sum(u.egress_bytes)::bigint as egress_bytes, sum(u.errors)::bigint as errors,
    sum(u.client_errors)::bigint as client_errors,
    array[coalesce(sum(u.latency[1]), 0), coalesce(sum(u.latency[2]), 0), coalesce(sum(u.latency[3]), 0), coalesce(sum(u.latency[4]), 0),
        coalesce(sum(u.latency[5]), 0), coalesce(sum(u.latency[6]), 0), coalesce(sum(u.latency[7]), 0), coalesce(sum(u.latency[8]), 0),
        coalesce(sum(u.latency[9]), 0), coalesce(sum(u.latency[10]), 0), coalesce(sum(u.latency[11]), 0), coalesce(sum(u.latency[12]), 0),
        coalesce(sum(u.latency[13]), 0)]::bigint[] as latency
from (
    select h.half_hour as at, h.service, h.requests, h.egress_bytes, h.errors, h.client_errors, h.latency from usage_half_hour h
    where h.project_id = sqlc.arg(project_id)::uuid and h.half_hour >= sqlc.arg(starting)::timestamptz and h.half_hour < sqlc.arg(minutes_from)::timestamptz
    union all
    select m.minute, m.service, m.requests, m.egress_bytes, m.errors, m.client_errors, m.latency from usage_minute m
    where m.project_id = sqlc.arg(project_id)::uuid and m.minute >= sqlc.arg(minutes_from)::timestamptz and m.minute < sqlc.arg(ending)::timestamptz
) u
where cardinality(sqlc.arg(services)::text[]) = 0 or u.service = any (sqlc.arg(services)::text[])
group by 1, 2 order by 1, 2;

-- name: GaugeBefore :one
-- What a gauge showed when a time began.
select value from project_gauge
where project_id = $1 and gauge = $2 and at < sqlc.arg(starting)::timestamptz
order by at desc limit 1;

-- name: GaugeChanges :many
-- What a gauge changed to within a time, by step: the most and the last.
select date_bin(make_interval(secs => sqlc.arg(step_seconds)::float8), g.at, sqlc.arg(starting)::timestamptz)::timestamptz as at,
    max(g.value)::bigint as most, ((array_agg(g.value order by g.at desc))[1])::bigint as last
from project_gauge g
where g.project_id = sqlc.arg(project_id)::uuid and g.gauge = sqlc.arg(gauge)::text
    and g.at >= sqlc.arg(starting)::timestamptz and g.at < sqlc.arg(ending)::timestamptz
group by 1 order by 1;

-- name: ProjectsToMeasure :many
-- Projects that stand on a cluster. Sizes are due of those that never had one and, when all are asked for, of those that were used since.
select p.id, p.ref, p.isolation, p.cluster_id::uuid as cluster_id,
    (not exists (select from project_gauge g where g.project_id = p.id and g.gauge = 'database_bytes')
        or sqlc.arg(sizes)::bool and (
            exists (select from usage_minute m where m.project_id = p.id and m.minute >= sqlc.arg(since)::timestamptz)
            or exists (select from project_gauge g where g.project_id = p.id and g.gauge = 'connections' and g.at >= sqlc.arg(since)::timestamptz)
            or (select g.value > 0 from project_gauge g where g.project_id = p.id and g.gauge = 'connections' order by g.at desc limit 1)))::bool as size_due
from project p
where p.cluster_id is not null and p.status in ('active', 'pausing', 'paused', 'resuming')
order by p.cluster_id, p.id;

-- name: AddGauges :execrows
-- A row only where the value is another than the last.
insert into project_gauge (project_id, gauge, at, value)
select p.id, sqlc.arg(gauge)::text, sqlc.arg(at)::timestamptz, u.value
from (select unnest(sqlc.arg(project_ids)::uuid[]) as project_id, unnest(sqlc.arg(values)::bigint[]) as value) u
join project p on p.id = u.project_id
left join lateral (
    select g.value from project_gauge g where g.project_id = p.id and g.gauge = sqlc.arg(gauge)::text order by g.at desc limit 1
) last on true
where last.value is distinct from u.value
order by 1
on conflict do nothing;

-- name: ForgetGauges :execrows
-- The last one before the time stays, as it holds still.
delete from project_gauge where (project_id, gauge, at) in (
    select g.project_id, g.gauge, g.at from project_gauge g
    where g.at < sqlc.arg(before)::timestamptz and exists (
        select from project_gauge n where n.project_id = g.project_id and n.gauge = g.gauge and n.at > g.at and n.at <= sqlc.arg(before)::timestamptz)
    limit sqlc.arg(max_rows));
