package organization

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/pg"
)

const (
	// invitationLife is how long an invitation can be accepted.
	invitationLife = 7 * 24 * time.Hour
	// maxInvitations bounds the mail that an organisation can make us send, also by withdrawing and inviting again.
	maxInvitations = 100
)

// Invitation is an offer of membership to an email address.
type Invitation struct {
	ID        uuid.UUID
	Email     string
	Role      Role
	CreatedAt time.Time
	ExpiresAt time.Time
}

// errNoInvitation does not tell why, so that a stranger learns nothing of the organisation.
var errNoInvitation = fault.New(fault.NotFound, "INVITATION_NOT_FOUND", "There is no such open invitation: it was accepted, withdrawn or has expired. Ask for a new one.")

// Invite offers membership to an address and returns where it is accepted. The mail is sent by a job of the same
// transaction. Only owners invite owners.
func (s *Service) Invite(ctx context.Context, o Organization, by uuid.UUID, email string, role Role) (Invitation, string, error) {
	value := id.NewSecret(id.PrefixInvitation)
	var row store.Invitation
	err := store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		if _, err := s.lock(ctx, q, o.ID); err != nil {
			return err
		}
		maker, err := findMember(ctx, q, o.ID, by)
		if err != nil {
			return err
		}
		if role == Owner && maker.Role != Owner {
			return errOwnersOnly
		}
		if err := s.roomFor(ctx, q, o.ID, email); err != nil {
			return err
		}
		row, err = q.InsertInvitation(ctx, store.InsertInvitationParams{
			ID: uuid.Must(uuid.NewV7()), OrganizationID: o.ID, Email: email, Role: string(role), TokenHash: id.Hash(value),
			InvitedBy: &by, ExpiresAt: s.Now().Add(invitationLife),
		})
		if pg.Code(err) == pgerrcode.UniqueViolation {
			return fault.New(fault.Exists, "INVITATION_EXISTS", "%s has an open invitation already. Withdraw it to send another.", email)
		}
		if err != nil {
			return fmt.Errorf("insert invitation: %w", err)
		}
		sealed, err := s.Sealer.Seal([]byte(value), mailContext(row.ID))
		if err != nil {
			return fmt.Errorf("seal invitation: %w", err)
		}
		if _, err := s.Jobs.InsertTx(ctx, tx, InvitationMailArgs{InvitationID: row.ID, SealedToken: sealed}, &river.InsertOpts{Queue: QueueControl}); err != nil {
			return fmt.Errorf("queue invitation mail: %w", err)
		}
		return s.Audit.Record(ctx, tx, &o.ID, "member.invite", "invitation/"+row.ID.String(), map[string]any{"email": email, "role": role})
	})
	if err != nil {
		return Invitation{}, "", err
	}
	return shownInvitation(row), s.acceptURL(value), nil
}

// roomFor checks that the address may be invited, and closes its invitation if that has expired.
func (s *Service) roomFor(ctx context.Context, q *store.Queries, organization uuid.UUID, email string) error {
	member, err := q.IsMemberByEmail(ctx, store.IsMemberByEmailParams{OrganizationID: organization, Email: email})
	if err != nil {
		return fmt.Errorf("look for member: %w", err)
	}
	if member {
		return fault.New(fault.Exists, "ALREADY_MEMBER", "%s is a member already.", email)
	}
	if err := q.RevokeExpiredInvitation(ctx, store.RevokeExpiredInvitationParams{OrganizationID: organization, Email: email, At: s.Now()}); err != nil {
		return fmt.Errorf("close expired invitation: %w", err)
	}
	count, err := q.CountInvitations(ctx, store.CountInvitationsParams{OrganizationID: organization, At: s.Now(), Since: s.Now().AddDate(0, 0, -1)})
	if err != nil {
		return fmt.Errorf("count invitations: %w", err)
	}
	if count >= maxInvitations {
		return fault.New(fault.Exhausted, "TOO_MANY_INVITATIONS", "The organisation has %d invitations that are open or were made within a day, which is the most. Withdraw old ones, or wait.", maxInvitations)
	}
	return nil
}

