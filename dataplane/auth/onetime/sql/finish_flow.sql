-- $1 user, $2 method, $3 code. The newest flow that the user began by the method, and that has no code yet, ends with this one.
update flow_state set auth_code = $3::text, auth_code_issued_at = clock_timestamp(), updated_at = clock_timestamp()
where id = (
    select f.id from flow_state f where f.user_id = $1::uuid and f.authentication_method = $2::text and f.auth_code is null
    order by f.created_at desc limit 1
)
returning id
