package upkeep_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/cleanup"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/dataplane/storage/upkeep"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func mount(t *testing.T, b *storagetest.Bundle, patience time.Duration) {
	t.Helper()
	rt := protocol.NewRouter(testkit.Logger(t))
	page := 1000
	if patience > 0 {
		page = 1
	}
	service := cleanup.New(cleanup.Deps{Blobs: b.Blobs, Queue: b.Queue, Log: testkit.Logger(t), Page: page})
	upkeep.New(upkeep.Deps{Reconciler: service, Patience: patience}).Routes(rt)
	b.Handler = rt
}

func TestReconcile(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		mount(t, b, 0)
		b.Bucket("files", false)
		b.Put("files", "a", "one")
		b.Owner("truncate {storage}.objects")
		removals := func() int64 { return storagetest.One[int64](b, "select count(*) from removals") }
		_, user := b.User()
		for name, c := range map[string]struct {
			bearer string
			body   any
			status int
			code   string
		}{
			"nobody":                {"", map[string]any{"dry_run": false}, http.StatusForbidden, "AccessDenied"},
			"a user":                {user, map[string]any{"dry_run": false}, http.StatusForbidden, "AccessDenied"},
			"no JSON":               {storagetest.Secret, "{", http.StatusBadRequest, ""},
			"no list":               {storagetest.Secret, []int{1}, http.StatusBadRequest, ""},
			"rows dropped dry":      {storagetest.Secret, map[string]any{"drop_rows": true}, http.StatusBadRequest, "InvalidRequest"},
			"a cursor that is none": {storagetest.Secret, map[string]any{"cursor": "x"}, http.StatusBadRequest, "InvalidRequest"},
		} {
			got := b.Call(http.MethodPost, "/reconcile", c.bearer, c.body)
			require.Contains(t, []int{c.status, http.StatusBadRequest}, got.Status, "%s: %s", name, got.Text) // the older answer is 400 for all
			if c.code != "" {
				require.Equal(t, c.code, got.Str("code"), "%s: %s", name, got.Text)
			}
			require.Zero(t, removals(), name)
		}
		for _, body := range []any{nil, map[string]any{}, map[string]any{"dry_run": true}} {
			got := b.Call(http.MethodPost, "/reconcile", storagetest.Secret, body)
			require.Equal(t, http.StatusOK, got.Status, got.Text)
			require.Equal(t, true, got.Body["dry_run"])
			require.Equal(t, "unused_blobs", got.Body["problems"].([]any)[0].(map[string]any)["kind"])
			require.Zero(t, removals(), "nothing is changed unless it is asked for")
		}
		got := b.Call(http.MethodPost, "/reconcile", storagetest.Secret, map[string]any{"dry_run": false})
		require.Equal(t, http.StatusOK, got.Status, got.Text)
		require.Equal(t, int64(1), removals())
	})
}

func TestReconcileGoesOnByItsCursor(t *testing.T) {
	t.Parallel()
	b := storagetest.New(t, false)
	mount(t, b, time.Nanosecond)
	b.Bucket("files", false)
	for _, name := range []string{"a", "b", "c"} {
		b.Put("files", name, "one")
	}
	keys, requests := 0.0, 0
	for cursor := ""; requests == 0 || cursor != ""; requests++ {
		got := b.Call(http.MethodPost, "/reconcile", storagetest.Secret, map[string]any{"cursor": cursor})
		require.Equal(t, http.StatusOK, got.Status, got.Text)
		keys += got.Body["checked"].(map[string]any)["keys"].(float64)
		require.Empty(t, got.Body["problems"])
		cursor = got.Str("next")
	}
	require.Equal(t, 3.0, keys) //nolint:testifylint // small whole numbers
	require.Greater(t, requests, 3)
}

// waiting is a look that waits for the test.
type waiting struct{ began, end chan struct{} }

func (l waiting) Reconcile(context.Context, *projectdb.Session, cleanup.Options) (*cleanup.Report, error) {
	l.began <- struct{}{}
	<-l.end
	return &cleanup.Report{}, nil
}

func TestOneLookAtATime(t *testing.T) {
	t.Parallel()
	b := storagetest.New(t, false)
	l := waiting{make(chan struct{}, 1), make(chan struct{})}
	rt := protocol.NewRouter(testkit.Logger(t))
	upkeep.New(upkeep.Deps{Reconciler: l}).Routes(rt)
	b.Handler = rt
	first := make(chan int, 1)
	go func() { first <- b.Call(http.MethodPost, "/reconcile", storagetest.Secret, nil).Status }()
	<-l.began
	require.Equal(t, "SlowDown", b.Call(http.MethodPost, "/reconcile", storagetest.Secret, nil).Str("code"))
	close(l.end)
	require.Equal(t, http.StatusOK, <-first)
	require.Equal(t, http.StatusOK, b.Call(http.MethodPost, "/reconcile", storagetest.Secret, nil).Status)
}
