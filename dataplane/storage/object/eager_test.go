package object_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

// send uploads a small text.
func send(b *storagetest.Bundle, as *projectdb.Session, target object.Target, text string) (*object.Object, error) {
	target.Size, target.MimeType = int64(len(text)), "text/plain"
	return b.Objects.Upload(b.T.Context(), as, target, strings.NewReader(text))
}

// requireAgreed asserts that every row has its bytes, and that there are no others.
func requireAgreed(t *testing.T, b *storagetest.Bundle, objects int) {
	t.Helper()
	require.Len(t, b.StoredKeys(), objects)
	require.Equal(t, int64(objects), storagetest.One[int64](b, "select count(*) from blobs"))
	require.Equal(t, int64(objects), storagetest.One[int64](b, "select blobs from used()"))
}

// TestSmallUploadsKeepToTheRulesOfNow: who uploads right after an upload does so by what was known then, and by what holds now all the same.
func TestSmallUploadsKeepToTheRulesOfNow(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		for name, c := range map[string]struct{ change, want string }{
			"size":    {"update {storage}.buckets set file_size_limit = 3 where id = $1", "ENTITY_TOO_LARGE"},
			"type":    {"update {storage}.buckets set allowed_mime_types = '{image/*}' where id = $1", "INVALID_MIME_TYPE"},
			"kind":    {"update {storage}.buckets set type = 'VECTOR' where id = $1", "NO_SUCH_BUCKET"},
			"removed": {"delete from {storage}.buckets where id = $1", "NO_SUCH_BUCKET"},
			"same":    {"update {storage}.buckets set file_size_limit = 3000, allowed_mime_types = '{text/plain}' where id = $1", ""},
		} {
			b.Bucket(name, false)
			_, err := send(b, b.Service(), object.Target{Bucket: name, Name: "first"}, "text")
			require.NoError(t, err)
			if name == "removed" {
				_, err := b.Objects.Delete(t.Context(), b.Service(), name, []string{"first"})
				require.NoError(t, err)
			}
			keys := len(b.StoredKeys())
			b.Owner(c.change, name)
			for _, upsert := range []bool{false, true} {
				_, err = send(b, b.Service(), object.Target{Bucket: name, Name: "second", Upsert: upsert}, "text")
				require.Equal(t, c.want, reason(err), name)
			}
			if c.want != "" {
				require.Len(t, b.StoredKeys(), keys, "%s: nothing stays of what was refused", name)
			}
		}
	})
}

func TestSmallUploadsMeetTriggersOfTheProject(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		_, err := send(b, b.Service(), object.Target{Bucket: "files", Name: "first"}, "text")
		require.NoError(t, err)
		b.Owner(`create function {public}.mark() returns trigger language plpgsql as $$ begin new.user_metadata := jsonb_build_object('by', current_setting('storage.operation')); return new; end $$`)
		b.Owner(`create trigger mark before insert on {storage}.objects for each row execute function {public}.mark()`)
		for i := range 3 {
			_, err = send(b, b.Service(), object.Target{Bucket: "files", Name: fmt.Sprint(i)}, "text")
			require.NoError(t, err)
			o, err := b.Objects.Find(t.Context(), b.Service(), "files", fmt.Sprint(i))
			require.NoError(t, err)
			require.JSONEq(t, `{"by":"storage.object.upload"}`, string(o.UserMetadata), "a trigger sees what any other upload shows it")
		}
		requireAgreed(t, b, 4)
	})
}

func TestSmallUploadsAtOnce(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		_, err := send(b, b.Service(), object.Target{Bucket: "files", Name: "first"}, "text")
		require.NoError(t, err)
		var all sync.WaitGroup
		var won atomic.Int64
		for i := range 8 {
			all.Go(func() {
				_, err := send(b, b.Service(), object.Target{Bucket: "files", Name: "one"}, fmt.Sprint("text ", i))
				if err == nil {
					won.Add(1)
				} else if reason(err) != "KEY_ALREADY_EXISTS" {
					t.Errorf("another refusal: %v", err)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, won.Load())
		requireAgreed(t, b, 2)

		was, err := b.Objects.Find(t.Context(), b.Service(), "files", "one")
		require.NoError(t, err)
		now, err := send(b, b.Service(), object.Target{Bucket: "files", Name: "one", Upsert: true}, "another")
		require.NoError(t, err)
		require.Equal(t, was.ID, now.ID)
		require.WithinDuration(t, was.Created, now.Created, 0)
		found, err := b.Objects.Find(t.Context(), b.Service(), "files", "one")
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(now.Version, now.Metadata, now.Created, now.Updated, now.LastAccessed), fmt.Sprint(found.Version, found.Metadata, found.Created, found.Updated, found.LastAccessed))
		require.Equal(t, "another", b.Read("files", "one"))
		require.Equal(t, int64(1), storagetest.One[int64](b, "select count(*) from removals"))
	})
}

