-- Projects that have a job which is not finished.
select distinct (args ->> 'project_id')::uuid
from river_job
where state in ('available', 'pending', 'retryable', 'running', 'scheduled') and queue = 'provision' and args ? 'project_id'
