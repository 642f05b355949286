package rpc

import (
	"github.com/wayli-app/fluxbase/controlplane/organization"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

// need is the sort of right that a procedure asks for.
type need int

const (
	// nobody is the zero need: what is not in the table is refused.
	nobody need = iota
	// everyone needs no account.
	everyone
	// signedIn needs an account.
	signedIn
	// member needs a role in the organisation, or in that of the project, that the request names.
	member
	// operator needs an account that runs the installation.
	operator
)

// rule is what one procedure asks for.
type rule struct {
	need need
	// least is the lowest role that suffices; of member.
	least organization.Role
	// orOperator lets operators in who are no members.
	orOperator bool
	// platform lets operators name the project "platform", which is in no organisation.
	platform bool
	// unnamed is what is needed when the request names no organisation. Without it the organisation must be named.
	unnamed need
}

func atLeast(r organization.Role) rule { return rule{need: member, least: r} }

// anyMember is every role: billing is the lowest.
const anyMember = organization.Billing

// policy says who may call what. A procedure that is not here is refused, and a test fails.
var policy = map[string]rule{
	v1.AccountServiceGetAccountProcedure:        {need: signedIn},
	v1.AccountServiceUpdateAccountProcedure:     {need: signedIn},
	v1.AccountServiceCreateAccessTokenProcedure: {need: signedIn},
	v1.AccountServiceListAccessTokensProcedure:  {need: signedIn},
	v1.AccountServiceRevokeAccessTokenProcedure: {need: signedIn},

	v1.AuditServiceListAuditEventsProcedure: {need: member, least: organization.Viewer, unnamed: operator},

	v1.ClusterServiceRegisterClusterProcedure: {need: operator},
	v1.ClusterServiceListClustersProcedure:    {need: operator},
	v1.ClusterServiceDrainClusterProcedure:    {need: operator},

	v1.InboxServiceListMessagesProcedure: {need: operator},

	v1.KeyServiceCreateKeyProcedure: atLeast(organization.Developer),
	v1.KeyServiceListKeysProcedure:  atLeast(organization.Viewer),
	v1.KeyServiceRevokeKeyProcedure: atLeast(organization.Developer),
	v1.KeyServiceRotateKeyProcedure: atLeast(organization.Developer),
	v1.KeyServiceRevealKeyProcedure: atLeast(organization.Developer),

	v1.OrganizationServiceCreateOrganizationProcedure: {need: signedIn},
	v1.OrganizationServiceListOrganizationsProcedure:  {need: signedIn},
	v1.OrganizationServiceGetOrganizationProcedure:    {need: member, least: anyMember, orOperator: true},
	v1.OrganizationServiceUpdateOrganizationProcedure: {need: member, least: organization.Admin, orOperator: true},
	v1.OrganizationServiceDeleteOrganizationProcedure: atLeast(organization.Owner),
	v1.OrganizationServiceInviteMemberProcedure:       atLeast(organization.Admin),
	v1.OrganizationServiceAcceptInvitationProcedure:   {need: signedIn},
	v1.OrganizationServiceListInvitationsProcedure:    atLeast(organization.Viewer),
	v1.OrganizationServiceRevokeInvitationProcedure:   atLeast(organization.Admin),
	v1.OrganizationServiceListMembersProcedure:        atLeast(anyMember),
	v1.OrganizationServiceUpdateMemberProcedure:       atLeast(organization.Admin),
	// Anyone may remove themselves; the domain asks for more to remove others.
	v1.OrganizationServiceRemoveMemberProcedure: atLeast(anyMember),

	v1.PlanServiceListPlansProcedure: {need: signedIn},

	v1.ProjectServiceCreateProjectProcedure:        atLeast(organization.Developer),
	v1.ProjectServiceGetProjectProcedure:           atLeast(anyMember),
	v1.ProjectServiceListProjectsProcedure:         {need: member, least: anyMember, unnamed: signedIn},
	v1.ProjectServiceUpdateProjectProcedure:        atLeast(organization.Admin),
	v1.ProjectServicePauseProjectProcedure:         atLeast(organization.Admin),
	v1.ProjectServiceResumeProjectProcedure:        atLeast(organization.Admin),
	v1.ProjectServiceDeleteProjectProcedure:        atLeast(organization.Admin),
	v1.ProjectServiceRestoreProjectProcedure:       atLeast(organization.Admin),
	v1.ProjectServiceRetryProjectProcedure:         atLeast(organization.Developer),
	v1.ProjectServiceWatchProjectProcedure:         atLeast(anyMember),
	v1.ProjectServiceGetConnectionInfoProcedure:    atLeast(organization.Viewer), // its secrets: developer
	v1.ProjectServiceCreateDeveloperTokenProcedure: atLeast(organization.Developer),
	v1.ProjectServiceGetSettingsProcedure:          atLeast(organization.Viewer),
	v1.ProjectServiceUpdateSettingsProcedure:       atLeast(organization.Admin),
	v1.ProjectServiceGetUsageProcedure:             atLeast(anyMember),
	v1.ProjectServiceGetMetricsProcedure:           atLeast(anyMember),

	v1.SnippetServiceCreateSnippetProcedure:      atLeast(organization.Developer),
	v1.SnippetServiceListSnippetsProcedure:       atLeast(organization.Developer),
	v1.SnippetServiceGetSnippetProcedure:         atLeast(organization.Developer),
	v1.SnippetServiceUpdateSnippetProcedure:      atLeast(organization.Developer),
	v1.SnippetServiceDeleteSnippetProcedure:      atLeast(organization.Developer),
	v1.SnippetServiceRestoreSnippetProcedure:     atLeast(organization.Developer),
	v1.SnippetServiceSetSnippetFavoriteProcedure: atLeast(organization.Developer),

	v1.SigningKeyServiceListSigningKeysProcedure:  {need: member, least: organization.Viewer, platform: true},
	v1.SigningKeyServiceCreateSigningKeyProcedure: {need: member, least: organization.Admin, platform: true},
	v1.SigningKeyServiceRotateSigningKeyProcedure: {need: member, least: organization.Admin, platform: true},
	v1.SigningKeyServiceRevokeSigningKeyProcedure: {need: member, least: organization.Admin, platform: true},
	v1.SigningKeyServiceDeleteSigningKeyProcedure: {need: member, least: organization.Admin, platform: true},
}
