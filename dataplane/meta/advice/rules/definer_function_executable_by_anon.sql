-- category: security
-- level: warning
-- title: Anyone may run a function as its owner
-- explanation: The function is security definer: it runs as the project's owner, whom no policy holds, and requests without a signed-in user may call it. Leave it to those who need it. The fix leaves it to signed-in users and the service role.
select null::text as level, f.schema, f.object, 'function' as kind, null::text as "table", format('anon may call %s, which runs as its owner.', f.label) as detail,
    format(E'revoke execute on routine %s from public, %I;\ngrant execute on routine %s to %s%I;', f.at, @prefix::text || 'anon', f.at,
        case when 'authenticated' = any (c.roles) then format('%I, ', @prefix::text || 'authenticated') end, @prefix::text || 'service_role') as fix, '' as extra
from routine f join callable c using (oid)
where f.definer and 'anon' = any (c.roles)
