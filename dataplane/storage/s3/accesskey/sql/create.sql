insert into s3_access_keys (id, description, secret_sealed)
select $1::text, $2::text, $3::bytea
where (select count(*) from s3_access_keys) < $4::int
returning created_at
