-- $1 id, $2 provider, $3 request, $4 where the flow ends, $5 flow or null. Some of those that nobody came back for go with it.
with past as (
    delete from saml_relay_states where id in (select id from saml_relay_states where created_at < now() - interval '1 day'
        order by created_at limit 20 for update skip locked)
)
insert into saml_relay_states (id, sso_provider_id, request_id, redirect_to, flow_state_id, created_at, updated_at)
values ($1, $2, $3, $4, $5, clock_timestamp(), clock_timestamp())
