package blob

import (
	"context"
	"crypto/rand"
	_ "embed" // the statements
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

//go:embed sql/add_lease.sql
var addLease string

// Schema is the logical schema of storage's tables.
const Schema = "storage"

// KindLeaseEnded is the kind of the outbox's item that ends a lease.
const KindLeaseEnded = "lease_ended"

// LeaseEnded is its payload.
type LeaseEnded struct {
	Lease string `json:"lease"`
}

// maxLeases is of how many projects a worker remembers the present lease.
const maxLeases = 10_000

// leases are the present leases of projects.
type leases struct {
	queue           *outbox.Queue
	worker          string
	period, longest time.Duration
	known           *lru.Cache[string, *lease]
	mu              sync.Mutex
}

type lease struct {
	mu    sync.Mutex
	id    string
	until time.Time
}

func newLeases(queue *outbox.Queue, worker string, period, longest time.Duration) *leases {
	known, err := lru.New[string, *lease](maxLeases)
	if err != nil {
		panic(err) // the size is above nought
	}
	return &leases{queue: queue, worker: worker, period: period, longest: longest, known: known}
}

func (l *leases) of(ref string) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one, ok := l.known.Get(ref); ok {
		return one
	}
	one := &lease{}
	l.known.Add(ref, one)
	return one
}

// Lease returns a fresh version below the project's present lease, which it takes first where there is none. Bytes that are written
// below a lease and never belong to an object are removed after its end.
func (s *Store) Lease(ctx context.Context, session *projectdb.Session) (string, error) {
	one := s.leases.of(session.Project.Ref)
	one.mu.Lock()
	defer one.mu.Unlock()
	if now := time.Now(); !now.Before(one.until) {
		id, err := s.leases.take(ctx, session)
		if err != nil {
			return "", err
		}
		one.id, one.until = id, now.Add(s.leases.period)
	}
	return one.id + "/" + uuid.NewString(), nil
}

// take writes a lease down, and that it ends when the longest upload that begins below it has.
func (l *leases) take(ctx context.Context, session *projectdb.Session) (string, error) {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	id := hex.EncodeToString(random[:])
	ends := time.Now().Add(l.period + l.longest)
	err := outbox.InService(ctx, session, Schema, func(tx *outbox.ServiceTx) error {
		if _, err := tx.Exec(ctx, addLease, id, l.worker, ends); err != nil {
			return fmt.Errorf("take a lease: %w", err)
		}
		_, err := l.queue.AddAt(ctx, tx, session.Project.Ref, Schema, KindLeaseEnded, LeaseEnded{id}, ends)
		return err
	})
	return id, err
}
