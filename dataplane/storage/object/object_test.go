package object_test

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/fault"
)

func reason(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Reason
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestUploadAndRead(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		large := strings.Repeat("0123456789abcdef", 20_000)
		for _, c := range []struct {
			name, content string
			size          int64
		}{
			{"empty", "", 0}, {"empty of unknown length", "", -1}, {"small", "hello", 5}, {"small of unknown length", "hello", -1},
			{"large", large, int64(len(large))}, {"large of unknown length", large, -1}, {"Größe/資料/😀.txt", "unicode", 7},
		} {
			o, err := b.Objects.Upload(t.Context(), b.Service(), object.Target{Bucket: "files", Name: c.name, Size: c.size, MimeType: "text/plain"}, strings.NewReader(c.content))
			require.NoError(t, err, c.name)
			require.Equal(t, int64(len(c.content)), o.Metadata.Size)
			require.Equal(t, c.content, b.Read("files", c.name))
			found, err := b.Objects.Find(t.Context(), b.Service(), "files", c.name)
			require.NoError(t, err)
			require.Equal(t, o.ID, found.ID)
			require.Equal(t, o.Metadata, found.Metadata)
		}
		require.Equal(t, int64(2*len(large)+5+5+7), storagetest.One[int64](b, "select bytes from used()"))

		first := b.Put("files", "small", "second")
		second := b.Put("files", "small", "third")
		require.Equal(t, first.ID, second.ID, "an object that is replaced keeps its id")
		require.NotEqual(t, first.Version, second.Version)
		require.Equal(t, "third", b.Read("files", "small"))
		require.Equal(t, int64(2), storagetest.One[int64](b, "select count(*) from removals"), "what was replaced is left to be removed")
	})
}

func TestUploadsRefused(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		b.OwnFolders("files")
		b.Owner("insert into {storage}.buckets (id, name, file_size_limit, allowed_mime_types) values ('images', 'images', 10, '{image/*,text/csv}')")
		user, _ := b.User()
		mine, anon, service := b.Caller("authenticated", user), b.Anon(), b.Service()
		full := b.Limited(directory.Limits{StorageBytes: 8}).Service()
		upload := func(target object.Target, content string) object.Target {
			target.Size = int64(len(content))
			return target
		}
		for name, c := range map[string]struct {
			as      string
			target  object.Target
			content string
			want    string
		}{
			"anon":                       {"anon", object.Target{Bucket: "files", Name: "a"}, "x", "ACCESS_DENIED"},
			"another's folder":           {"user", object.Target{Bucket: "files", Name: "other/a"}, "x", "ACCESS_DENIED"},
			"another's folder, upsert":   {"user", object.Target{Bucket: "files", Name: "other/a", Upsert: true}, "x", "ACCESS_DENIED"},
			"no bucket":                  {"service", object.Target{Bucket: "none", Name: "a"}, "x", "NO_SUCH_BUCKET"},
			"no bucket for anon":         {"anon", object.Target{Bucket: "none", Name: "a"}, "x", "NO_SUCH_BUCKET"},
			"a path up":                  {"service", object.Target{Bucket: "files", Name: "../a"}, "x", "INVALID_KEY"},
			"a bucket with a slash":      {"service", object.Target{Bucket: "a/b", Name: "a"}, "x", "INVALID_BUCKET_NAME"},
			"beyond the bucket's limit":  {"service", object.Target{Bucket: "images", Name: "a.png", MimeType: "image/png"}, "01234567890", "ENTITY_TOO_LARGE"},
			"a type that is not allowed": {"service", object.Target{Bucket: "images", Name: "a.html", MimeType: "text/html"}, "x", "INVALID_MIME_TYPE"},
			"a type with a parameter":    {"service", object.Target{Bucket: "images", Name: "a.html", MimeType: "text/html; x=image/png"}, "x", "INVALID_MIME_TYPE"},
			"a type that is none":        {"service", object.Target{Bucket: "files", Name: "a", MimeType: "nothing"}, "x", "INVALID_MIME_TYPE"},
			"a header in a header":       {"service", object.Target{Bucket: "files", Name: "a", CacheControl: "x\r\nSet-Cookie: a=b"}, "x", "INVALID_REQUEST"},
			"metadata that is no object": {"service", object.Target{Bucket: "files", Name: "a", UserMetadata: []byte("[1]")}, "x", "INVALID_REQUEST"},
			"beyond the plan":            {"full", object.Target{Bucket: "files", Name: "a"}, "123456789", "QUOTA_STORAGE"},
			"an update of nothing":       {"service", object.Target{Bucket: "files", Name: "nothing", MustExist: true}, "x", "NO_SUCH_KEY"},
			"If-Match of nothing":        {"service", object.Target{Bucket: "files", Name: "nothing", IfMatch: `"x"`}, "x", "PRECONDITION_FAILED"},
		} {
			as := map[string]*projectdb.Session{"anon": anon, "user": mine, "service": service, "full": full}[c.as]
			_, err := b.Objects.Upload(t.Context(), as, upload(c.target, c.content), strings.NewReader(c.content))
			require.Equal(t, c.want, reason(err), name)
			if c.want == "ENTITY_TOO_LARGE" || c.want == "QUOTA_STORAGE" { // the same when the length is not told
				c.target.Size = -1
				_, err := b.Objects.Upload(t.Context(), as, c.target, strings.NewReader(c.content))
				require.Equal(t, c.want, reason(err), name)
			}
		}
		require.Empty(t, b.StoredKeys(), "what is refused leaves no bytes")
		require.Equal(t, int64(0), storagetest.One[int64](b, "select count(*) from blobs"))

		_, err := b.Objects.Upload(t.Context(), mine, upload(object.Target{Bucket: "files", Name: user + "/a"}, "mine"), strings.NewReader("mine"))
		require.NoError(t, err)
		_, err = b.Objects.Upload(t.Context(), mine, upload(object.Target{Bucket: "files", Name: user + "/a"}, "again"), strings.NewReader("again"))
		require.Equal(t, "KEY_ALREADY_EXISTS", reason(err))
		require.Len(t, b.StoredKeys(), 1)
	})
}

