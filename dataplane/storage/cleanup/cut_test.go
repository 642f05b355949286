package cleanup_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
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

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/cleanup"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// cutter stands before a server, and cuts all connections once so many bytes have gone one way.
type cutter struct {
	net.Listener
	to    string
	armed atomic.Pointer[cut]
	mu    sync.Mutex
	open  map[net.Conn]bool
}

// cut is when to cut: when left bytes more have gone up, or down.
type cut struct {
	up   bool
	left atomic.Int64
}

func newCutter(t *testing.T, to string) *cutter {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cutter{Listener: listener, to: to, open: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = listener.Close(); c.cutAll() })
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", c.to)
			if err != nil {
				_ = in.Close()
				continue
			}
			c.mu.Lock()
			c.open[in], c.open[out] = true, true
			c.mu.Unlock()
			go c.pass(out, in, true)
			go c.pass(in, out, false)
		}
	}()
	return c
}

func (c *cutter) cutAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		_ = conn.Close()
	}
	clear(c.open)
}

// pass passes bytes on, up to where it is to cut.
func (c *cutter) pass(to, from net.Conn, up bool) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		part := buffer[:n]
		if a := c.armed.Load(); a != nil && a.up == up {
			if before := a.left.Load(); a.left.Add(-int64(n)) < 0 {
				c.armed.CompareAndSwap(a, nil)
				_, _ = to.Write(part[:max(0, min(before, int64(n)))])
				c.cutAll()
				return
			}
		}
		if _, failed := to.Write(part); failed != nil || err != nil {
			_ = to.Close()
			_ = from.Close()
			return
		}
	}
}

func (c *cutter) arm(up bool, after int64) {
	a := &cut{up: up}
	a.left.Store(after)
	c.armed.Store(a)
}

func (c *cutter) disarm() { c.armed.Store(nil) }

// settled does all that was left for later, as if the time for it had come.
func (b *bundle) settled() {
	b.T.Helper()
	s := b.service()
	for {
		lease := storagetest.One[*string](b.Bundle, "select (select id from leases limit 1)")
		if lease == nil {
			break
		}
		require.NoError(b.T, b.handle(s, cleanup.KindLeaseEnded, blob.LeaseEnded{Lease: *lease}))
	}
	b.remove()
	b.requireAgreement()
}

const cuts = 20

func TestUploadsWhoseClientLeavesAnywhere(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			size, err := strconv.ParseInt(r.Header.Get("X-Size"), 10, 64)
			if err != nil {
				http.Error(w, "no size", http.StatusBadRequest)
				return
			}
			_, err = b.Objects.Upload(r.Context(), b.Service(), object.Target{Bucket: "files", Name: strings.TrimPrefix(r.URL.Path, "/"), Size: size, Upsert: true}, r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		}))
		before := b.Put("files", "replaced", "as it was")
		for i := range cuts {
			content := bytes.Repeat([]byte{byte(i)}, rand.N(200_000)+1)
			size, length := len(content), "Content-Length: "+strconv.Itoa(len(content))
			if i%2 == 1 { // of unknown length
				size, length = -1, "Transfer-Encoding: chunked"
			}
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			body := content
			if size < 0 {
				body = []byte(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(content), content))
			}
			name := []string{"replaced", fmt.Sprint(i)}[i%3%2]
			_, err = fmt.Fprintf(conn, "PUT /%s HTTP/1.1\r\nHost: x\r\nX-Size: %d\r\n%s\r\n\r\n%s", name, size, length, body[:rand.N(len(body))])
			require.NoError(t, err)
			require.NoError(t, conn.Close())
		}
		server.Close() // waits for all
		require.Equal(t, before.Version, storagetest.One[string](b.Bundle, "select version from blobs"), "nothing came of any of them")
		require.Equal(t, "as it was", b.Read("files", "replaced"))
		require.Eventually(t, func() bool { return len(b.StoredKeys()) == 1 }, 10*time.Second, 50*time.Millisecond, "nor is anything left, before any lease ends")
		b.settled()
	})
}

