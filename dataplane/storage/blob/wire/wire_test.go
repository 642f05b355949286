package wire_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/blob/wire"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// store is a real object store with one bucket, behind a proxy that counts connections and cuts them.
type store struct {
	*wire.Client
	bucket string
	proxy  *proxy
}

func newStore(t *testing.T) *store {
	t.Helper()
	settings := testkit.S3(t)
	bucket := settings.BucketPrefix + "wire"
	_, err := testkit.S3Client(settings).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	require.NoError(t, err)
	at, err := url.Parse(settings.Endpoint)
	require.NoError(t, err)
	p := newProxy(t, at.Host)
	settings.Endpoint = "http://" + p.Addr().String()
	client, err := wire.New(settings)
	require.NoError(t, err)
	return &store{client, bucket, p}
}

type proxy struct {
	net.Listener
	to       string
	accepted atomic.Int64
	// cutAfter ends a connection when so many bytes came from the store; 0 never.
	cutAfter atomic.Int64
	mu       sync.Mutex
	open     []net.Conn
}

func newProxy(t *testing.T, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{Listener: l, to: to}
	go p.serve()
	t.Cleanup(func() { _ = l.Close(); p.closeAll() })
	return p
}

func (p *proxy) serve() {
	for {
		client, err := p.Accept()
		if err != nil {
			return
		}
		p.accepted.Add(1)
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, client, server)
		p.mu.Unlock()
		go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
		go func() {
			from := io.Reader(server)
			if n := p.cutAfter.Load(); n > 0 {
				from = io.LimitReader(server, n)
			}
			_, _ = io.Copy(client, from)
			_ = client.Close()
		}()
	}
}

func (p *proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}

func (s *store) read(t *testing.T, key, span string) ([]byte, error) {
	t.Helper()
	body, err := s.Get(t.Context(), s.bucket, key, span)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	return io.ReadAll(body)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, size := range []int{0, 1, 100, 4095, 4096, 4097, 65_536, 300_000, 3 << 20} {
		content := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		sum := md5.Sum(content)
		for _, body := range []io.Reader{bytes.NewReader(content), io.MultiReader(bytes.NewReader(content))} {
			etag, err := s.Put(t.Context(), s.bucket, "key", body, int64(size), "text/plain")
			require.NoError(t, err, size)
			require.Equal(t, hex.EncodeToString(sum[:]), etag)
		}
		require.True(t, s.Checks(t.Context(), s.bucket, "key"))
		etag, err := s.PutChecked(t.Context(), s.bucket, "key", io.MultiReader(bytes.NewReader(content)), int64(size), "text/plain")
		require.NoError(t, err, size)
		require.Equal(t, hex.EncodeToString(sum[:]), etag)
		got, err := s.read(t, "key", "")
		require.NoError(t, err)
		require.Equal(t, content, got)

		body, err := s.Get(t.Context(), s.bucket, "key", "")
		require.NoError(t, err)
		var whole bytes.Buffer
		n, err := body.(io.WriterTo).WriteTo(&whole)
		require.NoError(t, err)
		require.Equal(t, int64(size), n)
		require.True(t, bytes.Equal(content, whole.Bytes()))
		require.NoError(t, body.Close())
	}
	got, err := s.read(t, "key", "bytes=5-14")
	require.NoError(t, err)
	require.Equal(t, "5678901234", string(got))
	require.Equal(t, int64(1), s.proxy.accepted.Load(), "one connection was enough for all of it")
}

// TestSocketToSocket lets an HTTP server send an object: net/http takes it from the connection.
func TestSocketToSocket(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	_, err := s.Put(t.Context(), s.bucket, "key", bytes.NewReader(content), int64(len(content)), "text/plain")
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := s.Get(r.Context(), s.bucket, "key", "")
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = body.Close() }()
		w.Header().Set("Content-Length", r.URL.Query().Get("length"))
		_, _ = body.(io.WriterTo).WriteTo(w)
	}))
	t.Cleanup(server.Close)
	for range 3 {
		answer, err := http.Get(server.URL + "?length=4194304")
		require.NoError(t, err)
		got, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.True(t, bytes.Equal(content, got))
	}
}

