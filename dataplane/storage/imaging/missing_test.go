package imaging

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// TestAProgramThatIsNotThereOrNotOursIsSaidSo needs no libvips.
func TestAProgramThatIsNotThereOrNotOursIsSaidSo(t *testing.T) {
	t.Parallel()
	script := func(text string) string {
		file := filepath.Join(t.TempDir(), "program")
		require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o700))
		return file
	}
	cases := []struct {
		name, program string
		kind          fault.Kind
		reason        string
	}{
		{"missing", filepath.Join(t.TempDir(), "nothing"), fault.Unimplemented, "IMAGE_PROGRAM_MISSING"},
		{"ends at once", script("echo no libvips here >&2; exit 1"), fault.Unavailable, "IMAGE_PROGRAM_BROKEN"},
		{"speaks otherwise", script("echo fluxbase-images 0; cat >/dev/null"), fault.Unavailable, "IMAGE_PROGRAM_BROKEN"},
		{"dies in its first job", script("echo fluxbase-images 1; exit 3"), fault.Invalid, "INVALID_REQUEST"},
		{"answers nonsense", script("echo fluxbase-images 1; head -c 20000 >/dev/null; head -c 100 /dev/zero | tr '\\0' x; cat >/dev/null"), fault.Invalid, "INVALID_REQUEST"},
	}
	png := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 40_000)...)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pool := NewPool(PoolDeps{Program: c.program, Workers: 1, Memory: 64 << 20, Timeout: 5 * time.Second, Log: testkit.Logger(t)})
			defer pool.Close()
			_, err := pool.make(t.Context(), "a", job.Recipe{Format: job.WebP}, func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(png)), nil
			})
			require.Equal(t, c.reason, fault.From(err).Reason, "%v", err)
			require.Equal(t, c.kind, fault.From(err).Kind)
			require.NotContains(t, fault.From(err).Message, "no libvips here")
			idle, running := len(pool.idle), len(pool.running)
			require.Zero(t, idle+running)
		})
	}
}

// TestPicturesThatNobodyTakesAreBounded: each of many slow readers asks for another picture.
func TestPicturesThatNobodyTakesAreBounded(t *testing.T) {
	t.Parallel()
	p := NewPool(PoolDeps{Program: "/nothing/there"})
	var held []*picture
	for n := int64(0); n < mostWaiting; n += mostWaiting / 4 {
		require.False(t, p.files.full("a"))
		file, err := os.Create(filepath.Join(t.TempDir(), "picture"))
		require.NoError(t, err)
		one := &picture{size: mostWaiting / 4, file: file}
		one.hold()
		p.files.hold("a", one)
		held = append(held, one)
	}
	_, err := p.make(t.Context(), "a", job.Recipe{}, nil)
	require.Equal(t, "SLOW_DOWN", fault.From(err).Reason)
	_, err = p.make(t.Context(), "b", job.Recipe{}, nil)
	require.Equal(t, "IMAGE_PROGRAM_MISSING", fault.From(err).Reason)
	for _, one := range held {
		one.release()
	}
	require.Empty(t, p.files.bytes)
	p.files.hold("a", &picture{size: 10})
	require.Empty(t, p.files.bytes, "what is in memory is no file")
}
