-- Waits for what is being kept below the lease; once it is gone, nothing can be.
select pg_advisory_xact_lock(hashtextextended($1, 0))