// TestBatchesWaitForNoMoreThanComes lets a store send fast, then so little that no batch becomes full, and more only when that has been taken.
func TestBatchesWaitForNoMoreThanComes(t *testing.T) {
	t.Parallel()
	const size, fast, little = 8 << 20, 5 << 20, 100 << 10
	taken := make(chan int64, 1)
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		piece := make([]byte, little)
		for sent, got := int64(0), int64(0); sent < size; {
			n, _ := w.Write(piece[:min(little, size-sent)])
			sent += int64(n)
			if sent < fast {
				continue
			}
			http.NewResponseController(w).Flush()
			for got < sent {
				select {
				case got = <-taken:
				case <-r.Context().Done():
					return
				}
			}
		}
	}))
	t.Cleanup(store.Close)
	c, err := wire.New(config.S3{Endpoint: store.URL, Region: "us-east-1", PathStyle: true, AccessKey: "a", SecretKey: "b"})
	require.NoError(t, err)
	c.Wait(200 * time.Millisecond)
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := c.Get(r.Context(), "bucket", "key", "")
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = body.Close() }()
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = body.(io.WriterTo).WriteTo(w)
	}))
	t.Cleanup(worker.Close)
	answer, err := http.Get(worker.URL)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	piece := make([]byte, 64<<10)
	for got := int64(0); got < size; {
		n, err := answer.Body.Read(piece)
		got += int64(n)
		if got < size {
			require.NoError(t, err)
		}
		select {
		case <-taken: // it was not looked at
		default:
		}
		taken <- got
	}
}

func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

func TestRefusalsKeepTheirCodes(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	_, err := s.read(t, "none", "")
	require.Equal(t, "NoSuchKey", code(err))
	_, err = s.Put(t.Context(), "no-such-bucket-"+s.bucket, "key", strings.NewReader("x"), 1, "text/plain")
	require.Equal(t, "NoSuchBucket", code(err))
	_, err = s.Put(t.Context(), s.bucket, "key", strings.NewReader("x"), 1, "text/plain")
	require.NoError(t, err)
	_, err = s.read(t, "key", "bytes=5-9")
	require.Equal(t, "InvalidRange", code(err))
}

func TestConnectionsThatTheStoreClosed(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	put := func(body io.Reader) error {
		_, err := s.Put(t.Context(), s.bucket, "key", body, 5, "text/plain")
		return err
	}
	require.NoError(t, put(strings.NewReader("hello")))
	s.proxy.closeAll()
	require.NoError(t, put(io.MultiReader(strings.NewReader("hello"))), "a body that cannot be sent again goes over a live connection")
	s.proxy.closeAll()
	got, err := s.read(t, "key", "")
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
	require.Equal(t, int64(3), s.proxy.accepted.Load())
}

func TestHalfABodyIsAnError(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	content := make([]byte, 1<<20)
	_, err := s.Put(t.Context(), s.bucket, "key", bytes.NewReader(content), int64(len(content)), "text/plain")
	require.NoError(t, err)
	s.proxy.closeAll()
	s.proxy.cutAfter.Store(100_000)
	_, err = s.read(t, "key", "")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	body, err := s.Get(t.Context(), s.bucket, "key", "")
	require.NoError(t, err)
	_, err = body.(io.WriterTo).WriteTo(io.Discard)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, body.Close())
	require.NoError(t, body.Close(), "twice is once")
}

func TestBodiesOfClientsThatBreak(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	_, err := s.Put(t.Context(), s.bucket, "key", strings.NewReader("short"), 10, "text/plain")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	own := errors.New("the client left")
	_, err = s.Put(t.Context(), s.bucket, "key", io.MultiReader(strings.NewReader("x"), failing{own}), 100_000, "text/plain")
	require.ErrorIs(t, err, own)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestACheckedBodyIsTakenWholeOrNotAtAll: of an unchecked one some stores take what a broken connection brought for the whole.
func TestACheckedBodyIsTakenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, cut := range []int{1, 1000, 65_536, 70_000, 199_999} {
		_, err := s.PutChecked(t.Context(), s.bucket, "key", bytes.NewReader(make([]byte, cut)), 200_000, "text/plain")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	_, err := s.PutChecked(t.Context(), s.bucket, "after", bytes.NewReader(make([]byte, 200_000)), 200_000, "text/plain")
	require.NoError(t, err)
	_, err = s.read(t, "key", "")
	require.Equal(t, "NoSuchKey", code(err))
}

func TestWhoLeavesIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	client, err := wire.New(config.S3{Endpoint: "http://" + silent.Addr().String(), Region: "us-east-1", AccessKey: "a", SecretKey: "b", PathStyle: true})
	require.NoError(t, err)
	for _, try := range []func(ctx context.Context) error{
		func(ctx context.Context) error { _, err := client.Get(ctx, "b", "k", ""); return err },
		func(ctx context.Context) error {
			_, err := client.Put(ctx, "b", "k", strings.NewReader("x"), 1, "text/plain")
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		began := time.Now()
		require.Error(t, try(ctx))
		require.Less(t, time.Since(began), 10*time.Second)
		cancel()
	}
	_, err = wire.New(config.S3{Endpoint: "ftp://x"})
	require.Error(t, err)
	none, err := wire.New(config.S3{})
	require.NoError(t, err)
	require.Nil(t, none)
}
