package scan_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/scan"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// clamd speaks clamd's protocol: it knows one virus, and takes limit bytes.
type clamd struct {
	t     *testing.T
	limit int
	// answer is given in place of the verdict; "" gives the verdict, "-" none.
	answer string
	// got is what each stream held.
	got chan []byte
	// ended is told when a connection has ended.
	ended chan struct{}
}

// socket is a path that is short enough for one, which a test's own folder may not be.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "clamd") //nolint:usetesting // whose path may be too long
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

const virus = "X5O!P%@AP-not-the-real-one"

func (c *clamd) serve(network, address string) string {
	c.t.Helper()
	c.got, c.ended = make(chan []byte, 100), make(chan struct{}, 100)
	listener, err := net.Listen(network, address)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				c.one(conn)
				_ = conn.Close()
				c.ended <- struct{}{}
			}()
		}
	}()
	return network + "://" + listener.Addr().String()
}

func (c *clamd) one(conn net.Conn) {
	in := bufio.NewReader(conn)
	if command, err := in.ReadString(0); err != nil || command != "zINSTREAM\x00" {
		_, _ = conn.Write([]byte("UNKNOWN COMMAND\x00"))
		return
	}
	var all []byte
	for {
		var length uint32
		if err := binary.Read(in, binary.BigEndian, &length); err != nil {
			return
		}
		if length == 0 {
			break
		}
		part := make([]byte, length)
		if _, err := io.ReadFull(in, part); err != nil {
			return
		}
		if all = append(all, part...); c.limit > 0 && len(all) > c.limit {
			_, _ = conn.Write([]byte("INSTREAM size limit exceeded. ERROR\x00"))
			return
		}
	}
	c.got <- all
	switch {
	case c.answer == "-":
		_, _ = io.Copy(io.Discard, in)
	case c.answer != "":
		_, _ = conn.Write([]byte(c.answer))
	case bytes.Contains(all, []byte(virus)):
		_, _ = conn.Write([]byte("stream: Test.Virus FOUND\x00"))
	default:
		_, _ = conn.Write([]byte("stream: OK\x00"))
	}
}

func scanner(t *testing.T, url string, change ...func(*scan.Deps)) *scan.Scanner {
	t.Helper()
	d := scan.Deps{URL: url, Log: testkit.Logger(t), Answer: 10 * time.Second}
	for _, c := range change {
		c(&d)
	}
	s, err := scan.New(d)
	require.NoError(t, err)
	return s
}

// look scans a whole file.
func look(t *testing.T, s *scan.Scanner, ref string, file io.Reader) error {
	t.Helper()
	stream, err := s.Begin(t.Context(), ref)
	if err != nil {
		return err
	}
	defer func() { require.NoError(t, stream.Close()) }()
	if _, err := io.Copy(stream, file); err != nil {
		return err
	}
	return stream.Verdict()
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return fault.From(err).Reason
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	big := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	for _, c := range []struct {
		name   string
		file   []byte
		limit  int
		answer string
		want   string
	}{
		{name: "a clean file is kept", file: []byte("hello")},
		{name: "an empty file is kept"},
		{name: "a large one is sent in pieces", file: big},
		{name: "an infected one is refused", file: []byte("xx" + virus), want: "INFECTED_FILE"},
		{name: "one infected at its end is refused", file: append(bytes.Clone(big), virus...), want: "INFECTED_FILE"},
		{name: "what is larger than the scanner takes is refused", file: big, limit: 1000, want: "TOO_LARGE_TO_SCAN"},
		{name: "an error of the scanner refuses", answer: "stream: Can't allocate memory ERROR\x00", want: "SCANNER_UNAVAILABLE"},
		{name: "half an answer refuses", answer: "stream: OK", want: "SCANNER_UNAVAILABLE"},
		{name: "an answer that only looks like it refuses", answer: "stream: OK, but\x00", want: "SCANNER_UNAVAILABLE"},
		{name: "an endless answer refuses", answer: strings.Repeat("x", 10_000) + "\x00", want: "SCANNER_UNAVAILABLE"},
		{name: "another protocol refuses", answer: "HTTP/1.1 400 Bad Request\r\n\r\n", want: "SCANNER_UNAVAILABLE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := &clamd{t: t, limit: c.limit, answer: c.answer}
			s := scanner(t, server.serve("unix", socket(t)))
			err := look(t, s, "abc", bytes.NewReader(c.file))
			require.Equal(t, c.want, reason(err))
			<-server.ended
			if c.limit == 0 {
				require.True(t, bytes.Equal(c.file, <-server.got))
			}
			if c.want == "INFECTED_FILE" {
				require.Contains(t, fault.From(err).Message, "Test.Virus")
			}
			if c.want == "SCANNER_UNAVAILABLE" {
				require.Equal(t, fault.Unavailable, fault.From(err).Kind)
				require.NotContains(t, fault.From(err).Message, "allocate")
			}
		})
	}
}

