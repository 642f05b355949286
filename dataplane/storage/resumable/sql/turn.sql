-- One upload of a project is counted and added at a time.
select pg_advisory_xact_lock(hashtextextended(current_schema() || '.resumable_uploads', 0))
