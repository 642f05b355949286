-- $1 email or "", $2 phone or "", $3 an id made of the name: the next user's hash is what a stranger's password is compared with, so that unknown names
-- take as long as the project's own users do. It answers with one row in any case. Users of SSO have no password here.
select c.id, coalesce(c.encrypted_password, ''), c.email_confirmed_at is not null, c.phone_confirmed_at is not null,
    coalesce(c.banned_until > now(), false), coalesce(d.encrypted_password, '')
from (values (1)) as one
left join lateral (
    select u.* from users u
    where (u.email = nullif($1::text, '') or u.phone = nullif($2::text, '')) and not u.is_sso_user and u.deleted_at is null
) c on true
left join lateral (
    select near.encrypted_password
    from (select n.encrypted_password from users n where n.id >= $3::uuid order by n.id limit 20) near
    where near.encrypted_password <> '' limit 1
) d on true
