package controlplane

import (
	"context"
	"fmt"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/wayli-app/fluxbase/internal/config"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// stage is what a case of the role table acts on: an organisation, a project in it, and things to change.
type stage struct {
	b              *bundle
	slug, ref      string
	owner          person
	key, signing   string
	snippet        string
	guest, invited string
}

func (b *bundle) stage(slug string) *stage {
	b.t.Helper()
	s := &stage{b: b, slug: slug, owner: b.organization(slug)}
	s.ref = b.project(s.owner, slug).GetRef()
	keys, err := s.owner.keys.ListKeys(b.t.Context(), &v1.ListKeysRequest{Ref: s.ref})
	require.NoError(b.t, err)
	for _, k := range keys.GetKeys() {
		if k.GetType() == v1.KeyType_KEY_TYPE_SECRET {
			s.key = k.GetId()
		}
	}
	s.signing = b.signingKey(s.owner, s.ref)
	s.snippet = b.snippet(s.owner, s.ref, "shared", true).GetId()
	s.guest = b.join(slug, "viewer").id.String()
	invited, err := s.owner.organizations.InviteMember(b.t.Context(), &v1.InviteMemberRequest{Organization: slug, Email: "late@example.com", Role: v1.Role_ROLE_VIEWER})
	require.NoError(b.t, err)
	s.invited = invited.GetInvitation().GetId()
	return s
}

type call func(context.Context, person, *stage) error

// roleCase says from which role on a procedure succeeds.
type roleCase struct {
	name  string
	least string
	call  call
	// before brings the stage into the state that the call needs.
	before func(*stage)
}

func nameMask() *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: []string{"name"}} }

