// Package daemon is the life of a process: it starts parts, waits for a signal or a failure, and stops the parts in reverse order,
// draining first.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Process has parts. It is used by one goroutine.
type Process struct {
	// BodyTimeout is for how long a client may send a request's body, unless a handler says otherwise.
	BodyTimeout time.Duration

	log    *slog.Logger
	drain  time.Duration
	grace  time.Duration
	stops  []stop
	failed chan error
}

type stop struct {
	name string
	do   func(ctx context.Context) error
}

// New makes a process without parts. Requests have the drain time to finish; parts in the background half as much again,
// because they may keep to the drain time themselves.
func New(log *slog.Logger, drain time.Duration) *Process {
	return &Process{BodyTimeout: time.Minute, log: log, drain: drain, grace: drain/2 + time.Millisecond, failed: make(chan error, 1)}
}

// OnSignal returns a context that ends at SIGINT or SIGTERM. A second signal ends the process at once.
func OnSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, cancel)
	return ctx, cancel
}

// OnStop adds something to do when the process stops.
func (p *Process) OnStop(name string, do func(ctx context.Context) error) {
	p.stops = append(p.stops, stop{name, do})
}

// Go runs a part in the background, with the values of ctx but not its end. To stop it, its context ends and it may finish its
// work. Its early end ends the process.
func (p *Process) Go(ctx context.Context, name string, run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() {
		err := run(ctx)
		if ctx.Err() == nil {
			p.fail(fmt.Errorf("%s ended: %w", name, errors.Join(err, errEarly)))
		}
		done <- err
	}()
	p.OnStop(name, func(timeout context.Context) error {
		cancel()
		select {
		case err := <-done:
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case <-timeout.Done():
			return timeout.Err()
		}
	})
}

var errEarly = errors.New("it should run as long as the process")

func (p *Process) fail(err error) {
	select {
	case p.failed <- err:
	default: // one is enough
	}
}

// Serve answers HTTP on the listeners. To stop it, it takes no new requests, streams are told to end, and other requests
// may finish.
func (p *Process) Serve(name string, listeners []net.Listener, handler http.Handler) {
	draining := make(chan struct{})
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler: boundBodies(p.BodyTimeout, endStreams(draining, handler)), Protocols: protocols, MaxHeaderBytes: 64 << 10,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, // streams forbid a WriteTimeout
		ErrorLog: slog.NewLogLogger(p.log.With("server", name).Handler(), slog.LevelDebug),
	}
	for _, l := range listeners {
		go func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				p.fail(fmt.Errorf("serve %s: %w", name, err))
			}
		}()
	}
	p.OnStop(name, func(ctx context.Context) error {
		close(draining)
		ctx, cancel := context.WithTimeout(ctx, p.drain)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return errors.Join(err, server.Close())
		}
		return nil
	})
}

// Wait returns when ctx has ended and everything has stopped, last added first; or, with the error, when a part failed
// and the others have stopped.
func (p *Process) Wait(ctx context.Context) error {
	var failure error
	select {
	case <-ctx.Done():
		p.log.Info("stopping", "drain_timeout", p.drain.String())
	case failure = <-p.failed:
		p.log.Error("stopping after a failure", "error", failure)
	}
	return errors.Join(failure, p.Stop(ctx))
}

// Stop stops every part, last added first. It is for a start that failed half-way; Wait does it by itself.
func (p *Process) Stop(ctx context.Context) error {
	var failures []error
	for len(p.stops) > 0 {
		last := p.stops[len(p.stops)-1]
		p.stops = p.stops[:len(p.stops)-1]
		timeout, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.drain+p.grace)
		if err := last.do(timeout); err != nil {
			failures = append(failures, fmt.Errorf("stop %s: %w", last.name, err))
		}
		cancel()
	}
	return errors.Join(failures...)
}

// endStreams ends the contexts of streams when draining begins: they would last as long as their clients like. Clients of
// streams connect again, to another process.
func endStreams(draining <-chan struct{}, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isStream(r) {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		go func() {
			select {
			case <-draining:
				cancel()
			case <-ctx.Done():
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

var streamTypes = map[string]bool{
	"application/connect+proto": true, "application/connect+json": true, "application/grpc": true, "application/grpc+proto": true,
	"application/grpc-web": true, "application/grpc-web+proto": true,
}

func isStream(r *http.Request) bool {
	return streamTypes[r.Header.Get("Content-Type")] || r.Header.Get("Accept") == "text/event-stream" || r.Header.Get("Upgrade") != ""
}

// Listen opens an address. The host "localhost" means every loopback address that the machine has, because programs
// differ in which one they try.
func Listen(ctx context.Context, addr, setting string) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%s is %q: it must be host:port", setting, addr)
	}
	hosts := []string{host}
	if host == "localhost" {
		hosts = []string{"127.0.0.1", "::1"}
	}
	var listeners []net.Listener
	for i, h := range hosts {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", net.JoinHostPort(h, port))
		if i > 0 && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)) {
			continue // a machine without IPv6
		}
		if err != nil {
			CloseAll(listeners)
			return nil, explain(err, net.JoinHostPort(h, port), setting)
		}
		listeners = append(listeners, l)
		if port == "0" {
			_, port, _ = net.SplitHostPort(l.Addr().String())
		}
	}
	return listeners, nil
}

// CloseAll closes listeners that are not served after all.
func CloseAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

func explain(err error, addr, setting string) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("the address %s is taken by another program: stop that, or choose another address with %s", addr, setting)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("this user may not listen on %s: choose a port above 1023 with %s", addr, setting)
	default:
		return fmt.Errorf("listen on %s, which %s asks for: %w", addr, setting, err)
	}
}