func TestBrokenBodiesLeaveNothing(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		content := bytes.Repeat([]byte("x"), 300_000)
		for _, size := range []int64{-1, int64(len(content))} {
			for _, cut := range []int{0, 1, 1000, 65536, 65537, 299_999} {
				broken := io.MultiReader(bytes.NewReader(content[:cut]), &failing{})
				_, err := b.Objects.Upload(t.Context(), b.Service(), object.Target{Bucket: "files", Name: "a", Size: size}, broken)
				require.Equal(t, "INCOMPLETE_BODY", reason(err), "%d of %d", cut, size)
			}
		}
		_, err := b.Objects.Upload(t.Context(), b.Service(), object.Target{Bucket: "files", Name: "a", Size: 400_000}, bytes.NewReader(content))
		require.Equal(t, "INCOMPLETE_BODY", reason(err), "a body that is shorter than it said")
		require.Eventually(t, func() bool { return len(b.StoredKeys()) == 0 }, 10*time.Second, 50*time.Millisecond)
	})
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestPolicies(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		b.Bucket("open", true)
		b.OwnFolders("files")
		ann, _ := b.User()
		bob, _ := b.User()
		annes, bobs, ctx := b.Caller("authenticated", ann), b.Caller("authenticated", bob), t.Context()
		for _, name := range []string{ann + "/1", ann + "/2/3", bob + "/1"} {
			b.Put("files", name, "content of "+name)
		}
		b.Put("open", "a", "public")
		b.Put("files", "top", "secret")

		_, err := b.Objects.Find(ctx, annes, "files", ann+"/1")
		require.NoError(t, err)
		for _, name := range []string{bob + "/1", "top", "nothing"} {
			_, err := b.Objects.Find(ctx, annes, "files", name)
			require.Equal(t, "NO_SUCH_KEY", reason(err), name)
			_, err = b.Objects.Find(ctx, b.Anon(), "files", name)
			require.Equal(t, "NO_SUCH_KEY", reason(err), name)
			_, err = b.Objects.FindPublic(ctx, annes, "files", name)
			require.Equal(t, "NO_SUCH_KEY", reason(err), name)
		}
		_, err = b.Objects.FindPublic(ctx, b.Anon(), "open", "a")
		require.NoError(t, err)

		page, err := b.Objects.List(ctx, annes, object.ListQuery{Bucket: "files", Limit: 10})
		require.NoError(t, err)
		require.Len(t, page.Entries, 2)
		page, err = b.Objects.List(ctx, b.Anon(), object.ListQuery{Bucket: "files", Limit: 10})
		require.NoError(t, err)
		require.Empty(t, page.Entries)

		for name, try := range map[string]func() error{
			"copy of another's": func() error {
				_, err := b.Objects.Copy(ctx, annes, object.Copy{Bucket: "files", Name: bob + "/1", ToBucket: "files", ToName: ann + "/x"})
				return err
			},
			"copy to another's": func() error {
				_, err := b.Objects.Copy(ctx, annes, object.Copy{Bucket: "files", Name: ann + "/1", ToBucket: "files", ToName: bob + "/x"})
				return err
			},
			"move of another's": func() error {
				_, err := b.Objects.Move(ctx, annes, object.Move{Bucket: "files", Name: bob + "/1", ToBucket: "files", ToName: ann + "/x"})
				return err
			},
			"move to another's": func() error {
				_, err := b.Objects.Move(ctx, annes, object.Move{Bucket: "files", Name: ann + "/1", ToBucket: "files", ToName: bob + "/x"})
				return err
			},
			"overwriting another's": func() error {
				_, err := b.Objects.Upload(ctx, annes, object.Target{Bucket: "files", Name: bob + "/1", Upsert: true}, strings.NewReader(""))
				return err
			},
			"metadata of another's": func() error {
				_, err := b.Objects.SetMetadata(ctx, annes, "files", bob+"/1", object.Edit{})
				return err
			},
		} {
			require.Contains(t, []string{"NO_SUCH_KEY", "ACCESS_DENIED"}, reason(try()), name)
		}
		gone, err := b.Objects.Delete(ctx, annes, "files", []string{bob + "/1", "top", ann + "/1"})
		require.NoError(t, err)
		require.Len(t, gone, 1, "only what the caller may remove goes")
		require.Equal(t, ann+"/1", gone[0].Name)
		_, err = b.Objects.Find(ctx, bobs, "files", bob+"/1")
		require.NoError(t, err)
	})
}

