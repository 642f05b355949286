package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

// patience is how long the gateways of these tests wait for a client.
const patience = 600 * time.Millisecond

// transfers serves storage by a handler, with much time for each request and little patience.
func transfers(timeout time.Duration, handler http.HandlerFunc) func(*Deps) {
	return func(d *Deps) {
		d.Limits, d.Timeout = freely{}, patience
		d.Services = []Service{{Name: "storage", Prefix: storagePrefix, Timeout: timeout, MaxBody: 100 << 20, Handler: handler}}
	}
}

// dial begins a request by hand; the test ends when the server keeps the connection for too long.
func (b *bundle) dial(t *testing.T, head string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", b.server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(conn, head)
	require.NoError(t, err)
	return conn.(*net.TCPConn)
}

func (s *sample) head(method string, length int) string {
	return fmt.Sprintf("%s /storage/v1/object/b/f HTTP/1.1\r\nHost: %s.example.test\r\napikey: %s\r\nContent-Length: %d\r\n\r\n", method, s.project.Ref, s.secret, length)
}

// received is how a handler's reading of a body ended.
type received struct {
	bytes int64
	err   error
	took  time.Duration
}

func receive(out chan<- received) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		n, err := io.Copy(io.Discard, r.Body)
		out <- received{n, err, time.Since(began)}
		if err != nil {
			w.WriteHeader(http.StatusTeapot)
		}
	}
}

func TestASlowUploadMayTakeItsTime(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	out := make(chan received, 1)
	b := setup(t, transfers(time.Minute, receive(out)), s)
	const part, parts = 4 << 10, 30
	conn := b.dial(t, s.head("POST", part*parts))
	tick := time.NewTicker(patience / 10)
	defer tick.Stop()
	for range parts {
		_, err := conn.Write(make([]byte, part))
		require.NoError(t, err)
		<-tick.C
	}
	got := <-out
	require.NoError(t, got.err)
	require.Equal(t, int64(part*parts), got.bytes)
	require.Greater(t, got.took, 2*patience, "longer than other requests may take")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, 200, answer.StatusCode)
	require.NoError(t, answer.Body.Close())
}

func TestAStandingUploadEnds(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(net.Conn){
		"nothing":    func(net.Conn) {},
		"half of it": func(c net.Conn) { _, _ = c.Write(make([]byte, 500<<10)) },
		"byte after byte": func(c net.Conn) {
			tick := time.NewTicker(patience / 20)
			defer tick.Stop()
			for range 10_000 {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
				<-tick.C
			}
		},
		"much, then byte after byte": func(c net.Conn) {
			_, _ = c.Write(make([]byte, 10<<20)) // worth 43 minutes of waiting, if it could be saved up
			tick := time.NewTicker(patience / 20)
			defer tick.Stop()
			for range 10_000 {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
				<-tick.C
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSample(t, nil)
			out := make(chan received, 1)
			b := setup(t, transfers(time.Hour, receive(out)), s)
			conn := b.dial(t, s.head("POST", 50<<20))
			go send(conn)
			got := <-out
			require.ErrorIs(t, got.err, os.ErrDeadlineExceeded)
			require.Equal(t, "BODY_STALLED", fault.From(got.err).Reason)
			require.Equal(t, fault.Canceled, fault.From(got.err).Kind, "it is the client's doing")
			require.Less(t, got.took, 20*patience)
			_, err := io.Copy(io.Discard, conn) // until the worker hangs up
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
		})
	}
}

func TestATransferEndsWithItsTimeout(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	out := make(chan received, 1)
	b := setup(t, transfers(2*patience, receive(out)), s)
	conn := b.dial(t, s.head("POST", 50<<20))
	go func() {
		tick := time.NewTicker(patience / 20)
		defer tick.Stop()
		for {
			if _, err := conn.Write(make([]byte, 8<<10)); err != nil {
				return
			}
			<-tick.C
		}
	}()
	got := <-out
	require.ErrorIs(t, got.err, os.ErrDeadlineExceeded)
	require.Less(t, got.took, 10*patience)
}

