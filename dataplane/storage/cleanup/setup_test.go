package cleanup_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/cleanup"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// bundle is a project whose outbox's items the test handles itself.
type bundle struct {
	*storagetest.Bundle
	store *store
}

// store is the object store, whose removals fail when the test wants: before they have happened, or after.
type store struct {
	*blob.Store
	before, after atomic.Bool
}

var errAway = errors.New("the object store is away")

func (s *store) Remove(ctx context.Context, p *directory.Project, versions ...string) error {
	if s.before.Load() {
		return errAway
	}
	if err := s.Store.Remove(ctx, p, versions...); err != nil {
		return err
	}
	if s.after.Load() {
		return errAway
	}
	return nil
}

func both(t *testing.T, test func(t *testing.T, b *bundle)) {
	t.Helper()
	storagetest.Both(t, func(t *testing.T, plain *storagetest.Bundle) { test(t, with(plain)) })
}

func setup(t *testing.T) *bundle { return with(storagetest.New(t, false)) }

func with(plain *storagetest.Bundle) *bundle {
	plain.Bucket("files", false)
	return &bundle{Bundle: plain, store: &store{Store: plain.Blobs}}
}

// service makes the service under test; change may change what it needs.
func (b *bundle) service(change ...func(*cleanup.Deps)) *cleanup.Service {
	d := cleanup.Deps{Blobs: b.store, Queue: b.Queue, Log: testkit.Logger(b.T), Stale: time.Millisecond}
	for _, c := range change {
		c(&d)
	}
	return cleanup.New(d)
}

// handle does an item.
func (b *bundle) handle(s *cleanup.Service, kind string, payload any) error {
	encoded, err := json.Marshal(payload)
	require.NoError(b.T, err)
	return s.Handle(b.T.Context(), b.Service(), outbox.Item{ID: uuid.New(), Kind: kind, Payload: encoded, Created: time.Now()})
}

// remove removes what lost its last object.
func (b *bundle) remove() {
	require.NoError(b.T, b.handle(b.service(), cleanup.KindRemove, struct{}{}))
}

func (b *bundle) delete(names ...string) {
	b.T.Helper()
	gone, err := b.Objects.Delete(b.T.Context(), b.Service(), "files", names)
	require.NoError(b.T, err)
	require.Len(b.T, gone, len(names))
}

func (b *bundle) copy(from, to string) {
	b.T.Helper()
	_, err := b.Objects.Copy(b.T.Context(), b.Service(), object.Copy{Bucket: "files", Name: from, ToBucket: "files", ToName: to, Upsert: true})
	require.NoError(b.T, err)
}

// tables runs SQL on the service's own tables.
func (b *bundle) tables(sql string, args ...any) {
	b.T.Helper()
	require.NoError(b.T, b.Service().InService(b.T.Context(), "storage", func(tx pgx.Tx) error {
		_, err := tx.Exec(b.T.Context(), sql, args...)
		return err
	}))
}

// kinds are the items that wait, in order of their time.
func (b *bundle) kinds() string {
	return storagetest.One[string](b.Bundle, "select coalesce(string_agg(kind, ' ' order by created_at), '') from outbox where failed_at is null")
}

// requireAgreement is what all of this is for: each version that an object has is counted and in the bucket, with its size, and nothing else is.
func (b *bundle) requireAgreement() {
	b.T.Helper()
	bytes := storagetest.One[int64](b.Bundle, "select bytes from used()")
	require.Equal(b.T, storagetest.One[int64](b.Bundle, "select coalesce(sum(size), 0)::bigint from blobs"), bytes, "usage is the sum")
	report, err := b.service().Reconcile(b.T.Context(), b.Service(), cleanup.Options{})
	require.NoError(b.T, err)
	require.Empty(b.T, report.Problems)
	require.Equal(b.T, report.Checked.Blobs, report.Checked.Keys)
	require.Equal(b.T, report.Checked.Blobs, report.Checked.Versions)
	require.Equal(b.T, bytes, report.Checked.Bytes)
	require.Len(b.T, b.StoredKeys(), int(report.Checked.Keys))
}

// words are what developers read of a failure.
func words(err error) string {
	var f *outbox.Failure
	if errors.As(err, &f) {
		return f.Words
	}
	return ""
}

func permanent(err error) bool {
	var f *outbox.Failure
	return errors.As(err, &f) && f.Permanent
}

// stray writes bytes that belong to nothing below a lease of its own, and returns its version.
func (b *bundle) stray(content string) (version string) {
	b.T.Helper()
	version = "00000000" + uuid.NewString()[:8] + "/" + uuid.NewString()
	b.tables("insert into leases (id, worker, ends_at) values ($1, 'dead', now())", strings.Split(version, "/")[0])
	_, err := b.Blobs.Put(b.T.Context(), b.Project, version, strings.NewReader(content), int64(len(content)), "text/plain")
	require.NoError(b.T, err)
	return version
}

type expirer func(id string)

func (e expirer) Expire(_ context.Context, _ *projectdb.Session, id string) error { e(id); return nil }

type handler func(outbox.Item)

func (h handler) Handle(_ context.Context, _ *projectdb.Session, item outbox.Item) error {
	h(item)
	return nil
}