func TestSmallUploadsToAFullProject(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		small := b.Limited(directory.Limits{StorageBytes: 40})
		for i := range 10 {
			_, err := send(b, small.Service(), object.Target{Bucket: "files", Name: fmt.Sprint(i)}, "0123456789")
			if i < 4 {
				require.NoError(t, err)
			} else {
				require.Equal(t, "QUOTA_STORAGE", reason(err))
			}
		}
		requireAgreed(t, b, 4)
	})
}

// TestPoliciesAreAskedBeforeBytesCome: what was known of a bucket lets in nobody whom policies hold.
func TestPoliciesAreAskedBeforeBytesCome(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		b.OwnFolders("files")
		_, err := send(b, b.Service(), object.Target{Bucket: "files", Name: "first"}, "text")
		require.NoError(t, err)
		user, _ := b.User()
		for _, as := range []*projectdb.Session{b.Anon(), b.Caller("authenticated", user)} {
			target := object.Target{Bucket: "files", Name: "mine", Size: 4, Most: 4}
			_, err := b.Objects.Begin(t.Context(), as, target)
			require.Equal(t, "ACCESS_DENIED", reason(err))
		}
		requireAgreed(t, b, 1)
	})
}

// TestStatementsKnowTheSameTriggers: what is the service's own is said in two statements.
func TestStatementsKnowTheSameTriggers(t *testing.T) {
	t.Parallel()
	own := regexp.MustCompile(`t\.tgname <> all \('\{[a-z_,]+\}'\)`)
	var lists []string
	for _, name := range []string{"sql/rules.sql", "sql/rules_same.sql"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		lists = append(lists, own.FindString(string(text)))
	}
	require.NotEmpty(t, lists[0])
	require.Equal(t, lists[0], lists[1])
}

// TestNothingTakesThePlaceOfWhatCounts: a default of the owner's, which runs unseen, prepares other statements in the place of the worker's.
func TestNothingTakesThePlaceOfWhatCounts(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		b.Owner(`create function {public}.keep_blob(text, bigint, bigint, out bytes bigint, out blobs bigint) language sql as 'select 0::bigint, 0::bigint';
			create function {public}.keep_blobs(text[], bigint[], bigint, out bytes bigint, out blobs bigint) language sql as 'select 0::bigint, 0::bigint';
			create function {public}.sly() returns int language plpgsql as $$ declare p record; begin
				for p in select name, statement, array_to_string(parameter_types::text[], ', ') as types from pg_prepared_statements where statement !~ '(insert into|begin|commit|rollback|discard)' and not from_sql loop
					execute 'deallocate ' || p.name;
					execute 'prepare ' || p.name || coalesce('(' || nullif(p.types, '') || ')', '') || ' as select ' || case
						when p.statement like '%keep_blob%' then '0::bigint as bytes, 0::bigint as blobs'
						when p.statement like '%request.jwt.claims%' then 'num_nulls(set_config(''role'', $1, true), set_config(''request.jwt.claims'', $2, true), set_config(''search_path'', ''{public}, {storage}'', true))'
						else 'set_config(''search_path'', ''{public}, {storage}'', true)' end;
				end loop;
				return 1;
			end $$;
			grant usage on schema {public} to public;
			alter table {storage}.objects add column sly int default {public}.sly()`)
		for i := range 3 {
			_, err := send(b, b.Service(), object.Target{Bucket: "files", Name: fmt.Sprint(i), Upsert: i%2 == 0}, "text")
			require.NoError(t, err)
		}
		for _, err := range crowd(t, b, named(4, nil), nil) {
			require.NoError(t, err)
		}
		for _, err := range crowd(t, b, named(4, func(_ int, target *object.Target) { target.Name += " again" }), nil) {
			require.NoError(t, err)
		}
		require.Equal(t, int64(3+4+4+2), storagetest.One[int64](b, "select blobs from used()"))
	})
}
