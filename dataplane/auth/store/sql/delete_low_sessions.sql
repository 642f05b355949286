-- $1 user, $2 the least level of those that stay. What sessions have begun ends too, as in delete_sessions.sql: it may be of one that goes.
with begun as (
    delete from flow_state where user_id = $1::uuid and (auth_code is not null or linking_target_id is not null)
)
delete from sessions
where user_id = $1::uuid and coalesce(aal, 'aal1') < $2::text::aal_level
returning id
