-- $1 provider, $2 name there, $3 addresses that the provider has verified, the best first. It answers with the user whose identity it is, and with the
-- one whose address it is.
select (select i.user_id from identities i where i.provider = $1::text and i.provider_id = $2::text),
    (select u.id from users u where u.email = any($3::text[]) and u.is_sso_user = false and u.deleted_at is null
     order by array_position($3::text[], u.email::text) limit 1)
