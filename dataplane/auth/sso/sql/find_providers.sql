-- $1 id, $2 entity id, $3 domain in lower case, $4 resource id, $5 how it begins; null for any
select p.id, p.resource_id, p.disabled, s.entity_id, s.metadata_xml, s.metadata_url, coalesce(s.attribute_mapping, '{}'), s.name_id_format,
    array(select d.domain from sso_domains d where d.sso_provider_id = p.id order by d.created_at, d.domain),
    coalesce(p.created_at, now()), coalesce(p.updated_at, now()), coalesce(s.updated_at, s.created_at, now())
from sso_providers p join saml_providers s on s.sso_provider_id = p.id
where ($1::uuid is null or p.id = $1) and ($2::text is null or s.entity_id = $2)
    and ($3::text is null or p.id in (select d.sso_provider_id from sso_domains d where lower(d.domain) = $3))
    and ($4::text is null or p.resource_id = $4) and ($5::text is null or starts_with(p.resource_id, $5))
order by p.created_at, p.id