func TestALargeBodyIsBounded(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	out := make(chan received, 1)
	b := setup(t, func(d *Deps) {
		transfers(time.Minute, receive(out))(d)
		d.Services[0].MaxBody = 1 << 20
	}, s)
	do := func(body io.Reader) response {
		return b.do(t, request{method: "POST", host: s.project.Ref + ".example.test", path: "/storage/v1/object/b/f", header: map[string]string{"apikey": s.secret}, body: body})
	}
	require.Equal(t, 413, do(bytes.NewReader(make([]byte, 1<<20+1))).status)
	require.Empty(t, out, "nothing is read of what says itself that it is too large")
	do(io.MultiReader(bytes.NewReader(make([]byte, 2<<20)))) // its length is not told
	var tooLarge *http.MaxBytesError
	got := <-out
	require.ErrorAs(t, got.err, &tooLarge)
	require.Equal(t, int64(1<<20), got.bytes)
	do(bytes.NewReader(make([]byte, 1<<20)))
	require.NoError(t, (<-out).err)
}

// TestAServiceMayTakeItsTime holds that only time counts in which the client is waited for, over both versions of HTTP, and that no deadline
// of one request reaches into the next one of a connection.
func TestAServiceMayTakeItsTime(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]int{"HTTP/1": 1, "HTTP/2": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSample(t, nil)
			wait := func() { <-time.After(patience * 5 / 4) }
			b := setup(t, transfers(time.Minute, func(w http.ResponseWriter, r *http.Request) {
				wait() // before the body
				half := make([]byte, 150<<10)
				_, err := io.ReadFull(r.Body, half)
				if err == nil {
					wait() // within it
					_, err = io.Copy(io.Discard, r.Body)
				}
				if err != nil {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				wait() // after it
				_, _ = w.Write(half)
				wait() // within the answer
				_, _ = w.Write(half)
				wait()
				if err := r.Context().Err(); err != nil {
					panic(http.ErrAbortHandler)
				}
			}), s)
			server := &http.Server{Handler: b.gateway, Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute}
			server.Protocols.SetHTTP1(true)
			server.Protocols.SetUnencryptedHTTP2(true)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			go func() { _ = server.Serve(l) }()
			t.Cleanup(func() { _ = server.Close() })
			transport := &http.Transport{Protocols: new(http.Protocols)}
			transport.Protocols.SetHTTP1(version == 1)
			transport.Protocols.SetUnencryptedHTTP2(version == 2)
			t.Cleanup(transport.CloseIdleConnections)
			for range 2 {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.Addr().String()+"/storage/v1/object/b/f", bytes.NewReader(make([]byte, 300<<10)))
				require.NoError(t, err)
				r.Host = s.project.Ref + ".example.test"
				r.Header.Set("apikey", s.secret)
				res, err := transport.RoundTrip(r)
				require.NoError(t, err)
				require.Equal(t, version, res.ProtoMajor)
				require.Equal(t, 200, res.StatusCode)
				n, err := io.Copy(io.Discard, res.Body)
				require.NoError(t, err)
				require.Equal(t, int64(300<<10), n)
				require.NoError(t, res.Body.Close())
			}
		})
	}
}

// endless writes until it fails, and tells how much that was.
func endless(out chan<- received, step int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		began, chunk, total := time.Now(), make([]byte, step), int64(0)
		for {
			n, err := w.Write(chunk)
			total += int64(n)
			if err != nil {
				out <- received{total, err, time.Since(began)}
				return
			}
		}
	}
}

func TestADownloadThatIsNotReadEnds(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]int{"by pieces": 32 << 10, "at once": 64 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSample(t, nil)
			out := make(chan received, 1)
			b := setup(t, transfers(time.Hour, endless(out, step)), s)
			conn := b.dial(t, s.head("GET", 0))
			got := <-out
			require.ErrorIs(t, got.err, os.ErrDeadlineExceeded)
			require.Less(t, got.took, 20*patience)
			counted := func() int64 {
				b.usage.mu.Lock()
				defer b.usage.mu.Unlock()
				if b.usage.requests[s.project.ID+"/storage"] == 0 {
					return -1
				}
				return b.usage.egress[s.project.ID+"/storage"]
			}
			require.Eventually(t, func() bool { return counted() >= 0 }, 20*time.Second, time.Millisecond)
			require.Equal(t, got.bytes, counted(), "what was written is counted, also of what broke off")
			require.Less(t, counted(), int64(64<<20), "and no more")
			require.NoError(t, conn.Close())
		})
	}
}

