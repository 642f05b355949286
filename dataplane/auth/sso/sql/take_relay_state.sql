-- A relay state is gone when it is tried once.
delete from saml_relay_states where id = $1
returning sso_provider_id, request_id, coalesce(redirect_to, ''), flow_state_id, created_at
