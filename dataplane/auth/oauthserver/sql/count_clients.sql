select count(*) from oauth_clients where deleted_at is null
