package bucket_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

func service(b *storagetest.Bundle) *bucket.Service {
	return bucket.New(bucket.Deps{Objects: b.Objects, Queue: b.Queue})
}

func refused(t *testing.T, err error, kind fault.Kind, reason string) {
	t.Helper()
	require.ErrorIs(t, err, &fault.Error{Kind: kind, Reason: reason})
}

func number(n int64) *int64 { return &n }

func TestBucketsComeAndGo(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		s, ctx, all := service(b), t.Context(), b.Service()
		require.NoError(t, s.Create(ctx, all, bucket.Bucket{ID: "Photos 2026", Public: true, FileSizeLimit: number(1000), AllowedMIMETypes: []string{"image/*", "", "text/plain"}}))
		got, err := s.Get(ctx, all, "Photos 2026")
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), got.Created, time.Minute)
		require.Equal(t, bucket.Bucket{ID: "Photos 2026", Name: "Photos 2026", Public: true, FileSizeLimit: number(1000), AllowedMIMETypes: []string{"image/*", "text/plain"},
			Type: "STANDARD", Created: got.Created, Updated: got.Updated}, *got)
		refused(t, s.Create(ctx, all, bucket.Bucket{ID: "Photos 2026"}), fault.Exists, "BUCKET_ALREADY_EXISTS")
		refused(t, s.Create(ctx, all, bucket.Bucket{ID: "other", Name: "Photos 2026"}), fault.Exists, "BUCKET_ALREADY_EXISTS")

		no := false
		require.NoError(t, s.Update(ctx, all, "Photos 2026", bucket.Change{Public: &no}))
		got, err = s.Get(ctx, all, "Photos 2026")
		require.NoError(t, err)
		require.False(t, got.Public)
		require.Equal(t, number(1000), got.FileSizeLimit, "what is not named stays")
		require.NoError(t, s.Update(ctx, all, "Photos 2026", bucket.Change{SetLimit: true, SetTypes: true}))
		got, err = s.Get(ctx, all, "Photos 2026")
		require.NoError(t, err)
		require.Nil(t, got.FileSizeLimit)
		require.Nil(t, got.AllowedMIMETypes)
		refused(t, s.Update(ctx, all, "nothing", bucket.Change{Public: &no}), fault.NotFound, "NO_SUCH_BUCKET")

		b.Put("Photos 2026", "a.txt", "a")
		refused(t, s.Delete(ctx, all, "Photos 2026"), fault.FailedPrecondition, "RESOURCE_NOT_EMPTY")
		_, err = b.Objects.Delete(ctx, all, "Photos 2026", []string{"a.txt"})
		require.NoError(t, err)
		b.Owner(`insert into {storage}.s3_multipart_uploads (id, upload_signature, bucket_id, key, version) values ('u', '', 'Photos 2026', 'k', 'v')`)
		refused(t, s.Delete(ctx, all, "Photos 2026"), fault.FailedPrecondition, "RESOURCE_NOT_EMPTY")
		b.Owner(`delete from {storage}.s3_multipart_uploads`)
		require.NoError(t, s.Delete(ctx, all, "Photos 2026"))
		refused(t, s.Delete(ctx, all, "Photos 2026"), fault.NotFound, "NO_SUCH_BUCKET")
		_, err = s.Get(ctx, all, "Photos 2026")
		refused(t, err, fault.NotFound, "NO_SUCH_BUCKET")
	})
}

func TestBucketsAreListed(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		s, ctx, all := service(b), t.Context(), b.Service()
		for i, id := range []string{"beta", "Alpha", "gamma", "alphabet", "100%"} {
			b.Bucket(id, false)
			b.Owner("update {storage}.buckets set created_at = now() + $2 * interval '1 day', updated_at = now() - $2 * interval '1 day' where id = $1", id, i)
		}
		b.Owner("insert into {storage}.buckets (id, name, type) values ('vectors', 'vectors', 'VECTOR')")
		names := func(q bucket.Query) string {
			list, err := s.List(ctx, all, q)
			require.NoError(t, err)
			var out []string
			for _, found := range list {
				out = append(out, found.ID)
			}
			return strings.Join(out, " ")
		}
		for name, c := range map[string]struct {
			q    bucket.Query
			want string
		}{
			"by name":                  {bucket.Query{}, "100% Alpha alphabet beta gamma"},
			"from the end":             {bucket.Query{SortColumn: "name", Descending: true}, "gamma beta alphabet Alpha 100%"},
			"by id":                    {bucket.Query{SortColumn: "id"}, "100% Alpha alphabet beta gamma"},
			"as they came":             {bucket.Query{SortColumn: "created_at"}, "beta Alpha gamma alphabet 100%"},
			"the latest first":         {bucket.Query{SortColumn: "created_at", Descending: true}, "100% alphabet gamma Alpha beta"},
			"as they changed":          {bucket.Query{SortColumn: "updated_at"}, "100% alphabet gamma Alpha beta"},
			"the latest changed first": {bucket.Query{SortColumn: "updated_at", Descending: true}, "beta Alpha gamma alphabet 100%"},
			"a page":                   {bucket.Query{Limit: 2, Offset: 1}, "Alpha alphabet"},
			"beyond the end":           {bucket.Query{Limit: 2, Offset: 9}, ""},
			"searched in any case":     {bucket.Query{Search: "ALPHA"}, "Alpha alphabet"},
			"a search is no pattern":   {bucket.Query{Search: "%"}, "100%"},
			"nothing is found":         {bucket.Query{Search: "_"}, ""},
		} {
			require.Equal(t, c.want, names(c.q), name)
		}
		_, err := s.List(ctx, all, bucket.Query{SortColumn: "public; drop table buckets"})
		refused(t, err, fault.Invalid, "INVALID_PARAMETER")
	})
}

