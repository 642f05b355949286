// Package storage keeps the files of projects, after the protocols of Supabase Storage, TUS and S3, under the project's own policies. It wires what its
// own packages do; each of them reaches the project's database only through the session that the gateway bound to the request.
package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/storage/api"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob/hot"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob/wire"
	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/cleanup"
	"github.com/wayli-app/fluxbase/dataplane/storage/event"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
	"github.com/wayli-app/fluxbase/dataplane/storage/native"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/render"
	"github.com/wayli-app/fluxbase/dataplane/storage/resumable"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3"
	"github.com/wayli-app/fluxbase/dataplane/storage/scan"
	"github.com/wayli-app/fluxbase/dataplane/storage/upkeep"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// Deps are what the service needs.
type Deps struct {
	Log *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// Store is the object store, Settings how files are handled.
	Store    config.S3
	Settings config.Storage
	// Queue does what is left for later. The service registers itself with it.
	Queue *outbox.Queue
	// Redis keeps the locks of resumable uploads.
	Redis redis.UniversalClient
	// Egress is the way to addresses that projects chose.
	Egress *egress.Guard
	// Sealer seals the secrets of access keys.
	Sealer *seal.Sealer
	// Binder and Tokens let S3's clients come with a user's token.
	Binder s3.Binder
	Tokens s3.Tokens
	// Gauge is told what projects store.
	Gauge object.Gauge
	// WorkerID tells workers apart in the table of leases.
	WorkerID string
	// Version is told by /version.
	Version string
}

// Service answers /storage/v1 of every project of a worker. It keeps nothing of them.
type Service struct {
	router *protocol.Router
	api    http.Handler
	images *imaging.Service
}

var _ http.Handler = (*Service)(nil)

// New makes the service.
func New(d Deps) (*Service, error) {
	if err := tryFolder(d.Settings.TempDir); err != nil {
		return nil, fmt.Errorf("FLUXBASE_STORAGE_TEMP_DIR must name a folder that can be written to: %w", err)
	}
	var scanner object.Scanner // nil refuses at once what is to be scanned
	if d.Settings.ClamdURL != "" {
		clamd, err := scan.New(scan.Deps{URL: d.Settings.ClamdURL, Log: d.Log, Metrics: d.Metrics})
		if err != nil {
			return nil, err
		}
		scanner = clamd
	}
	s := &Service{router: protocol.NewRouter(d.Log)}
	events := event.New(event.Deps{Log: d.Log, Queue: d.Queue, Egress: d.Egress})
	moving, err := wire.New(d.Store)
	if err != nil {
		return nil, err
	}
	memory := hot.New(hot.Deps{Budget: int64(d.Settings.CacheBytes), Most: hot.MostInMemory, Metrics: d.Metrics})
	var disk *hot.Cache
	if dir := cmp.Or(d.Settings.TempDir, os.TempDir()); !hot.InMemory(dir) {
		disk = hot.New(hot.Deps{Budget: int64(d.Settings.CacheDiskBytes), Least: hot.LeastOnDisk, Dir: dir, Metrics: d.Metrics})
	}
	blobs := blob.New(blob.Deps{
		Client: blob.NewClient(d.Store), Wire: moving, Memory: memory, Disk: disk, Log: d.Log, TempDir: d.Settings.TempDir, Queue: d.Queue, WorkerID: d.WorkerID, Longest: d.Settings.TransferTimeout + 10*time.Minute,
	})
	objects := object.New(object.Deps{Blobs: blobs, Queue: d.Queue, Log: d.Log, Scanner: scanner, Events: events, Gauge: d.Gauge})
	buckets := bucket.New(bucket.Deps{Objects: objects, Queue: d.Queue, Events: events})
	pool := imaging.NewPool(imaging.PoolDeps{
		Program: d.Settings.ImageProgram, Workers: d.Settings.ImageWorkers, Memory: int64(d.Settings.ImageMemory), Timeout: d.Settings.ImageTimeout,
		TempDir: d.Settings.TempDir, Log: d.Log,
	})
	if s.images, err = imaging.New(imaging.Deps{Pool: pool, Objects: objects, Bytes: blobs, Log: d.Log}); err != nil {
		return nil, err
	}
	events.Renditions = s.images

	native.New(native.Deps{Objects: objects, Buckets: buckets, Purger: events, Transform: transform, Version: d.Version}).Routes(s.router)
	render.New(render.Deps{Objects: objects, Images: s.images}).Routes(s.router)
	uploads := resumable.New(resumable.Deps{Objects: objects, Blobs: blobs, Queue: d.Queue, Redis: d.Redis, TempDir: d.Settings.TempDir, Log: d.Log})
	uploads.Routes(s.router)
	objectStore := s3.New(s3.Deps{
		Objects: objects, Buckets: buckets, Blobs: blobs, Queue: d.Queue, Sealer: d.Sealer, Tokens: d.Tokens, Binder: d.Binder, Region: d.Store.Region, Log: d.Log,
	})
	objectStore.Routes(s.router)
	s.api = api.New(api.Deps{Log: d.Log, Objects: objects, Buckets: buckets})

	cleaner := cleanup.New(cleanup.Deps{
		Blobs: blobs, Queue: d.Queue, Renditions: s.images, Resumable: uploads, Multipart: objectStore, Gauge: d.Gauge, Log: d.Log, Metrics: d.Metrics,
		Others: map[string]outbox.Handler{event.KindEvent: events, event.KindPurge: events, bucket.EmptyKind: buckets},
	})
	d.Queue.Register(blob.Schema, cleaner)
	upkeep.New(upkeep.Deps{Reconciler: cleaner}).Routes(s.router)
	return s, nil
}

// transform reads what a signed image is to be.
func transform(options url.Values) (string, error) {
	asked, err := job.Ask("body/transform", options.Get)
	return asked.String(), err
}

// Routes lists "METHOD /pattern" of every route of /storage/v1.
func (s *Service) Routes() []string { return s.router.Routes() }

// ServeHTTP answers a request whose path has lost the prefix /storage/v1.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.router.ServeHTTP(w, r) }

// API answers /api/v1/storage. Its requests' paths have lost that prefix.
func (s *Service) API() http.Handler { return s.api }

// Close waits for the images that are being made, or ctx, and ends their processes.
func (s *Service) Close(ctx context.Context) { s.images.Close(ctx) }

// tryFolder writes to the folder for temporary files; "" is the system's.
func tryFolder(dir string) error {
	file, err := os.CreateTemp(dir, "fluxbase-upload-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
