-- A running job holds an advisory lock of its project as long as its process lives. One that is running by its row, but whose lock is
-- free, lost its process: let another take it at once. A job that wrongly gets here runs twice, which does no harm.
with running as materialized (
    select id, attempt, args ->> 'project_id' as project
    from river_job
    where state = 'running' and queue = 'provision' and args ? 'project_id' and attempted_at < now() - interval '2 seconds'
), dead as materialized (
    select id, attempt from running where pg_try_advisory_xact_lock(hashtextextended('fluxbase/project/' || project, 0))
)
update river_job j
set state = 'available', scheduled_at = now(), max_attempts = greatest(j.max_attempts, j.attempt + 1)
from dead
where j.id = dead.id and j.state = 'running' and j.attempt = dead.attempt
