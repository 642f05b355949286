delete from resumable_uploads where id = $1
