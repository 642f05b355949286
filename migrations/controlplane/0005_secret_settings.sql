-- Settings of type secret are kept apart from the others, sealed. And addresses are no longer confirmed by default:
-- projects that were made when they were go on as they are, until somebody says otherwise.

set local lock_timeout = '2s';

alter table project add column settings_sealed bytea not null default '';
comment on column project.settings_sealed is 'Sealed JSON of the secret settings by key: controlplane/project. Empty when none is set.';

update project set settings = settings || '{"auth.autoconfirm": true}', revision = nextval('project_revision')
where status <> 'purged' and not settings ? 'auth.autoconfirm';
