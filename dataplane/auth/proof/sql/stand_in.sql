-- $1 text. It changes nothing, and takes what a small change takes: the commit waits for the log to be on disk.
select pg_logical_emit_message(true, 'fluxbase_auth', $1::text)