var roleCases = []roleCase{
	{"GetOrganization", "billing", func(ctx context.Context, p person, s *stage) error {
		_, err := p.organizations.GetOrganization(ctx, &v1.GetOrganizationRequest{Organization: s.slug})
		return err
	}, nil},
	{"UpdateOrganization", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.organizations.UpdateOrganization(ctx, &v1.UpdateOrganizationRequest{Organization: s.slug, Name: "New", UpdateMask: nameMask()})
		return err
	}, nil},
	{"DeleteOrganization", "owner", func(ctx context.Context, p person, s *stage) error {
		_, err := p.organizations.DeleteOrganization(ctx, &v1.DeleteOrganizationRequest{Organization: s.slug})
		return err
	}, func(s *stage) { s.b.setStatus(s.ref, "purged", "purged") }},
	{"InviteMember", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.organizations.InviteMember(ctx, &v1.InviteMemberRequest{Organization: s.slug, Email: "new@example.com", Role: v1.Role_ROLE_VIEWER})
		return err
	}, nil},
	{"ListInvitations", "viewer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.organizations.ListInvitations(ctx, &v1.ListInvitationsRequest{Organization: s.slug})
		return err
	}, nil},
	{"RevokeInvitation", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.organizations.RevokeInvitation(ctx, &v1.RevokeInvitationRequest{Organization: s.slug, InvitationId: s.invited})
		return err
	}, nil},
	{"ListMembers", "billing", func(ctx context.Context, p person, s *stage) error {
		_, err := p.organizations.ListMembers(ctx, &v1.ListMembersRequest{Organization: s.slug})
		return err
	}, nil},
	{"UpdateMember", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.organizations.UpdateMember(ctx, &v1.UpdateMemberRequest{Organization: s.slug, AccountId: s.guest, Role: v1.Role_ROLE_DEVELOPER})
		return err
	}, nil},
	{"RemoveMember", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.organizations.RemoveMember(ctx, &v1.RemoveMemberRequest{Organization: s.slug, AccountId: s.guest})
		return err
	}, nil},
	{"ListAuditEvents", "viewer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.audit.ListAuditEvents(ctx, &v1.ListAuditEventsRequest{Organization: s.slug})
		return err
	}, nil},
	{"CreateProject", "developer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.CreateProject(ctx, &v1.CreateProjectRequest{Organization: s.slug, Name: "Other"})
		return err
	}, nil},
	{"GetProject", "billing", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.GetProject(ctx, &v1.GetProjectRequest{Ref: s.ref})
		return err
	}, nil},
	{"ListProjects", "billing", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.ListProjects(ctx, &v1.ListProjectsRequest{Organization: s.slug})
		return err
	}, nil},
	{"WatchProject", "billing", func(ctx context.Context, p person, s *stage) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := p.projects.WatchProject(ctx, &v1.WatchProjectRequest{Ref: s.ref})
		if err != nil {
			return err
		}
		if !stream.Receive() {
			return stream.Err()
		}
		return nil
	}, nil},
	{"UpdateProject", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.UpdateProject(ctx, &v1.UpdateProjectRequest{Ref: s.ref, Name: "New", UpdateMask: nameMask()})
		return err
	}, nil},
	{"PauseProject", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.PauseProject(ctx, &v1.PauseProjectRequest{Ref: s.ref})
		return err
	}, nil},
	{"ResumeProject", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.ResumeProject(ctx, &v1.ResumeProjectRequest{Ref: s.ref})
		return err
	}, func(s *stage) { s.b.setStatus(s.ref, "paused", "paused") }},
	{"DeleteProject", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.DeleteProject(ctx, &v1.DeleteProjectRequest{Ref: s.ref})
		return err
	}, nil},
	{"RestoreProject", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.RestoreProject(ctx, &v1.RestoreProjectRequest{Ref: s.ref})
		return err
	}, func(s *stage) { s.b.setStatus(s.ref, "deleted", "deleted") }},
	{"RetryProject", "developer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.RetryProject(ctx, &v1.RetryProjectRequest{Ref: s.ref})
		return err
	}, func(s *stage) { s.b.setStatus(s.ref, "failed", "active") }},
	{"GetConnectionInfo", "viewer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.GetConnectionInfo(ctx, &v1.GetConnectionInfoRequest{Ref: s.ref})
		return err
	}, nil},
	{"CreateDeveloperToken", "developer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.CreateDeveloperToken(ctx, &v1.CreateDeveloperTokenRequest{Ref: s.ref})
		return err
	}, nil},
	{"GetUsage", "billing", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.GetUsage(ctx, &v1.GetUsageRequest{Ref: s.ref})
		return err
	}, nil},
	{"GetSettings", "viewer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.GetSettings(ctx, &v1.GetSettingsRequest{Ref: s.ref})
		return err
	}, nil},
	{"UpdateSettings", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.projects.UpdateSettings(ctx, &v1.UpdateSettingsRequest{Ref: s.ref, Values: map[string]string{"rest.max_rows": "5"}})
		return err
	}, nil},
	{"ListSigningKeys", "viewer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.signingKeys.ListSigningKeys(ctx, &v1.ListSigningKeysRequest{Ref: s.ref})
		return err
	}, nil},
	{"CreateSigningKey", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.signingKeys.CreateSigningKey(ctx, &v1.CreateSigningKeyRequest{Ref: s.ref, Algorithm: es256})
		return err
	}, nil},
	{"RotateSigningKey", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.signingKeys.RotateSigningKey(ctx, &v1.RotateSigningKeyRequest{Ref: s.ref, SigningKeyId: s.signing})
		return err
	}, func(s *stage) { s.signing = s.b.signingKey(s.owner, s.ref) }},
	{"RevokeSigningKey", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.signingKeys.RevokeSigningKey(ctx, &v1.RevokeSigningKeyRequest{Ref: s.ref, SigningKeyId: s.signing})
		return err
	}, func(s *stage) { s.signing = s.b.signingKey(s.owner, s.ref) }},
	{"DeleteSigningKey", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.signingKeys.DeleteSigningKey(ctx, &v1.DeleteSigningKeyRequest{Ref: s.ref, SigningKeyId: s.signing})
		return err
	}, func(s *stage) {
		s.signing = s.b.signingKey(s.owner, s.ref)
		_, err := s.owner.signingKeys.RevokeSigningKey(s.b.t.Context(), &v1.RevokeSigningKeyRequest{Ref: s.ref, SigningKeyId: s.signing})
		require.NoError(s.b.t, err)
	}},
	{"CreateSnippet", "developer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.snippets.CreateSnippet(ctx, &v1.CreateSnippetRequest{Ref: s.ref, Name: "mine", Sql: "select 1"})
		return err
	}, nil},
	{"ListSnippets", "developer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.snippets.ListSnippets(ctx, &v1.ListSnippetsRequest{Ref: s.ref})
		return err
	}, nil},
	{"GetSnippet", "developer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.snippets.GetSnippet(ctx, &v1.GetSnippetRequest{Ref: s.ref, SnippetId: s.snippet})
		return err
	}, nil},
	// The owner wrote it: others need the role admin to change it.
	{"UpdateSnippet", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.snippets.UpdateSnippet(ctx, &v1.UpdateSnippetRequest{Ref: s.ref, SnippetId: s.snippet, Etag: "r1", Name: "New", UpdateMask: nameMask()})
		return err
	}, nil},
	{"DeleteSnippet", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.snippets.DeleteSnippet(ctx, &v1.DeleteSnippetRequest{Ref: s.ref, SnippetId: s.snippet})
		return err
	}, nil},
	{"RestoreSnippet", "admin", func(ctx context.Context, p person, s *stage) error {
		_, err := p.snippets.RestoreSnippet(ctx, &v1.RestoreSnippetRequest{Ref: s.ref, SnippetId: s.snippet})
		return err
	}, nil},
	{"SetSnippetFavorite", "developer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.snippets.SetSnippetFavorite(ctx, &v1.SetSnippetFavoriteRequest{Ref: s.ref, SnippetId: s.snippet, Favorite: true})
		return err
	}, nil},
	{"RotateKey", "developer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.keys.RotateKey(ctx, &v1.RotateKeyRequest{Ref: s.ref, KeyId: s.key})
		return err
	}, nil},
	{"CreateKey", "developer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.keys.CreateKey(ctx, &v1.CreateKeyRequest{Ref: s.ref, Name: "ci", Type: v1.KeyType_KEY_TYPE_SECRET})
		return err
	}, nil},
	{"ListKeys", "viewer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.keys.ListKeys(ctx, &v1.ListKeysRequest{Ref: s.ref})
		return err
	}, nil},
	{"RevealKey", "developer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.keys.RevealKey(ctx, &v1.RevealKeyRequest{Ref: s.ref, KeyId: s.key})
		return err
	}, nil},
	{"RevokeKey", "developer", func(ctx context.Context, p person, s *stage) error {
		_, err := p.keys.RevokeKey(ctx, &v1.RevokeKeyRequest{Ref: s.ref, KeyId: s.key})
		return err
	}, nil},
}

