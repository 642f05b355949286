delete from custom_oauth_providers where identifier = $1
