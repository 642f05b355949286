package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

// change is one project's new revision.
type change struct {
	ref      string
	revision int64
}

// hub hands the changes that one LISTEN connection hears to all streams.
type hub struct {
	mu sync.Mutex
	// listening is closed while changes are heard; another takes its place when they are not.
	listening chan struct{}
	heard     bool
	streams   map[*stream]struct{}
}

// stream is one watching worker. Its channel is closed when it may have missed a change.
type stream struct{ changes chan change }

// backlog is how many changes a stream may be behind before it is ended.
const backlog = 1024

var errMissed = connect.NewError(connect.CodeUnavailable, errors.New("changes may have been missed: watch again"))

func newHub() *hub {
	return &hub{listening: make(chan struct{}), streams: map[*stream]struct{}{}}
}

// start says that changes are heard from now on.
func (h *hub) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard = true
	close(h.listening)
}

// stop ends all streams: what happens until the next start is missed.
func (h *hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.heard {
		h.heard = false
		h.listening = make(chan struct{})
	}
	for s := range h.streams {
		h.drop(s)
	}
}

func (h *hub) publish(c change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.streams {
		select {
		case s.changes <- c:
		default:
			h.drop(s)
		}
	}
}

// subscribe waits until changes are heard.
func (h *hub) subscribe(ctx context.Context) (*stream, error) {
	for {
		h.mu.Lock()
		listening := h.listening
		if h.heard {
			s := &stream{changes: make(chan change, backlog)}
			h.streams[s] = struct{}{}
			h.mu.Unlock()
			return s, nil
		}
		h.mu.Unlock()
		select {
		case <-listening:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (h *hub) unsubscribe(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.streams[s]; ok {
		h.drop(s)
	}
}

// drop needs the lock.
func (h *hub) drop(s *stream) {
	delete(h.streams, s)
	close(s.changes)
}

// Watch streams changes to a worker.
func (d *Directory) Watch(ctx context.Context, req *directoryv1.WatchRequest, out *connect.ServerStream[directoryv1.WatchResponse]) error {
	if err := validate(req); err != nil {
		return err
	}
	s, err := d.changes.subscribe(ctx)
	if err != nil {
		return connect.NewError(connect.CodeCanceled, err)
	}
	defer d.changes.unsubscribe(s)
	if err := out.Send(&directoryv1.WatchResponse{Ready: true}); err != nil {
		return err
	}
	beat := time.NewTicker(d.heartbeat)
	defer beat.Stop()
	for {
		event := &directoryv1.WatchResponse{}
		select {
		case <-ctx.Done():
			return nil
		case c, open := <-s.changes:
			if !open {
				return errMissed
			}
			event.Ref, event.Revision = c.ref, c.revision
		case <-beat.C:
		}
		if err := out.Send(event); err != nil {
			return err
		}
	}
}

// listen keeps the LISTEN connection until ctx ends.
func (d *Directory) listen(ctx context.Context) {
	wait := 50 * time.Millisecond
	for ctx.Err() == nil {
		started := time.Now()
		err := d.listenOnce(ctx)
		d.changes.stop()
		if ctx.Err() != nil {
			return
		}
		d.log.WarnContext(ctx, "listen for changes of projects", "error", err)
		if time.Since(started) > time.Minute {
			wait = 50 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, 2*time.Second)
	}
}

// listenOnce hears changes on one connection until it fails. The connection is not the pool's: it is held for long.
func (d *Directory) listenOnce(ctx context.Context) error {
	connecting, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(connecting, d.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(connecting, "listen project_change"); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	d.changes.start()
	for {
		if err := d.hear(ctx, conn); err != nil {
			return err
		}
	}
}

// hear waits for one change; when none comes for a while it asks the connection for a sign of life.
func (d *Directory) hear(ctx context.Context, conn *pgx.Conn) error {
	waiting, cancel := context.WithTimeout(ctx, d.heartbeat)
	defer cancel()
	n, err := conn.WaitForNotification(waiting)
	if err != nil {
		if ctx.Err() != nil || waiting.Err() == nil || conn.IsClosed() {
			return fmt.Errorf("wait for a change: %w", err)
		}
		asking, cancel := context.WithTimeout(ctx, d.heartbeat)
		defer cancel()
		if err := conn.Ping(asking); err != nil {
			return fmt.Errorf("ask the connection for a sign of life: %w", err)
		}
		return nil
	}
	ref, revision, _ := strings.Cut(n.Payload, " ")
	number, err := strconv.ParseInt(revision, 10, 64)
	if err != nil {
		return fmt.Errorf("change %q has no revision: %w", n.Payload, err)
	}
	d.changes.publish(change{ref, number})
	return nil
}