func TestPoliciesDecideAboutBuckets(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		s, ctx := service(b), t.Context()
		me, other := uuid.NewString(), uuid.NewString()
		user, stranger, anon := b.Caller("authenticated", me), b.Caller("authenticated", other), b.Anon()
		for name, session := range map[string]*projectdb.Session{"anon": anon, "a user": user} {
			require.Equal(t, "42501", pg.Code(s.Create(ctx, session, bucket.Bucket{ID: "mine"})), name)
		}
		b.Owner(`create policy own on {storage}.buckets to {authenticated} using (owner_id = (select auth.uid())::text) with check (owner_id = (select auth.uid())::text
			and {storage}.operation() in ('storage.bucket.create', 'storage.bucket.update'))`)
		require.NoError(t, s.Create(ctx, user, bucket.Bucket{ID: "mine"}))
		got, err := s.Get(ctx, user, "mine")
		require.NoError(t, err)
		require.Equal(t, me, got.Owner)
		yes := true
		for name, session := range map[string]*projectdb.Session{"anon": anon, "a stranger": stranger} {
			_, err = s.Get(ctx, session, "mine")
			refused(t, err, fault.NotFound, "NO_SUCH_BUCKET")
			list, err := s.List(ctx, session, bucket.Query{})
			require.NoError(t, err)
			require.Empty(t, list, name)
			refused(t, s.Update(ctx, session, "mine", bucket.Change{Public: &yes}), fault.NotFound, "NO_SUCH_BUCKET")
			refused(t, s.Delete(ctx, session, "mine"), fault.NotFound, "NO_SUCH_BUCKET")
			_, err = s.Empty(ctx, session, "mine")
			refused(t, err, fault.NotFound, "NO_SUCH_BUCKET")
		}
		require.NoError(t, s.Update(ctx, user, "mine", bucket.Change{Public: &yes}))
		b.Put("mine", "not mine.txt", "x")
		refused(t, s.Delete(ctx, user, "mine"), fault.FailedPrecondition, "RESOURCE_NOT_EMPTY")
		done, err := s.Empty(ctx, user, "mine")
		require.NoError(t, err)
		require.True(t, done, "what the caller does not see is not there")
		require.Equal(t, "x", b.Read("mine", "not mine.txt"))
		b.Owner(`create policy see on {storage}.objects for select to {authenticated} using (true)`)
		_, err = s.Empty(ctx, user, "mine")
		refused(t, err, fault.Denied, "ACCESS_DENIED")
		require.Equal(t, "x", b.Read("mine", "not mine.txt"))
		b.Owner(`create policy clear on {storage}.objects for delete to {authenticated} using ({storage}.operation() = 'storage.bucket.empty')`)
		done, err = s.Empty(ctx, user, "mine")
		require.NoError(t, err)
		require.True(t, done)
		require.NoError(t, s.Delete(ctx, user, "mine"))
	})
}

