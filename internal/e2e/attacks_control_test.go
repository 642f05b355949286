package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1/directoryv1connect"
	"github.com/wayli-app/fluxbase/internal/id"
)

// Bounds of the few waits that no signal ends.
const (
	waitFor = 30 * time.Second
	tick    = 50 * time.Millisecond
)

// byRPC is a call of the management API with the attacker's account, which must be refused with one of the codes.
func byRPC(name string, call func(ctx context.Context, s *scene) error, codes ...connect.Code) attack {
	if len(codes) == 0 {
		codes = []connect.Code{connect.CodeNotFound, connect.CodePermissionDenied}
	}
	return attack{"management API: " + name, func(t *testing.T, s *scene) string {
		err := call(t.Context(), s)
		require.Error(t, err, "not refused")
		require.True(t, slices.Contains(codes, connect.CodeOf(err)), "%v", err)
		require.NotContains(t, err.Error(), s.mark)
		return connect.CodeOf(err).String()
	}}
}

func controlAttacks() []attack {
	return slices.Concat(projectAttacks(), secretAttacks(), snippetAttacks(), organizationAttacks(), directoryAttacks(), []attack{
		{"management API: list projects of all", listsOnlyItsOwn},
		{"management API: an invitation used twice", invitationTwice},
		{"management API: an invitation for somebody else", invitationOfAnother},
		{"management API: sign up as the operator's address in one's own project", tokenOfOwnProject},
		{"management API: be the first to sign up with an address that FLUXBASE_OPERATORS names", operatorsAddress},
		{"the console's project by REST", platformByREST},
	})
}

// onVictim calls with the attacker's account and the victim's ref.
func onVictim(call func(c context.Context, a *account, ref string) error) func(context.Context, *scene) error {
	return func(c context.Context, s *scene) error { return call(c, s.attacker.owner, s.victim.ref) }
}

func projectAttacks() []attack {
	return []attack{
		byRPC("get the project", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.projects.GetProject(c, &controlplanev1.GetProjectRequest{Ref: ref})
			return err
		})),
		byRPC("rename the project", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.projects.UpdateProject(c, &controlplanev1.UpdateProjectRequest{Ref: ref, Name: "x", UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name"}}})
			return err
		})),
		byRPC("pause the project", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.projects.PauseProject(c, &controlplanev1.PauseProjectRequest{Ref: ref})
			return err
		})),
		byRPC("delete the project", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.projects.DeleteProject(c, &controlplanev1.DeleteProjectRequest{Ref: ref})
			return err
		})),
		byRPC("watch the project", onVictim(func(c context.Context, a *account, ref string) error {
			stream, err := a.projects.WatchProject(c, &controlplanev1.WatchProjectRequest{Ref: ref})
			if err != nil {
				return err
			}
			defer func() { _ = stream.Close() }()
			stream.Receive()
			return stream.Err()
		})),
	}
}

func secretAttacks() []attack {
	return []attack{
		byRPC("get connection info", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.projects.GetConnectionInfo(c, &controlplanev1.GetConnectionInfoRequest{Ref: ref})
			return err
		})),
		byRPC("read metrics", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.projects.GetMetrics(c, &controlplanev1.GetMetricsRequest{
				Ref: ref, Start: timestamppb.New(time.Now().Add(-time.Hour)), End: timestamppb.Now(),
			})
			return err
		})),
		byRPC("make a developer token", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.projects.CreateDeveloperToken(c, &controlplanev1.CreateDeveloperTokenRequest{Ref: ref})
			return err
		})),
		byRPC("make a developer token for the console's project", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.projects.CreateDeveloperToken(c, &controlplanev1.CreateDeveloperTokenRequest{Ref: id.PlatformRef})
			return err
		}),
		byRPC("read settings", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.projects.GetSettings(c, &controlplanev1.GetSettingsRequest{Ref: ref})
			return err
		})),
		byRPC("change settings", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.projects.UpdateSettings(c, &controlplanev1.UpdateSettingsRequest{Ref: ref, Values: map[string]string{"auth.disable_signup": "true"}})
			return err
		})),
		byRPC("expose a schema of the services in one's own project", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.projects.UpdateSettings(c, &controlplanev1.UpdateSettingsRequest{Ref: s.attacker.ref, Values: map[string]string{"rest.schemas": `["public","auth"]`}})
			return err
		}, connect.CodeInvalidArgument),
		byRPC("expose a catalog in one's own project", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.projects.UpdateSettings(c, &controlplanev1.UpdateSettingsRequest{Ref: s.attacker.ref, Values: map[string]string{"rest.schemas": `["pg_catalog"]`}})
			return err
		}, connect.CodeInvalidArgument),
		byRPC("list keys", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.keys.ListKeys(c, &controlplanev1.ListKeysRequest{Ref: ref})
			return err
		})),
		byRPC("make a key", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.keys.CreateKey(c, &controlplanev1.CreateKeyRequest{Ref: ref, Name: "x", Type: controlplanev1.KeyType_KEY_TYPE_SECRET})
			return err
		})),
		byRPC("reveal the victim's key through one's own project", func(c context.Context, s *scene) error {
			key, err := s.keyOfVictim(c)
			if err != nil {
				return err
			}
			_, err = s.attacker.owner.keys.RevealKey(c, &controlplanev1.RevealKeyRequest{Ref: s.attacker.ref, KeyId: key})
			return err
		}),
		byRPC("revoke the victim's key through one's own project", func(c context.Context, s *scene) error {
			key, err := s.keyOfVictim(c)
			if err != nil {
				return err
			}
			_, err = s.attacker.owner.keys.RevokeKey(c, &controlplanev1.RevokeKeyRequest{Ref: s.attacker.ref, KeyId: key})
			return err
		}),
	}
}

