-- Whether uploads by TUS that began below a lease are under way, and whether those by S3 may be, whose table is the project's own: they last a week at most.
select exists (select from resumable_uploads where starts_with(version, $1 || '/')),
    exists (select from leases where id = $1 and ends_at > now() - interval '8 days')
