select id, provider, provider_id, coalesce(email, ''), coalesce(identity_data -> 'email_verified' = 'true', false) from identities
where user_id = $1 order by created_at, id
