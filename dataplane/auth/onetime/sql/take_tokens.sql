-- $1 user, $2 kinds, none for all. It answers with how many there were.
with taken as (
    delete from one_time_tokens where user_id = $1::uuid and (cardinality($2::text[]) = 0 or token_type::text = any($2::text[]))
    returning 1
), cleared as (
    update users set
        confirmation_token = case when cardinality($2::text[]) = 0 or 'confirmation_token' = any($2::text[]) then '' else confirmation_token end,
        recovery_token = case when cardinality($2::text[]) = 0 or 'recovery_token' = any($2::text[]) then '' else recovery_token end,
        reauthentication_token = case when cardinality($2::text[]) = 0 or 'reauthentication_token' = any($2::text[]) then '' else reauthentication_token end,
        email_change_token_new = case when cardinality($2::text[]) = 0 or 'email_change_token_new' = any($2::text[]) then '' else email_change_token_new end,
        email_change_token_current = case when cardinality($2::text[]) = 0 or 'email_change_token_current' = any($2::text[]) then '' else email_change_token_current end,
        phone_change_token = case when cardinality($2::text[]) = 0 or 'phone_change_token' = any($2::text[]) then '' else phone_change_token end
    where id = $1::uuid
)
select count(*) from taken
