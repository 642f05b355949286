select count(*) from users u
