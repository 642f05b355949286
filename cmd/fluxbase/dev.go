package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wayli-app/fluxbase/controlplane"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/daemon"
	"github.com/wayli-app/fluxbase/internal/devstack"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/telemetry"
)

func devCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dev", Short: "Run everything on this machine: both planes, PostgreSQL, Redis, an object store, a mail inbox", Args: cobra.NoArgs,
		Long: "Run everything on this machine, in one process and with nothing to set up. The first account that signs up is the operator.\n\n" +
			"What FLUXBASE_DATABASE_URL, FLUXBASE_JOBS_URL, FLUXBASE_REDIS_URL, FLUXBASE_S3_ENDPOINT or FLUXBASE_SMTP_HOST name is used instead of what would be started.",
	}
	s := newSettings(cmd)
	s.defaults.Dev, s.defaults.LogLevel = true, "warn"
	s.flag(cmd, "data-dir", "data_dir", "folder that keeps everything; default ~/.local/share/fluxbase, for root /var/lib/fluxbase")
	s.flag(cmd, "listen", "listen", "address to serve on; default localhost:8000")
	s.flag(cmd, "domain", "domain", "domain of the projects' subdomains; default localhost")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.load(cmd, config.ForDev)
		if err != nil {
			return err
		}
		return runDev(cmd.Context(), c, cmd.ErrOrStderr())
	}
	return cmd
}

// readyTimeout bounds the start, from the planes' start to the project "platform" being served.
const devReadyTimeout = 2 * time.Minute

// runDev runs everything until ctx ends.
func runDev(ctx context.Context, c config.Config, out io.Writer) (err error) {
	began := time.Now()
	log := telemetry.NewLogger(os.Stderr, c)
	listeners, err := daemon.Listen(ctx, c.Listen, "--listen")
	if err != nil {
		return err
	}
	internal, err := daemon.Listen(ctx, "127.0.0.1:0", "the directory")
	if err != nil {
		daemon.CloseAll(listeners)
		return err
	}
	closeAll := func() { daemon.CloseAll(append(listeners, internal...)) }
	c = devAddresses(c, listeners[0].Addr(), internal[0].Addr())
	stack, err := devstack.Start(ctx, c, devstack.Options{Progress: out, Log: log.With("part", "postgres")})
	if err != nil {
		closeAll()
		return err
	}
	defer stack.Stop()
	c = stack.Config
	c.MetricsListen = freeMetrics(ctx, c.MetricsListen, log)
	if err := c.Check(config.ForControlplane, config.ForDataplane); err != nil {
		closeAll()
		return err
	}
	h, err := newHost(ctx, c, log, "dev")
	if err != nil {
		closeAll()
		return err
	}
	ready, err := h.startDev(ctx, listeners, internal)
	if err != nil {
		closeAll()
		return errors.Join(err, h.process.Stop(ctx))
	}
	waiting, cancel := context.WithTimeout(ctx, devReadyTimeout)
	defer cancel()
	if err := ready(waiting); err != nil {
		return errors.Join(ifNot(ctx, err), h.process.Stop(ctx))
	}
	banner(out, c, time.Since(began))
	return h.process.Wait(ctx)
}

// startDev migrates, makes both planes and serves them: the control plane alone on the internal listener, where the worker asks
// it until the very end, and both on the public one. It returns a function that waits until everything answers.
func (h *host) startDev(ctx context.Context, public, internal []net.Listener) (ready func(context.Context) error, err error) {
	if err := controlplane.Migrate(ctx, h.config, h.log); err != nil {
		return nil, err
	}
	var inbox *mail.Memory
	if h.config.SMTP.Host == "" {
		inbox = mail.NewMemory("Fluxbase <fluxbase@localhost>")
	}
	control, err := h.controlplane(ctx, inbox)
	if err != nil {
		return nil, err
	}
	worker, err := h.worker(ctx, inbox)
	if err != nil {
		return nil, err
	}
	h.process.Go(ctx, "controlplane", control.Run)
	h.process.Serve("directory", internal, control.Handler())
	h.process.Go(ctx, "dataplane", worker.Run)
	controlHandler, workerHandler := control.Handler(), worker.Handler()
	h.process.Serve("http", public, h.traces.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if worker.Serves(r) {
			workerHandler.ServeHTTP(w, r)
			return
		}
		controlHandler.ServeHTTP(w, r)
	}), "dev"))
	address := "http://" + public[0].Addr().String()
	return func(ctx context.Context) error {
		for _, ready := range []func(context.Context) error{
			control.Ready, worker.Ready, func(ctx context.Context) error { return platformServed(ctx, address) },
		} {
			if err := await(ctx, ready); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// platformServed asks what the console asks first: where the project of its accounts is, and whether that is served.
func platformServed(ctx context.Context, address string) error {
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	get := func(path, key string) ([]byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+path, http.NoBody)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Apikey", key)
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answers with %s", path, response.Status)
		}
		return io.ReadAll(io.LimitReader(response.Body, 1<<16))
	}
	text, err := get("/config.json", "")
	if err != nil {
		return err
	}
	var console struct {
		Key string `json:"platform_key"`
	}
	if err := json.Unmarshal(text, &console); err != nil {
		return fmt.Errorf("read /config.json: %w", err)
	}
	_, err = get("/p/"+id.PlatformRef+"/auth/v1/health", console.Key)
	return err
}

func await(ctx context.Context, ready func(context.Context) error) error {
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not become ready: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// devAddresses fills in the addresses that follow from the ports that were opened.
func devAddresses(c config.Config, public, internal net.Addr) config.Config {
	host, _, _ := net.SplitHostPort(c.Listen)
	_, port, _ := net.SplitHostPort(public.String())
	c.Dataplane.DirectoryURL = "http://" + internal.String()
	return c.Listening(net.JoinHostPort(host, port))
}

// freeMetrics turns the metrics off when their address is taken, most likely by another `fluxbase dev`.
func freeMetrics(ctx context.Context, addr string, log *slog.Logger) string {
	if addr == "" {
		return ""
	}
	listeners, err := daemon.Listen(ctx, addr, config.EnvName("metrics_listen"))
	if err != nil {
		log.Warn("there are no metrics", "error", err)
		return ""
	}
	daemon.CloseAll(listeners)
	return addr
}

// ifNot drops an error that only says that the process was asked to stop.
func ifNot(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

func banner(out io.Writer, c config.Config, took time.Duration) {
	rows := [][2]string{
		{"Console", c.PublicURL},
		{"Projects", c.ProjectBaseURL("<ref>") + "  or  " + c.PathURL("<ref>")},
		{"Data", home(c.DataDir)},
		{"Version", buildVersion()},
	}
	text := fmt.Sprintf("\n  Fluxbase is ready (%.1f s).\n\n", took.Seconds())
	for _, row := range rows {
		text += fmt.Sprintf("  %-10s %s\n", row[0], row[1])
	}
	_, _ = fmt.Fprintln(out, text+"\n  Stop with Ctrl-C.")
}

// home shortens a path in the user's home folder.
func home(path string) string {
	dir, err := os.UserHomeDir()
	if err != nil || dir == "/" {
		return path
	}
	if rest, ok := strings.CutPrefix(path, dir+string(filepath.Separator)); ok {
		return filepath.Join("~", rest)
	}
	return path
}
