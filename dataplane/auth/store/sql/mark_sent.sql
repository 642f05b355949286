-- $1 user. It is remembered when a confirmation would have been sent.
update users set confirmation_sent_at = clock_timestamp() where id = $1
