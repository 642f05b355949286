-- $1 user, $2 seconds. Enrolments that were begun and left.
delete from mfa_factors
where user_id = $1 and status = 'unverified' and created_at < now() - make_interval(secs => $2::float8)
    and (last_challenged_at is null or last_challenged_at < now() - make_interval(secs => $2::float8))
