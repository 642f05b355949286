select private_key, certificate from saml_keys