// TestRoles calls every procedure that asks for a role as each role, as somebody else, as an operator and as nobody.
func TestRoles(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *config.Config) { c.Dev = true })                                // plan without limits
	operator, outsider := b.signIn("first@example.com"), b.signIn("outsider@example.com") // the first account operates in dev
	order := []string{"billing", "viewer", "developer", "admin", "owner"}
	for i, c := range roleCases {
		allowed := false
		s := b.stage(fmt.Sprintf("refused-%d", i))
		if c.before != nil {
			c.before(s)
		}
		for _, role := range order {
			allowed = allowed || role == c.least
			if allowed { // each on a stage of its own, as calls change it
				s = b.stage(fmt.Sprintf("%s-%d", role, i))
				if c.before != nil {
					c.before(s)
				}
			}
			err := c.call(t.Context(), b.join(s.slug, role), s)
			if allowed {
				require.NoErrorf(t, err, "%s as %s", c.name, role)
				continue
			}
			require.Errorf(t, err, "%s as %s", c.name, role)
			refused(t, err, connect.CodePermissionDenied, "ROLE_TOO_LOW")
		}
		s = b.stage(fmt.Sprintf("others-%d", i))
		err := c.call(t.Context(), outsider, s)
		require.Equalf(t, connect.CodeNotFound, connect.CodeOf(err), "%s as outsider: %v", c.name, err)
		if c.name != "GetOrganization" && c.name != "UpdateOrganization" { // operators see whom a plan is for
			err = c.call(t.Context(), operator, s)
			require.Equalf(t, connect.CodeNotFound, connect.CodeOf(err), "%s as operator: %v", c.name, err)
		}
		err = c.call(t.Context(), person{clients: b.speak("")}, s)
		refused(t, err, connect.CodeUnauthenticated, "TOKEN_MISSING")
	}
}

