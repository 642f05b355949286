package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// projectJSON is a project as scripts see it.
type projectJSON struct {
	Ref            string     `json:"ref"`
	Name           string     `json:"name"`
	Organization   string     `json:"organization"`
	Status         string     `json:"status"`
	Isolation      string     `json:"isolation"`
	URL            string     `json:"url"`
	PathURL        string     `json:"path_url"`
	Cluster        string     `json:"cluster"`
	FailureMessage string     `json:"failure_message,omitempty"`
	Steps          []stepJSON `json:"steps,omitempty"`
	CreateTime     *string    `json:"create_time"`
	UpdateTime     *string    `json:"update_time"`
	PurgeTime      *string    `json:"purge_time"`
}

type stepJSON struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

func projectOf(p *controlplanev1.Project) projectJSON {
	out := projectJSON{
		Ref: p.GetRef(), Name: p.GetName(), Organization: p.GetOrganization(), Status: statusOf(p), Isolation: word(p.GetIsolation(), "ISOLATION_"),
		URL: p.GetUrl(), PathURL: p.GetPathUrl(), Cluster: p.GetCluster(), FailureMessage: p.GetFailureMessage(),
		CreateTime: when(p.GetCreateTime()), UpdateTime: when(p.GetUpdateTime()), PurgeTime: when(p.GetPurgeTime()),
	}
	for _, step := range p.GetSteps() {
		out.Steps = append(out.Steps, stepJSON{Name: step.GetName(), Status: word(step.GetStatus(), "STEP_STATUS_"), Message: step.GetMessage()})
	}
	return out
}

func (c *cli) projectsCommand() *cobra.Command {
	return group("projects", "Manage projects", c.projectsCreateCommand(), c.projectsListCommand(), c.projectsGetCommand(),
		c.projectsPauseCommand(), c.projectsResumeCommand(), c.projectsDeleteCommand(), c.projectsRestoreCommand(), c.projectsRetryCommand(),
		c.settingsCommand(), c.signingKeysCommand(), c.storageCommand(), c.usersCommand())
}

func (c *cli) projectsListCommand() *cobra.Command {
	req := &controlplanev1.ListProjectsRequest{PageSize: listSize}
	cmd := &cobra.Command{
		Use: "list", Short: "List projects, newest first", Args: takes(), Example: "  fluxbase projects list --org acme -o json",
		RunE: c.signedIn(func(ctx context.Context, s *session, _ []string) error {
			out, rows := []projectJSON{}, [][]string{{"REF", "NAME", "ORGANISATION", "STATUS", "ISOLATION", "URL"}}
			for {
				page, err := s.projects().ListProjects(ctx, req)
				if err != nil {
					return err
				}
				for _, found := range page.GetProjects() {
					p := projectOf(found)
					out, rows = append(out, p), append(rows, []string{p.Ref, p.Name, p.Organization, p.Status, p.Isolation, p.URL})
				}
				if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
					return s.print(out, rows)
				}
			}
		}),
	}
	cmd.Flags().StringVar(&req.Organization, "org", "", "slug of the organisation; all of yours when not given")
	cmd.Flags().StringVar(&req.Search, "search", "", "part of the name or ref")
	return cmd
}

func (c *cli) projectsGetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "get REF", Short: "Show a project and the steps of its last job", Args: takes("REF"), Example: "  fluxbase projects get abcdefghijklmnopqrst",
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			got, err := s.projects().GetProject(ctx, &controlplanev1.GetProjectRequest{Ref: args[0]})
			if err != nil {
				return err
			}
			return s.printProject(got.GetProject())
		}),
	}
}

func (c *cli) printProject(p *controlplanev1.Project) error {
	out := projectOf(p)
	rows := [][]string{{"REF", out.Ref}, {"NAME", out.Name}, {"ORGANISATION", out.Organization}, {"STATUS", out.Status},
		{"ISOLATION", out.Isolation}, {"URL", out.URL}, {"PATH URL", out.PathURL}, {"CLUSTER", out.Cluster}}
	if p.GetPurgeTime() != nil {
		rows = append(rows, []string{"PURGED", whenText(p.GetPurgeTime(), "")})
	}
	if out.FailureMessage != "" {
		rows = append(rows, []string{"FAILURE", out.FailureMessage})
	}
	for _, step := range out.Steps {
		rows = append(rows, []string{"STEP", step.Name + ": " + step.Status + suffix(step.Message)})
	}
	return c.print(out, rows)
}

func suffix(message string) string {
	if message == "" {
		return ""
	}
	return " (" + message + ")"
}

// change is a command that asks for another state of a project, and can wait for it.
type change struct {
	use, short, example string
	ask                 func(context.Context, *session, string) (*controlplanev1.Project, error)
	wanted              controlplanev1.ProjectStatus
}

func (c *cli) changeCommand(ch change) *cobra.Command {
	var wait waiting
	cmd := &cobra.Command{
		Use: ch.use + " REF", Short: ch.short, Args: takes("REF"), Example: ch.example,
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			p, err := ch.ask(ctx, s, args[0])
			if err != nil {
				return err
			}
			p.Steps = nil // of the job before this one
			if wait.on {
				if p, err = s.settle(ctx, p, ch.wanted, wait.timeout); err != nil {
					return err
				}
			}
			return s.printProject(p)
		}),
	}
	wait.flags(cmd)
	return cmd
}

