lock table s3_access_keys in share row exclusive mode
