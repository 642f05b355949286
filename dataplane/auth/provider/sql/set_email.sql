-- $1 user, $2 address that a provider has verified, or '' for none
update users set email = nullif($2::text, ''), email_confirmed_at = case when $2::text = '' then null else now() end,
    is_anonymous = is_anonymous and $2::text = '', confirmation_token = '', updated_at = clock_timestamp()
where id = $1::uuid
