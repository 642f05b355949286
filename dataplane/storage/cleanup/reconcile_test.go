package cleanup_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/cleanup"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func (b *bundle) reconcile(o cleanup.Options) *cleanup.Report {
	b.T.Helper()
	report, err := b.service().Reconcile(b.T.Context(), b.Service(), o)
	require.NoError(b.T, err)
	return report
}

// put writes a key behind the service's back.
func (b *bundle) put(key, content string) {
	b.T.Helper()
	_, err := b.Blobs.PutKey(b.T.Context(), b.Project, key, strings.NewReader(content), int64(len(content)), "text/plain")
	require.NoError(b.T, err)
}

// damage is what can be wrong, and what a look makes of it.
type damage struct {
	do func(b *bundle)
	// found are the kinds and counts of problems, repaired what is left of them after a repair and the jobs that it leaves.
	found, left string
	// lost is how many objects cannot be read afterwards.
	lost int
}

var damages = map[string]damage{
	"nothing": {do: func(*bundle) {}},
	"bytes of a lease that is no more": {
		do: func(b *bundle) {
			version := b.stray("stray")
			b.tables("delete from leases where id = split_part($1, '/', 1)", version)
		},
		found: "stray_bytes 1",
	},
	"bytes of a lease that goes on are an upload's": {do: func(b *bundle) { b.dead("under way", "x") }},
	"a lease that nothing ends": {
		do: func(b *bundle) {
			b.stray("x")
			b.tables("update leases set ends_at = now() - interval '1 day'; ")
			b.tables("delete from outbox")
		},
		found: "unattended 2", // the stray's, and that of the other objects
	},
	"another's keys": {
		do:    func(b *bundle) { b.put("objects/readme.txt", "x"); b.put("objects/a/b/c", "x") },
		found: "unknown_keys 2", left: "unknown_keys 2",
	},
	"TRUNCATE": {
		do:    func(b *bundle) { b.Owner("truncate {storage}.objects") },
		found: "unused_blobs 3", lost: 4,
	},
	"triggers that were dropped": {
		do: func(b *bundle) {
			b.Owner("alter table {storage}.objects disable trigger objects_gone")
			b.Owner("delete from {storage}.objects where name in ('a', 'b')")
		},
		found: "unused_blobs 1", lost: 2,
	},
	"a version that was changed by hand": {
		do: func(b *bundle) {
			b.Owner("alter table {storage}.objects disable trigger objects_replaced")
			b.Owner("update {storage}.objects set version = 'nothing' where name = 'c'")
		},
		found: "unused_blobs 1 missing_bytes 1", left: "missing_bytes 1", lost: 1,
	},
	"rows that name no bytes": {
		do: func(b *bundle) {
			b.Owner("insert into {storage}.objects (bucket_id, name, version) values ('files', 'x', null), ('files', 'y', '0000000000000000/00000000-0000-0000-0000-000000000000'), ('files', 'z', repeat('long', 500))")
		},
		found: "missing_bytes 3", left: "missing_bytes 3",
	},
	"bytes that went from the bucket": {
		do: func(b *bundle) {
			o, err := b.Objects.Find(b.T.Context(), b.Service(), "files", "a")
			require.NoError(b.T, err)
			require.NoError(b.T, b.Blobs.Remove(b.T.Context(), b.Project, o.Version))
		},
		found: "missing_bytes 1", left: "missing_bytes 1", lost: 2,
	},
	"a blob that was lost, of a lease that is no more": {
		do: func(b *bundle) {
			b.tables("delete from blobs where version in (select version from blobs order by version limit 1)")
			b.tables("delete from leases")
		},
		found: "uncounted_bytes 1 wrong_usage 1",
	},
	"bytes that were changed": {
		do: func(b *bundle) {
			o, err := b.Objects.Find(b.T.Context(), b.Service(), "files", "c")
			require.NoError(b.T, err)
			b.put(blob.Prefix+o.Version, "much more than there was")
		},
		found: "wrong_size 1",
	},
	"counts that are wrong": {
		do: func(b *bundle) {
			b.tables("update usage_shards set bytes = bytes + 12345, blobs = blobs - 6 where shard = 7")
		},
		found: "wrong_usage 1",
	},
	"removals that nobody sees to": {
		do: func(b *bundle) {
			b.delete("c")
			b.tables("update removals set removed_at = now() - interval '1 day'")
			b.tables("delete from outbox where kind = 'remove'")
		},
		found: "unattended 1", lost: 1,
	},
	"images made of others": {
		do: func(b *bundle) {
			o, err := b.Objects.Find(b.T.Context(), b.Service(), "files", "c")
			require.NoError(b.T, err)
			for key, version := range map[string]string{"renditions/kept": o.Version, "renditions/of nothing": "gone", "renditions/without bytes": o.Version} {
				b.tables("insert into renditions (version, recipe, key, size, mime_type, created_at) values ($1, $2, $2, 1, '', now() - interval '1 day')", version, key)
			}
			b.put("renditions/kept", "x")
			b.put("renditions/of nothing", "x")
		},
		found: "broken_renditions 2",
	},
}

