-- app_metadata names the providers of the user's identities, the first of them as the provider unless that is one of them still.
update users u set raw_app_meta_data = coalesce(u.raw_app_meta_data, '{}') || case when i.providers is null then '{}' else jsonb_build_object(
    'provider', case when i.providers ? coalesce(u.raw_app_meta_data ->> 'provider', '') then u.raw_app_meta_data ->> 'provider' else i.providers ->> 0 end,
    'providers', i.providers) end
from (
    select jsonb_agg(p.provider order by p.since, p.provider) as providers
    from (select provider, min(created_at) as since from identities where user_id = $1::uuid group by provider) p
) i
where u.id = $1::uuid
