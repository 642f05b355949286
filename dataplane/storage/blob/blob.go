// Package blob keeps bytes in projects' S3 buckets, by opaque versions: no name that a user chose reaches the object store.
package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob/hot"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob/wire"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Prefix begins the keys of all versions.
const Prefix = "objects/"

// Deps are what a Store needs.
type Deps struct {
	Client *s3.Client
	// Wire moves whole objects; nil leaves them to Client.
	Wire *wire.Client
	// Memory holds what is small and read often, and Disk what there is no room for; nil holds nothing.
	Memory, Disk *hot.Cache
	Log          *slog.Logger
	// TempDir is where bodies of unknown length wait; "" is the system's.
	TempDir string
	// Queue ends leases.
	Queue *outbox.Queue
	// WorkerID tells in the table of leases who writes.
	WorkerID string
	// Lease is for how long new uploads of a project go below one lease; zero is ten minutes.
	Lease time.Duration
	// Longest is how long an upload may take; zero is six hours.
	Longest time.Duration
}

// Store keeps bytes.
type Store struct {
	client  *s3.Client
	wire    *wire.Client
	memory  *hot.Cache
	disk    *hot.Cache
	log     *slog.Logger
	tempDir string
	leases  *leases
}

// NewClient makes a client of the object store for streams: it neither buffers nor hashes bodies, and sends no request twice whose body is gone.
func NewClient(c config.S3) *s3.Client {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 256, MaxIdleConns: 512, IdleConnTimeout: 60 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
		ResponseHeaderTimeout: time.Minute, DisableCompression: true, ForceAttemptHTTP2: false,
		WriteBufferSize: 32 << 10, ReadBufferSize: 32 << 10,
	}
	o := s3.Options{
		Region: c.Region, UsePathStyle: c.PathStyle, RetryMaxAttempts: 3, HTTPClient: &http.Client{Transport: transport},
		Credentials:                credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey.Reveal(), ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		ContinueHeaderThresholdBytes: -1, DisableLogOutputChecksumValidationSkipped: true,
		APIOptions: []func(*middleware.Stack) error{stay},
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = &c.Endpoint
	}
	return s3.New(o)
}

// New makes a Store.
func New(d Deps) *Store {
	return &Store{client: d.Client, wire: d.Wire, memory: d.Memory, disk: d.Disk, log: d.Log, tempDir: d.TempDir, leases: newLeases(d.Queue, d.WorkerID,
		cmp.Or(d.Lease, 10*time.Minute), cmp.Or(d.Longest, 6*time.Hour))}
}

// Client is the client of the object store, for uploads in parts. The bucket is the project's Bucket.
func (s *Store) Client() *s3.Client { return s.client }

var versionForm = regexp.MustCompile(`^[0-9a-f]{16}/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// Valid reports whether s is a version that the service made. Rows are the project's own: they may say anything.
func Valid(s string) bool { return versionForm.MatchString(s) }

// Key is the object store's key of a version.
func Key(version string) (string, error) {
	if !Valid(version) {
		return "", noKey(version)
	}
	return Prefix + version, nil
}

// LeasePrefix begins the keys of everything written below a lease.
func LeasePrefix(lease string) string { return Prefix + lease + "/" }

// Get reads bytes from an offset to another, both included; to is -1 for the end. An empty file has nothing to be read.
func (s *Store) Get(ctx context.Context, p *directory.Project, version string, from, to int64) (io.ReadCloser, error) {
	key, err := Key(version)
	if err != nil {
		return nil, err
	}
	return s.GetKey(ctx, p, key, from, to)
}

// Open is Get of a version that is said to be so long. What is read often comes from memory or disk: whoever calls it has been shown the version by a row.
func (s *Store) Open(ctx context.Context, p *directory.Project, version string, size, from, to int64) (io.ReadCloser, error) {
	whole := func(ctx context.Context) (io.ReadCloser, error) { return s.Get(ctx, p, version, 0, -1) }
	for _, held := range []*hot.Cache{s.memory, s.disk} { // what memory has no room for may be on disk
		if r := held.Open(ctx, p.Ref, version, size, from, to, whole); r != nil {
			return r, nil
		}
	}
	return s.Get(ctx, p, version, from, to)
}

// GetKey is Get for a key that is not an object's.
func (s *Store) GetKey(ctx context.Context, p *directory.Project, key string, from, to int64) (io.ReadCloser, error) {
	if escapes(key) {
		return nil, noKey(key)
	}
	span := ""
	switch {
	case to >= 0:
		span = fmt.Sprintf("bytes=%d-%d", from, to)
	case from > 0:
		span = fmt.Sprintf("bytes=%d-", from)
	}
	if s.wire != nil {
		body, err := s.wire.Get(ctx, p.Bucket, key, span)
		return body, Fault(err, "read "+key)
	}
	in := &s3.GetObjectInput{Bucket: &p.Bucket, Key: &key}
	if span != "" {
		in.Range = &span
	}
	out, err := s.client.GetObject(ctx, in)
	if err != nil {
		return nil, Fault(err, "read "+key)
	}
	return out.Body, nil
}

// Fault tells bytes that are not there from a store that is away. doing is for the log.
func Fault(err error, doing string) error {
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	err = fmt.Errorf("%s: %w", doing, err)
	switch ErrorCode(err) {
	case "NoSuchKey", "NotFound":
		return fault.Wrap(err, fault.NotFound, "NO_SUCH_KEY", "Object not found")
	case "InvalidRange":
		return fault.Wrap(err, fault.Invalid, "RANGE_NOT_SATISFIABLE", "The requested range is not satisfiable.")
	case "EntityTooLarge":
		return fault.Wrap(err, fault.Exhausted, "ENTITY_TOO_LARGE", "The object exceeded the maximum allowed size")
	case "NoSuchUpload":
		return fault.Wrap(err, fault.NotFound, "NO_SUCH_UPLOAD", "The upload is not there: it was completed, aborted or has expired.")
	}
	return fault.Wrap(err, fault.Unavailable, "OBJECT_STORE_UNREACHABLE", "The files cannot be reached right now. Try again in a moment.")
}

// ErrorCode is the object store's code of an error, or "".
func ErrorCode(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}