func summary(r *cleanup.Report) string {
	var out []string
	for _, p := range r.Problems {
		out = append(out, fmt.Sprint(p.Kind, " ", p.Count))
	}
	return strings.Join(out, " ")
}

func TestReconcile(t *testing.T) {
	for name, d := range damages {
		for _, page := range []int{1, 1000} {
			t.Run(fmt.Sprint(name, " by ", page), func(t *testing.T) {
				t.Parallel()
				b := with(storagetest.New(t, page == 1))
				b.Put("files", "a", "one")
				b.copy("a", "b")
				b.Put("files", "c", "three")
				b.Put("files", "d", "four")
				d.do(b)
				keys, used := len(b.StoredKeys()), storagetest.One[int64](b.Bundle, "select bytes from used()")
				items := b.kinds()
				s := b.service(func(d *cleanup.Deps) { d.Page = page })
				report, err := s.Reconcile(t.Context(), b.Service(), cleanup.Options{})
				require.NoError(t, err)
				require.Equal(t, d.found, summary(report))
				require.True(t, report.DryRun)
				for _, p := range report.Problems {
					require.Zero(t, p.Repaired)
					require.NotEmpty(t, p.Means)
					require.NotEmpty(t, p.Examples)
				}
				require.Len(t, b.StoredKeys(), keys, "a dry run changes nothing")
				require.Equal(t, used, storagetest.One[int64](b.Bundle, "select bytes from used()"))
				require.Equal(t, items, b.kinds())

				repaired, err := s.Reconcile(t.Context(), b.Service(), cleanup.Options{Repair: true})
				require.NoError(t, err)
				require.Equal(t, d.found, summary(repaired))
				b.drain(s)
				require.Equal(t, d.left, summary(b.reconcile(cleanup.Options{})))
				require.Equal(t, d.lost, b.unreadable(), "a repair loses no file")
			})
		}
	}
}

// drain does the items that are due, until none is.
func (b *bundle) drain(s *cleanup.Service) {
	b.T.Helper()
	for range 20 {
		id := storagetest.One[*uuid.UUID](b.Bundle, "select (select id from outbox where failed_at is null and (created_at <= now() or kind = 'remove') order by created_at limit 1)")
		if id == nil {
			return
		}
		item := outbox.Item{
			ID: *id, Kind: storagetest.One[string](b.Bundle, "select kind from outbox where id = $1", id),
			Payload: storagetest.One[[]byte](b.Bundle, "select payload from outbox where id = $1", id),
		}
		require.NoError(b.T, s.Handle(b.T.Context(), b.Service(), item), item.Kind)
		b.tables("delete from outbox where id = $1", id)
	}
	require.Fail(b.T, "the items do not come to an end", b.kinds())
}

// unreadable counts those of the four files that are gone.
func (b *bundle) unreadable() (n int) {
	for _, name := range []string{"a", "b", "c", "d"} {
		o, err := b.Objects.Find(b.T.Context(), b.Service(), "files", name)
		if err == nil {
			if body, opened := b.Objects.Open(b.T.Context(), b.Service(), o, 0, -1); opened == nil {
				body.Close()
				continue
			}
		}
		n++
	}
	return n
}

