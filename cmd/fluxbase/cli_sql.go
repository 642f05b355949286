package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

func (c *cli) sqlCommand() *cobra.Command {
	var ref, command string
	cmd := &cobra.Command{
		Use: "sql --project REF [FILE|-]", Short: "Run SQL as the project's owner role",
		Long: "Run SQL of a file, of the standard input (-), or of --command, as the project's owner role. Several statements run in one transaction.",
		Example: `  fluxbase sql --project abcdefghijklmnopqrst schema.sql
  echo 'select * from notes' | fluxbase sql --project abcdefghijklmnopqrst - -o json
  fluxbase sql --project abcdefghijklmnopqrst --command 'select now()'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if ref == "" {
				return usageError{errors.New("name the project with --project REF; \"fluxbase projects list\" shows them")}
			}
			if len(args) > 1 {
				return takes("FILE")(cmd, args)
			}
			if command == "" && cmd.Flags().Changed("command") {
				return errNoSQL
			}
			text, err := c.sqlText(command, args)
			if err != nil {
				return err
			}
			if strings.TrimSpace(text) == "" {
				return errNoSQL
			}
			return c.signedIn(func(ctx context.Context, s *session, _ []string) error { return s.runSQL(ctx, ref, text) })(cmd, nil)
		},
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	cmd.Flags().StringVarP(&command, "command", "c", "", "the SQL itself")
	return cmd
}

var errNoSQL = usageError{errors.New("there is no SQL to run: the file, the standard input or --command is empty")}

// sqlText reads the SQL from where the arguments say.
func (c *cli) sqlText(command string, args []string) (string, error) {
	switch {
	case command != "" && len(args) > 0:
		return "", usageError{errors.New("give a file or --command, not both")}
	case command != "":
		return command, nil
	case len(args) == 1 && args[0] != "-":
		raw, err := os.ReadFile(args[0])
		if err != nil {
			return "", usageError{err}
		}
		return string(raw), nil
	case len(args) == 0 && terminal(c.in):
		return "", usageError{errors.New("give a file, - for the standard input, or --command")}
	}
	raw, err := io.ReadAll(c.in)
	return string(raw), err
}

// runSQL trades the session for a developer token and has the project's meta service run the text.
func (s *session) runSQL(ctx context.Context, ref, text string) error {
	token, project, err := s.developer(ctx, ref)
	if err != nil {
		return err
	}
	results, err := s.query(ctx, project, token, text)
	if err != nil {
		return err
	}
	return s.printResults(results)
}

// developer asks at once for a developer token and for where the project is served.
func (s *session) developer(ctx context.Context, ref string) (token string, project *controlplanev1.Project, err error) {
	found := make(chan error, 1)
	go func() {
		got, err := s.projects().GetProject(ctx, &controlplanev1.GetProjectRequest{Ref: ref})
		project = got.GetProject()
		found <- err
	}()
	made, err := s.projects().CreateDeveloperToken(ctx, &controlplanev1.CreateDeveloperTokenRequest{Ref: ref})
	if foundErr := <-found; err == nil {
		err = foundErr
	}
	return made.GetToken(), project, err
}
