-- $1 user, $2 kind of the code that was used. One of the two confirmations of a change of address is there.
with used as (
    delete from one_time_tokens where user_id = $1::uuid and token_type::text = $2::text
)
update users set email_change_confirm_status = 1, updated_at = clock_timestamp(),
    email_change_token_new = case when $2::text = 'email_change_token_new' then '' else email_change_token_new end,
    email_change_token_current = case when $2::text = 'email_change_token_current' then '' else email_change_token_current end
where id = $1::uuid
