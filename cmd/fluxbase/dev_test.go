package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/devstack"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

var consoleLine = regexp.MustCompile(`(?m)^  Console +(http://\S+)$`)

var testClient = &http.Client{Timeout: time.Minute}

// running is a `fluxbase dev` as a person starts it.
type running struct {
	cmd     *exec.Cmd
	url     string
	text    string // up to the banner's end, or everything when it failed
	took    time.Duration
	ended   chan struct{}
	exit    int
	restOut *bytes.Buffer
}

// startDev runs "fluxbase dev" until its banner, or its end.
func startDev(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	return startDevWith(t, nil, dir, args...)
}

func startDevWith(t *testing.T, environment []string, dir string, args ...string) *running {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"dev", "--data-dir", dir}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(append(cleanEnvironment(), mainVariable+"=1", "FLUXBASE_METRICS_LISTEN="), environment...)
	pipe, err := cmd.StderrPipe()
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, cmd.Start())
	r := &running{cmd: cmd, ended: make(chan struct{}), restOut: &bytes.Buffer{}}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-r.ended
	})
	lines, text := bufio.NewReader(pipe), strings.Builder{}
	for {
		line, err := lines.ReadString('\n')
		text.WriteString(line)
		if err != nil || strings.Contains(line, "Stop with Ctrl-C.") {
			break
		}
	}
	r.text, r.took = text.String(), time.Since(began)
	if match := consoleLine.FindStringSubmatch(r.text); match != nil {
		r.url = match[1]
	}
	go func() {
		defer close(r.ended)
		_, _ = io.Copy(r.restOut, lines)
		_ = cmd.Wait()
		r.exit = cmd.ProcessState.ExitCode()
	}()
	return r
}

func (r *running) stop(t *testing.T, signal syscall.Signal) {
	t.Helper()
	require.NoError(t, r.cmd.Process.Signal(signal))
	<-r.ended
}

func get(t *testing.T, url string, header ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			request.Host = header[i+1]
		}
	}
	response, err := testClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

// devFolder makes a data folder that another unix user can reach.
func devFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o755))
	return filepath.Join(dir, "data")
}

// serves checks that both planes answer and the project "platform" is there.
func serves(t *testing.T, r *running) {
	t.Helper()
	require.NotEmpty(t, r.url, "no banner: %s", r.text)
	status, _ := get(t, r.url+"/readyz")
	require.Equal(t, http.StatusOK, status)
	status, text := get(t, r.url+"/config.json")
	require.Equal(t, http.StatusOK, status, text)
	var c struct {
		URL     string `json:"platform_url"`
		Key     string `json:"platform_key"`
		Pattern string `json:"project_url_pattern"`
		Dev     bool
	}
	require.NoError(t, json.Unmarshal([]byte(text), &c))
	require.True(t, c.Dev)
	require.Equal(t, r.url+"/p/platform", c.URL)
	status, text = get(t, c.URL+"/auth/v1/settings", "apikey", c.Key)
	require.Equal(t, http.StatusOK, status, text)
	host := strings.Replace(strings.TrimPrefix(c.Pattern, "http://"), "{ref}", "platform", 1)
	status, text = get(t, r.url+"/auth/v1/settings", "apikey", c.Key, "Host", host)
	require.Equal(t, http.StatusOK, status, "by host: %s", text)
}

func TestDevLife(t *testing.T) {
	t.Parallel()
	dir := devFolder(t)
	first := startDev(t, dir, "--listen", "localhost:0")
	serves(t, first)
	require.Contains(t, first.text, dir)
	require.Contains(t, first.text, "http://<ref>.localhost:")

	second := startDev(t, dir, "--listen", "localhost:0")
	<-second.ended
	require.Equal(t, 1, second.exit)
	require.Contains(t, second.text, "uses the data folder "+dir)

	taken := startDev(t, devFolder(t), "--listen", strings.TrimPrefix(first.url, "http://"))
	<-taken.ended
	require.Equal(t, 1, taken.exit)
	require.Contains(t, taken.text, "is taken by another program: stop that, or choose another address with --listen")

	port := first.url[strings.LastIndex(first.url, ":")+1:]
	for _, host := range []string{"127.0.0.1", "::1"} {
		conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if host == "::1" && err != nil {
			continue // a machine without IPv6
		}
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}

	first.stop(t, syscall.SIGINT)
	require.Equal(t, 0, first.exit, "%s", first.restOut)
	require.NoFileExists(t, filepath.Join(dir, "postgres", "postmaster.pid"))

	again := startDev(t, dir, "--listen", "localhost:0")
	serves(t, again)
	again.stop(t, syscall.SIGKILL)
	recovered := startDev(t, dir, "--listen", "localhost:0")
	serves(t, recovered)
	recovered.stop(t, syscall.SIGTERM)
	require.Equal(t, 0, recovered.exit, "%s", recovered.restOut)
	t.Logf("start times: first %s, later %s, after kill -9 %s", first.took, again.took, recovered.took)
}

func TestDevRefusesNonsense(t *testing.T) {
	t.Parallel()
	r := startDev(t, devFolder(t), "--listen", "nonsense", "--domain", "UPPER")
	<-r.ended
	require.Equal(t, 2, r.exit)
	require.Contains(t, r.text, "FLUXBASE_LISTEN is \"nonsense\"")
	require.Contains(t, r.text, "FLUXBASE_DOMAIN is \"UPPER\"")
}

func TestDevUsesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	server, err := devstack.StartPostgres(t.Context(), devstack.PostgresOptions{
		Dir: devFolder(t) + "-postgres", Password: "given", Settings: map[string]string{"fsync": "off"},
	})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	store := testkit.S3(t)
	dir := devFolder(t)
	r := startDevWith(t, []string{
		"FLUXBASE_DATABASE_URL=" + server.URL("postgres"), "FLUXBASE_REDIS_URL=" + testkit.RedisURL(t), "FLUXBASE_S3_ENDPOINT=" + store.Endpoint,
		"FLUXBASE_S3_ACCESS_KEY=" + store.AccessKey, "FLUXBASE_S3_SECRET_KEY=" + store.SecretKey.Reveal(), "FLUXBASE_S3_BUCKET_PREFIX=" + store.BucketPrefix,
		"FLUXBASE_SMTP_HOST=mail.test", "FLUXBASE_SMTP_FROM=fluxbase@mail.test",
	}, dir, "--listen", "127.0.0.1:0")
	serves(t, r)
	for _, part := range []string{"postgres", "s3"} {
		require.NoDirExists(t, filepath.Join(dir, part))
	}
	bucket := store.BucketPrefix + "platform"
	_, err = testkit.S3Client(store).HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &bucket})
	require.NoError(t, err, "the bucket of the project is in the given store")
	r.stop(t, syscall.SIGTERM)
	require.Equal(t, 0, r.exit, "%s", r.restOut)
}
