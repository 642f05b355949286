-- $1 OAuth client, $2 user, or null for all users
delete from sessions where oauth_client_id = $1 and ($2::uuid is null or user_id = $2)
returning id
