package scan_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/scan"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// TestInfectedFilesAreNeverThere: what the scanner does not answer for has no row at any time, and leaves no bytes.
func TestInfectedFilesAreNeverThere(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("watched", false)
		b.Bucket("free", false)
		b = b.With(map[string]string{"storage.scan_buckets": `["watched"]`})
		server := &clamd{t: t, limit: 200_000}
		address := server.serve("unix", socket(t))
		with := func(url string) *object.Service {
			s, err := scan.New(scan.Deps{URL: url, Log: testkit.Logger(t)})
			require.NoError(t, err)
			return object.New(object.Deps{Blobs: b.Blobs, Queue: b.Queue, Log: testkit.Logger(t), Scanner: s})
		}
		upload := func(objects *object.Service, bucket, content string, size int64) string {
			_, err := objects.Upload(t.Context(), b.Service(), object.Target{Bucket: bucket, Name: "file", Size: size, Upsert: true}, strings.NewReader(content))
			return reason(err)
		}
		infected := strings.Repeat("x", 100_000) + virus
		for url, want := range map[string]string{address: "INFECTED_FILE", "": "SCANNER_UNAVAILABLE", "unix:///nowhere/clamd.sock": "SCANNER_UNAVAILABLE"} {
			require.Equal(t, want, upload(with(url), "watched", infected, int64(len(infected))))
			require.Equal(t, want, upload(with(url), "watched", infected, -1), "of unknown size")
		}
		large := strings.Repeat("x", 300_000)
		require.Equal(t, "TOO_LARGE_TO_SCAN", upload(with(address), "watched", large, int64(len(large))))
		require.Zero(t, storagetest.One[int](b, "select count(*)::int from blobs"))
		// Some object stores take what a broken connection brought for the whole, a moment after: that goes too.
		require.Eventually(t, func() bool { return len(b.StoredKeys()) == 0 }, 20*time.Second, 20*time.Millisecond)
		_, err := b.Objects.Find(t.Context(), b.Service(), "watched", "file")
		require.Equal(t, "NO_SUCH_KEY", reason(err))

		objects := with(address)
		require.Empty(t, upload(objects, "watched", "clean", 5))
		require.Equal(t, "clean", b.Read("watched", "file"))
		require.Equal(t, "INFECTED_FILE", upload(objects, "watched", infected, int64(len(infected))))
		require.Equal(t, "clean", b.Read("watched", "file"), "what was there stays")
		// A bucket that is not watched takes it, but it does not come from there by a copy or a move.
		require.Empty(t, upload(objects, "free", infected, int64(len(infected))))
		_, err = objects.Copy(t.Context(), b.Service(), object.Copy{Bucket: "free", Name: "file", ToBucket: "watched", ToName: "copy"})
		require.Equal(t, "INFECTED_FILE", reason(err))
		_, err = objects.Move(t.Context(), b.Service(), object.Move{Bucket: "free", Name: "file", ToBucket: "watched", ToName: "moved"})
		require.Equal(t, "INFECTED_FILE", reason(err))
		_, err = objects.Move(t.Context(), b.Service(), object.Move{Bucket: "watched", Name: "file", ToBucket: "free", ToName: "clean"})
		require.NoError(t, err)
	})
}

// TestNothingTakesAScannedFilesPlace: a file that is replaced while it is looked at is not moved in its place.
func TestNothingTakesAScannedFilesPlace(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("watched", false)
		b.Bucket("free", false)
		b = b.With(map[string]string{"storage.scan_buckets": `["watched"]`})
		swap := &swapping{}
		objects := object.New(object.Deps{Blobs: b.Blobs, Queue: b.Queue, Log: testkit.Logger(t), Scanner: swap})
		b.Put("free", "file", "clean")
		swap.after = func() { b.Put("free", "file", virus) }
		_, err := objects.Move(t.Context(), b.Service(), object.Move{Bucket: "free", Name: "file", ToBucket: "watched", ToName: "file"})
		require.Equal(t, "INFECTED_FILE", reason(err))
		_, err = objects.Find(t.Context(), b.Service(), "watched", "file")
		require.Equal(t, "NO_SUCH_KEY", reason(err))
	})
}

// swapping is a scanner, after whose first verdict something happens.
type swapping struct{ after func() }

type swappingStream struct {
	strings.Builder
	of *swapping
}

func (s *swapping) Begin(context.Context, string) (scan.Stream, error) {
	return &swappingStream{of: s}, nil
}

func (s *swappingStream) Verdict() error {
	if strings.Contains(s.String(), virus) {
		return fault.New(fault.Invalid, "INFECTED_FILE", "It is.")
	}
	s.of.after()
	return nil
}

func (s *swappingStream) Close() error { return nil }
