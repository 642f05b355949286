package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// store is versitygw's own program, as an operator runs it: the object store of the installation that the tests share. The other one, in the process of
// "fluxbase dev", is that of TestStorage's second installation.
type store struct {
	*process
	key, secret, prefix string
}

// versitygw is where the program is built. Go leaves it alone when it is up to date.
var versitygw = filepath.Join("..", "..", "bin", "tools", "versitygw")

// startStore starts the object store over a folder. Metadata of objects is in a folder of its own: not every file system has extended attributes.
func startStore(dir string) (*store, error) {
	objects, metadata := filepath.Join(dir, "objects"), filepath.Join(dir, "metadata-of-objects")
	for _, folder := range []string{objects, metadata} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &store{key: id.NewRef(), secret: id.NewPassword(), prefix: "e2e" + id.NewRef()[:8] + "-", process: &process{name: "versitygw", url: "http://" + address, log: filepath.Join(dir, "versitygw.log"), ended: make(chan struct{})}}
	out, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(versitygw)
	if err != nil {
		return nil, err
	}
	s.cmd = exec.Command(path, "--port", address, "--health", "/readyz", "--quiet", "posix", "--sidecar", metadata, objects)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = dir, out, out, dieWithParent()
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "ROOT_ACCESS_KEY=" + s.key, "ROOT_SECRET_KEY=" + s.secret}
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	go func() {
		_ = s.cmd.Wait()
		_ = out.Close()
		close(s.ended)
	}()
	if err := s.ready(time.Minute); err != nil {
		s.kill()
		return nil, fmt.Errorf("versitygw: %w\n%s", err, s.output())
	}
	return s, nil
}

// environment has the program keep files there.
func (s *store) environment() map[string]string {
	return map[string]string{
		"FLUXBASE_S3_ENDPOINT": s.url, "FLUXBASE_S3_ACCESS_KEY": s.key, "FLUXBASE_S3_SECRET_KEY": s.secret, "FLUXBASE_S3_BUCKET_PREFIX": s.prefix,
	}
}

// stored lists what a project's bucket holds: the ETag and size of each key.
func (s *store) stored(ctx context.Context, p *project) (map[string]string, error) {
	client := testkit.S3Client(config.S3{Endpoint: s.url, Region: "us-east-1", PathStyle: true, AccessKey: s.key, SecretKey: config.Secret(s.secret)})
	out := map[string]string{}
	bucket := s.prefix + p.ref
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			out[*o.Key] = fmt.Sprint(*o.ETag, " ", *o.Size)
		}
	}
	return out, nil
}

var versityVersion = regexp.MustCompile(`github.com/versity/versitygw (v[0-9.]+)`)

// TestOneVersionOfTheObjectStore holds the program of the tests to the version that "fluxbase dev" has in its own process.
func TestOneVersionOfTheObjectStore(t *testing.T) {
	t.Parallel()
	version := func(file string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", file))
		require.NoError(t, err)
		found := versityVersion.FindSubmatch(text)
		require.NotNil(t, found, file)
		return string(found[1])
	}
	require.Equal(t, version("go.mod"), version(filepath.Join("tools", "versitygw", "go.mod")))
}
