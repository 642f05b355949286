package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/mail"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/spf13/cobra"

	"github.com/wayli-app/fluxbase/controlplane"
	"github.com/wayli-app/fluxbase/controlplane/account"
	"github.com/wayli-app/fluxbase/controlplane/audit"
	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/telemetry"
)

func migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the control database, the jobs' database, and with --projects every project, to this version", Args: cobra.NoArgs,
		Long: "Bring the control database to this version, and the database of the workers' jobs if FLUXBASE_JOBS_URL names it here; workers also do\n" +
			"that by themselves. It may run any number of times and in several places at once.\n" +
			"With --projects, also queue a job for each project that is behind; control planes carry them out.",
	}
	s := newSettings(cmd)
	projects := cmd.Flags().Bool("projects", false, "queue the migration of projects too")
	wait := cmd.Flags().Bool("wait", false, "with --projects: wait for the end, and show progress")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *wait && !*projects {
			return usageError{fmt.Errorf("--wait goes with --projects")}
		}
		c, err := s.load(cmd, config.ForDatabase)
		if err != nil {
			return err
		}
		log := telemetry.NewLogger(os.Stderr, c)
		if err := controlplane.Migrate(cmd.Context(), c, log); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), "The control database is up to date."); err != nil {
			return err
		}
		if c.JobsURL != "" {
			if err := outbox.Migrate(cmd.Context(), c.JobsURL.Reveal()); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), "The jobs database is up to date."); err != nil {
				return err
			}
		}
		if !*projects {
			return nil
		}
		return migrateProjects(cmd.Context(), c, *wait, cmd.OutOrStdout())
	}
	return cmd
}

// migrateProjects asks the control planes to look for projects that are behind, which they also do by themselves, and
// with wait shows how far they are.
func migrateProjects(ctx context.Context, c config.Config, wait bool, out io.Writer) error {
	pool, err := openDatabase(ctx, c)
	if err != nil {
		return err
	}
	defer pool.Close()
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("prepare the job: %w", err)
	}
	if _, err := jobs.Insert(ctx, project.ReconcileArgs{}, &river.InsertOpts{Queue: project.QueueProvision, MaxAttempts: 1}); err != nil {
		return fmt.Errorf("queue the migration of projects: %w", err)
	}
	queries, told := store.New(pool), ""
	for {
		at, err := queries.MigrationProgress(ctx, int32(layout.Version()))
		if err != nil {
			return fmt.Errorf("ask how far the migration is: %w", err)
		}
		text := fmt.Sprintf("%d of %d projects are at migration %d", at.Done, at.Total, layout.Version())
		if at.Failing > 0 {
			text += fmt.Sprintf("; %d fail, see the steps of each in the console", at.Failing)
		}
		if text += "."; text != told {
			if _, err := fmt.Fprintln(out, text); err != nil {
				return err
			}
			told = text
		}
		switch {
		case at.Done >= at.Total:
			return nil
		case !wait:
			_, err := fmt.Fprintln(out, "Control planes carry out the rest; --wait shows how far they are.")
			return err
		case at.Done+at.Failing >= at.Total:
			return errors.New("some projects could not be migrated yet; control planes try again")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func openDatabase(ctx context.Context, c config.Config) (*pgxpool.Pool, error) {
	pool, err := pgxpool.New(ctx, c.DatabaseURL.Reveal())
	if err != nil {
		return nil, errors.New("FLUXBASE_DATABASE_URL is no address of a database") // the cause may hold the password
	}
	return pool, nil
}

func operatorsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "operators", Short: "Name the accounts that run this installation"}
	add := &cobra.Command{
		Use: "add EMAIL", Short: "Make the account that has this address an operator", Args: cobra.ExactArgs(1),
	}
	s := newSettings(add)
	add.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := s.load(cmd, config.ForDatabase)
		if err != nil {
			return err
		}
		email := strings.TrimSpace(args[0])
		if address, err := mail.ParseAddress(email); err != nil || address.Address != email {
			return usageError{fmt.Errorf("%q is no email address", email)}
		}
		pool, err := openDatabase(cmd.Context(), c)
		if err != nil {
			return err
		}
		defer pool.Close()
		log, err := audit.New(pool)
		if err != nil {
			return err
		}
		appointed, err := account.Appoint(cmd.Context(), pool, log, email)
		if errors.Is(err, account.ErrNoAccount) {
			return fmt.Errorf("no account has the address %s yet: sign up with it first", email)
		}
		if err != nil {
			return fmt.Errorf("name the operator (is the control database migrated? `fluxbase migrate` does it): %w", err)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is an operator: account %s, made %s.\n", email, appointed.ID, appointed.CreatedAt.UTC().Format(time.RFC3339))
		return err
	}
	cmd.AddCommand(add)
	return cmd
}
