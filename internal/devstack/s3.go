package devstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/debuglogger"
	"github.com/versity/versitygw/embedgw"

	"github.com/wayli-app/fluxbase/internal/config"
)

// S3 is an object store in this process, over a folder.
type S3 struct {
	Config config.S3
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// S3Options say how an S3 runs. A process can have one.
type S3Options struct {
	Dir                  string // its objects; made when missing
	Port                 int    // of 127.0.0.1; when it is 0 or taken, another
	AccessKey, SecretKey string
	BucketPrefix         string
}

// StartS3 starts an object store. It changes the process's working directory to Dir: the store's engine works by paths
// relative to it.
func StartS3(ctx context.Context, o S3Options) (*S3, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the object store's folder: %w", err)
	}
	for attempt := 1; ; attempt++ {
		addr, err := freeAddr(ctx, o.Port)
		if err != nil {
			return nil, err
		}
		s, err := startS3(ctx, o, addr)
		// Another program may take the port between its choice and its use.
		if err == nil || attempt == 5 || !errors.Is(err, syscall.EADDRINUSE) {
			return s, err
		}
	}
}

func startS3(ctx context.Context, o S3Options, addr string) (*S3, error) {
	attributes, options, err := attributeStore(o.Dir)
	if err != nil {
		return nil, err
	}
	options.CopyObjectThreshold = 5 << 30 // S3's own; nought lets nothing be copied
	engine, err := posix.New(o.Dir, attributes, options)
	if err != nil {
		return nil, fmt.Errorf("open the object store in %s: %w", o.Dir, err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &S3{cancel: cancel, done: make(chan struct{}), Config: config.S3{
		Endpoint: "http://" + addr, Region: "us-east-1", AccessKey: o.AccessKey, SecretKey: config.Secret(o.SecretKey),
		PathStyle: true, BucketPrefix: o.BucketPrefix,
	}}
	go func() {
		defer close(s.done)
		s.err = embedgw.RunVersityGW(ctx, engine, &embedgw.Config{
			RootUserAccess: o.AccessKey, RootUserSecret: o.SecretKey, Region: s.Config.Region, Ports: []string{addr},
			MaxConnections: 4096, MaxRequests: 4096, MultipartMaxParts: 10000,
			IAMService: auth.NewIAMServiceSingle(auth.Account{Access: o.AccessKey, Secret: o.SecretKey, Role: auth.RoleAdmin}),
			Quiet:      true, KeepAlive: true, LogLevel: debuglogger.LevelSilent, HealthPath: "/_health",
		})
	}()
	if err := s.await(ctx, addr); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start the object store at %s: %w", addr, err)
	}
	return s, nil
}

// await returns when the store answers, or with why it does not.
func (s *S3) await(ctx context.Context, addr string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(10 * time.Second)
	client := &http.Client{Timeout: 2 * time.Second}
	defer client.CloseIdleConnections()
	for {
		select {
		case <-s.done:
			return errors.Join(errors.New("it ended"), s.err)
		case <-timeout:
			return errors.New("no answer within 10 s")
		case <-tick.C:
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/_health", http.NoBody)
			if err != nil {
				return err
			}
			if response, err := client.Do(request); err == nil {
				_ = response.Body.Close()
				if response.StatusCode == http.StatusOK {
					return nil
				}
			}
		}
	}
}

// Stop ends the store and waits for its end.
func (s *S3) Stop() {
	s.cancel()
	<-s.done
}

// attributeStore chooses where objects' metadata is kept: in extended attributes where the file system has them, else in a folder
// of its own. A folder once begun is kept to.
func attributeStore(dir string) (meta.MetadataStorer, posix.PosixOpts, error) {
	side := filepath.Join(filepath.Dir(filepath.Clean(dir)), "metadata-of-"+filepath.Base(dir))
	options := posix.PosixOpts{}
	options.SetNewDirPerm(0o700)
	options.SetNewFilePerm(0o600)
	if _, err := os.Stat(side); errors.Is(err, os.ErrNotExist) {
		if err := (meta.XattrMeta{}).Test(dir); err == nil {
			return meta.XattrMeta{}, options, nil
		}
		if err := os.Mkdir(side, 0o700); err != nil {
			return nil, options, fmt.Errorf("make the folder for objects' metadata: %w", err)
		}
	}
	store, err := meta.NewSideCar(side)
	if err != nil {
		return nil, options, fmt.Errorf("open the folder for objects' metadata: %w", err)
	}
	options.SideCarDir = side
	return store, options, nil
}

// freeAddr returns a loopback address with the preferred port, or with another when that is taken.
func freeAddr(ctx context.Context, preferred int) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", preferred))
	if err != nil && preferred != 0 {
		listener, err = config.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}
