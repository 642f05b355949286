package rest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shot is a request that is sent again and again.
type shot struct {
	method, url, body string
	headers           map[string]string
	// tokens, if any, are sent as bearer tokens, each in its turn.
	tokens []string
}

func (s shot) request(n int64) (*http.Request, error) {
	r, err := http.NewRequest(s.method, s.url, strings.NewReader(s.body))
	if err != nil {
		return nil, err
	}
	for k, v := range s.headers {
		if k == "Host" {
			r.Host = v
		}
		r.Header.Set(k, v)
	}
	if len(s.tokens) > 0 {
		r.Header.Set("Authorization", "Bearer "+s.tokens[n%int64(len(s.tokens))])
	}
	return r, nil
}

func (s shot) send(b *testing.B) string {
	r, err := s.request(0)
	require.NoError(b, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(b, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(b, err)
	require.Less(b, answer.StatusCode, 300, string(body))
	return string(body)
}

// script writes the shot for wrk.
func (s shot) script(b *testing.B) string {
	var out strings.Builder
	fmt.Fprintf(&out, "wrk.method = %q\n", s.method)
	for k, v := range s.headers {
		fmt.Fprintf(&out, "wrk.headers[%q] = %q\n", k, v)
	}
	dir := b.TempDir()
	if s.body != "" {
		body := filepath.Join(dir, "body")
		require.NoError(b, os.WriteFile(body, []byte(s.body), 0o600))
		fmt.Fprintf(&out, "wrk.body = io.open(%q):read('*a')\n", body)
	}
	if len(s.tokens) > 0 {
		tokens := filepath.Join(dir, "tokens")
		require.NoError(b, os.WriteFile(tokens, []byte(strings.Join(s.tokens, "\n")), 0o600))
		// Each thread writes its requests once, and then only goes round.
		fmt.Fprintf(&out, `local requests, n = {}, 0
function init(args)
  for token in io.lines(%q) do
    wrk.headers["Authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format()
  end
  n = math.random(#requests)
end
function request()
  n = n %% #requests + 1
  return requests[n]
end
`, tokens)
	}
	file := filepath.Join(dir, "shot.lua")
	require.NoError(b, os.WriteFile(file, []byte(out.String()), 0o600))
	return file
}

var (
	perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	bad       = regexp.MustCompile(`Non-2xx or 3xx responses: .*|Socket errors: .*`)
)

// load returns how many requests a second a server answered, by wrk when there is one.
func load(b *testing.B, s shot, seconds int) float64 {
	path, err := exec.LookPath("wrk")
	if err != nil {
		return ownLoad(b, s, seconds)
	}
	out, err := exec.Command(path, "-t2", "-c"+strconv.Itoa(connections), "-d"+strconv.Itoa(seconds)+"s", "-s", s.script(b), s.url).CombinedOutput()
	require.NoError(b, err, string(out))
	require.Empty(b, bad.FindString(string(out)), string(out))
	m := perSecond.FindSubmatch(out)
	require.NotNil(b, m, string(out))
	rate, err := strconv.ParseFloat(string(m[1]), 64)
	require.NoError(b, err)
	return rate
}

func ownLoad(b *testing.B, s shot, seconds int) float64 {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var sent, done, failed atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	end := start.Add(time.Duration(seconds) * time.Second)
	for range connections {
		all.Go(func() {
			for time.Now().Before(end) {
				r, err := s.request(sent.Add(1))
				if err != nil {
					failed.Add(1)
					return
				}
				answer, err := client.Do(r)
				if err != nil || answer.StatusCode >= 300 {
					failed.Add(1)
				}
				if err == nil {
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	require.Zero(b, failed.Load(), "requests failed")
	return float64(done.Load()) / time.Since(start).Seconds()
}
