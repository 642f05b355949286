// Package cluster keeps the Postgres servers that hold projects: which there are, how full they are, and how to reach them
// as their admin.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// The cluster that the configuration names, registered at start when there is none.
const (
	DefaultName     = "default"
	DefaultCapacity = 10000
)

// ErrNotFound says that there is no such cluster.
var ErrNotFound = fault.New(fault.NotFound, "CLUSTER_NOT_FOUND", "There is no cluster of that name.")

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$`)

// Auditor records a deed in the transaction of what it records.
type Auditor interface {
	Record(ctx context.Context, tx pgx.Tx, organization *uuid.UUID, action, target string, details map[string]any) error
}

// Deps is what the service needs.
type Deps struct {
	Pool   *pgxpool.Pool
	Sealer *seal.Sealer
	Audit  Auditor
	Log    *slog.Logger
}

// Service registers clusters and connects to them. Close it at the end.
type Service struct {
	Deps
	mu   sync.Mutex
	open map[uuid.UUID]*connection
}

// connection is an open cluster; its lock is held while it is being opened.
type connection struct {
	mu      sync.Mutex
	cluster *layout.Cluster
}

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Pool == nil || d.Sealer == nil || d.Audit == nil || d.Log == nil {
		return nil, errors.New("cluster: a dependency is missing")
	}
	return &Service{Deps: d, open: map[uuid.UUID]*connection{}}, nil
}

// Close closes the connections to all clusters.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		c.mu.Lock()
		if c.cluster != nil {
			c.cluster.Close()
			c.cluster = nil
		}
		c.mu.Unlock()
	}
}

// Cluster is a registered server. Its admin URL is told to no one.
type Cluster struct {
	ID           uuid.UUID
	Name         string
	Host         string
	Port         int
	Version      string
	Capacity     int
	ProjectCount int
	Draining     bool
	CreatedAt    time.Time
}

// RegisterInput says what cluster is to be registered.
type RegisterInput struct {
	Name     string
	AdminURL string
	// Capacity is the most projects that it may hold.
	Capacity int
}

// Register checks that the server can be reached, is new enough and lets databases and roles be made; then it prepares the server
// and records it. It fails with Exists for a name that is taken, and with Invalid, Unavailable or FailedPrecondition for
// a server that will not do.
func (s *Service) Register(ctx context.Context, in RegisterInput) (Cluster, error) {
	if !validName.MatchString(in.Name) {
		return Cluster{}, invalid("name", "A cluster's name has 2 to 40 of a-z, 0-9 and \"-\".")
	}
	if in.Capacity < 1 {
		return Cluster{}, invalid("capacity", "A cluster's capacity is at least 1.")
	}
	address, err := parseURL(in.AdminURL)
	if err != nil {
		return Cluster{}, err
	}
	server, err := layout.Open(ctx, in.AdminURL, s.Log)
	if err != nil {
		return Cluster{}, err
	}
	defer server.Close()
	if err := server.Prepare(ctx); err != nil {
		return Cluster{}, fmt.Errorf("prepare cluster %s: %w", in.Name, err)
	}
	id := uuid.Must(uuid.NewV7())
	sealed, err := s.Sealer.Seal([]byte(in.AdminURL), sealContext(id))
	if err != nil {
		return Cluster{}, fmt.Errorf("seal admin URL: %w", err)
	}
	var row store.Cluster
	err = store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		row, err = store.New(tx).InsertCluster(ctx, store.InsertClusterParams{
			ID: id, Name: in.Name, Host: address.host, Port: int32(address.port), SslMode: address.sslMode,
			AdminUrlSealed: sealed, Version: server.Version(), Capacity: int32(in.Capacity),
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.Exists, "CLUSTER_EXISTS", "There is a cluster named %q already.", in.Name)
		}
		if err != nil {
			return fmt.Errorf("insert cluster: %w", err)
		}
		return s.Audit.Record(ctx, tx, nil, "cluster.register", "cluster/"+in.Name,
			map[string]any{"host": address.host, "port": address.port, "capacity": in.Capacity})
	})
	if err != nil {
		return Cluster{}, err
	}
	return shown(row, 0), nil
}

// EnsureDefault registers the cluster that the configuration names, if no cluster is registered. An empty URL does
// nothing. It may run in several control planes at once.
func (s *Service) EnsureDefault(ctx context.Context, adminURL string) error {
	if adminURL == "" {
		return nil
	}
	n, err := store.New(s.Pool).CountClusters(ctx)
	if err != nil {
		return fmt.Errorf("count clusters: %w", err)
	}
	if n > 0 {
		return nil
	}
	_, err = s.Register(ctx, RegisterInput{Name: DefaultName, AdminURL: adminURL, Capacity: DefaultCapacity})
	if errors.Is(err, fault.New(fault.Exists, "CLUSTER_EXISTS", "")) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("register the default cluster: %w", err)
	}
	return nil
}

// List returns clusters by name, from after the given one.
func (s *Service) List(ctx context.Context, limit int, after string) ([]Cluster, error) {
	rows, err := store.Read(ctx, s.Pool).ListClusters(ctx, store.ListClustersParams{After: after, MaxRows: int32(limit)})
	if err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	out := make([]Cluster, len(rows))
	for i, r := range rows {
		out[i] = shown(r.Cluster, r.ProjectCount)
	}
	return out, nil
}

// Drain keeps new projects away from a cluster, or lets them come again.
func (s *Service) Drain(ctx context.Context, name string, drain bool) (Cluster, error) {
	var out Cluster
	err := store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		if n, err := q.SetClusterDraining(ctx, store.SetClusterDrainingParams{Name: name, Draining: drain}); err != nil {
			return fmt.Errorf("drain cluster: %w", err)
		} else if n == 0 {
			return ErrNotFound
		}
		row, err := q.GetCluster(ctx, name)
		if err != nil {
			return fmt.Errorf("read cluster: %w", err)
		}
		out = shown(row.Cluster, row.ProjectCount)
		return s.Audit.Record(ctx, tx, nil, "cluster.drain", "cluster/"+name, map[string]any{"drain": drain})
	})
	return out, err
}

// Admin returns a cluster's connection as its admin, prepared for this version's projects. It stays open and is shared. It
// fails with Unavailable while the server cannot be reached.
func (s *Service) Admin(ctx context.Context, id uuid.UUID) (*layout.Cluster, error) {
	s.mu.Lock()
	c := s.open[id]
	if c == nil {
		c = &connection{}
		s.open[id] = c
	}
	s.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cluster != nil {
		return c.cluster, nil
	}
	sealed, err := store.New(s.Pool).ClusterAdminURL(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read cluster %s: %w", id, err)
	}
	adminURL, err := s.Sealer.Open(sealed, sealContext(id))
	if err != nil {
		return nil, err
	}
	server, err := layout.Open(ctx, string(adminURL), s.Log)
	if err != nil {
		return nil, err
	}
	if err := server.Prepare(ctx); err != nil {
		server.Close()
		return nil, err
	}
	c.cluster = server
	return server, nil
}

func shown(r store.Cluster, projects int64) Cluster {
	return Cluster{
		ID: r.ID, Name: r.Name, Host: r.Host, Port: int(r.Port), Version: r.Version, Capacity: int(r.Capacity),
		ProjectCount: int(projects), Draining: r.Draining, CreatedAt: r.CreatedAt,
	}
}

func invalid(field, message string) error {
	return &fault.Error{Kind: fault.Invalid, Reason: "CLUSTER_INVALID", Message: message, Fields: map[string]string{field: message}}
}

func sealContext(id uuid.UUID) string { return "cluster/" + id.String() + "/admin_url" }
