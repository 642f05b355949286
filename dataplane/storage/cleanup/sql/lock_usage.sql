select from usage_shards where shard = -1 for update -- no upload waits for it
