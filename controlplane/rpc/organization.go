package rpc

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/controlplane/organization"
	"github.com/wayli-app/fluxbase/internal/fault"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

type organizationService struct{ *server }

var _ controlplanev1connect.OrganizationServiceHandler = organizationService{}

// CreateOrganization makes an organisation of the caller's.
func (s organizationService) CreateOrganization(ctx context.Context, req *v1.CreateOrganizationRequest) (*v1.CreateOrganizationResponse, error) {
	procedure := controlplanev1connect.OrganizationServiceCreateOrganizationProcedure
	return once(ctx, s.Repeats, procedure, req, func(ctx context.Context) (*v1.CreateOrganizationResponse, error) {
		o, err := s.Organizations.Create(ctx, accessOf(ctx).account.ID, req.GetName(), req.GetSlug())
		if err != nil {
			return nil, err
		}
		return &v1.CreateOrganizationResponse{Organization: organizationMessage(o)}, nil
	})
}

// ListOrganizations lists the caller's organisations.
func (s organizationService) ListOrganizations(ctx context.Context, req *v1.ListOrganizationsRequest) (*v1.ListOrganizationsResponse, error) {
	me := accessOf(ctx).account.ID
	rows, next, err := page(s.pages, req, []any{"organizations", me},
		func(limit int, after cursor) ([]organization.Organization, error) {
			return s.Organizations.List(ctx, me, limit, after.Key)
		},
		func(o organization.Organization) cursor { return cursor{Key: o.Slug} })
	if err != nil {
		return nil, err
	}
	return &v1.ListOrganizationsResponse{Organizations: each(rows, organizationMessage), NextPageToken: next}, nil
}

// GetOrganization returns one organisation.
func (s organizationService) GetOrganization(ctx context.Context, _ *v1.GetOrganizationRequest) (*v1.GetOrganizationResponse, error) {
	return &v1.GetOrganizationResponse{Organization: organizationMessage(accessOf(ctx).organization)}, nil
}

// UpdateOrganization changes an organisation's name, and for operators its plan.
func (s organizationService) UpdateOrganization(ctx context.Context, req *v1.UpdateOrganizationRequest) (*v1.UpdateOrganizationResponse, error) {
	fields, err := masked(req.GetUpdateMask(), "name", "plan")
	if err != nil {
		return nil, err
	}
	a := accessOf(ctx)
	var in organization.UpdateInput
	if fields["name"] {
		if !a.organization.Role.Includes(organization.Admin) {
			return nil, fault.New(fault.Denied, "ROLE_TOO_LOW", "Renaming an organisation needs the role admin in it.")
		}
		name := req.GetName()
		in.Name = &name
	}
	if fields["plan"] {
		if !a.account.Operator {
			return nil, fault.New(fault.Denied, "OPERATORS_ONLY", "Only operators of this installation change an organisation's plan.")
		}
		plan := req.GetPlan()
		in.Plan = &plan
	}
	o, err := s.Organizations.Update(ctx, a.organization, in)
	if err != nil {
		return nil, err
	}
	return &v1.UpdateOrganizationResponse{Organization: organizationMessage(o)}, nil
}

// DeleteOrganization removes an organisation without projects.
func (s organizationService) DeleteOrganization(ctx context.Context, _ *v1.DeleteOrganizationRequest) (*v1.DeleteOrganizationResponse, error) {
	if err := s.Organizations.Delete(ctx, accessOf(ctx).organization); err != nil {
		return nil, err
	}
	return &v1.DeleteOrganizationResponse{}, nil
}

// InviteMember invites an address.
func (s organizationService) InviteMember(ctx context.Context, req *v1.InviteMemberRequest) (*v1.InviteMemberResponse, error) {
	procedure := controlplanev1connect.OrganizationServiceInviteMemberProcedure
	return once(ctx, s.Repeats, procedure, req, func(ctx context.Context) (*v1.InviteMemberResponse, error) {
		a := accessOf(ctx)
		i, address, err := s.Organizations.Invite(ctx, a.organization, a.account.ID, req.GetEmail(), roleOf[req.GetRole()])
		if err != nil {
			return nil, err
		}
		return &v1.InviteMemberResponse{Invitation: invitationMessage(i), AcceptUrl: address}, nil
	})
}

