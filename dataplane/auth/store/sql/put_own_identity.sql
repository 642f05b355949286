-- The identity of an address or number, whose name at the provider is the user's own id. $1 user, $2 provider, $3 data.
insert into identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
values ($1::uuid::text, $1::uuid, jsonb_build_object('sub', $1::uuid) || $3::jsonb, $2::text, now(), now(), now())
on conflict (provider_id, provider) do update set identity_data = identities.identity_data || $3::jsonb, updated_at = clock_timestamp()
