-- $1 flow. What was kept while the user was at the provider is gone when they come back, whatever comes of it, so that a state is used once. A flow
-- with a challenge stays, for its code.
with taken as (
    delete from oauth_client_states c using flow_state f
    where f.id = $1::uuid and c.id = f.oauth_client_state_id and c.provider_type = f.provider_type and f.authentication_method = 'oauth' and f.auth_code is null
    returning f.id, coalesce(c.code_verifier, '') as verifier
), ended as (
    delete from flow_state f using taken t where f.id = t.id and f.code_challenge is null
)
select f.provider_type, t.verifier, f.code_challenge is not null, coalesce(f.invite_token, ''), coalesce(f.referrer, ''), f.linking_target_id, f.created_at
from taken t join flow_state f on f.id = t.id