// AcceptInvitation makes the caller a member.
func (s organizationService) AcceptInvitation(ctx context.Context, req *v1.AcceptInvitationRequest) (*v1.AcceptInvitationResponse, error) {
	me := accessOf(ctx).account
	o, err := s.Organizations.Accept(ctx, me.ID, me.Email, req.GetToken())
	if err != nil {
		return nil, err
	}
	return &v1.AcceptInvitationResponse{Organization: organizationMessage(o)}, nil
}

// ListInvitations lists open invitations.
func (s organizationService) ListInvitations(ctx context.Context, req *v1.ListInvitationsRequest) (*v1.ListInvitationsResponse, error) {
	org := accessOf(ctx).organization.ID
	rows, next, err := page(s.pages, req, []any{"invitations", org},
		func(limit int, after cursor) ([]organization.Invitation, error) {
			return s.Organizations.Invitations(ctx, org, limit, after.Time, after.ID)
		},
		func(i organization.Invitation) cursor { return byTime(i.CreatedAt, i.ID) })
	if err != nil {
		return nil, err
	}
	return &v1.ListInvitationsResponse{Invitations: each(rows, invitationMessage), NextPageToken: next}, nil
}

// RevokeInvitation withdraws an open invitation.
func (s organizationService) RevokeInvitation(ctx context.Context, req *v1.RevokeInvitationRequest) (*v1.RevokeInvitationResponse, error) {
	if err := s.Organizations.RevokeInvitation(ctx, accessOf(ctx).organization, uuid.MustParse(req.GetInvitationId())); err != nil {
		return nil, err
	}
	return &v1.RevokeInvitationResponse{}, nil
}

// ListMembers lists members by address.
func (s organizationService) ListMembers(ctx context.Context, req *v1.ListMembersRequest) (*v1.ListMembersResponse, error) {
	org := accessOf(ctx).organization.ID
	rows, next, err := page(s.pages, req, []any{"members", org},
		func(limit int, after cursor) ([]organization.Member, error) {
			return s.Organizations.Members(ctx, org, limit, after.Key)
		},
		func(m organization.Member) cursor { return cursor{Key: strings.ToLower(m.Email)} })
	if err != nil {
		return nil, err
	}
	return &v1.ListMembersResponse{Members: each(rows, memberMessage), NextPageToken: next}, nil
}

// UpdateMember changes a member's role.
func (s organizationService) UpdateMember(ctx context.Context, req *v1.UpdateMemberRequest) (*v1.UpdateMemberResponse, error) {
	a := accessOf(ctx)
	m, err := s.Organizations.UpdateMember(ctx, a.organization, a.account.ID, uuid.MustParse(req.GetAccountId()), roleOf[req.GetRole()])
	if err != nil {
		return nil, err
	}
	return &v1.UpdateMemberResponse{Member: memberMessage(m)}, nil
}

// RemoveMember ends a membership.
func (s organizationService) RemoveMember(ctx context.Context, req *v1.RemoveMemberRequest) (*v1.RemoveMemberResponse, error) {
	a := accessOf(ctx)
	if err := s.Organizations.RemoveMember(ctx, a.organization, a.account.ID, uuid.MustParse(req.GetAccountId())); err != nil {
		return nil, err
	}
	return &v1.RemoveMemberResponse{}, nil
}

var roleOf = map[v1.Role]organization.Role{
	v1.Role_ROLE_OWNER: organization.Owner, v1.Role_ROLE_ADMIN: organization.Admin, v1.Role_ROLE_DEVELOPER: organization.Developer,
	v1.Role_ROLE_BILLING: organization.Billing, v1.Role_ROLE_VIEWER: organization.Viewer,
}

func roleMessage(r organization.Role) v1.Role {
	return v1.Role(v1.Role_value["ROLE_"+strings.ToUpper(string(r))])
}

func organizationMessage(o organization.Organization) *v1.Organization {
	return &v1.Organization{
		Id: o.ID.String(), Slug: o.Slug, Name: o.Name, Plan: o.Plan, Role: roleMessage(o.Role),
		CreateTime: stamp(o.CreatedAt), UpdateTime: stamp(o.UpdatedAt),
	}
}

func invitationMessage(i organization.Invitation) *v1.Invitation {
	return &v1.Invitation{Id: i.ID.String(), Email: i.Email, Role: roleMessage(i.Role), ExpireTime: stamp(i.ExpiresAt), CreateTime: stamp(i.CreatedAt)}
}

func memberMessage(m organization.Member) *v1.Member {
	return &v1.Member{AccountId: m.AccountID.String(), Email: m.Email, Name: m.Name, Role: roleMessage(m.Role), CreateTime: stamp(m.CreatedAt)}
}