// TestOperators calls what only operators may.
func TestOperators(t *testing.T) {
	t.Parallel()
	b := setup(t)
	operator, other := b.signIn("operator@example.com"), b.signIn("other@example.com")
	b.organization("acme")
	calls := map[string]func(p person) error{
		"RegisterCluster": func(p person) error {
			_, err := p.clusters.RegisterCluster(t.Context(), &v1.RegisterClusterRequest{Name: "first", AdminUrl: testkit.AdminURL(t), Capacity: 3})
			return err
		},
		"ListClusters": func(p person) error {
			_, err := p.clusters.ListClusters(t.Context(), &v1.ListClustersRequest{})
			return err
		},
		"DrainCluster": func(p person) error {
			_, err := p.clusters.DrainCluster(t.Context(), &v1.DrainClusterRequest{Name: "first", Drain: true})
			return err
		},
		"ListMessages": func(p person) error {
			_, err := p.inbox.ListMessages(t.Context(), &v1.ListMessagesRequest{})
			return err
		},
		"ListAuditEvents": func(p person) error {
			_, err := p.audit.ListAuditEvents(t.Context(), &v1.ListAuditEventsRequest{})
			return err
		},
		"plan": func(p person) error {
			_, err := p.organizations.UpdateOrganization(t.Context(), &v1.UpdateOrganizationRequest{Organization: "acme", Plan: "pro", UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"plan"}}})
			return err
		},
	}
	member := b.join("acme", "owner")
	for _, name := range []string{"RegisterCluster", "ListClusters", "DrainCluster", "ListMessages", "ListAuditEvents", "plan"} {
		require.NoError(t, calls[name](operator), name)
		refused(t, calls[name](member), connect.CodePermissionDenied, "OPERATORS_ONLY")
		if name != "plan" {
			refused(t, calls[name](other), connect.CodePermissionDenied, "OPERATORS_ONLY")
		}
		refused(t, calls[name](person{clients: b.speak("")}), connect.CodeUnauthenticated, "TOKEN_MISSING")
	}
	got, err := operator.organizations.GetOrganization(t.Context(), &v1.GetOrganizationRequest{Organization: "acme"})
	require.NoError(t, err)
	require.Equal(t, "pro", got.GetOrganization().GetPlan())
	require.Equal(t, v1.Role_ROLE_UNSPECIFIED, got.GetOrganization().GetRole())
	_, err = operator.organizations.UpdateOrganization(t.Context(), &v1.UpdateOrganizationRequest{Organization: "acme", Name: "Mine", UpdateMask: nameMask()})
	refused(t, err, connect.CodePermissionDenied, "ROLE_TOO_LOW")
	_, err = member.projects.CreateProject(t.Context(), &v1.CreateProjectRequest{Organization: "acme", Name: "P", Cluster: "first"})
	refused(t, err, connect.CodePermissionDenied, "OPERATORS_ONLY")
}

// TestTokensThatOpenNothing shows tokens that look right and are not a signed-in person's.
func TestTokensThatOpenNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, email := uuid.New(), "eve@example.com"
	developer := b.organization("acme")
	ref := b.project(developer, "acme").GetRef()
	made, err := developer.projects.CreateDeveloperToken(t.Context(), &v1.CreateDeveloperTokenRequest{Ref: ref})
	require.NoError(t, err)
	info, err := developer.projects.GetConnectionInfo(t.Context(), &v1.GetConnectionInfoRequest{Ref: ref})
	require.NoError(t, err)
	cases := map[string]string{
		"developer token of a project":  made.GetToken(),
		"legacy JWT of a project":       info.GetServiceRoleKey(),
		"nonsense":                      "abc",
		"unknown personal token":        "fbt_" + "abcdefghijklmnopqrstuvwxyzabcdefghijklmn",
		"role anon":                     b.userToken(user, email, map[string]any{"role": "anon"}),
		"role service_role":             b.userToken(user, email, map[string]any{"role": "service_role"}),
		"role developer, audience meta": b.userToken(user, email, map[string]any{"role": "developer", "aud": "meta"}),
		"another audience":              b.userToken(user, email, map[string]any{"aud": "meta"}),
		"anonymous user":                b.userToken(user, email, map[string]any{"is_anonymous": true}),
		"no expiry":                     b.userToken(user, email, map[string]any{"exp": nil}),
		"no user":                       b.userToken(user, email, map[string]any{"sub": "eve"}),
		"not valid yet":                 b.userToken(user, email, map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}),
	}
	for name, bearer := range cases {
		_, err := b.speak(bearer).accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
		require.Error(t, err, name)
		refused(t, err, connect.CodeUnauthenticated, "TOKEN_INVALID")
	}
	_, err = b.speak(b.userToken(user, email, map[string]any{"exp": time.Now().Unix() - 1})).accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
	refused(t, err, connect.CodeUnauthenticated, "TOKEN_EXPIRED")
	_, err = b.speak(b.userToken(user, "", nil)).accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
	refused(t, err, connect.CodeUnauthenticated, "EMAIL_MISSING")
	require.Zero(t, b.count("select count(*) from account where email = $1", email))
}