func TestCopiesShareBytesAndMovesKeepThem(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("a", false)
		b.Owner("insert into {storage}.buckets (id, name, file_size_limit, allowed_mime_types) values ('small', 'small', 3, null), ('images', 'images', null, '{image/png}')")
		ctx, service := t.Context(), b.Service()
		original := b.Put("a", "x/1", "content")
		c, err := b.Objects.Copy(ctx, service, object.Copy{Bucket: "a", Name: "x/1", ToBucket: "a", ToName: "x/2"})
		require.NoError(t, err)
		require.Equal(t, original.Version, c.Version)
		require.Equal(t, original.Metadata.ETag, c.Metadata.ETag)
		require.Equal(t, "content", b.Read("a", "x/2"))
		_, err = b.Objects.Copy(ctx, service, object.Copy{Bucket: "a", Name: "x/1", ToBucket: "a", ToName: "x/2"})
		require.Equal(t, "KEY_ALREADY_EXISTS", reason(err))
		_, err = b.Objects.Copy(ctx, service, object.Copy{Bucket: "a", Name: "x/1", ToBucket: "a", ToName: "x/2", Upsert: true})
		require.NoError(t, err)
		require.Equal(t, int64(7), storagetest.One[int64](b, "select bytes from used()"), "copies take no room")

		moved, err := b.Objects.Move(ctx, service, object.Move{Bucket: "a", Name: "x/1", ToBucket: "a", ToName: "y/1"})
		require.NoError(t, err)
		require.Equal(t, original.ID, moved.ID)
		require.Equal(t, "content", b.Read("a", "y/1"))
		_, err = b.Objects.Find(ctx, service, "a", "x/1")
		require.Equal(t, "NO_SUCH_KEY", reason(err))
		_, err = b.Objects.Move(ctx, service, object.Move{Bucket: "a", Name: "y/1", ToBucket: "a", ToName: "x/2"})
		require.Equal(t, "KEY_ALREADY_EXISTS", reason(err))
		for bucket, want := range map[string]string{"small": "ENTITY_TOO_LARGE", "images": "INVALID_MIME_TYPE", "none": "NO_SUCH_BUCKET"} {
			_, err = b.Objects.Move(ctx, service, object.Move{Bucket: "a", Name: "y/1", ToBucket: bucket, ToName: "z"})
			require.Equal(t, want, reason(err))
			_, err = b.Objects.Copy(ctx, service, object.Copy{Bucket: "a", Name: "y/1", ToBucket: bucket, ToName: "z"})
			require.Equal(t, want, reason(err))
		}
		_, err = b.Objects.Copy(ctx, service, object.Copy{Bucket: "a", Name: "y/1", ToBucket: "a", ToName: "../z"})
		require.Equal(t, "INVALID_KEY", reason(err))
	})
}