func TestASlowDownloadMayTakeItsTime(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	const size = 24 << 20
	b := setup(t, transfers(time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(zeros{}, size))
	}), s)
	conn := b.dial(t, s.head("GET", 0))
	require.NoError(t, conn.SetReadBuffer(64<<10))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	tick := time.NewTicker(patience / 40)
	defer tick.Stop()
	total, began := int64(0), time.Now()
	for {
		n, err := io.CopyN(io.Discard, answer.Body, 256<<10)
		total += n
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		<-tick.C
	}
	require.NoError(t, answer.Body.Close())
	require.Equal(t, int64(size), total)
	require.Greater(t, time.Since(began), 2*patience)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestClientsThatLeaveAreNoFaultOfOurs holds that broken downloads do not count as failures of the project's services.
func TestClientsThatLeaveAreNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path   string
		leave  bool
		failed int
	}{"the client leaves": {"/leave", true, 0}, "the client stands still": {"/stall", false, 0}, "the object store breaks off": {"/break", false, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSample(t, nil)
			b := setup(t, transfers(time.Minute, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/break" {
					_, _ = w.Write(make([]byte, 100<<10))
					panic(http.ErrAbortHandler)
				}
				for {
					if _, err := w.Write(make([]byte, 100<<10)); err != nil {
						panic(http.ErrAbortHandler)
					}
				}
			}), s)
			conn := b.dial(t, strings.Replace(s.head("GET", 0), "/object/b/f", c.path, 1))
			_, err := io.ReadFull(conn, make([]byte, 10<<10))
			require.NoError(t, err)
			if c.leave {
				require.NoError(t, conn.Close())
			}
			require.Eventually(t, func() bool {
				b.usage.mu.Lock()
				defer b.usage.mu.Unlock()
				return b.usage.requests[s.project.ID+"/storage"] == 1
			}, 20*time.Second, time.Millisecond)
			b.usage.mu.Lock()
			defer b.usage.mu.Unlock()
			require.Equal(t, c.failed, b.usage.errors[s.project.ID+"/storage"])
			require.NotZero(t, b.usage.egress[s.project.ID+"/storage"])
		})
	}
}

// TestALongDownloadIsCountedOnItsWay holds that a worker's death does not forget it, and that quotas see it.
func TestALongDownloadIsCountedOnItsWay(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	more := make(chan struct{})
	b := setup(t, transfers(time.Minute, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(zeros{}, 10<<20))
		select {
		case <-more:
		case <-r.Context().Done():
		}
		_, _ = io.Copy(w, io.LimitReader(zeros{}, 1<<20))
	}), s)
	conn := b.dial(t, s.head("GET", 0))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, answer.Body, 9<<20)
	require.NoError(t, err)
	egress := func() int64 {
		b.usage.mu.Lock()
		defer b.usage.mu.Unlock()
		return b.usage.egress[s.project.ID+"/storage"]
	}
	require.Eventually(t, func() bool { return egress() >= 8<<20 }, 20*time.Second, time.Millisecond)
	close(more)
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Eventually(t, func() bool { return egress() == 11<<20 }, 20*time.Second, time.Millisecond)
}

