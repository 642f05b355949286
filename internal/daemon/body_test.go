package daemon_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/daemon"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func TestSlowBodiesAreGivenUp(t *testing.T) {
	t.Parallel()
	const patience = time.Second
	listeners, url := listen(t)
	read := make(chan error, 10)
	p := daemon.New(testkit.Logger(t), 5*time.Second)
	p.BodyTimeout = patience
	p.Serve("test", listeners, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/read":
			_, err := io.Copy(io.Discard, r.Body)
			read <- err
		case "/refuse":
			w.WriteHeader(http.StatusUnauthorized)
		case "/stream":
			message := make([]byte, 5)
			_, err := io.ReadFull(r.Body, message) // and no further
			read <- err
			_, _ = w.Write(message)
			http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(2 * patience): // longer than a body may take
				_, _ = io.WriteString(w, "end")
			}
		}
	}))
	t.Cleanup(func() { require.NoError(t, p.Stop(context.Background())) })
	slow := func(path string) {
		began := time.Now()
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nContent-Type: application/json\r\n\r\n{", path)
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(40*time.Second)))
		_, err = io.Copy(io.Discard, conn)
		require.NoError(t, err, "the server ends the connection")
		require.Less(t, time.Since(began), 30*time.Second)
	}
	slow("/read")
	require.ErrorContains(t, <-read, "timeout")
	slow("/refuse")

	for _, body := range []io.Reader{strings.NewReader("hello and more"), struct{ io.Reader }{strings.NewReader("hello and more")}} { // the second is chunked
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/stream", body)
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/connect+json")
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, <-read)
		all, err := io.ReadAll(bufio.NewReader(response.Body))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, "helloend", string(all), "a stream of answers lasts on")
	}
}
