-- $1 user, $2 client, $3 scopes
insert into oauth_consents (id, user_id, client_id, scopes, granted_at) values (gen_random_uuid(), $1, $2, $3, now())
on conflict (user_id, client_id) do update set scopes = excluded.scopes, granted_at = excluded.granted_at, revoked_at = null
