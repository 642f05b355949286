package object_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

// TestAnswersAboutManyHoldLittle: users fill their files' metadata as far as they may, and ask about all at once.
func TestAnswersAboutManyHoldLittle(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		const files, each, most = 400, 60_000, 9 << 20
		b.Bucket("files", false)
		b.Owner(`insert into {storage}.objects (bucket_id, name, metadata, user_metadata)
			select 'files', 'f' || lpad(i::text, 4, '0'), '{"size": 1}', jsonb_build_object('a', repeat('x', 60000)) from generate_series(1, 400) i`)
		ctx, session := t.Context(), b.Service()
		for _, sort := range []string{"name", "created_at"} {
			seen, pages := map[string]bool{}, 0
			for q := (object.ListQuery{Bucket: "files", Limit: 1000, SortBy: sort, UserMetadata: true}); pages == 0 || q.Cursor != ""; pages++ {
				page, err := b.Objects.List(ctx, session, q)
				require.NoError(t, err)
				held := 0
				for _, o := range page.Objects() {
					require.Greater(t, len(o.UserMetadata), each)
					held += len(o.UserMetadata)
					seen[o.Name] = true
				}
				require.Less(t, held, most)
				q.Cursor = page.Next
			}
			require.Len(t, seen, files, sort)
			require.Equal(t, 3, pages)
		}
		page, err := b.Objects.List(ctx, session, object.ListQuery{Bucket: "files", Limit: 1000, Whole: true})
		require.NoError(t, err)
		require.Len(t, page.Entries, files)
		require.Nil(t, page.Entries[0].Object.UserMetadata)
		names := make([]string, files)
		for i := range names {
			names[i] = fmt.Sprintf("f%04d", i+1)
		}
		found, err := b.Objects.FindMany(ctx, session, "storage.object.sign_many", "files", names)
		require.NoError(t, err)
		require.Len(t, found, files)
		require.Nil(t, found[0].UserMetadata)
		gone, err := b.Objects.Delete(ctx, session, "files", names)
		require.NoError(t, err)
		require.Len(t, gone, files)
		held := 0
		for _, o := range gone {
			held += len(o.UserMetadata)
		}
		require.Less(t, held, most)

		b.Owner(`insert into {storage}.objects (bucket_id, name, metadata) select 'files', 'g' || i, jsonb_build_object('size', 1, 'a', repeat('x', 3000000)) from generate_series(1, 4) i`)
		_, err = b.Objects.List(ctx, session, object.ListQuery{Bucket: "files", Limit: 1000, Whole: true})
		require.Equal(t, "RESULT_TOO_LARGE", reason(err))
		page, err = b.Objects.List(ctx, session, object.ListQuery{Bucket: "files", Limit: 1000})
		require.NoError(t, err)
		require.Len(t, page.Entries, 2)
		require.NotEmpty(t, page.Next)
	})
}

// TestRowsOfAnySize: the project's owner writes what no user could.
func TestRowsOfAnySize(t *testing.T) {
	t.Parallel()
	b := storagetest.New(t, false)
	b.Bucket("files", false)
	b.Owner(`insert into {storage}.objects (bucket_id, name, metadata) select 'files', 'f' || i, jsonb_build_object('eTag', repeat('x', 3000000)) from generate_series(1, 5) i`)
	b.Owner(`insert into {storage}.buckets (id, name) select 'b' || i, repeat('x', 5000) || i from generate_series(1, 2000) i`)
	ctx, session, names := t.Context(), b.Service(), []string{"f1", "f2", "f3", "f4", "f5"}
	_, err := b.Objects.FindMany(ctx, session, "storage.object.sign_many", "files", names)
	require.Equal(t, "RESULT_TOO_LARGE", reason(err))
	_, err = b.Objects.Find(ctx, session, "files", "f1")
	require.Equal(t, "RESULT_TOO_LARGE", reason(err))
	full, err := json.Marshal(map[string]string{"a": strings.Repeat("\u0001", 10_000)})
	require.NoError(t, err)
	_, err = b.Objects.Upload(ctx, session, object.Target{Bucket: "files", Name: "full", UserMetadata: full}, strings.NewReader(""))
	require.NoError(t, err)
	_, err = b.Objects.Find(ctx, session, "files", "full")
	require.NoError(t, err, "as much as anybody may say")
	buckets := bucket.New(bucket.Deps{Objects: b.Objects, Queue: b.Queue})
	_, err = buckets.List(ctx, session, bucket.Query{})
	require.Equal(t, "RESULT_TOO_LARGE", reason(err))
	some, err := buckets.List(ctx, session, bucket.Query{Limit: 100})
	require.NoError(t, err)
	require.Len(t, some, 100)
	gone, err := b.Objects.Delete(ctx, session, "files", names)
	require.NoError(t, err)
	held := 0
	for i, o := range gone {
		require.Equal(t, names[i], o.Name)
		held += len(o.Metadata.ETag)
	}
	require.Less(t, held, 9<<20)
}

// TestUploadsUnderWayShareTheRoom: many begin while there is room, send nearly all of their bytes, and stand still.
func TestUploadsUnderWayShareTheRoom(t *testing.T) {
	t.Parallel()
	b := storagetest.New(t, false)
	b.Bucket("files", false)
	session := b.Limited(directory.Limits{StorageBytes: 1000}).Service()
	began, leave, done := make(chan struct{}, 3), make(chan struct{}), make(chan error, 3)
	put := func(name string, size int64, body io.Reader) error {
		_, err := b.Objects.Upload(t.Context(), session, object.Target{Bucket: "files", Name: name, Size: size}, body)
		return err
	}
	for i, size := range []int64{400, -1} {
		go func() {
			body := io.MultiReader(strings.NewReader(strings.Repeat("x", 399)), &standing{began, leave})
			done <- put(strconv.Itoa(i), size, body)
		}()
		<-began
	}
	require.Equal(t, "QUOTA_STORAGE", reason(put("more", 300, strings.NewReader(strings.Repeat("x", 300)))))
	require.Equal(t, "QUOTA_STORAGE", reason(put("more", -1, strings.NewReader(strings.Repeat("x", 300)))))
	require.NoError(t, put("less", 100, strings.NewReader(strings.Repeat("x", 100))))
	close(leave)
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	require.Equal(t, int64(900), storagetest.One[int64](b, "select bytes from used()"))
	require.NoError(t, put("last", 100, strings.NewReader(strings.Repeat("x", 100))), "what was under way, or refused, is not counted any more")
}

// standing waits with its only byte.
type standing struct{ began, leave chan struct{} }

func (s *standing) Read(p []byte) (int, error) {
	if s.leave == nil {
		return 0, io.EOF
	}
	s.began <- struct{}{}
	<-s.leave
	s.leave = nil
	return copy(p, "x"), nil
}
