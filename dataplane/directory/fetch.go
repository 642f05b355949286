package directory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"github.com/wayli-app/fluxbase/internal/fault"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

var errDown = errors.New("the control plane did not answer a moment ago")

// fetch asks the control plane for a project and keeps the answer, until no newer change of it is known.
func (d *Directory) fetch(ctx context.Context, n name) (*Project, error) {
	if d.now().UnixNano() < d.downUntil.Load() {
		return nil, errDown
	}
	select {
	case d.calls <- struct{}{}:
		defer func() { <-d.calls }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to ask the control plane: %w", ctx.Err())
	}
	for attempt := 0; ; attempt++ {
		p, err := d.ask(ctx, n)
		if err != nil {
			return nil, err
		}
		newest, _ := d.recent.Get(p.Ref)
		if p.Revision >= newest {
			return p, nil
		}
		if attempt == 3 {
			return nil, fmt.Errorf("project %s is at revision %d, but the control plane answers with %d", p.Ref, newest, p.Revision)
		}
	}
}

// ask makes one call. What is known already is not sent again.
func (d *Directory) ask(ctx context.Context, n name) (*Project, error) {
	// Before the call: a change that comes while it is under way must not be taken for part of the answer.
	generation, began := d.generation.Load(), d.now()
	heard, _ := d.recent.Peek(n.ref)
	req := &directoryv1.ResolveRequest{}
	var known *state
	if n.ref != "" {
		req.Name = &directoryv1.ResolveRequest_Ref{Ref: n.ref}
		if e := d.entry(n.ref); e != nil {
			known = e.state.Load()
			req.KnownRevision = known.project.Revision
		}
	} else {
		req.Name = &directoryv1.ResolveRequest_Host{Host: n.host}
	}
	res, err := d.client.Resolve(ctx, req)
	switch {
	case isNotFound(err):
		d.metrics.resolves.WithLabelValues("not_found").Inc()
		d.forget(n, heard)
		return nil, ErrNotFound
	case err != nil:
		d.metrics.resolves.WithLabelValues("failed").Inc()
		switch connect.CodeOf(err) {
		case connect.CodeUnavailable, connect.CodeDeadlineExceeded:
			d.downUntil.Store(d.now().Add(downPause).UnixNano())
		case connect.CodeUnauthenticated, connect.CodePermissionDenied:
			d.log.ErrorContext(ctx, "the control plane refuses this worker: is its service token the control plane's?", "error", err)
		}
		return nil, fmt.Errorf("ask the control plane: %w", err)
	}
	d.metrics.resolves.WithLabelValues("found").Inc()
	if res.GetSnapshot() == nil {
		if known == nil {
			return nil, errors.New("the control plane's answer has no snapshot")
		}
		d.keep(known.project, &state{project: known.project, generation: generation, confirmed: began})
		return known.project, nil
	}
	p, err := FromSnapshot(res.GetSnapshot())
	if err != nil {
		return nil, err
	}
	if n.ref != "" && p.Ref != n.ref {
		return nil, fmt.Errorf("asked for project %s, the control plane answers with %s", n.ref, p.Ref)
	}
	if d.keep(p, &state{project: p, generation: generation, confirmed: began}) {
		d.disk.save(res.GetSnapshot(), began)
		d.notify(p.Ref)
	}
	return p, nil
}

// keep puts a project in memory unless a newer revision of it is there. It reports whether the project changed.
func (d *Directory) keep(p *Project, s *state) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entries[p.Ref]
	if e == nil {
		e = &entry{}
		e.used.Store(d.now().UnixNano())
		d.entries[p.Ref] = e
	}
	old := e.state.Load()
	if old != nil && old.project.Revision > p.Revision {
		return false
	}
	e.state.Store(s)
	if newest, _ := d.recent.Peek(p.Ref); p.Revision >= newest {
		e.flagged.Store(false)
	}
	if old != nil && old.project.Revision == p.Revision {
		return false
	}
	if old != nil {
		d.dropHosts(old.project)
	}
	for _, host := range p.Hosts {
		d.hosts[host] = p.Ref
		d.absent.Remove(name{host: host}.key())
	}
	d.absent.Remove(name{ref: p.Ref}.key())
	return true
}

// dropHosts needs the lock.
func (d *Directory) dropHosts(p *Project) {
	for _, host := range p.Hosts {
		if d.hosts[host] == p.Ref {
			delete(d.hosts, host)
		}
	}
}

// forget drops a project that is no more. That a name is absent is remembered for a short while, unless a change of it
// was heard of since the question.
func (d *Directory) forget(n name, heard int64) {
	if n.host != "" {
		d.mu.Lock()
		e := d.entries[d.hosts[n.host]]
		delete(d.hosts, n.host)
		d.mu.Unlock()
		if e != nil { // the project may be there still, without the host
			e.flagged.Store(true)
		}
		d.absent.Add(n.key(), d.now().Add(absentFor))
		return
	}
	d.absent.Add(n.key(), d.now().Add(absentFor))
	if newest, _ := d.recent.Peek(n.ref); newest != heard {
		d.absent.Remove(n.key())
	}
	d.mu.Lock()
	e := d.entries[n.ref]
	if e != nil {
		delete(d.entries, n.ref)
		d.dropHosts(e.state.Load().project)
	}
	d.mu.Unlock()
	d.disk.remove(n.ref)
	if e != nil {
		d.notify(n.ref)
	}
}

func isNotFound(err error) bool { return err != nil && connect.CodeOf(err) == connect.CodeNotFound }

func (d *Directory) notify(ref string) {
	d.mu.RLock()
	subs := d.subs
	d.mu.RUnlock()
	for _, fn := range subs {
		fn(ref)
	}
}

// ReportUsage hands in usage. The error says whether trying again may help.
func (d *Directory) ReportUsage(ctx context.Context, report *directoryv1.ReportUsageRequest) error {
	ctx, cancel := context.WithTimeout(ctx, 2*callTimeout)
	defer cancel()
	_, err := d.client.ReportUsage(ctx, report)
	switch {
	case err == nil:
		return nil
	case connect.CodeOf(err) == connect.CodeInvalidArgument:
		return fault.Wrap(err, fault.Invalid, "USAGE_INVALID", "The control plane does not accept this report.")
	}
	return fault.Wrap(err, fault.Unavailable, "DIRECTORY_UNAVAILABLE", "The control plane cannot be reached.")
}

// bearer shows the service token with each call.
func bearer(token string) connect.Interceptor { return bearerInterceptor{"Bearer " + token} }

type bearerInterceptor struct{ value string }

func (b bearerInterceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		b.set(req.Header())
		return next(ctx, req)
	}
}

func (b bearerInterceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		b.set(conn.RequestHeader())
		return conn
	}
}

func (b bearerInterceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

func (b bearerInterceptor) set(h http.Header) { h.Set("Authorization", b.value) }

// backoff is how long to wait before the next attempt, after n that failed.
func backoff(n int) time.Duration {
	return min(50*time.Millisecond<<min(n, 6), 2*time.Second)
}