// TestTransfersUnderWayAreBounded holds that who begins transfers slowly, within every rate, does not gather them without end.
func TestTransfersUnderWayAreBounded(t *testing.T) {
	t.Parallel()
	s := newSample(t, func(x *directoryv1.Snapshot) { x.Limits = &directoryv1.Limits{RequestsPerSecondPerIp: 2} })
	begun, leave := make(chan struct{}, 10), make(chan struct{})
	b := setup(t, transfers(time.Minute, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/status" {
			return
		}
		begun <- struct{}{}
		select {
		case <-leave:
		case <-r.Context().Done():
		}
	}), s)
	send := func(path, key string) response {
		return b.do(t, request{host: s.project.Ref + ".example.test", path: storagePrefix + path, header: map[string]string{"apikey": key}})
	}
	done := make(chan response, 10)
	for range 2 * transferSeconds {
		go func() { done <- send("/object/b/f", s.publishable) }()
		<-begun
	}
	got := send("/status", s.publishable)
	require.Equal(t, http.StatusTooManyRequests, got.status)
	require.Equal(t, "TOO_MANY_TRANSFERS", got.code(t))
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Equal(t, 200, send("/status", s.secret).status, "the project's own servers come from few addresses")
	close(leave)
	for range 2 * transferSeconds {
		require.Equal(t, 200, (<-done).status)
	}
	require.Equal(t, 200, send("/status", s.publishable).status)
}

func TestOtherServicesKeepTheirTimeout(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, func(d *Deps) {
		d.Timeout = 100 * time.Millisecond
		d.Services = append(d.Services, Service{Name: "long", Prefix: "/long/v1", Access: BearerAccess, Timeout: 300 * time.Millisecond, Handler: echo("long")})
	}, s)
	for path, least := range map[string]time.Duration{"/rest/v1/slow": 100 * time.Millisecond, "/long/v1/slow": 300 * time.Millisecond} {
		began := time.Now()
		got := b.do(t, request{host: s.project.Ref + ".example.test", path: path, header: map[string]string{"apikey": s.secret}})
		require.Equal(t, errTimeout.Error(), got.body)
		require.GreaterOrEqual(t, time.Since(began), least)
	}
}

// TestPatience holds the sums: a client that keeps up the least rate is never cut, one that does not is cut in time.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		x := transfer{patience: time.Minute, end: began.Add(6 * time.Hour), reads: time.Minute}
		require.Equal(t, began.Add(time.Minute), x.until(time.Now(), x.reads))
		for range 1000 { // 8 KiB in two seconds, for half an hour
			now := time.Now()
			time.Sleep(2 * time.Second)
			require.True(t, time.Now().Before(x.until(now, x.reads)))
			x.reads = x.spend(x.reads, now, 8<<10)
		}
		require.InDelta(t, time.Minute, x.reads, float64(time.Second))
		for x.reads > 0 { // a byte each 30 seconds
			now := time.Now()
			time.Sleep(30 * time.Second)
			x.reads = x.spend(x.reads, now, 1)
		}
		require.Less(t, time.Since(began), 2000*time.Second+2*time.Minute)
		require.Equal(t, x.end, x.until(x.end.Add(-time.Second), time.Minute), "the end is the end")
	})
}

func BenchmarkTransfer(b *testing.B) {
	s := newSample(b, nil)
	g, err := New(Deps{
		Projects: &known{[]*sample{s}}, Limits: freely{}, Usage: nobody{}, Binder: projectdb.New(projectdb.Deps{Log: discard()}), Domain: "example.test", Log: discard(),
		Services: []Service{{Name: "storage", Prefix: storagePrefix, Timeout: time.Hour, MaxBody: 1 << 40, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
		})}},
	})
	require.NoError(b, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	server := &http.Server{Handler: g, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
	const size = 16 << 20
	b.SetBytes(size)
	for b.Loop() {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+l.Addr().String()+"/storage/v1/object/b/f", io.LimitReader(zeros{}, size))
		require.NoError(b, err)
		r.Host, r.ContentLength = s.project.Ref+".example.test", size
		r.Header.Set("apikey", s.secret)
		res, err := http.DefaultClient.Do(r)
		require.NoError(b, err)
		n, err := io.Copy(io.Discard, res.Body)
		require.NoError(b, err)
		require.Equal(b, int64(size), n, strings.TrimSpace(res.Status))
		require.NoError(b, res.Body.Close())
	}
}
