package resumable_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/storage/cleanup"
	"github.com/wayli-app/fluxbase/dataplane/storage/resumable"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

var _ cleanup.Expirer = (*resumable.Service)(nil)

// final asks for an upload of partial ones.
func (b *bundle) final(name string, paths []string, headers ...string) storagetest.Answer {
	b.T.Helper()
	addresses := make([]string, len(paths))
	for i, path := range paths {
		addresses[i] = "https://anything.example.com/storage/v1" + path
	}
	return b.Call("POST", root, b.token, nil, slices.Concat([]string{"Tus-Resumable", "1.0.0", "Upload-Concat", "final;" + strings.Join(addresses, " "),
		"Upload-Metadata", metadata("bucketName", "files", "objectName", b.name(name), "contentType", "text/plain")}, headers)...)
}

func TestConcatenation(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		for name, sizes := range map[string][]int{
			"large":           {6 * mb, 9 * mb, 10},
			"small":           {3, 7 * mb, 2 * mb, 1},
			"one":             {12},
			"with empty ones": {0, 6 * mb, 0, 5},
			"only empty ones": {0, 0},
		} {
			var data []byte
			var paths []string
			for i, n := range sizes {
				one := random(n + i)[:n]
				path := b.begun(name, n, "Upload-Concat", "partial")
				require.Equal(t, "partial", b.head(path).Header.Get("Upload-Concat"))
				require.Equal(t, n, b.patched(path, 0, one))
				data, paths = append(data, one...), append(paths, path)
			}
			_, err := b.Objects.Find(t.Context(), b.Service(), "files", b.name(name))
			require.Error(t, err, "a partial upload is no object")
			a := b.final(name, paths)
			path := b.path(a)
			b.has(name, data)
			a = b.head(path)
			require.Equal(t, http.StatusOK, a.Status)
			require.Equal(t, strconv.Itoa(len(data)), a.Header.Get("Upload-Length"))
			require.True(t, strings.HasPrefix(a.Header.Get("Upload-Concat"), "final;/storage/v1"+paths[0]), a.Header)
			require.Equal(t, http.StatusForbidden, b.patch(path, len(data), "x").Status)
			require.Equal(t, http.StatusNotFound, b.head(paths[0]).Status, "partial ones are used up")
		}
		b.tidy(5)
	})
}

func TestConcatenationRefused(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.Owner("update {storage}.buckets set file_size_limit = 100 where id = 'files'")
		data := random(40)
		one, two, open, other := b.begun("x", 40, "Upload-Concat", "partial"), b.begun("x", 40, "Upload-Concat", "partial"),
			b.begun("x", 5, "Upload-Concat", "partial"), b.begun("y", 5, "Upload-Concat", "partial")
		b.patched(one, 0, data)
		b.patched(two, 0, data)
		b.patched(other, 0, data[:5])
		a := b.final("x", []string{one, two, one})
		require.Equal(t, http.StatusRequestEntityTooLarge, a.Status, "the limit holds over the sum: %s", a.Text)
		require.Equal(t, http.StatusBadRequest, b.final("x", []string{one, open}).Status, "unfinished")
		require.Equal(t, http.StatusBadRequest, b.final("x", []string{one, other}).Status, "for another name")
		require.Equal(t, http.StatusBadRequest, b.final("x", slices.Repeat([]string{other}, 101)).Status)
		require.Equal(t, http.StatusForbidden, b.final("x", []string{one}, "Content-Type", chunkType).Status, "it takes no bytes")
		b.user, b.token = b.User()
		require.Equal(t, http.StatusNotFound, b.final("x", []string{one}).Status, "a stranger's")
		require.Equal(t, 4, storagetest.One[int](b.Bundle, "select count(*) from resumable_uploads"))
	})
}

func TestExpiration(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		service := b.service()
		data := random(9 * mb)
		path := b.begun("left", len(data))
		b.patched(path, 0, data[:8*mb+5])
		done := b.begun("done", len(data))
		b.patched(done, 0, data)
		require.Error(t, service.Expire(t.Context(), b.Service(), id(path)), "not yet")
		b.clock.pass(24*time.Hour + time.Second)
		require.Equal(t, http.StatusGone, b.head(path).Status)
		require.Equal(t, http.StatusGone, b.patch(path, 8*mb+5, "x").Status)
		require.Equal(t, http.StatusGone, b.terminate(path).Status)
		for _, one := range []string{path, done} {
			require.NoError(t, service.Expire(t.Context(), b.Service(), id(one)))
			require.Equal(t, http.StatusNotFound, b.head(one).Status)
			require.NoError(t, service.Expire(t.Context(), b.Service(), id(one)), "twice")
		}
		require.NoError(t, service.Expire(t.Context(), b.Service(), "what is no id"))
		b.has("done", data)
		b.tidy(1)
		require.Zero(t, storagetest.One[int](b.Bundle, "select count(*) from resumable_uploads"))
	})
}

func TestExpirationByTheOutbox(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		path := b.begun("left", 9*mb)
		b.patched(path, 0, random(8*mb+5))
		b.clock.pass(25 * time.Hour)
		handler := cleanup.New(cleanup.Deps{Blobs: b.Blobs, Queue: b.Queue, Log: testkit.Logger(t), Resumable: b.service()})
		item := outbox.Item{
			Kind: resumable.KindExpired, ID: storagetest.One[uuid.UUID](b.Bundle, "select id from outbox where kind = 'resumable_expired'"),
			Payload: storagetest.One[json.RawMessage](b.Bundle, "select payload from outbox where kind = 'resumable_expired'"),
		}
		require.NoError(t, handler.Handle(t.Context(), b.Service(), item))
		require.Zero(t, storagetest.One[int](b.Bundle, "select count(*) from resumable_uploads"))
		b.tidy(0)
	})
}

// One that was finished and could not be told so stays what it is.
func TestExpiredAfterTheCommit(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		data := random(9 * mb)
		path := b.begun("x", len(data))
		b.patched(path, 0, data)
		storagetest.One[string](b.Bundle, `update resumable_uploads set state = state - 'done' || '{"stored": true, "strays": true}' where id = $1 returning id`, id(path))
		b.clock.pass(25 * time.Hour)
		require.NoError(t, b.service().Expire(t.Context(), b.Service(), id(path)))
		b.has("x", data)
		b.tidy(1)
	})
}
