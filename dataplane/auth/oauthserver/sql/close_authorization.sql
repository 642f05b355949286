-- $1 id, $2 status, $3 hash of the code or '', which stays when it is '', $4 life of the code in seconds
update oauth_authorizations set status = $2::text::oauth_authorization_status, authorization_code = coalesce(nullif($3::text, ''), authorization_code),
    approved_at = case when $2::text = 'approved' then clock_timestamp() else approved_at end,
    expires_at = case when $2::text = 'approved' then clock_timestamp() + make_interval(secs => $4::float8) else expires_at end
where id = $1