func TestRulesOfBuckets(t *testing.T) {
	t.Parallel()
	b := storagetest.New(t, false).Limited(directory.Limits{MaxFileBytes: 5_000_000})
	s, ctx, all := service(b), t.Context(), b.Service()
	for name, c := range map[string]struct {
		bucket bucket.Bucket
		kind   fault.Kind
		reason string
	}{
		"no name":                     {bucket.Bucket{}, fault.Invalid, "INVALID_BUCKET_NAME"},
		"a path":                      {bucket.Bucket{ID: "a/b"}, fault.Invalid, "INVALID_BUCKET_NAME"},
		"a parent":                    {bucket.Bucket{ID: ".."}, fault.Invalid, "INVALID_BUCKET_NAME"},
		"another script":              {bucket.Bucket{ID: "фото"}, fault.Invalid, "INVALID_BUCKET_NAME"},
		"a name that is none":         {bucket.Bucket{ID: "a", Name: "a\x00"}, fault.Invalid, "INVALID_BUCKET_NAME"},
		"101 characters":              {bucket.Bucket{ID: strings.Repeat("a", 101)}, fault.Invalid, "INVALID_BUCKET_NAME"},
		"beyond the plan":             {bucket.Bucket{ID: "a", FileSizeLimit: number(5_000_001)}, fault.Invalid, "ENTITY_TOO_LARGE"},
		"less than nothing":           {bucket.Bucket{ID: "a", FileSizeLimit: number(-1)}, fault.Invalid, "INVALID_PARAMETER"},
		"a type of nothing":           {bucket.Bucket{ID: "a", AllowedMIMETypes: []string{"image"}}, fault.Invalid, "INVALID_MIME_TYPE"},
		"a pattern within a type":     {bucket.Bucket{ID: "a", AllowedMIMETypes: []string{"image/p*"}}, fault.Invalid, "INVALID_MIME_TYPE"},
		"two types in one":            {bucket.Bucket{ID: "a", AllowedMIMETypes: []string{"image/png, text/html"}}, fault.Invalid, "INVALID_MIME_TYPE"},
		"very many types":             {bucket.Bucket{ID: "a", AllowedMIMETypes: strings.Split(strings.Repeat("a/b ", 501), " ")}, fault.Invalid, "INVALID_PARAMETER"},
		"a bucket for other purposes": {bucket.Bucket{ID: "a", Type: "ANALYTICS"}, fault.Unimplemented, "FEATURE_NOT_ENABLED"},
	} {
		err := s.Create(ctx, all, c.bucket)
		require.ErrorIs(t, err, &fault.Error{Kind: c.kind, Reason: c.reason}, name)
	}
	require.NoError(t, s.Create(ctx, all, bucket.Bucket{ID: "a", FileSizeLimit: number(5_000_000), AllowedMIMETypes: []string{"*/*", "image/svg+xml", "text/html; charset=utf-8"}}))
	refused(t, s.Update(ctx, all, "a", bucket.Change{SetLimit: true, FileSizeLimit: number(5_000_001)}), fault.Invalid, "ENTITY_TOO_LARGE")
	refused(t, s.Update(ctx, all, "a", bucket.Change{SetTypes: true, AllowedMIMETypes: []string{"nothing"}}), fault.Invalid, "INVALID_MIME_TYPE")
	require.NoError(t, s.Update(ctx, all, "a", bucket.Change{SetLimit: true, FileSizeLimit: number(0)}))
	got, err := s.Get(ctx, all, "a")
	require.NoError(t, err)
	require.Nil(t, got.FileSizeLimit, "zero is no limit of its own")
}

func TestSizesAsSupabaseWritesThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"20MB": 20_000_000, "1.5kb": 1500, "3B": 3, "1GB": 1_000_000_000, "77": 77, " 10mb ": 10_000_000, "0b": 0} {
		got, err := bucket.ParseSize(text)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "MB", "-1", "-1MB", "1TB", "1e9MB", "1 MB", "99999999999999GB", "0x10", "NaN", "1.MB", "9223372036854775808"} {
		_, err := bucket.ParseSize(text)
		refused(t, err, fault.Invalid, "INVALID_REQUEST")
	}
}

// slow is objects whose every page takes a second of the clock.
type slow struct {
	bucket.Objects
	now *time.Time
}

func (s slow) Clear(ctx context.Context, session *projectdb.Session, id, after string, before time.Time) (string, int, int, error) {
	*s.now = s.now.Add(time.Second)
	return s.Objects.Clear(ctx, session, id, after, before)
}

// handler carries items of the outbox to the service, and tells when one is done.
type handler struct {
	service *bucket.Service
	done    chan error
}

func (h handler) Handle(ctx context.Context, session *projectdb.Session, item outbox.Item) error {
	if item.Kind != bucket.EmptyKind {
		return nil
	}
	err := h.service.Handle(ctx, session, item)
	h.done <- err
	return err
}

func TestALargeBucketIsEmptiedInTheBackground(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		ctx, me := t.Context(), uuid.NewString()
		b.Bucket("large", false)
		b.Owner(`create policy own on {storage}.objects to {authenticated} using (owner_id = (select auth.uid())::text)`)
		b.Owner(`create policy see on {storage}.buckets for select to {authenticated} using (true)`)
		b.Owner(`insert into {storage}.objects (bucket_id, name, owner_id) select 'large', 'f' || i, case when i > 2500 then 'other' else $1::text end from generate_series(1, 2600) i`, me)
		now := time.Now()
		s := bucket.New(bucket.Deps{Objects: slow{b.Objects, &now}, Queue: b.Queue, Patience: time.Second, Now: func() time.Time { return now }})
		h := handler{bucket.New(bucket.Deps{Objects: b.Objects, Queue: b.Queue}), make(chan error, 8)}
		b.Queue.Register("storage", h)
		b.Run()
		done, err := s.Empty(ctx, b.Caller("authenticated", me), "large")
		require.NoError(t, err)
		require.False(t, done, "the rest is left for later")
		b.Owner(`insert into {storage}.objects (bucket_id, name, owner_id, created_at) values ('large', 'zz new', $1, now() + interval '1 minute')`, me)
		require.NoError(t, <-h.done)
		page, err := b.Objects.List(ctx, b.Service(), object.ListQuery{Bucket: "large", Limit: 200})
		require.NoError(t, err)
		require.Len(t, page.Entries, 101, "those of others stay, and what came after it was asked for")
		require.Equal(t, "zz new", page.Entries[100].Name())
	})
}
