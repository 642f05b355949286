package object_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

// BenchmarkListOfMillion lists a folder of 1,000 objects among 1,000,000 in 1,000 folders, as a user whom a policy shows them.
func BenchmarkListOfMillion(b *testing.B) {
	bundle := storagetest.New(b, false)
	bundle.Bucket("a", false)
	bundle.Owner(`alter table {storage}.objects disable trigger user`)
	bundle.Owner(`insert into {storage}.objects (bucket_id, name, version, metadata)
		select 'a', 'folder-' || f || '/file-' || n || '.txt', 'v', '{"eTag": "\"x\"", "size": 10, "mimetype": "text/plain", "cacheControl": "no-cache"}'
		from generate_series(1, 1000) f, generate_series(1, 1000) n`)
	bundle.Owner(`alter table {storage}.objects enable trigger user`)
	bundle.Owner(`analyze {storage}.objects`)
	bundle.Owner(`create policy everyone on {storage}.objects for select to {authenticated} using (bucket_id = 'a' and auth.uid() is not null)`)
	user, _ := bundle.User()
	session := bundle.Caller("authenticated", user)
	for _, q := range []struct {
		name  string
		query object.ListQuery
		want  int
	}{
		{"folder", object.ListQuery{Bucket: "a", Prefix: "folder-500/", Delimiter: "/", Limit: 1000}, 1000},
		{"folder by time", object.ListQuery{Bucket: "a", Prefix: "folder-500/", Delimiter: "/", Limit: 1000, SortBy: "created_at", Descending: true}, 1000},
		{"folders", object.ListQuery{Bucket: "a", Delimiter: "/", Limit: 1000}, 1000},
		{"page of 100", object.ListQuery{Bucket: "a", Prefix: "folder-500/", Delimiter: "/", Limit: 100}, 100},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				page, err := bundle.Objects.List(b.Context(), session, q.query)
				require.NoError(b, err)
				require.Len(b, page.Entries, q.want)
			}
		})
	}
}
