-- $1 id, $2 resource id, $3 disabled, $4 metadata, $5 its address, $6 whether it is new, $7 attribute mapping, $8 name id format, $9 domains
with saml as (
    update saml_providers set metadata_xml = $4::text, metadata_url = $5::text, attribute_mapping = $7::jsonb, name_id_format = $8::text,
        updated_at = case when $6::boolean then now() else updated_at end
    where sso_provider_id = $1::uuid
), gone as (
    delete from sso_domains where sso_provider_id = $1::uuid and lower(domain) <> all($9::text[])
), added as (
    insert into sso_domains (id, sso_provider_id, domain, created_at, updated_at)
    select gen_random_uuid(), $1::uuid, d, now(), now() from unnest($9::text[]) d
    where not exists (select from sso_domains o where o.sso_provider_id = $1::uuid and lower(o.domain) = d)
)
update sso_providers set resource_id = $2::text, disabled = $3::boolean, updated_at = now() where id = $1::uuid
