-- Which of some versions are those of a bucket's object, of a bucket, or of any object.
select distinct version from objects where version = any ($1::text[]) and ($2 = '' or bucket_id = $2) and ($3 = '' or name = $3)
