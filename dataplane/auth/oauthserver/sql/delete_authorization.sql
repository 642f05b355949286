delete from oauth_authorizations where id = $1
