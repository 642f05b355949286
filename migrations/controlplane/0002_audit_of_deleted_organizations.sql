-- The audit events of an organisation outlive it: they keep its id, and the slug that it had.

set local lock_timeout = '2s';

alter table audit_event drop constraint audit_event_organization_id_fkey;
alter table audit_event add column former_organization text not null default '';
comment on column audit_event.former_organization is 'The slug of the organisation, set when it is deleted; then the event is the platform''s to list.';

create index audit_event_platform on audit_event (created_at desc, id desc) where organization_id is null or former_organization <> '';

create function keep_audit_of_organization() returns trigger language plpgsql as $$
begin
    update audit_event set former_organization = old.slug where organization_id = old.id;
    return null;
end $$;
create trigger organization_deleted after delete on organization for each row execute function keep_audit_of_organization();
