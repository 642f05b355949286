package directory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

// Run watches for changes and keeps the copies on disk young, until ctx ends.
func (d *Directory) Run(ctx context.Context) error {
	maintained := make(chan struct{})
	go func() {
		defer close(maintained)
		d.maintain(ctx)
	}()
	d.watch(ctx)
	<-maintained
	d.background.Wait()
	return nil
}

func (d *Directory) watch(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		watched, err := d.watchOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		d.log.WarnContext(ctx, "watch the control plane", "error", err, "was_watching", watched)
		if watched {
			failures = 0
		}
		wait := backoff(failures)
		failures++
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + rand.N(wait/2+1)): //nolint:gosec // no secret: it spreads workers in time
		}
	}
}

// watchOnce hears changes on one stream until it breaks. It reports whether the stream ever was ready.
func (d *Directory) watchOnce(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(silenceLimit, func() { cancel(errors.New("the control plane gave no sign of life")) })
	defer silence.Stop()
	stream, err := d.client.Watch(ctx, &directoryv1.WatchRequest{WorkerId: d.workerID})
	if err != nil {
		return false, fmt.Errorf("open stream: %w", err)
	}
	defer func() { _ = stream.Close() }()
	ready := false
	defer func() {
		if ready {
			d.generation.Add(1)
		}
	}()
	for stream.Receive() {
		silence.Reset(silenceLimit)
		d.lastWatched.Store(d.now().UnixNano())
		switch event := stream.Msg(); {
		case event.GetReady() && !ready:
			ready = true
			d.downUntil.Store(0)
			d.generation.Add(1)
			d.log.InfoContext(ctx, "watching the control plane")
			d.revalidate() //nolint:contextcheck // bounded by its own timeout, so that a broken stream does not stop it
		case event.GetRef() != "":
			d.changed(event.GetRef(), event.GetRevision()) //nolint:contextcheck // as above
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return ready, cause
	}
	return ready, fmt.Errorf("stream ended: %w", stream.Err())
}

// revalidate asks again for everything that is in use; the rest is asked for when it is used next.
func (d *Directory) revalidate() {
	now := d.now()
	for ref, e := range d.all() {
		if now.UnixNano()-e.used.Load() < int64(inUse) {
			d.refresh(ref, e)
		}
	}
}

// changed fetches a changed project at once if it is held. What cannot be fetched is asked for at its next use.
func (d *Directory) changed(ref string, revision int64) {
	// Before the look into memory: an answer that is under way looks here after it has been put there.
	if newest, ok := d.recent.Peek(ref); !ok || newest < revision {
		d.recent.Add(ref, revision)
	}
	d.absent.Remove(name{ref: ref}.key())
	e := d.entry(ref)
	if e == nil {
		if d.disk.has(ref) {
			d.refreshCopy(ref)
		}
		return
	}
	if e.state.Load().project.Revision >= revision {
		return
	}
	e.flagged.Store(true)
	d.refresh(ref, e)
}

// refresh asks for a project in the background. A question that is under way already will find the newest revision.
func (d *Directory) refresh(ref string, e *entry) {
	if !e.pending.CompareAndSwap(false, true) {
		return
	}
	d.background.Add(1)
	go func() {
		defer d.background.Done()
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		_, err := d.fetch(ctx, name{ref: ref})
		e.pending.Store(false)
		// A change that was flagged after the answer was made found the question still pending.
		if err == nil && e.flagged.Load() && d.entry(ref) == e {
			d.refresh(ref, e)
		}
	}()
}

// refreshCopy renews a project's copy on disk, which is not in use.
func (d *Directory) refreshCopy(ref string) {
	d.background.Add(1)
	go func() {
		defer d.background.Done()
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		_, _ = d.fetch(ctx, name{ref: ref})
	}()
}

// all copies the entries, so that they can be walked without the lock.
func (d *Directory) all() map[string]*entry {
	d.mu.RLock()
	defer d.mu.RUnlock()
	out := make(map[string]*entry, len(d.entries))
	for ref, e := range d.entries {
		out[ref] = e
	}
	return out
}

// maintain drops what is idle from memory, and renews copies on disk long before they are too old.
func (d *Directory) maintain(ctx context.Context) {
	tick := time.NewTicker(max(time.Second, min(time.Minute, d.staleLimit/10)))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := d.now()
		for ref, e := range d.all() {
			if now.UnixNano()-e.used.Load() > int64(idleLimit) {
				d.evict(ref, e)
			}
		}
		if !d.Watching() {
			continue
		}
		for _, ref := range d.disk.olderThan(now.Add(-d.staleLimit / 2)) {
			if ctx.Err() != nil {
				return
			}
			d.renewCopy(ctx, ref)
		}
	}
}

// evict drops an idle project from memory and tells those who hold something for it.
func (d *Directory) evict(ref string, e *entry) {
	d.mu.Lock()
	if d.entries[ref] == e {
		delete(d.entries, ref)
		d.dropHosts(e.state.Load().project)
	}
	d.mu.Unlock()
	d.notify(ref)
}

// renewCopy confirms a copy on disk: by what memory knows, or else by asking.
func (d *Directory) renewCopy(ctx context.Context, ref string) {
	snapshot, _, ok := d.disk.load(ref)
	if !ok {
		return
	}
	if e := d.entry(ref); e != nil {
		s := e.state.Load()
		if s.project.Revision == snapshot.GetRevision() && s.generation == d.generation.Load() && !e.flagged.Load() {
			d.disk.save(snapshot, d.now())
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	began := d.now()
	heard, _ := d.recent.Peek(ref)
	res, err := d.client.Resolve(ctx, &directoryv1.ResolveRequest{Name: &directoryv1.ResolveRequest_Ref{Ref: ref}})
	switch {
	case isNotFound(err):
		d.forget(name{ref: ref}, heard)
	case err == nil && res.GetSnapshot() != nil:
		d.disk.save(res.GetSnapshot(), began)
	}
}
