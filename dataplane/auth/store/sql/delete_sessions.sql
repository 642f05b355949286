-- $1 user, $2 only this session or null, $3 all but this session or null
delete from sessions
where user_id = $1 and ($2::uuid is null or id = $2) and ($3::uuid is null or id <> $3)
returning id
