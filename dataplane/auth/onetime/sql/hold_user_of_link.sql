-- $1 what a link carries, $2 kinds. The user's row is held until the transaction ends.
select id from users
where id in (select t.user_id from one_time_tokens t where t.token_hash = $1::text and t.token_type::text = any($2::text[]))
for update
