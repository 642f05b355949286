-- Whether the project stores anything.
select exists (select from blobs) or exists (select from leases) or exists (select from resumable_uploads)
