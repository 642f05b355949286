package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/daemon"
	"github.com/wayli-app/fluxbase/internal/telemetry"
)

func controlplaneCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "controlplane", Short: "Run a control plane: the console, the management API, provisioning", Args: cobra.NoArgs,
		Long: "Run a control plane. Any number may run at once over one control database, which `fluxbase migrate` must have\n" +
			"brought up to date. All settings come from --config and FLUXBASE_… variables; see `fluxbase config print`.",
	}
	s := newSettings(cmd)
	s.flag(cmd, "listen", "controlplane.listen", "address to serve on")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.load(cmd, config.ForControlplane)
		if err != nil {
			return err
		}
		return serve(cmd, c, "controlplane", c.Controlplane.Listen, func(h *host) (plane, error) {
			return h.controlplane(cmd.Context(), nil)
		})
	}
	return cmd
}

func dataplaneCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dataplane", Short: "Run a worker: it answers the requests of projects", Args: cobra.NoArgs,
		Long: "Run a worker. Any number may run at once; each asks the control plane for what it serves, and serves on without it.\n" +
			"All settings come from --config and FLUXBASE_… variables; see `fluxbase config print`.",
	}
	s := newSettings(cmd)
	s.defaults.MetricsListen = "127.0.0.1:9401" // beside a control plane on the same machine
	s.flag(cmd, "listen", "dataplane.listen", "address to serve on")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.load(cmd, config.ForDataplane)
		if err != nil {
			return err
		}
		return serve(cmd, c, "dataplane", c.Dataplane.Listen, func(h *host) (plane, error) { return h.worker(cmd.Context(), nil) })
	}
	return cmd
}

// serve runs one plane as a process of its own.
func serve(cmd *cobra.Command, c config.Config, name, listen string, build func(*host) (plane, error)) error {
	ctx := cmd.Context()
	listeners, err := daemon.Listen(ctx, listen, config.EnvName(name+".listen"))
	if err != nil {
		return err
	}
	h, err := newHost(ctx, c, telemetry.NewLogger(os.Stderr, c), name)
	if err != nil {
		daemon.CloseAll(listeners)
		return err
	}
	p, err := build(h)
	if err != nil {
		daemon.CloseAll(listeners)
		return errors.Join(err, h.process.Stop(ctx))
	}
	return h.run(ctx, name, p, listeners)
}