// keyOfVictim is the id of a key of the victim, as its owner sees it.
func (s *scene) keyOfVictim(ctx context.Context) (string, error) {
	keys, err := s.victim.owner.keys.ListKeys(ctx, &controlplanev1.ListKeysRequest{Ref: s.victim.ref})
	if err != nil {
		return "", err
	}
	return keys.GetKeys()[0].GetId(), nil
}

func organizationAttacks() []attack {
	return []attack{
		byRPC("get the organisation", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.organizations.GetOrganization(c, &controlplanev1.GetOrganizationRequest{Organization: s.victim.owner.organization})
			return err
		}),
		byRPC("list its members", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.organizations.ListMembers(c, &controlplanev1.ListMembersRequest{Organization: s.victim.owner.organization})
			return err
		}),
		byRPC("invite oneself", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.organizations.InviteMember(c, &controlplanev1.InviteMemberRequest{Organization: s.victim.owner.organization,
				Email: s.attacker.owner.email, Role: controlplanev1.Role_ROLE_OWNER})
			return err
		}),
		byRPC("list its invitations", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.organizations.ListInvitations(c, &controlplanev1.ListInvitationsRequest{Organization: s.victim.owner.organization})
			return err
		}),
		byRPC("delete the organisation", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.organizations.DeleteOrganization(c, &controlplanev1.DeleteOrganizationRequest{Organization: s.victim.owner.organization})
			return err
		}),
		byRPC("list its projects", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.projects.ListProjects(c, &controlplanev1.ListProjectsRequest{Organization: s.victim.owner.organization})
			return err
		}),
		byRPC("make a project in it", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.projects.CreateProject(c, &controlplanev1.CreateProjectRequest{Organization: s.victim.owner.organization, Name: "planted"})
			return err
		}),
		byRPC("list its audit log", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.audit.ListAuditEvents(c, &controlplanev1.ListAuditEventsRequest{Organization: s.victim.owner.organization})
			return err
		}),
		byRPC("list the audit log of all", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.audit.ListAuditEvents(c, &controlplanev1.ListAuditEventsRequest{})
			return err
		}, connect.CodePermissionDenied, connect.CodeInvalidArgument, connect.CodeNotFound),
		byRPC("list clusters", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.clusters.ListClusters(c, &controlplanev1.ListClustersRequest{})
			return err
		}),
		byRPC("register a cluster", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.clusters.RegisterCluster(c, &controlplanev1.RegisterClusterRequest{Name: "mine", AdminUrl: "postgres://evil.example/x", Capacity: 1})
			return err
		}),
		byRPC("choose the plan without limits", func(c context.Context, s *scene) error {
			_, err := s.attacker.owner.organizations.UpdateOrganization(c, &controlplanev1.UpdateOrganizationRequest{Organization: s.attacker.owner.organization,
				Plan: "unlimited", UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"plan"}}})
			return err
		}, connect.CodePermissionDenied, connect.CodeInvalidArgument),
	}
}

