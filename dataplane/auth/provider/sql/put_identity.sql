-- $1 user, $2 provider, $3 name there, $4 data. The user's metadata takes over what the provider says. It answers with how many identities there were
-- to put: none when it is another user's.
with kept as (
    insert into identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
    values ($3::text, $1::uuid, $4::jsonb, $2::text, clock_timestamp(), clock_timestamp(), clock_timestamp())
    on conflict (provider_id, provider) do update set identity_data = excluded.identity_data, last_sign_in_at = excluded.last_sign_in_at,
        updated_at = excluded.updated_at
    where identities.user_id = excluded.user_id
    returning user_id
), said as (
    update users u set raw_user_meta_data = coalesce(u.raw_user_meta_data, '{}') || $4::jsonb, updated_at = clock_timestamp()
    from kept k where u.id = k.user_id
)
select count(*) from kept
