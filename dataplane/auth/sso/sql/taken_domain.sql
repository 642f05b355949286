-- $1 domains in lower case, $2 provider whose own they may be
select d.domain, d.sso_provider_id from sso_domains d
where lower(d.domain) = any($1::text[]) and d.sso_provider_id <> $2::uuid
limit 1
