-- Of two workers that make one at once, the first wins.
insert into saml_keys (id, private_key, certificate) values (gen_random_uuid(), $1, $2)
on conflict (only_one) do nothing
