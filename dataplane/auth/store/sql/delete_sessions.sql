-- $1 user, $2 only this session or null, $3 all but this session or null. Where it is not only one, what the sessions have begun ends too: codes that are
-- to be exchanged for another session, and identities that are to be linked.
with begun as (
    delete from flow_state where user_id = $1::uuid and $2::uuid is null and (auth_code is not null or linking_target_id is not null)
)
delete from sessions
where user_id = $1::uuid and ($2::uuid is null or id = $2::uuid) and ($3::uuid is null or id <> $3::uuid)
returning id