// directoryAttacks ask the directory, which knows every secret, as everyone but a worker.
func directoryAttacks() []attack {
	var all []attack
	for _, c := range []struct {
		name  string
		token func(s *scene) string
	}{
		{"without a token", func(*scene) string { return "" }},
		{"with an account's token", func(s *scene) string { return s.attacker.owner.token }},
		{"with a secret key", func(s *scene) string { return s.attacker.secret }},
		{"with a developer token", func(s *scene) string { return s.developer }},
	} {
		all = append(all, attack{"directory " + c.name, func(t *testing.T, s *scene) string {
			client := directoryv1connect.NewDirectoryServiceClient(httpClient, s.in.url, connect.WithInterceptors(bearer(c.token(s))))
			_, err := client.Resolve(t.Context(), &directoryv1.ResolveRequest{Name: &directoryv1.ResolveRequest_Ref{Ref: s.victim.ref}})
			require.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), "%v", err)
			stream, err := client.Watch(t.Context(), &directoryv1.WatchRequest{WorkerId: "evil"})
			if err == nil {
				stream.Receive()
				err = stream.Err()
				_ = stream.Close()
			}
			require.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), "%v", err)
			_, err = client.ReportUsage(t.Context(), &directoryv1.ReportUsageRequest{ReportId: "b8a3e0f2-6f0c-4c58-8a3b-0d5c1d7c4f11"})
			require.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), "%v", err)
			return "unauthenticated"
		}})
	}
	return all
}

func listsOnlyItsOwn(t *testing.T, s *scene) string {
	got, err := s.attacker.owner.projects.ListProjects(t.Context(), &controlplanev1.ListProjectsRequest{})
	require.NoError(t, err)
	require.Len(t, got.GetProjects(), 1)
	require.Equal(t, s.attacker.ref, got.GetProjects()[0].GetRef())
	return "its own only"
}

// invite has the victim's owner invite an address, and returns the token of the invitation.
func (s *scene) invite(t *testing.T, email string) string {
	t.Helper()
	made, err := s.victim.owner.organizations.InviteMember(t.Context(), &controlplanev1.InviteMemberRequest{
		Organization: s.victim.owner.organization, Email: email, Role: controlplanev1.Role_ROLE_VIEWER})
	require.NoError(t, err)
	at := strings.Index(made.GetAcceptUrl(), id.PrefixInvitation)
	require.GreaterOrEqual(t, at, 0, made.GetAcceptUrl())
	return made.GetAcceptUrl()[at:]
}

func (a *account) accept(ctx context.Context, token string) error {
	_, err := a.organizations.AcceptInvitation(ctx, &controlplanev1.AcceptInvitationRequest{Token: token})
	return err
}

func invitationTwice(t *testing.T, s *scene) string {
	friend := s.in.signUp(t, "friend")
	invitation := s.invite(t, friend.email)
	require.NoError(t, friend.accept(t.Context(), invitation))
	err := s.attacker.owner.accept(t.Context(), invitation)
	require.Error(t, err)
	_, err = s.attacker.owner.projects.GetProject(t.Context(), &controlplanev1.GetProjectRequest{Ref: s.victim.ref})
	require.Equal(t, connect.CodeNotFound, connect.CodeOf(err))
	_, err = friend.projects.CreateDeveloperToken(t.Context(), &controlplanev1.CreateDeveloperTokenRequest{Ref: s.victim.ref})
	require.Equal(t, connect.CodePermissionDenied, connect.CodeOf(err), "a viewer runs no SQL")
	return "refused"
}

func invitationOfAnother(t *testing.T, s *scene) string {
	err := s.attacker.owner.accept(t.Context(), s.invite(t, "somebody."+id.NewRef()+"@example.com"))
	require.Error(t, err)
	return connect.CodeOf(err).String()
}

// tokenOfOwnProject: the console trusts the project "platform" alone, whatever address a token of another project claims.
func tokenOfOwnProject(t *testing.T, s *scene) string {
	fake := s.in.as(signUpAt(t, s.attacker.pathURL, s.attacker.publishable, "operator@example.com"))
	_, err := fake.clusters.ListClusters(t.Context(), &controlplanev1.ListClustersRequest{})
	require.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), "%v", err)
	return "unauthenticated"
}

// operatorsAddress: a sign-up does not prove that an address is one's own, so the address alone makes nobody operator. The rows of the
// second isolation find the address taken, which is no way in either.
func operatorsAddress(t *testing.T, s *scene) string {
	bearer := s.in.signUpOnce(t, "operator@example.com")
	_, err := s.in.as(bearer).clusters.ListClusters(t.Context(), &controlplanev1.ListClustersRequest{})
	require.Equal(t, connect.CodePermissionDenied, connect.CodeOf(err), "%v", err)
	return "permission_denied"
}

func platformByREST(t *testing.T, s *scene) string {
	for _, profile := range []string{"public", "auth"} {
		got := s.send(t, request{host: "127.0.0.1", path: "/p/platform/rest/v1/users?select=*", key: s.in.platform.Key, bearer: s.attacker.owner.token,
			headers: []string{"Accept-Profile: " + profile}})
		require.Contains(t, []int{404, 406}, got.status, got.body)
	}
	return "404, 406"
}
