// Command fluxbase is all of Fluxbase: both planes, apart or together, and the command line of those who use them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/daemon"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version = ""

func main() {
	ctx, cancel := daemon.OnSignal(context.Background())
	err := rootCommand().ExecuteContext(ctx)
	cancel()
	var faults config.Faults
	switch {
	case errors.As(err, &faults):
		fmt.Fprintln(os.Stderr, faults.Error())
		os.Exit(exitUsage)
	case err != nil:
		os.Exit(reportError(os.Stderr, err, os.Args[1:]))
	}
}

// groupServe is of the commands that run and look after an installation.
const groupServe = "serve"

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "fluxbase", Short: "A backend for each of your projects: database, REST, auth, storage, realtime and functions",
		SilenceErrors: true, SilenceUsage: true, Version: buildVersion(),
	}
	root.SetVersionTemplate("fluxbase {{.Version}}\n")
	root.AddGroup(&cobra.Group{ID: groupServe, Title: "Run Fluxbase:"})
	for _, command := range []*cobra.Command{
		devCommand(), controlplaneCommand(), dataplaneCommand(), restCommand(), migrateCommand(), operatorsCommand(), configCommand(), versionCommand(),
	} {
		command.GroupID = groupServe
		root.AddCommand(command)
	}
	addUserCommands(root)
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "fluxbase %s (%s, %s/%s)\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// buildVersion is what the build was told, or the commit that Go saw.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "commit " + s.Value[:12]
		}
	}
	return "unknown"
}
