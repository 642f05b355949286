package main

import (
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// orgJSON is an organisation as scripts see it.
type orgJSON struct {
	ID         string  `json:"id"`
	Slug       string  `json:"slug"`
	Name       string  `json:"name"`
	Plan       string  `json:"plan"`
	Role       string  `json:"role"`
	CreateTime *string `json:"create_time"`
}

func orgOf(o *controlplanev1.Organization) orgJSON {
	return orgJSON{ID: o.GetId(), Slug: o.GetSlug(), Name: o.GetName(), Plan: o.GetPlan(), Role: word(o.GetRole(), "ROLE_"), CreateTime: when(o.GetCreateTime())}
}

func (c *cli) orgsCommand() *cobra.Command {
	return group("orgs", "Manage organisations", c.orgsCreateCommand(), c.orgsListCommand())
}

func (c *cli) orgsCreateCommand() *cobra.Command {
	var slug string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create an organisation and become its owner", Args: takes("NAME"),
		Example: `  fluxbase orgs create "Acme Ltd" --slug acme`,
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			made, err := s.organizations().CreateOrganization(ctx, &controlplanev1.CreateOrganizationRequest{
				Name: args[0], Slug: slug, IdempotencyKey: uuid.NewString()})
			if err != nil {
				return err
			}
			o := orgOf(made.GetOrganization())
			return s.print(o, [][]string{{"SLUG", o.Slug}, {"NAME", o.Name}, {"PLAN", o.Plan}, {"ROLE", o.Role}})
		}),
	}
	cmd.Flags().StringVar(&slug, "slug", "", "name in URLs, which never changes; made from NAME when not given")
	return cmd
}

func (c *cli) orgsListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the organisations you are a member of", Args: takes(), Example: "  fluxbase orgs list -o json",
		RunE: c.signedIn(func(ctx context.Context, s *session, _ []string) error {
			out, rows := []orgJSON{}, [][]string{{"SLUG", "NAME", "PLAN", "ROLE"}}
			req := &controlplanev1.ListOrganizationsRequest{PageSize: listSize}
			for {
				page, err := s.organizations().ListOrganizations(ctx, req)
				if err != nil {
					return err
				}
				for _, found := range page.GetOrganizations() {
					o := orgOf(found)
					out, rows = append(out, o), append(rows, []string{o.Slug, o.Name, o.Plan, o.Role})
				}
				if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
					return s.print(out, rows)
				}
			}
		}),
	}
}
