package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// settings are the flags of a command that reads the configuration.
type settings struct {
	file     string
	defaults config.Config
	paths    map[string]string // flag → setting, where their names differ
}

// newSettings gives a command the flag --config, and flags for the settings it names: flag → setting and help.
func newSettings(cmd *cobra.Command) *settings {
	s := &settings{defaults: config.Default(), paths: map[string]string{}}
	s.defaults.Version = buildVersion()
	cmd.Flags().StringVar(&s.file, "config", "", "YAML file with settings (FLUXBASE_CONFIG)")
	return s
}

// flag adds a flag that sets a setting.
func (s *settings) flag(cmd *cobra.Command, name, path, usage string) {
	s.paths[name] = path
	cmd.Flags().String(name, "", fmt.Sprintf("%s (%s)", usage, config.EnvName(path)))
}

func (s *settings) load(cmd *cobra.Command, parts ...config.Part) (config.Config, error) {
	return config.Load(config.Source{Defaults: &s.defaults, File: s.file, Flags: cmd.Flags(), Paths: s.paths}, parts...)
}

func configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Look at the configuration, make a master key"}
	show := &cobra.Command{
		Use: "print", Short: "Print the configuration as YAML, with secrets redacted, and what is wrong with it", Args: cobra.NoArgs,
		Long: "Print the configuration that files, environment and flags add up to, as YAML and with secrets redacted.\n" +
			"With --for, also check that nothing is missing for the control plane or a worker.",
	}
	s := newSettings(show)
	which := show.Flags().String("for", "", "check the settings for: controlplane, dataplane")
	show.RunE = func(cmd *cobra.Command, _ []string) error {
		var parts []config.Part
		switch *which {
		case "":
		case "controlplane":
			parts = []config.Part{config.ForControlplane}
		case "dataplane":
			parts = []config.Part{config.ForDataplane}
		default:
			return usageError{fmt.Errorf("--for is %q: it must be controlplane or dataplane", *which)}
		}
		c, faults := s.load(cmd, parts...)
		text, err := c.Print()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(cmd.OutOrStdout(), text); err != nil {
			return err
		}
		return faults
	}
	key := &cobra.Command{
		Use: "new-master-key", Short: "Make a master key for FLUXBASE_MASTER_KEY", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := seal.NewKey()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), key)
			return err
		},
	}
	cmd.AddCommand(show, key)
	return cmd
}