func (c *cli) projectsPauseCommand() *cobra.Command {
	return c.changeCommand(change{"pause", "Stop answering requests; data is kept", "  fluxbase projects pause abcdefghijklmnopqrst --wait",
		func(ctx context.Context, s *session, ref string) (*controlplanev1.Project, error) {
			res, err := s.projects().PauseProject(ctx, &controlplanev1.PauseProjectRequest{Ref: ref})
			return res.GetProject(), err
		}, controlplanev1.ProjectStatus_PROJECT_STATUS_PAUSED})
}

func (c *cli) projectsResumeCommand() *cobra.Command {
	return c.changeCommand(change{"resume", "Make a paused project answer again", "  fluxbase projects resume abcdefghijklmnopqrst --wait",
		func(ctx context.Context, s *session, ref string) (*controlplanev1.Project, error) {
			res, err := s.projects().ResumeProject(ctx, &controlplanev1.ResumeProjectRequest{Ref: ref})
			return res.GetProject(), err
		}, controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE})
}

func (c *cli) projectsDeleteCommand() *cobra.Command {
	return c.changeCommand(change{"delete", "Delete a project; until its data is purged it can be restored", "  fluxbase projects delete abcdefghijklmnopqrst",
		func(ctx context.Context, s *session, ref string) (*controlplanev1.Project, error) {
			res, err := s.projects().DeleteProject(ctx, &controlplanev1.DeleteProjectRequest{Ref: ref})
			if err == nil {
				s.say("Deleted. Until %s, \"fluxbase projects restore %s\" takes it back.", whenText(res.GetProject().GetPurgeTime(), "its purge"), ref)
			}
			return res.GetProject(), err
		}, controlplanev1.ProjectStatus_PROJECT_STATUS_DELETED})
}

func (c *cli) projectsRestoreCommand() *cobra.Command {
	return c.changeCommand(change{"restore", "Take a deletion back within the grace time", "  fluxbase projects restore abcdefghijklmnopqrst --wait",
		func(ctx context.Context, s *session, ref string) (*controlplanev1.Project, error) {
			res, err := s.projects().RestoreProject(ctx, &controlplanev1.RestoreProjectRequest{Ref: ref})
			return res.GetProject(), err
		}, controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE})
}

func (c *cli) projectsRetryCommand() *cobra.Command {
	return c.changeCommand(change{"retry", "Run a failed project's job again", "  fluxbase projects retry abcdefghijklmnopqrst --wait",
		func(ctx context.Context, s *session, ref string) (*controlplanev1.Project, error) {
			res, err := s.projects().RetryProject(ctx, &controlplanev1.RetryProjectRequest{Ref: ref})
			return res.GetProject(), err
		}, controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE})
}

var isolations = map[string]controlplanev1.Isolation{
	"":         controlplanev1.Isolation_ISOLATION_UNSPECIFIED,
	"database": controlplanev1.Isolation_ISOLATION_DATABASE,
	"schema":   controlplanev1.Isolation_ISOLATION_SCHEMA,
}

func (c *cli) projectsCreateCommand() *cobra.Command {
	var org, isolation, cluster string
	var wait waiting
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a project", Args: takes("NAME"),
		Long: "Create a project. With --wait, the command ends when the project answers, and prints its addresses, keys and database login.\n" +
			"The secret key is revealed by that, and never again.",
		Example: `  fluxbase projects create shop --org acme --wait
  fluxbase projects create shop --org acme --isolation schema --wait --output json > shop.json`,
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			chosen, ok := isolations[isolation]
			if !ok {
				return usageError{fmt.Errorf("--isolation is %q; it can be database or schema", isolation)}
			}
			if org == "" {
				return usageError{errors.New("--org is missing; \"fluxbase orgs list\" shows the slugs")}
			}
			made, err := s.projects().CreateProject(ctx, &controlplanev1.CreateProjectRequest{
				Organization: org, Name: args[0], Isolation: chosen, Cluster: cluster, IdempotencyKey: uuid.NewString()})
			if err != nil {
				return err
			}
			if !wait.on {
				s.say("Being provisioned. \"fluxbase projects get %s\" shows how far it is.", made.GetProject().GetRef())
				return s.printProject(made.GetProject())
			}
			p, err := s.settle(ctx, made.GetProject(), controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE, wait.timeout)
			if err != nil {
				return err
			}
			return s.printAccess(ctx, p)
		}),
	}
	cmd.Flags().StringVar(&org, "org", "", "slug of the organisation")
	cmd.Flags().StringVar(&isolation, "isolation", "", "database or schema; the plan's default when not given")
	cmd.Flags().StringVar(&cluster, "cluster", "", "name of the cluster (operators only)")
	wait.flags(cmd)
	return cmd
}

// waiting are the flags of commands that can wait for a project.
type waiting struct {
	on      bool
	timeout time.Duration
}

func (w *waiting) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&w.on, "wait", false, "wait until it is done")
	cmd.Flags().DurationVar(&w.timeout, "timeout", 5*time.Minute, "how long --wait waits")
}
