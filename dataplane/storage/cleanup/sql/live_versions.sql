-- Which of some versions uploads may still be under way for: their lease has not ended, or they are uploads by TUS; none that is a week over its time.
select v.version from unnest($1::text[]) v (version)
where exists (select from leases l where l.id = split_part(v.version, '/', 1) and l.ends_at > now() - interval '8 days')
or exists (select from resumable_uploads u where u.version = v.version and u.expires_at > now() - interval '8 days')