func TestUploadsWhoseObjectStoreLeavesAnywhere(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		endpoint, err := url.Parse(b.S3.Endpoint)
		require.NoError(t, err)
		c := newCutter(t, endpoint.Host)
		through := b.S3
		through.Endpoint = "http://" + c.Addr().String()
		blobs := blob.New(blob.Deps{Client: blob.NewClient(through), Log: testkit.Logger(t), Queue: b.Queue, WorkerID: "cut", TempDir: t.TempDir()})
		objects := object.New(object.Deps{Blobs: blobs, Queue: b.Queue, Log: testkit.Logger(t)})
		b.cut(t, c, func(name string, content []byte, size int64) error {
			c.arm(rand.N(3) > 0, rand.N(int64(len(content))+2000))
			defer c.disarm()
			_, err := objects.Upload(t.Context(), b.Service(), object.Target{Bucket: "files", Name: name, Size: size, Upsert: true}, io.LimitReader(bytes.NewReader(content), 1<<30))
			return err
		})
	})
}

func TestUploadsWhoseDatabaseLeavesAnywhere(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		c := newCutter(t, net.JoinHostPort(b.Project.Host, strconv.Itoa(b.Project.Port)))
		away := *b.Project
		host, port, err := net.SplitHostPort(c.Addr().String())
		require.NoError(t, err)
		away.Host = host
		away.Port, err = strconv.Atoi(port)
		require.NoError(t, err)
		door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), MaxConnections: 16})
		t.Cleanup(func() { require.NoError(t, door.Close(context.Background())) })
		session := door.Bind(&away, b.Service().Caller)
		b.cut(t, c, func(name string, content []byte, size int64) error {
			ticket, err := b.Objects.Begin(t.Context(), session, object.Target{Bucket: "files", Name: name, Size: size, Upsert: true})
			if err != nil {
				return err
			}
			written, err := b.Objects.Store(t.Context(), session, ticket, bytes.NewReader(content))
			require.NoError(t, err)
			c.arm(rand.N(2) == 0, rand.N[int64](2500))
			defer c.disarm()
			_, err = b.Objects.Commit(t.Context(), session, ticket, written)
			return err
		})
	})
}

// cut uploads again and again through what is cut, and requires that each upload is whole or has not been, whatever its answer; and that all is in agreement
// once what was left for later has been done.
func (b *bundle) cut(t *testing.T, c *cutter, upload func(name string, content []byte, size int64) error) {
	t.Helper()
	acknowledged, failed := map[string][]byte{}, map[string][]byte{}
	for i := range cuts {
		name, content := fmt.Sprint(i), bytes.Repeat([]byte{byte(i), byte(i >> 8), 1}, rand.N(60_000))
		size := int64(len(content))
		if i%3 == 0 {
			size = -1
		}
		if err := upload(name, content, size); err == nil {
			acknowledged[name] = content
		} else {
			failed[name] = content
		}
	}
	t.Logf("%d acknowledged, %d failed", len(acknowledged), len(failed))
	require.NotEmpty(t, failed, "something was cut")
	require.Eventually(t, func() bool { // the server of a connection that was cut comes to its end
		return storagetest.One[int64](b.Bundle, "select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and pid <> pg_backend_pid()") == 0
	}, 10*time.Second, 10*time.Millisecond)
	b.settled()
	for name, content := range acknowledged {
		require.True(t, bytes.Equal(content, []byte(b.Read("files", name))), "%s was acknowledged", name)
	}
	for name, content := range failed {
		if _, err := b.Objects.Find(t.Context(), b.Service(), "files", name); err == nil {
			require.True(t, bytes.Equal(content, []byte(b.Read("files", name))), "%s is whole when it is there", name)
		}
	}
}
