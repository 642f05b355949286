-- category: security
-- level: warning
-- title: Columns that look secret can be read
-- explanation: Requests may read columns whose names speak of passwords, tokens, keys or cards, of rows that policies show them or, without row level security, of all rows. Keep secrets in a table without grants. The fix grants the other columns only; requests that ask for all columns must name them then.
with secret as (
    select r.oid, array_agg(a.attname::text order by a.attnum) as columns from relation r join pg_catalog.pg_attribute a on a.attrelid = r.oid
    where a.attnum > 0 and not a.attisdropped
        and regexp_replace(a.attname::text, '([a-z0-9])([A-Z])', '\1_\2', 'g') ~* '(^|[^a-z])(pass(word|wd|phrase|code)?(_?hash)?|pwd|secrets?|tokens?|api_?keys?|(private|secret|access|encryption)_?keys?|credentials?|otp|totp|pin_?code|credit_?cards?|card_?numbers?|cvv2?|cvc|ssn|social_security(_?number)?|iban)([^a-z]|$)'
        and exists (select from reach x where x.oid = r.oid and pg_catalog.has_column_privilege(x.role_oid, r.oid, a.attnum, 'select'))
    group by r.oid
)
select case when not r.guarded and r.kind <> 'v' then 'error' end as level, r.schema, r.name as object, r.what as kind, r.name as "table",
    format('%s may read %s of %s.', x.roles, array_to_string(s.columns, ', '), r.label) as detail,
    format('revoke select on table %s from public, %s;', r.at, (select string_agg(format('%I', a.sql_name), ', ' order by a.name) from app_role a))
        || coalesce((select string_agg(format(E'\ngrant select (%s) on table %s to %I;', rest.columns, r.at, h.sql_name), '' order by h.role)
            from reach h cross join lateral (select string_agg(format('%I', a.attname), ', ' order by a.attnum) as columns from pg_catalog.pg_attribute a
                where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped and a.attname::text <> all (s.columns)
                    and pg_catalog.has_column_privilege(h.role_oid, r.oid, a.attnum, 'select')) rest
            where h.oid = r.oid and rest.columns is not null), '') as fix, array_to_string(s.columns, ',') as extra
from secret s join relation r using (oid) join readable x using (oid)
where not r.guarded or r.kind in ('v', 'm', 'f') or exists (select from policy p where p.relation = r.oid and p.permissive and p.command in ('r', '*')
    and (0 = any (p.roles) or exists (select from app_role a where a.oid = any (p.roles))))
