-- $1 provider, $2 name there, $3 what the provider says now, $4 address of a user of SSO or ''. The user's metadata takes it over.
with known as (
    update identities set identity_data = $3::jsonb, last_sign_in_at = clock_timestamp(), updated_at = clock_timestamp()
    where provider = $1 and provider_id = $2
    returning user_id
)
update users u set raw_user_meta_data = coalesce(u.raw_user_meta_data, '{}') || $3::jsonb,
    email = case when u.is_sso_user then coalesce(nullif($4::text, ''), u.email) else u.email end, updated_at = clock_timestamp()
from known where u.id = known.user_id and u.deleted_at is null
returning u.id
