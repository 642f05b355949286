package organization

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Role is what a member may do.
type Role string

// The roles.
const (
	Owner     Role = "owner"
	Admin     Role = "admin"
	Developer Role = "developer"
	Viewer    Role = "viewer"
	Billing   Role = "billing"
)

var rank = map[Role]int{Owner: 5, Admin: 4, Developer: 3, Viewer: 2, Billing: 1}

// Includes reports whether a member with role r may do what needs least. Every role includes those below it; billing, which
// sees plans and usage only, is the lowest. What is no role includes nothing.
func (r Role) Includes(least Role) bool { return rank[r] > 0 && rank[r] >= rank[least] }

// Valid reports whether r is a role.
func (r Role) Valid() bool { return rank[r] > 0 }

// Member is an account in an organisation.
type Member struct {
	AccountID   uuid.UUID
	Email, Name string
	Role        Role
	CreatedAt   time.Time
}

var (
	errMemberNotFound = fault.New(fault.NotFound, "MEMBER_NOT_FOUND", "The organisation has no such member.")
	errOwnersOnly     = fault.New(fault.Denied, "OWNERS_ONLY", "Only owners name, change and remove owners.")
	errLastOwner      = fault.New(fault.FailedPrecondition, "LAST_OWNER", "An organisation keeps at least one owner. Name another one first.")
)

// Members lists members by email address, from after the given one.
func (s *Service) Members(ctx context.Context, organization uuid.UUID, limit int, afterEmail string) ([]Member, error) {
	rows, err := store.Read(ctx, s.Pool).ListMembers(ctx, store.ListMembersParams{OrganizationID: organization, AfterEmail: afterEmail, MaxRows: int32(limit)})
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	out := make([]Member, len(rows))
	for i, r := range rows {
		out[i] = Member{r.ID, r.Email, r.Name, Role(r.Role), r.CreatedAt}
	}
	return out, nil
}

// UpdateMember gives a member another role. Only owners make or unmake owners, and the last owner stays one. Invitations
// that the member may no longer make are withdrawn.
func (s *Service) UpdateMember(ctx context.Context, o Organization, by, account uuid.UUID, role Role) (Member, error) {
	var out Member
	err := s.change(ctx, o, by, account, func(ctx context.Context, tx pgx.Tx, maker Role, m Member) error {
		if (role == Owner || m.Role == Owner) && maker != Owner {
			return errOwnersOnly
		}
		if m.Role == Owner && role != Owner {
			if err := keepOwner(ctx, tx, o.ID); err != nil {
				return err
			}
		}
		if err := store.New(tx).SetMemberRole(ctx, store.SetMemberRoleParams{OrganizationID: o.ID, AccountID: account, Role: string(role)}); err != nil {
			return fmt.Errorf("set role: %w", err)
		}
		withdrawn, err := revokeOf(ctx, store.New(tx), o.ID, account, role)
		if err != nil {
			return err
		}
		out = m
		out.Role = role
		return s.Audit.Record(ctx, tx, &o.ID, "member.update", "account/"+account.String(),
			map[string]any{"email": m.Email, "role": role, "old_role": m.Role, "withdrawn_invitations": withdrawn})
	})
	return out, err
}

// RemoveMember ends a membership, withdraws the member's open invitations, and deletes the member's private snippets, which nobody
// else can see. Anyone may remove themselves; the last owner stays.
func (s *Service) RemoveMember(ctx context.Context, o Organization, by, account uuid.UUID) error {
	return s.change(ctx, o, by, account, func(ctx context.Context, tx pgx.Tx, maker Role, m Member) error {
		switch {
		case by != account && !maker.Includes(Admin):
			return fault.New(fault.Denied, "ROLE_TOO_LOW", "Removing other members needs the role admin; yours is %s.", maker)
		case by != account && m.Role == Owner && maker != Owner:
			return errOwnersOnly
		case m.Role == Owner:
			if err := keepOwner(ctx, tx, o.ID); err != nil {
				return err
			}
		}
		if err := store.New(tx).DeleteMember(ctx, store.DeleteMemberParams{OrganizationID: o.ID, AccountID: account}); err != nil {
			return fmt.Errorf("remove member: %w", err)
		}
		withdrawn, err := revokeOf(ctx, store.New(tx), o.ID, account, "")
		if err != nil {
			return err
		}
		snippets, err := store.New(tx).DeletePrivateSnippetsOf(ctx, store.DeletePrivateSnippetsOfParams{AccountID: &account, OrganizationID: &o.ID})
		if err != nil {
			return fmt.Errorf("delete snippets: %w", err)
		}
		return s.Audit.Record(ctx, tx, &o.ID, "member.remove", "account/"+account.String(),
			map[string]any{"email": m.Email, "role": m.Role, "withdrawn_invitations": withdrawn, "deleted_snippets": snippets})
	})
}

// change locks the organisation, so that members change one after the other, and reads anew who asks and who is changed.
func (s *Service) change(ctx context.Context, o Organization, by, account uuid.UUID, fn func(context.Context, pgx.Tx, Role, Member) error) error {
	return store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		if _, err := s.lock(ctx, q, o.ID); err != nil {
			return err
		}
		maker, err := findMember(ctx, q, o.ID, by)
		if errors.Is(err, errMemberNotFound) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		m, err := findMember(ctx, q, o.ID, account)
		if err != nil {
			return err
		}
		return fn(ctx, tx, maker.Role, m)
	})
}

func findMember(ctx context.Context, q *store.Queries, organization, account uuid.UUID) (Member, error) {
	r, err := q.FindMember(ctx, store.FindMemberParams{OrganizationID: organization, AccountID: account})
	if errors.Is(err, pgx.ErrNoRows) {
		return Member{}, errMemberNotFound
	}
	if err != nil {
		return Member{}, fmt.Errorf("find member: %w", err)
	}
	return Member{r.ID, r.Email, r.Name, Role(r.Role), r.CreatedAt}, nil
}

func keepOwner(ctx context.Context, tx pgx.Tx, organization uuid.UUID) error {
	owners, err := store.New(tx).CountOwners(ctx, organization)
	if err != nil {
		return fmt.Errorf("count owners: %w", err)
	}
	if owners < 2 {
		return errLastOwner
	}
	return nil
}
