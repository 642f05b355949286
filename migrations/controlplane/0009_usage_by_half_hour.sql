-- Usage of weeks is drawn from sums of half hours: a thirtieth of the rows by the minute.

set local lock_timeout = '2s';

create table usage_half_hour (
    project_id uuid not null references project on delete cascade,
    service text not null,
    half_hour timestamptz not null,
    requests bigint not null default 0,
    egress_bytes bigint not null default 0,
    errors bigint not null default 0,
    client_errors bigint not null default 0,
    latency bigint[] not null check (cardinality(latency) = 13),
    primary key (project_id, half_hour, service)
);
comment on table usage_half_hour is 'Sums of usage_minute by half hour, added to with it.';

create index usage_half_hour_time on usage_half_hour using brin (half_hour);

-- No report may come between what is summed here and the control plane that adds to the sums.
lock table usage_minute in share mode;

insert into usage_half_hour (project_id, service, half_hour, requests, egress_bytes, errors, client_errors, latency)
select project_id, service, date_bin('30 minutes', minute, 'epoch'), sum(requests), sum(egress_bytes), sum(errors), sum(client_errors),
    array[coalesce(sum(latency[1]), 0), coalesce(sum(latency[2]), 0), coalesce(sum(latency[3]), 0), coalesce(sum(latency[4]), 0),
        coalesce(sum(latency[5]), 0), coalesce(sum(latency[6]), 0), coalesce(sum(latency[7]), 0), coalesce(sum(latency[8]), 0),
        coalesce(sum(latency[9]), 0), coalesce(sum(latency[10]), 0), coalesce(sum(latency[11]), 0), coalesce(sum(latency[12]), 0),
        coalesce(sum(latency[13]), 0)]::bigint[]
from usage_minute
group by 1, 2, 3;