func TestConditions(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("a", false)
		first := b.Put("a", "x", "1")
		put := func(target object.Target) error {
			target.Bucket, target.Name, target.Size = "a", "x", 1
			_, err := b.Objects.Upload(t.Context(), b.Service(), target, strings.NewReader("2"))
			return err
		}
		require.Equal(t, "PRECONDITION_FAILED", reason(put(object.Target{IfNoneMatch: "*", Upsert: true})))
		require.Equal(t, "PRECONDITION_FAILED", reason(put(object.Target{IfMatch: `"other"`, Upsert: true})))
		require.NoError(t, put(object.Target{IfMatch: first.Metadata.ETag, Upsert: true}))
		require.Equal(t, "PRECONDITION_FAILED", reason(put(object.Target{IfMatch: first.Metadata.ETag, Upsert: true})), "the second writer has lost")
		require.NoError(t, put(object.Target{MustExist: true}))
		require.Len(t, b.StoredKeys(), 3, "two were replaced and wait for their removal; what was refused left nothing")
	})
}

func TestUploadsAtOnceKeepToTheQuota(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		session := b.Limited(directory.Limits{StorageBytes: 100}).Service()
		var tickets []*object.Ticket
		for i := range 5 { // all of them are judged while there is room
			ticket, err := b.Objects.Begin(t.Context(), session, object.Target{Bucket: "files", Name: strconv.Itoa(i), Size: 40})
			require.NoError(t, err)
			tickets = append(tickets, ticket)
		}
		full := 0
		for _, ticket := range tickets {
			written, err := b.Objects.Store(t.Context(), session, ticket, strings.NewReader(strings.Repeat("x", 40)))
			require.NoError(t, err)
			if _, err = b.Objects.Commit(t.Context(), session, ticket, written); err != nil {
				require.Equal(t, "QUOTA_STORAGE", reason(err))
				full++
			}
		}
		require.Equal(t, 3, full)
		require.Equal(t, int64(80), storagetest.One[int64](b, "select bytes from used()"))
		require.Len(t, b.StoredKeys(), 2, "what is refused leaves no bytes")
	})
}

func TestTriggersOfProjectsSeeWhatIsDone(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		b.Put("files", "before", "x")
		b.Owner(`create table {public}.seen (name text, operation text, role text); grant all on {public}.seen to {service_role};
			create function {public}.see() returns trigger language plpgsql as $$ begin
				insert into {public}.seen values (new.name, {storage}.operation(), current_user); return new; end $$;
			create trigger see after insert on {storage}.objects for each row execute function {public}.see()`)
		b.Put("files", "after", "x")
		require.NoError(t, b.Service().InTx(t.Context(), projectdb.Options{SearchPath: []string{"public"}}, func(tx pgx.Tx) error {
			var seen string
			if err := tx.QueryRow(t.Context(), "select string_agg(concat_ws(' ', name, operation, role), ',') from seen").Scan(&seen); err != nil {
				return err
			}
			require.Equal(t, "after storage.object.upload "+b.Project.Role("service_role"), seen)
			return nil
		}))
	})
}