func (s *Service) acceptURL(value string) string {
	return strings.TrimRight(s.PublicURL, "/") + "/invitations/accept?token=" + url.QueryEscape(value)
}

// Accept makes the account a member by an invitation's token. The account's address must be the invited one.
func (s *Service) Accept(ctx context.Context, account uuid.UUID, email, value string) (Organization, error) {
	var out Organization
	err := store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		found, err := q.InvitationByHash(ctx, id.Hash(value))
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoInvitation
		}
		if err != nil {
			return fmt.Errorf("find invitation: %w", err)
		}
		if !strings.EqualFold(found.Email, email) {
			return fault.New(fault.Denied, "INVITATION_OF_ANOTHER", "The invitation is for another email address than yours. Sign in with the invited one.")
		}
		org, err := s.lock(ctx, q, found.OrganizationID)
		if err != nil {
			return err
		}
		if found, err = q.LockInvitation(ctx, found.ID); err != nil {
			return fmt.Errorf("lock invitation: %w", err)
		}
		if found.AcceptedAt != nil || found.RevokedAt != nil || !s.Now().Before(found.ExpiresAt) {
			return errNoInvitation
		}
		added, err := q.InsertMember(ctx, store.InsertMemberParams{OrganizationID: org.ID, AccountID: account, Role: found.Role})
		if err != nil {
			return fmt.Errorf("insert member: %w", err)
		}
		if added == 0 {
			return fault.New(fault.Exists, "ALREADY_MEMBER", "You are a member already.")
		}
		if err := q.SetInvitationAccepted(ctx, found.ID); err != nil {
			return fmt.Errorf("accept invitation: %w", err)
		}
		out = shown(org, Role(found.Role))
		return s.Audit.Record(ctx, tx, &org.ID, "member.accept", "account/"+account.String(), map[string]any{"email": email, "role": found.Role})
	})
	return out, err
}

// Invitations lists open invitations, newest first, from after the given one.
func (s *Service) Invitations(ctx context.Context, organization uuid.UUID, limit int, afterTime *time.Time, afterID *uuid.UUID) ([]Invitation, error) {
	rows, err := store.Read(ctx, s.Pool).ListInvitations(ctx, store.ListInvitationsParams{
		OrganizationID: organization, At: s.Now(), AfterTime: afterTime, AfterID: afterID, MaxRows: int32(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	out := make([]Invitation, len(rows))
	for i, r := range rows {
		out[i] = shownInvitation(r)
	}
	return out, nil
}

// RevokeInvitation withdraws an open invitation.
func (s *Service) RevokeInvitation(ctx context.Context, o Organization, invitation uuid.UUID) error {
	return store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		email, err := store.New(tx).RevokeInvitation(ctx, store.RevokeInvitationParams{OrganizationID: o.ID, ID: invitation})
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoInvitation
		}
		if err != nil {
			return fmt.Errorf("revoke invitation: %w", err)
		}
		return s.Audit.Record(ctx, tx, &o.ID, "member.uninvite", "invitation/"+invitation.String(), map[string]any{"email": email})
	})
}

// revokeOf withdraws the open invitations that a member made and may no longer make, with their new role: "" for none. Else
// whoever is removed could come back by an invitation that they kept for themselves.
func revokeOf(ctx context.Context, q *store.Queries, organization, account uuid.UUID, role Role) (int64, error) {
	if role == Owner {
		return 0, nil
	}
	n, err := q.RevokeInvitationsOf(ctx, store.RevokeInvitationsOfParams{
		OrganizationID: organization, InvitedBy: account, OfAllRoles: !role.Includes(Admin),
	})
	if err != nil {
		return 0, fmt.Errorf("withdraw invitations: %w", err)
	}
	return n, nil
}

// SweepInvitations forgets invitations that expired a month ago.
func (s *Service) SweepInvitations(ctx context.Context) (int64, error) {
	return store.New(s.Pool).ForgetInvitations(ctx, s.Now().AddDate(0, -1, 0))
}

func shownInvitation(r store.Invitation) Invitation {
	return Invitation{ID: r.ID, Email: r.Email, Role: Role(r.Role), CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt}
}

func mailContext(invitation uuid.UUID) string { return "invitation/" + invitation.String() + "/mail" }