func TestNothingGoesThroughWithoutAScanner(t *testing.T) {
	t.Parallel()
	gone := &clamd{t: t}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	away := "tcp://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	for name, url := range map[string]string{"none": "", "away": away, "no socket": "unix://" + filepath.Join(t.TempDir(), "none.sock")} {
		_, err := scanner(t, url).Begin(t.Context(), "abc")
		require.Equal(t, "SCANNER_UNAVAILABLE", reason(err), name)
		require.Equal(t, fault.Unavailable, fault.From(err).Kind, name)
	}
	// One that never answers.
	gone.answer = "-"
	s := scanner(t, gone.serve("tcp", "127.0.0.1:0"), func(d *scan.Deps) { d.Answer = 50 * time.Millisecond })
	require.Equal(t, "SCANNER_UNAVAILABLE", reason(look(t, s, "abc", strings.NewReader("x"))))
	// A caller who leaves does not wait.
	s = scanner(t, (&clamd{t: t, answer: "-"}).serve("tcp", "127.0.0.1:0"))
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := s.Begin(ctx, "abc")
	require.NoError(t, err)
	cancel()
	require.Equal(t, "CANCELED", reason(stream.Verdict()))
	require.NoError(t, stream.Close())
	require.NoError(t, stream.Close(), "twice is no harm")
	_, err = stream.Write([]byte("x"))
	require.Error(t, err)
}

func TestAnUploadThatEndsEarlyHasNoVerdict(t *testing.T) {
	t.Parallel()
	server := &clamd{t: t}
	s := scanner(t, server.serve("unix", socket(t)))
	stream, err := s.Begin(t.Context(), "abc")
	require.NoError(t, err)
	_, err = stream.Write([]byte("half"))
	require.NoError(t, err)
	require.NoError(t, stream.Close())
	<-server.ended
	require.Error(t, stream.Verdict(), "what was given up is not clean")
	require.Empty(t, server.got)
}

func TestOneProjectLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	server := &clamd{t: t}
	s := scanner(t, server.serve("unix", socket(t)), func(d *scan.Deps) { d.Most, d.MostOfOne = 3, 2 })
	open := func(ref string) scan.Stream {
		stream, err := s.Begin(t.Context(), ref)
		require.NoError(t, err)
		return stream
	}
	first, second := open("greedy"), open("greedy")
	_, err := s.Begin(t.Context(), "greedy")
	require.Equal(t, "SCANNER_BUSY", reason(err))
	other := open("modest")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Begin(ctx, "third")
	require.Equal(t, "SCANNER_BUSY", reason(err), "no room at all")
	require.NoError(t, first.Close())
	require.NoError(t, look(t, s, "greedy", strings.NewReader("x")))
	require.NoError(t, second.Close())
	require.NoError(t, other.Close())
}

func TestAddressesAndBuckets(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"http://x", "unix://relative/path", "unix://", "tcp://", "tcp://x:1/y", "/run/clamd.ctl", "tcp://x:bad", ":"} {
		_, err := scan.New(scan.Deps{URL: bad})
		require.Error(t, err, bad)
	}
	s := scanner(t, "tcp://scanner.internal")
	values := func(list string) setting.Values {
		return setting.Decode(map[string]string{"storage.scan_buckets": list})
	}
	require.False(t, s.Wants(values(`[]`), "a"))
	require.True(t, s.Wants(values(`["a","b"]`), "b"))
	require.False(t, s.Wants(values(`["a","b"]`), "c"))
	require.True(t, s.Wants(values(`["*"]`), "c"))
}
