-- $1 user, $2 address. A change to another address begins anew; to the same one it goes on.
update users set email_change_confirm_status = case when email_change = $2::text then email_change_confirm_status else 0 end,
    email_change = $2::text, updated_at = clock_timestamp()
where id = $1