func TestRowsWithoutBytesGoOnlyWhenAsked(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		gone := b.Put("files", "a", "one")
		b.copy("a", "b")
		b.Put("files", "c", "three")
		b.Owner("insert into {storage}.objects (bucket_id, name, version) values ('files', 'x', null), ('files', 'y', 'z')")
		require.NoError(t, b.Blobs.Remove(t.Context(), b.Project, gone.Version))
		report := b.reconcile(cleanup.Options{Repair: true, DropRows: true})
		require.Equal(t, "missing_bytes 3", summary(report))
		require.Equal(t, int64(3), report.Problems[0].Repaired)
		require.Contains(t, report.Problems[0].Examples, "files/a")
		b.drain(b.service())
		b.requireAgreement()
		require.Equal(t, "three", b.Read("files", "c"))
		_, err := b.Objects.Find(t.Context(), b.Service(), "files", "b")
		require.Error(t, err)
	})
}

func TestAnEmptyBucketIsTakenForTheWrongOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.Put("files", "a", "one")
	require.NoError(t, b.Blobs.Remove(t.Context(), b.Project, o.Version))
	_, err := b.service().Reconcile(t.Context(), b.Service(), cleanup.Options{Repair: true, DropRows: true})
	require.ErrorIs(t, err, &fault.Error{Kind: fault.FailedPrecondition, Reason: "BUCKET_EMPTY"})
	require.True(t, storagetest.One[bool](b.Bundle, "select exists (select from blobs where removing_at is null)"))
	_, err = b.Objects.Find(t.Context(), b.Service(), "files", "a")
	require.NoError(t, err)
}

func TestALookGoesOnWhereItStopped(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		for i := range 5 {
			b.Put("files", fmt.Sprint(i), "x")
		}
		b.Owner("truncate {storage}.objects")
		s := b.service(func(d *cleanup.Deps) { d.Page = 1 })
		whole := &cleanup.Report{DryRun: true, Problems: []cleanup.Problem{}}
		parts := 0
		for cursor := ""; parts == 0 || cursor != ""; parts++ {
			part, err := s.Reconcile(t.Context(), b.Service(), cleanup.Options{Cursor: cursor, Patience: time.Nanosecond})
			require.NoError(t, err)
			whole.Add(part)
			cursor = part.Next
		}
		require.Greater(t, parts, 5)
		require.Equal(t, b.reconcile(cleanup.Options{}), whole)
		for _, cursor := range []string{"x", "e30", "eyJwIjoiZG9uZSJ9", "../.."} {
			_, err := s.Reconcile(t.Context(), b.Service(), cleanup.Options{Cursor: cursor})
			require.ErrorIs(t, err, &fault.Error{Kind: fault.Invalid, Reason: "INVALID_REQUEST"}, cursor)
		}
	})
}

func TestEveryProjectIsLookedOverNowAndThen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Put("files", "a", "one")
	b.Owner("truncate {storage}.objects")
	b.tables("delete from outbox")
	s := b.service(func(d *cleanup.Deps) { d.Slice = time.Nanosecond })
	require.NoError(t, b.handle(s, cleanup.KindReconcile, struct{}{}))
	require.Equal(t, "remove reconcile", b.kinds(), "it repairs, and goes on")
	require.True(t, storagetest.One[bool](b.Bundle, "select bool_and(created_at < now() + interval '1 minute') from outbox"))
	b.drain(s)
	require.Equal(t, "reconcile", b.kinds())
	require.True(t, storagetest.One[bool](b.Bundle, "select bool_and(created_at > now() + interval '6 days' and payload = '{}') from outbox"), "next week again")
	require.NoError(t, b.handle(b.service(), cleanup.KindReconcile, struct{}{}))
	require.Equal(t, 1, strings.Count(b.kinds(), "reconcile"))

	b.tables("delete from outbox")
	b.tables("delete from leases")
	require.NoError(t, b.handle(b.service(), cleanup.KindReconcile, struct{}{}))
	require.Empty(t, b.kinds(), "a project that stores nothing costs nothing")
}

