package event_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/event"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// TestWhatStorageDoesIsTold: each change that storage makes is told of at once, of whatever it consists.
func TestWhatStorageDoesIsTold(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("pub", true)
		got := make(chan string, 100)
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var d delivery
			if body, err := io.ReadAll(r.Body); err == nil && json.Unmarshal(body, &d) == nil {
				for _, e := range d.Data.Events {
					got <- e["type"].(string) + " " + e["name"].(string)
				}
				for _, p := range d.Data.Purges {
					got <- strings.TrimSpace("purge " + p.Name)
				}
			}
		}))
		t.Cleanup(server.Close)
		b = b.With(map[string]string{"storage.webhook_url": `"` + server.URL + `"`, "storage.cdn_purge_url": `"` + server.URL + `"`})
		events := event.New(event.Deps{Log: testkit.Logger(t), Queue: b.Queue, Egress: b.Egress})
		b.Queue.Register("storage", events)
		b.Run()
		objects := object.New(object.Deps{Blobs: b.Blobs, Queue: b.Queue, Log: testkit.Logger(t), Events: events})
		buckets := bucket.New(bucket.Deps{Objects: objects, Queue: b.Queue, Events: events})
		told := func(want ...string) {
			t.Helper()
			var all []string
			for range want {
				select {
				case one := <-got:
					all = append(all, one)
				case <-time.After(patience):
					require.Fail(t, "nothing was told", "of %v came %v", want, all)
				}
			}
			require.ElementsMatch(t, want, all)
		}
		ctx, as := t.Context(), b.Service()
		put := func(name string) {
			_, err := objects.Upload(ctx, as, object.Target{Bucket: "pub", Name: name, Size: 1, Upsert: true}, strings.NewReader("x"))
			require.NoError(t, err)
		}
		put("a")
		told("ObjectCreated a")
		put("a")
		told("ObjectUpdated a", "purge a")
		_, err := objects.Copy(ctx, as, object.Copy{Bucket: "pub", Name: "a", ToBucket: "pub", ToName: "b"})
		require.NoError(t, err)
		told("ObjectCreated b")
		_, err = objects.Copy(ctx, as, object.Copy{Bucket: "pub", Name: "a", ToBucket: "pub", ToName: "b", Upsert: true})
		require.NoError(t, err)
		told("ObjectUpdated b", "purge b")
		_, err = objects.Move(ctx, as, object.Move{Bucket: "pub", Name: "b", ToBucket: "pub", ToName: "c"})
		require.NoError(t, err)
		told("ObjectMoved c", "purge b")
		kind := "text/html"
		_, err = objects.SetMetadata(ctx, as, "pub", "c", object.Edit{MimeType: &kind})
		require.NoError(t, err)
		told("ObjectUpdated c", "purge c")
		_, err = objects.Delete(ctx, as, "pub", []string{"c", "none"})
		require.NoError(t, err)
		told("ObjectRemoved c", "purge c")
		done, err := buckets.Empty(ctx, as, "pub")
		require.NoError(t, err)
		require.True(t, done)
		told("ObjectRemoved a", "purge a")
		hidden := false
		require.NoError(t, buckets.Update(ctx, as, "pub", bucket.Change{Public: &hidden}))
		told("purge")
		_, err = objects.Upload(ctx, b.Anon(), object.Target{Bucket: "pub", Name: "refused", Size: 1}, strings.NewReader("x"))
		require.Error(t, err)
		require.Empty(t, got, "nothing happened, nothing is told")
	})
}
