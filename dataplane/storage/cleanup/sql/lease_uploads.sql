-- Whether uploads by TUS that began below a lease are under way.
select exists (select from resumable_uploads where starts_with(version, $1 || '/'))
