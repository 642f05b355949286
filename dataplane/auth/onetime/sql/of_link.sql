-- Follows the columns of users. $1 what a link carries, $2 kinds
    , t.token_type::text, t.relates_to, t.created_at at time zone 'UTC', t.token_hash
from one_time_tokens t join users u on u.id = t.user_id
where t.token_hash = $1::text and t.token_type::text = any($2::text[]) and u.deleted_at is null
limit 1
