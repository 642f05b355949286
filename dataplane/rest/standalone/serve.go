package standalone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/wayli-app/fluxbase/internal/daemon"
	"github.com/wayli-app/fluxbase/internal/telemetry"
)

// drain is how long requests may take to finish when the server stops.
const drain = 20 * time.Second

// Serve runs a server on its addresses until ctx ends, or until the database refuses it. SIGUSR1 reloads the schema cache and SIGUSR2
// the configuration.
func Serve(ctx context.Context, c *Config, src Source, log *slog.Logger, version string) error {
	registry := telemetry.NewRegistry(version)
	s, err := New(c, src, Deps{Log: log, Metrics: registry, Version: version})
	if err != nil {
		return err
	}
	listener, err := c.Listen.open(ctx, "server")
	if err != nil {
		return err
	}
	process := daemon.New(log, drain)
	if c.Admin != nil {
		admin := *c.Admin
		if admin.Host == "" {
			admin.Host = c.Listen.Host
		}
		other, err := admin.open(ctx, "admin-server")
		if err != nil {
			_ = listener.Close()
			return err
		}
		process.Serve("admin", []net.Listener{other}, s.Admin(telemetry.MetricsHandler(registry)))
		log.Info("admin server", "address", other.Addr().String())
	}
	var refused error
	process.Go(ctx, "rest", func(ctx context.Context) error {
		refused = s.Run(ctx)
		return refused
	})
	process.Serve("rest http", []net.Listener{listener}, s)
	stop := s.onSignals()
	defer stop()
	log.Info("serving", "address", listener.Addr().String(), "version", version)
	if err := process.Wait(ctx); refused == nil {
		return err
	}
	return refused
}

// onSignals reloads by signals until stop is called.
func (s *Server) onSignals() (stop func()) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for got := range signals {
			if got == syscall.SIGUSR1 {
				s.ReloadSchema()
			} else {
				s.ReloadConfig()
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

// reserved are PostgREST's names for any address.
var reserved = map[string]struct{ network, host string }{
	"*": {"tcp", ""}, "*4": {"tcp", ""}, "!4": {"tcp4", "0.0.0.0"}, "*6": {"tcp", ""}, "!6": {"tcp6", "::"},
}

// open listens. setting begins the names of the settings that made the address.
func (a Address) open(ctx context.Context, setting string) (net.Listener, error) {
	var config net.ListenConfig
	if a.Socket != "" {
		return a.openSocket(ctx, setting)
	}
	if a.Port < 0 {
		return nil, fmt.Errorf("%s-port is missing", setting)
	}
	network, host := "tcp", a.Host
	if anywhere, ok := reserved[a.Host]; ok {
		network, host = anywhere.network, anywhere.host
	}
	address := net.JoinHostPort(host, strconv.Itoa(a.Port))
	l, err := config.Listen(ctx, network, address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is taken by another program: stop that, or choose another %s-port", address, setting)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s: choose a %s-port above 1023", address, setting)
	case err != nil:
		return nil, fmt.Errorf("listen on %s, which %s-host and %s-port ask for: %w", address, setting, setting, err)
	}
	return l, nil
}

func (a Address) openSocket(ctx context.Context, setting string) (net.Listener, error) {
	// What a server that was killed left behind is in the way; what another one listens on is not ours to take.
	if info, err := os.Stat(a.Socket); err == nil && info.Mode()&os.ModeSocket != 0 {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "unix", a.Socket)
		if err == nil {
			_ = conn.Close()
			return nil, fmt.Errorf("another program listens on %s: stop that, or choose another %s-unix-socket", a.Socket, setting)
		}
		_ = os.Remove(a.Socket)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "unix", a.Socket)
	if err != nil {
		return nil, fmt.Errorf("listen on %s, which %s-unix-socket asks for: %w", a.Socket, setting, err)
	}
	if err := os.Chmod(a.Socket, a.Mode); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("set the mode of %s: %w", a.Socket, err)
	}
	return l, nil
}
