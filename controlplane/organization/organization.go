// Package organization is who pays: organisations, their members, and the invitations to become one.
package organization

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// maxOwned is how many organisations one account owns at most: plans bound an organisation, this bounds their number.
const maxOwned = 50

// Jobs queues a job in a transaction; a River client does.
type Jobs interface {
	InsertTx(ctx context.Context, tx pgx.Tx, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
}

// Auditor records a deed in the transaction of what it records.
type Auditor interface {
	Record(ctx context.Context, tx pgx.Tx, organization *uuid.UUID, action, target string, details map[string]any) error
}

// Deps is what the service needs.
type Deps struct {
	Pool   *pgxpool.Pool
	Sealer *seal.Sealer
	Jobs   Jobs
	Audit  Auditor
	// DefaultPlan is the plan of new organisations.
	DefaultPlan string
	// PublicURL is the console's address, where invitations are accepted.
	PublicURL string
	// Now defaults to time.Now.
	Now func() time.Time
}

// Service manages organisations.
type Service struct{ Deps }

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Pool == nil || d.Sealer == nil || d.Jobs == nil || d.Audit == nil || d.DefaultPlan == "" || d.PublicURL == "" {
		return nil, errors.New("organization: a dependency is missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d}, nil
}

// ErrNotFound says that there is no such organisation, or that the caller may not know of it.
var ErrNotFound = fault.New(fault.NotFound, "ORGANIZATION_NOT_FOUND", "There is no such organisation, or you are not a member of it.")

// Organization is who pays, as one of its members sees it.
type Organization struct {
	ID               uuid.UUID
	Slug, Name, Plan string
	// Role is the caller's; "" for an operator who is no member.
	Role                 Role
	CreatedAt, UpdatedAt time.Time
}

func shown(o store.Organization, role Role) Organization {
	return Organization{ID: o.ID, Slug: o.Slug, Name: o.Name, Plan: o.Plan, Role: role, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}
}

// Create makes an organisation whose owner is the account. An empty slug is made from the name. It fails with Exists and
// reason SLUG_TAKEN.
func (s *Service) Create(ctx context.Context, by uuid.UUID, name, slug string) (Organization, error) {
	name, err := id.Title(name)
	if err != nil {
		return Organization{}, err
	}
	if slug != "" && !validSlug(slug) {
		return Organization{}, &fault.Error{Kind: fault.Invalid, Reason: "SLUG_INVALID", Message: "The slug cannot be used.",
			Fields: map[string]string{"slug": "must be 3 to 40 of a-z, 0-9 and -, and no word that the console uses"}}
	}
	var row store.Organization
	err = store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		if err := q.LockMaker(ctx, by); err != nil {
			return fmt.Errorf("lock account: %w", err)
		}
		owned, err := q.CountOwned(ctx, by)
		if err != nil {
			return fmt.Errorf("count organisations: %w", err)
		}
		if owned >= maxOwned {
			return fault.New(fault.Exhausted, "TOO_MANY_ORGANIZATIONS", "You own %d organisations, which is the most.", maxOwned)
		}
		if row, err = s.insert(ctx, q, name, slug); err != nil {
			return err
		}
		if _, err := q.InsertMember(ctx, store.InsertMemberParams{OrganizationID: row.ID, AccountID: by, Role: string(Owner)}); err != nil {
			return fmt.Errorf("insert owner: %w", err)
		}
		return s.Audit.Record(ctx, tx, &row.ID, "organization.create", "organization/"+row.Slug, map[string]any{"name": name, "plan": row.Plan})
	})
	return shown(row, Owner), err
}

func (s *Service) insert(ctx context.Context, q *store.Queries, name, slug string) (store.Organization, error) {
	tries := []string{slug}
	if slug == "" {
		stem := slugOf(name)
		tries = []string{stem}
		for range 5 {
			tries = append(tries, strings.TrimRight(stem[:min(len(stem), 33)], "-")+"-"+id.NewRef()[:6])
		}
		tries = slices.DeleteFunc(tries, func(s string) bool { return !validSlug(s) })
	}
	for _, try := range tries {
		row, err := q.InsertOrganization(ctx, store.InsertOrganizationParams{ID: uuid.Must(uuid.NewV7()), Slug: try, Name: name, Plan: s.DefaultPlan})
		if errors.Is(err, pgx.ErrNoRows) {
			continue
		}
		if err != nil {
			return row, fmt.Errorf("insert organisation: %w", err)
		}
		return row, nil
	}
	return store.Organization{}, &fault.Error{Kind: fault.Exists, Reason: "SLUG_TAKEN", Message: "There is an organisation with this slug already.",
		Fields: map[string]string{"slug": "is taken"}}
}

