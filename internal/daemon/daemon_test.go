package daemon_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/daemon"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

var client = &http.Client{Timeout: time.Minute}

func listen(t *testing.T) ([]net.Listener, string) {
	t.Helper()
	listeners, err := daemon.Listen(t.Context(), "localhost:0", "--listen")
	require.NoError(t, err)
	return listeners, "http://" + listeners[0].Addr().String()
}

func TestOrderOfStops(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []string
	note := func(name string) { mu.Lock(); defer mu.Unlock(); order = append(order, name) }
	p := daemon.New(testkit.Logger(t), 5*time.Second)
	p.OnStop("database", func(context.Context) error { note("database"); return nil })
	p.Go(t.Context(), "work", func(ctx context.Context) error { <-ctx.Done(); note("work"); return ctx.Err() })
	p.OnStop("last", func(context.Context) error { note("last"); return nil })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, p.Wait(ctx))
	require.Equal(t, []string{"last", "work", "database"}, order)
}

func TestFailureStopsEverything(t *testing.T) {
	t.Parallel()
	stopped := false
	p := daemon.New(testkit.Logger(t), 5*time.Second)
	p.OnStop("other", func(context.Context) error { stopped = true; return nil })
	p.Go(t.Context(), "broken", func(context.Context) error { return errors.New("the disk is full") })
	err := p.Wait(t.Context())
	require.ErrorContains(t, err, "broken ended: the disk is full")
	require.True(t, stopped)
}

func TestSlowPartIsGivenUp(t *testing.T) {
	t.Parallel()
	p := daemon.New(testkit.Logger(t), 10*time.Millisecond)
	p.Go(t.Context(), "stuck", func(context.Context) error { select {} })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, p.Wait(ctx), "stop stuck: context deadline exceeded")
}

func TestDrain(t *testing.T) {
	t.Parallel()
	listeners, url := listen(t)
	running, finish := make(chan string, 2), make(chan struct{})
	p := daemon.New(testkit.Logger(t), 10*time.Second)
	p.Serve("test", listeners, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running <- r.URL.Path
		if r.URL.Path == "/stream" {
			<-r.Context().Done() // as long as the client stays
			return
		}
		<-finish
		_, _ = io.WriteString(w, "done")
	}))
	answers := make(chan string, 2)
	get := func(path, kind string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err == nil {
			request.Header.Set("Content-Type", kind)
			var response *http.Response
			if response, err = client.Do(request); err == nil {
				text, _ := io.ReadAll(response.Body)
				_ = response.Body.Close()
				answers <- path + " " + string(text)
				return
			}
		}
		answers <- err.Error()
	}
	go get("/stream", "application/connect+json")
	go get("/request", "application/json")
	<-running
	<-running
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ended := make(chan error)
	go func() { ended <- p.Wait(ctx) }()
	require.Equal(t, "/stream ", <-answers, "a stream ends when draining begins")
	close(finish)
	require.Equal(t, "/request done", <-answers, "a request may finish")
	require.NoError(t, <-ended)
	_, err := client.Get(url)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestListen(t *testing.T) {
	t.Parallel()
	listeners, _ := listen(t)
	addr := listeners[0].Addr().String()
	t.Cleanup(func() { daemon.CloseAll(listeners) })
	_, err := daemon.Listen(t.Context(), addr, "--listen")
	require.ErrorContains(t, err, "the address "+addr+" is taken by another program: stop that, or choose another address with --listen")
	_, err = daemon.Listen(t.Context(), "nonsense", "--listen")
	require.ErrorContains(t, err, "must be host:port")
	_, err = daemon.Listen(t.Context(), "192.0.2.1:1", "FLUXBASE_LISTEN")
	require.ErrorContains(t, err, "listen on 192.0.2.1:1, which FLUXBASE_LISTEN asks for")
}

func TestSignal(t *testing.T) {
	ctx, cancel := daemon.OnSignal(t.Context())
	defer cancel()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	<-ctx.Done()
}
