package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/wayli-app/fluxbase/dataplane/rest/standalone"
)

func restCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rest [FILE]", Short: "Serve one database of your own by REST, in PostgREST's place", Args: cobra.MaximumNArgs(1),
		Long: "Serve the schemas of one database that you own, without planes or projects: what PostgREST does, with its configuration.\n" +
			"Settings come from PGRST_… variables, and below them from a file of the same keys (db-uri = \"…\"); see docs/postgrest.md.\n" +
			"SIGUSR1 and NOTIFY pgrst, 'reload schema' reload the schema cache; SIGUSR2 and 'reload config' the configuration.",
		Example: "  PGRST_DB_URI=postgres://authenticator@localhost/app PGRST_DB_ANON_ROLE=web fluxbase rest\n  fluxbase rest /etc/postgrest.conf",
	}
	example := cmd.Flags().BoolP("example", "e", false, "print a file with every setting")
	dump := cmd.Flags().Bool("dump-config", false, "print the settings in force, with secrets redacted")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *example {
			_, err := fmt.Fprint(cmd.OutOrStdout(), standalone.Example())
			return err
		}
		src := standalone.Source{Environ: os.Environ()}
		if len(args) > 0 {
			src.File = args[0]
		}
		c, err := standalone.Load(src)
		if err != nil {
			return err
		}
		if *dump {
			if c.DBConfig {
				if c, err = standalone.LoadAll(cmd.Context(), src); err != nil {
					return err
				}
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), c.Dump())
			return err
		}
		return standalone.Serve(cmd.Context(), c, src, c.Logger(os.Stderr), buildVersion())
	}
	return cmd
}
