delete from sso_providers where id = $1
