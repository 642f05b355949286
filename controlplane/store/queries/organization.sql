-- name: InsertOrganization :one
insert into organization (id, slug, name, plan) values ($1, $2, $3, $4)
on conflict (slug) do nothing
returning *;

-- name: CountOwned :one
select count(*) from member where account_id = $1 and role = 'owner';

-- name: LockMaker :exec
select id from account where id = $1 for update;

-- name: OrganizationBySlug :one
select * from organization where slug = $1;

-- name: Membership :one
select sqlc.embed(o), coalesce(m.role, '')::text as role
from organization o
left join member m on m.organization_id = o.id and m.account_id = @account_id
where o.slug = @slug;

-- name: ProjectMembership :one
select p.id as project_id, p.ref, sqlc.embed(o), m.role
from project p
join organization o on o.id = p.organization_id
join member m on m.organization_id = o.id and m.account_id = @account_id
where p.ref = @ref and p.status <> 'purged';

-- name: ListOrganizations :many
select sqlc.embed(o), m.role
from member m
join organization o on o.id = m.organization_id
where m.account_id = @account_id and o.slug > @after_slug::text
order by o.slug
limit @max_rows;

-- name: LockOrganization :one
select * from organization where id = $1 for update;

-- name: UpdateOrganization :one
update organization set name = $2, plan = $3, updated_at = now() where id = $1 returning *;

-- name: CountKeptProjects :one
select count(*) from project where organization_id = $1 and status <> 'purged';

-- name: ReleasePurgedProjects :exec
update project set organization_id = null where organization_id = $1 and status = 'purged';

-- name: DeleteOrganization :exec
delete from organization where id = $1;

-- name: InsertMember :execrows
insert into member (organization_id, account_id, role) values ($1, $2, $3) on conflict do nothing;

-- name: ListMembers :many
select a.id, a.email, a.name, m.role, m.created_at
from member m
join account a on a.id = m.account_id
where m.organization_id = @organization_id and lower(a.email) > @after_email::text
order by lower(a.email)
limit @max_rows;

-- name: FindMember :one
select a.id, a.email, a.name, m.role, m.created_at
from member m
join account a on a.id = m.account_id
where m.organization_id = $1 and m.account_id = $2;

-- name: CountOwners :one
select count(*) from member where organization_id = $1 and role = 'owner';

-- name: SetMemberRole :exec
update member set role = $3 where organization_id = $1 and account_id = $2;

-- name: DeleteMember :exec
delete from member where organization_id = $1 and account_id = $2;

-- name: IsMemberByEmail :one
select exists (
    select from member m join account a on a.id = m.account_id
    where m.organization_id = $1 and lower(a.email) = lower(@email::text)
);

-- name: RevokeExpiredInvitation :exec
update invitation set revoked_at = now()
where organization_id = $1 and lower(email) = lower(@email::text) and accepted_at is null and revoked_at is null and expires_at <= @at::timestamptz;

-- name: CountInvitations :one
-- Those that are open, and those made since a time, whatever became of them.
select count(*) from invitation
where organization_id = @organization_id
  and (accepted_at is null and revoked_at is null and expires_at > @at::timestamptz or created_at > @since::timestamptz);

-- name: InsertInvitation :one
insert into invitation (id, organization_id, email, role, token_hash, invited_by, expires_at)
values ($1, $2, $3, $4, $5, $6, $7)
returning *;

-- name: ListInvitations :many
select * from invitation
where organization_id = @organization_id and accepted_at is null and revoked_at is null and expires_at > @at::timestamptz
  and (sqlc.narg(after_time)::timestamptz is null or (created_at, id) < (sqlc.narg(after_time)::timestamptz, sqlc.narg(after_id)::uuid))
order by created_at desc, id desc
limit @max_rows;

-- name: RevokeInvitation :one
update invitation set revoked_at = now()
where organization_id = $1 and id = $2 and accepted_at is null and revoked_at is null
returning email;

-- name: RevokeInvitationsOf :execrows
update invitation set revoked_at = now()
where organization_id = @organization_id and invited_by = @invited_by::uuid and accepted_at is null and revoked_at is null
    and (@of_all_roles::boolean or role = 'owner');

-- name: InvitationByHash :one
select * from invitation where token_hash = $1;

-- name: LockInvitation :one
select * from invitation where id = $1 for update;

-- name: SetInvitationAccepted :exec
update invitation set accepted_at = now() where id = $1;

-- name: InvitationMail :one
select sqlc.embed(i), o.name as organization, coalesce(a.email, '')::text as inviter
from invitation i
join organization o on o.id = i.organization_id
left join account a on a.id = i.invited_by
where i.id = $1;

-- name: ForgetInvitations :execrows
delete from invitation where expires_at < @before::timestamptz;
