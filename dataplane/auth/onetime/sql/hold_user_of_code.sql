-- $1 address or number, $2 kinds, $3 hash of the code, or null for any. The row of the user is held until the transaction ends.
select u.id from one_time_tokens t join users u on u.id = t.user_id
where t.relates_to = $1::text and t.token_type::text = any($2::text[]) and u.deleted_at is null
    and ($3::text is null or case t.token_type::text
        when 'confirmation_token' then u.confirmation_token
        when 'recovery_token' then u.recovery_token
        when 'reauthentication_token' then u.reauthentication_token
        when 'email_change_token_new' then u.email_change_token_new
        when 'email_change_token_current' then u.email_change_token_current
        when 'phone_change_token' then u.phone_change_token
    end in ($3::text, 'pkce_' || $3::text))
order by t.created_at desc, u.id
limit 1
for update of u
