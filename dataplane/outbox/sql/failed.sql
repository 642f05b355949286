-- What could not be done stays to be read, without what opens an account.
update outbox set last_error = $2, failed_at = case when $3 then now() end, payload = case when $3 then payload - 'secret' else payload end
where id = $1
