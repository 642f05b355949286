-- $1 provider, $2 entity id, which it must have still, $3 metadata
update saml_providers set metadata_xml = $3, updated_at = now() where sso_provider_id = $1 and entity_id = $2
