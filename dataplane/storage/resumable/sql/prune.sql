-- What was finished is told for a while, to clients that missed the last answer.
delete from resumable_uploads
where (state ->> 'done')::timestamptz < now() - interval '10 minutes' and not coalesce((state ->> 'strays')::boolean, false)