var (
	slugForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$`)
	notSlug  = regexp.MustCompile(`[^a-z0-9]+`)
	// reserved are words that the console's addresses may want for themselves.
	reserved = []string{"new", "account", "admin", "api", "auth", "health", "invitation", "invitations", "operator", "orgs", "platform", "projects", "settings", "sign-in", "sign-up"}
)

func validSlug(slug string) bool {
	return slugForm.MatchString(slug) && !slices.Contains(reserved, slug)
}

// slugOf makes a slug of a name; "org" stands for what has no letters of ours.
func slugOf(name string) string {
	slug := strings.Trim(notSlug.ReplaceAllString(strings.ToLower(name), "-"), "-")
	slug = strings.TrimRight(slug[:min(len(slug), 40)], "-")
	if len(slug) < 3 {
		slug = strings.Trim("org-"+slug, "-")
	}
	return slug
}

// List returns the organisations of which the account is a member, by slug, from after the given one.
func (s *Service) List(ctx context.Context, account uuid.UUID, limit int, afterSlug string) ([]Organization, error) {
	rows, err := store.Read(ctx, s.Pool).ListOrganizations(ctx, store.ListOrganizationsParams{AccountID: account, AfterSlug: afterSlug, MaxRows: int32(limit)})
	if err != nil {
		return nil, fmt.Errorf("list organisations: %w", err)
	}
	out := make([]Organization, len(rows))
	for i, r := range rows {
		out[i] = shown(r.Organization, Role(r.Role))
	}
	return out, nil
}

// Find returns an organisation with the account's role in it, which is "" for those who are no members.
func (s *Service) Find(ctx context.Context, slug string, account uuid.UUID) (Organization, error) {
	row, err := store.Read(ctx, s.Pool).Membership(ctx, store.MembershipParams{Slug: slug, AccountID: account})
	if errors.Is(err, pgx.ErrNoRows) {
		return Organization{}, ErrNotFound
	}
	if err != nil {
		return Organization{}, fmt.Errorf("find organisation: %w", err)
	}
	return shown(row.Organization, Role(row.Role)), nil
}

// FindByProject returns the organisation of a project with the account's role in it, and the project's id. found is false
// for those who are no members, and for the platform's own project.
func (s *Service) FindByProject(ctx context.Context, ref string, account uuid.UUID) (o Organization, project uuid.UUID, found bool, err error) {
	row, err := store.Read(ctx, s.Pool).ProjectMembership(ctx, store.ProjectMembershipParams{Ref: ref, AccountID: account})
	if errors.Is(err, pgx.ErrNoRows) {
		return Organization{}, uuid.Nil, false, nil
	}
	if err != nil {
		return Organization{}, uuid.Nil, false, fmt.Errorf("find organisation of project: %w", err)
	}
	return shown(row.Organization, Role(row.Role)), row.ProjectID, true, nil
}

// UpdateInput says what is changed; nil leaves a field as it is.
type UpdateInput struct{ Name, Plan *string }

// Update changes an organisation. A new plan holds for all of its projects at once.
func (s *Service) Update(ctx context.Context, o Organization, in UpdateInput) (Organization, error) {
	if in.Name != nil {
		name, err := id.Title(*in.Name)
		if err != nil {
			return Organization{}, err
		}
		in.Name = &name
	}
	var row store.Organization
	err := store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		old, err := s.lock(ctx, q, o.ID)
		if err != nil {
			return err
		}
		next := store.UpdateOrganizationParams{ID: o.ID, Name: old.Name, Plan: old.Plan}
		details := map[string]any{}
		if in.Name != nil {
			next.Name, details["name"], details["old_name"] = *in.Name, *in.Name, old.Name
		}
		if in.Plan != nil {
			if _, err := q.GetPlan(ctx, *in.Plan); errors.Is(err, pgx.ErrNoRows) {
				return &fault.Error{Kind: fault.Invalid, Reason: "PLAN_NOT_FOUND", Message: fmt.Sprintf("There is no plan %q.", *in.Plan),
					Fields: map[string]string{"plan": "names no plan"}}
			} else if err != nil {
				return fmt.Errorf("find plan: %w", err)
			}
			next.Plan, details["plan"], details["old_plan"] = *in.Plan, *in.Plan, old.Plan
		}
		if row, err = q.UpdateOrganization(ctx, next); err != nil {
			return fmt.Errorf("update organisation: %w", err)
		}
		return s.Audit.Record(ctx, tx, &o.ID, "organization.update", "organization/"+o.Slug, details)
	})
	return shown(row, o.Role), err
}

// Delete removes an organisation that has no projects left. Its audit events stay for operators, and the deletion
// is the platform's to remember. It fails with FailedPrecondition and reason ORGANIZATION_HAS_PROJECTS.
func (s *Service) Delete(ctx context.Context, o Organization) error {
	return store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		if _, err := s.lock(ctx, q, o.ID); err != nil {
			return err
		}
		kept, err := q.CountKeptProjects(ctx, &o.ID)
		if err != nil {
			return fmt.Errorf("count projects: %w", err)
		}
		if kept > 0 {
			return fault.New(fault.FailedPrecondition, "ORGANIZATION_HAS_PROJECTS",
				"The organisation still has %d projects, deleted ones within their grace time included. It can be deleted when they are gone.", kept)
		}
		if err := q.ReleasePurgedProjects(ctx, &o.ID); err != nil {
			return fmt.Errorf("release purged projects: %w", err)
		}
		if err := q.DeleteOrganization(ctx, o.ID); err != nil {
			return fmt.Errorf("delete organisation: %w", err)
		}
		return s.Audit.Record(ctx, tx, nil, "organization.delete", "organization/"+o.Slug, map[string]any{"name": o.Name})
	})
}

func (s *Service) lock(ctx context.Context, q *store.Queries, organization uuid.UUID) (store.Organization, error) {
	row, err := q.LockOrganization(ctx, organization)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("lock organisation: %w", err)
	}
	return row, nil
}
