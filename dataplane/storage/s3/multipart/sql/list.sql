-- $2 is the prefix, $3 the key after which to begin, $4 the id after which within that key or '' for the next key, $5 how many.
select id, key, coalesce(owner_id, ''), created_at from s3_multipart_uploads
where bucket_id = $1::text and key >= $2::text and key < ($2::text || chr(1114111))
    and ($3::text = '' or key > $3::text or ($4::text <> '' and key = $3::text and id > $4::text))
order by key, id
limit $5::int
