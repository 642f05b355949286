-- $1 id, $2 resource id, $3 disabled, $4 entity id, $5 metadata, $6 its address, $7 attribute mapping, $8 name id format, $9 domains
with provider as (
    insert into sso_providers (id, resource_id, disabled, created_at, updated_at) values ($1::uuid, $2::text, $3::boolean, now(), now())
), saml as (
    insert into saml_providers (id, sso_provider_id, entity_id, metadata_xml, metadata_url, attribute_mapping, name_id_format, created_at, updated_at)
    values (gen_random_uuid(), $1::uuid, $4::text, $5::text, $6::text, $7::jsonb, $8::text, now(), now())
)
insert into sso_domains (id, sso_provider_id, domain, created_at, updated_at)
select gen_random_uuid(), $1::uuid, d, now(), now() from unnest($9::text[]) d
