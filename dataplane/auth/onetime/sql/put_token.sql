-- $1 id, $2 user, $3 kind, $4 what the link carries, $5 relates to, $6 hash of the code. A change of address begins anew.
with kept as (
    update users set updated_at = clock_timestamp(),
        confirmation_token = case when $3::text = 'confirmation_token' then $6::text else confirmation_token end,
        confirmation_sent_at = case when $3::text = 'confirmation_token' then clock_timestamp() else confirmation_sent_at end,
        recovery_token = case when $3::text = 'recovery_token' then $6::text else recovery_token end,
        recovery_sent_at = case when $3::text = 'recovery_token' then clock_timestamp() else recovery_sent_at end,
        reauthentication_token = case when $3::text = 'reauthentication_token' then $6::text else reauthentication_token end,
        reauthentication_sent_at = case when $3::text = 'reauthentication_token' then clock_timestamp() else reauthentication_sent_at end,
        email_change_token_new = case when $3::text = 'email_change_token_new' then $6::text else email_change_token_new end,
        email_change_token_current = case when $3::text = 'email_change_token_current' then $6::text else email_change_token_current end,
        email_change_sent_at = case when $3::text in ('email_change_token_new', 'email_change_token_current') then clock_timestamp() else email_change_sent_at end,
        email_change_confirm_status = case when $3::text in ('email_change_token_new', 'email_change_token_current') then 0 else email_change_confirm_status end,
        phone_change_token = case when $3::text = 'phone_change_token' then $6::text else phone_change_token end,
        phone_change_sent_at = case when $3::text = 'phone_change_token' then clock_timestamp() else phone_change_sent_at end
    where id = $2::uuid
    returning id
)
insert into one_time_tokens (id, user_id, token_type, token_hash, relates_to, created_at, updated_at)
select $1::uuid, id, $3::text::one_time_token_type, $4::text, $5::text, clock_timestamp() at time zone 'UTC', clock_timestamp() at time zone 'UTC' from kept
on conflict (user_id, token_type) do update set token_hash = excluded.token_hash, relates_to = excluded.relates_to,
    created_at = excluded.created_at, updated_at = excluded.updated_at
