-- name: InsertSnippet :exec
insert into snippet (id, project_id, author_id, name, folder, sql, shared) values ($1, $2, $3, $4, $5, $6, $7);

-- name: CountSnippets :one
select count(*) filter (where deleted_at is null) as live, count(*) as kept, coalesce(sum(bytes), 0)::bigint as bytes
from snippet s
where s.project_id = @project_id
  and (s.shared or exists (select from member m where m.organization_id = @organization_id and m.account_id = s.author_id));

-- name: ListSnippets :many
select s.id, s.name, s.folder, s.bytes, s.shared, s.author_id, s.revision, s.created_at, s.updated_at, lower(s.name) as sort_key,
    coalesce(a.name, '')::text as author_name, coalesce(a.email, '')::text as author_email, (f.account_id is not null)::boolean as favorite
from snippet s
left join account a on a.id = s.author_id
left join snippet_favorite f on f.snippet_id = s.id and f.account_id = @account_id
where s.project_id = @project_id and s.deleted_at is null and (s.shared or s.author_id = @account_id)
  and (not @only_mine::boolean or s.author_id = @account_id)
  and (not @only_shared::boolean or s.shared)
  and (not @only_favorites::boolean or f.account_id is not null)
  and (@search::text = '' or strpos(lower(s.name), lower(@search)) > 0 or strpos(lower(s.folder), lower(@search)) > 0
       or strpos(lower(s.sql), lower(@search)) > 0)
  and (sqlc.narg(after_key)::text is null or (lower(s.name), s.id) > (sqlc.narg(after_key)::text, sqlc.narg(after_id)::uuid))
order by lower(s.name), s.id
limit @max_rows;

-- name: GetSnippet :one
select sqlc.embed(s), coalesce(a.name, '')::text as author_name, coalesce(a.email, '')::text as author_email,
    (f.account_id is not null)::boolean as favorite
from snippet s
left join account a on a.id = s.author_id
left join snippet_favorite f on f.snippet_id = s.id and f.account_id = @account_id
where s.project_id = @project_id and s.id = @id and s.deleted_at is null and (s.shared or s.author_id = @account_id);

-- name: LockSnippet :one
select * from snippet
where project_id = @project_id and id = @id and (shared or author_id = @account_id)
for update;

-- name: UpdateSnippet :exec
update snippet set name = $2, folder = $3, sql = $4, shared = $5, revision = revision + 1, updated_at = now() where id = $1;

-- name: SetSnippetDeleted :exec
update snippet set deleted_at = $2 where id = $1;

-- name: AddSnippetFavorite :exec
insert into snippet_favorite (account_id, snippet_id) values ($1, $2) on conflict do nothing;

-- name: DeleteSnippetFavorite :exec
delete from snippet_favorite where account_id = $1 and snippet_id = $2;

-- name: ForgetDeletedSnippets :exec
delete from snippet where project_id = $1 and deleted_at is not null;

-- name: SweepSnippets :execrows
delete from snippet where deleted_at < @before::timestamptz;

-- name: PurgeProjectSnippets :exec
delete from snippet where project_id = $1;

-- name: DeletePrivateSnippetsOf :execrows
delete from snippet
where author_id = @account_id and not shared and project_id in (select p.id from project p where p.organization_id = @organization_id);
