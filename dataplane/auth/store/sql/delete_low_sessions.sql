-- $1 user, $2 the least level of those that stay
delete from sessions
where user_id = $1 and coalesce(aal, 'aal1') < $2::text::aal_level
returning id