func TestUploadsThatNobodyEnds(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.tables("insert into resumable_uploads (id, bucket_id, name, version, role, expires_at) values ('old', '', '', '', '', now() - interval '1 day'), ('new', '', '', '', '', now() + interval '1 day')")
		b.Owner(`insert into {storage}.s3_multipart_uploads (id, upload_signature, bucket_id, key, version, created_at) values
			('old', '', 'files', 'a', 'x', now() - interval '8 days'), ('seen to', '', 'files', 'a', 'x', now() - interval '8 days'), ('new', '', 'files', 'a', 'x', now())`)
		b.tables(`insert into outbox (id, kind, payload, created_at) values (gen_random_uuid(), 'multipart_expired', '{"id":"seen to"}', now() + interval '1 hour')`)
		key := "objects/0123456789abcdef/" + uuid.NewString()
		_, err := b.Blobs.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b.Project.Bucket, Key: &key})
		require.NoError(t, err)
		report := b.reconcile(cleanup.Options{Repair: true})
		require.Equal(t, "abandoned_uploads 1 unattended 2", summary(report))
		require.Equal(t, []string{"resumable_expired old", "multipart_expired old"}, report.Problems[1].Examples)
		var ended []string
		b.drain(b.service(func(d *cleanup.Deps) {
			d.Resumable, d.Multipart = expirer(func(id string) { ended = append(ended, "TUS "+id) }), expirer(func(id string) { ended = append(ended, "S3 "+id) })
		}))
		require.ElementsMatch(t, []string{"TUS old", "S3 old"}, ended)
		list, err := b.Blobs.Client().ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &b.Project.Bucket})
		require.NoError(t, err)
		require.Empty(t, list.Uploads)
	})
}

func TestALookWithoutTheBucketRepairsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Put("files", "a", "one")
	b.Owner("truncate {storage}.objects")
	b.tables("delete from outbox")
	away := *b.Project
	away.Bucket = "another-" + b.Project.Ref
	session := b.Service()
	session.Project = &away
	_, err := b.service().Reconcile(t.Context(), session, cleanup.Options{Repair: true, DropRows: true})
	require.Error(t, err)
	require.Empty(t, b.kinds())
	require.Zero(t, storagetest.One[int64](b.Bundle, "select count(*) from removals"))
}

func TestALookWhileTheObjectStoreIsAwayIsNoDefect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	away := b.S3
	away.Endpoint = "http://127.0.0.1:1"
	s := b.service(func(d *cleanup.Deps) {
		d.Blobs = blob.New(blob.Deps{Client: blob.NewClient(away), Log: testkit.Logger(t), Queue: b.Queue, WorkerID: "away"})
	})
	_, err := s.Reconcile(t.Context(), b.Service(), cleanup.Options{})
	require.Equal(t, "OBJECT_STORE_UNREACHABLE", fault.From(err).Reason)
}

// TestReportsCountFilesAndImagesApart: the bytes of files are what is charged; those of images made of them are the cache's.
func TestReportsCountFilesAndImagesApart(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		o := b.Put("files", "a.png", "hello")
		b.tables("insert into renditions (version, recipe, key, size, mime_type) values ($1, 'r', 'renditions/r', 3, 'image/webp')", o.Version)
		b.put("renditions/r", "abc")
		report, err := b.service().Reconcile(t.Context(), b.Service(), cleanup.Options{})
		require.NoError(t, err)
		require.Empty(t, report.Problems)
		require.Equal(t, cleanup.Checked{Keys: 2, Bytes: 5, Blobs: 1, Versions: 1, Renditions: 1, RenditionBytes: 3}, report.Checked)
		require.Equal(t, storagetest.One[int64](b.Bundle, "select bytes from used()"), report.Checked.Bytes)
		report.Add(report)
		require.Equal(t, int64(6), report.Checked.RenditionBytes)
	})
}
