package controlplane

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/wayli-app/fluxbase/controlplane/organization"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

func TestOrganizationsGetSlugs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.signIn("ada@example.com")
	for _, c := range []struct{ name, slug, want string }{
		{"Ada & Söhne GmbH", "", "ada-s-hne-gmbh"}, {"Ada & Söhne GmbH", "", "ada-s-hne-gmbh-*"}, {"日本", "", "org"},
		{"X", "", "org-x"}, {"Settings", "", "settings-*"}, {"Fixed", "my-own", "my-own"}, {strings.Repeat("long ", 16), "", "long-long-long-long-long-long-long-long"},
	} {
		made, err := ada.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: c.name, Slug: c.slug})
		require.NoError(t, err, c.name)
		require.Equal(t, v1.Role_ROLE_OWNER, made.GetOrganization().GetRole())
		require.Equal(t, "free", made.GetOrganization().GetPlan())
		if stem, found := strings.CutSuffix(c.want, "*"); found {
			require.Regexp(t, "^"+stem+"[a-z]{6}$", made.GetOrganization().GetSlug())
			continue
		}
		require.Equal(t, c.want, made.GetOrganization().GetSlug())
	}
	_, err := ada.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: "N", Slug: "my-own"})
	require.Contains(t, refused(t, err, connect.CodeAlreadyExists, "SLUG_TAKEN"), "slug")
	_, err = ada.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: "N", Slug: "admin"})
	refused(t, err, connect.CodeInvalidArgument, "SLUG_INVALID")
	_, err = ada.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: "N", Slug: "No Spaces"})
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "REQUEST_INVALID"), "slug")
	_, err = ada.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: " \t "})
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "NAME_INVALID"), "name")
	_, err = ada.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: "a\nb"})
	refused(t, err, connect.CodeInvalidArgument, "NAME_INVALID")
}

func TestUpdateMasks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := b.organization("acme")
	update := func(paths ...string) error {
		_, err := owner.organizations.UpdateOrganization(t.Context(), &v1.UpdateOrganizationRequest{Organization: "acme", Name: "Better", UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
		return err
	}
	require.Contains(t, refused(t, update("slug"), connect.CodeInvalidArgument, "UPDATE_MASK_INVALID")["update_mask"], `"slug" cannot be changed`)
	refused(t, update(), connect.CodeInvalidArgument, "UPDATE_MASK_INVALID")
	_, err := owner.organizations.UpdateOrganization(t.Context(), &v1.UpdateOrganizationRequest{Organization: "acme", Name: "Better"})
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "REQUEST_INVALID"), "update_mask")
	require.NoError(t, update("name"))
	got, err := owner.organizations.GetOrganization(t.Context(), &v1.GetOrganizationRequest{Organization: "acme"})
	require.NoError(t, err)
	require.Equal(t, "Better", got.GetOrganization().GetName())
	_, err = owner.accounts.UpdateAccount(t.Context(), &v1.UpdateAccountRequest{Name: "Ada", UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"operator"}}})
	refused(t, err, connect.CodeInvalidArgument, "UPDATE_MASK_INVALID")
	account, err := owner.accounts.UpdateAccount(t.Context(), &v1.UpdateAccountRequest{Name: "Ada", UpdateMask: nameMask()})
	require.NoError(t, err)
	require.Equal(t, "Ada", account.GetAccount().GetName())
}

func TestPagesFollowEachOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.signIn("ada@example.com")
	var want []string
	for i := range 5 {
		slug := fmt.Sprintf("org-%d", i)
		_, err := ada.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: slug, Slug: slug})
		require.NoError(t, err)
		want = append(want, slug)
	}
	var got []string
	tokens := []string{}
	req := &v1.ListOrganizationsRequest{PageSize: 2}
	for {
		res, err := ada.organizations.ListOrganizations(t.Context(), req)
		require.NoError(t, err)
		for _, o := range res.GetOrganizations() {
			got = append(got, o.GetSlug())
		}
		if req.PageToken = res.GetNextPageToken(); req.GetPageToken() == "" {
			break
		}
		tokens = append(tokens, req.GetPageToken())
	}
	require.Equal(t, want, got)
	require.Len(t, tokens, 2)
	// Audit events are many within one microsecond's reach: none is lost or doubled.
	seen := map[string]bool{}
	events := &v1.ListAuditEventsRequest{Organization: "org-0", PageSize: 1}
	for range 3 {
		_, err := ada.organizations.InviteMember(t.Context(), &v1.InviteMemberRequest{Organization: "org-0", Email: fmt.Sprintf("a%d@example.com", len(seen)), Role: v1.Role_ROLE_VIEWER})
		require.NoError(t, err)
		seen[fmt.Sprint(len(seen))] = true
	}
	clear(seen)
	for {
		res, err := ada.audit.ListAuditEvents(t.Context(), events)
		require.NoError(t, err)
		for _, e := range res.GetEvents() {
			require.False(t, seen[e.GetId()])
			seen[e.GetId()] = true
		}
		if events.PageToken = res.GetNextPageToken(); events.GetPageToken() == "" {
			break
		}
	}
	require.Len(t, seen, 4)

	refuse := func(err error) {
		require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID"), "page_token")
	}
	for _, bad := range []string{"x", "!!", "AAAA", tokens[0][:len(tokens[0])-2]} {
		_, err := ada.organizations.ListOrganizations(t.Context(), &v1.ListOrganizationsRequest{PageToken: bad})
		refuse(err)
	}
	_, err := b.signIn("eve@example.com").organizations.ListOrganizations(t.Context(), &v1.ListOrganizationsRequest{PageToken: tokens[0]})
	refuse(err) // another's token
	_, err = ada.projects.ListProjects(t.Context(), &v1.ListProjectsRequest{PageToken: tokens[0]})
	refuse(err) // another list's
	_, err = ada.organizations.ListOrganizations(t.Context(), &v1.ListOrganizationsRequest{PageSize: 201})
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "REQUEST_INVALID"), "page_size")
}

func TestLastOwnerStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	set := func(by person, account string, role v1.Role) error {
		_, err := by.organizations.UpdateMember(t.Context(), &v1.UpdateMemberRequest{Organization: "acme", AccountId: account, Role: role})
		return err
	}
	remove := func(by person, account string) error {
		_, err := by.organizations.RemoveMember(t.Context(), &v1.RemoveMemberRequest{Organization: "acme", AccountId: account})
		return err
	}
	admin, developer := b.join("acme", "admin"), b.join("acme", "developer")
	refused(t, set(ada, ada.id.String(), v1.Role_ROLE_ADMIN), connect.CodeFailedPrecondition, "LAST_OWNER")
	refused(t, remove(ada, ada.id.String()), connect.CodeFailedPrecondition, "LAST_OWNER")
	refused(t, set(admin, admin.id.String(), v1.Role_ROLE_OWNER), connect.CodePermissionDenied, "OWNERS_ONLY")
	refused(t, set(admin, ada.id.String(), v1.Role_ROLE_VIEWER), connect.CodePermissionDenied, "OWNERS_ONLY")
	refused(t, remove(admin, ada.id.String()), connect.CodePermissionDenied, "OWNERS_ONLY")
	refused(t, remove(developer, admin.id.String()), connect.CodePermissionDenied, "ROLE_TOO_LOW")
	refused(t, remove(ada, b.signIn("eve@example.com").id.String()), connect.CodeNotFound, "MEMBER_NOT_FOUND")
	require.NoError(t, set(ada, admin.id.String(), v1.Role_ROLE_OWNER))
	require.NoError(t, remove(developer, developer.id.String()), "anyone may leave")
	_, err := developer.organizations.GetOrganization(t.Context(), &v1.GetOrganizationRequest{Organization: "acme"})
	refused(t, err, connect.CodeNotFound, "ORGANIZATION_NOT_FOUND")

	// Both owners step down at once: one of them stays.
	var wait sync.WaitGroup
	failures := make([]error, 2)
	for i, p := range []person{ada, admin} {
		wait.Go(func() { failures[i] = set(p, p.id.String(), v1.Role_ROLE_VIEWER) })
	}
	wait.Wait()
	require.Equal(t, 1, b.count("select count(*) from member where role = 'owner'"))
	require.NotEqual(t, failures[0] == nil, failures[1] == nil)
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	admin := b.join("acme", "admin")
	invite := func(by person, email string, role v1.Role) (*v1.InviteMemberResponse, error) {
		return by.organizations.InviteMember(t.Context(), &v1.InviteMemberRequest{Organization: "acme", Email: email, Role: role})
	}
	_, err := invite(admin, "bob@example.com", v1.Role_ROLE_OWNER)
	refused(t, err, connect.CodePermissionDenied, "OWNERS_ONLY")
	_, err = invite(ada, ada.email, v1.Role_ROLE_VIEWER)
	refused(t, err, connect.CodeAlreadyExists, "ALREADY_MEMBER")
	_, err = invite(ada, "not an address", v1.Role_ROLE_VIEWER)
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "REQUEST_INVALID"), "email")
	made, err := invite(ada, "Bob@Example.com", v1.Role_ROLE_DEVELOPER)
	require.NoError(t, err)
	_, err = invite(ada, "bob@example.COM", v1.Role_ROLE_VIEWER)
	refused(t, err, connect.CodeAlreadyExists, "INVITATION_EXISTS")
	link, err := url.Parse(made.GetAcceptUrl())
	require.NoError(t, err)
	require.Equal(t, "console.fluxbase.test", link.Host)
	value := link.Query().Get("token")
	require.WithinDuration(t, time.Now().AddDate(0, 0, 7), made.GetInvitation().GetExpireTime().AsTime(), time.Minute)

	// The mail says the same, and the token is nowhere in the database as such.
	args := b.invitationJob()
	require.NotContains(t, string(args.SealedToken), value)
	require.Zero(t, b.count("select count(*) from river_job where args::text like '%' || $1 || '%'", value))
	mailer := &organization.InvitationMailer{Service: b.server.organizations, Mail: b.inbox}
	job := &river.Job[organization.InvitationMailArgs]{JobRow: &rivertype.JobRow{}, Args: args}
	require.NoError(t, mailer.Work(t.Context(), job))
	require.Len(t, b.inbox.List(), 1)
	require.Contains(t, b.inbox.List()[0].Text, made.GetAcceptUrl())
	require.Equal(t, []string{"Bob@Example.com"}, b.inbox.List()[0].To)

	accept := func(p person, token string) error {
		_, err := p.organizations.AcceptInvitation(t.Context(), &v1.AcceptInvitationRequest{Token: token})
		return err
	}
	bob := b.signIn("bob@example.com")
	refused(t, accept(b.signIn("eve@example.com"), value), connect.CodePermissionDenied, "INVITATION_OF_ANOTHER")
	refused(t, accept(bob, value+"x"), connect.CodeNotFound, "INVITATION_NOT_FOUND")
	require.NoError(t, accept(bob, value))
	refused(t, accept(bob, value), connect.CodeNotFound, "INVITATION_NOT_FOUND")
	got, err := bob.organizations.GetOrganization(t.Context(), &v1.GetOrganizationRequest{Organization: "acme"})
	require.NoError(t, err)
	require.Equal(t, v1.Role_ROLE_DEVELOPER, got.GetOrganization().GetRole())
	require.NoError(t, mailer.Work(t.Context(), job))
	require.Len(t, b.inbox.List(), 1, "an accepted invitation is not mailed again")

	// Withdrawn and expired ones open nothing, and make room for new ones.
	gone, err := invite(ada, "carol@example.com", v1.Role_ROLE_VIEWER)
	require.NoError(t, err)
	_, err = ada.organizations.RevokeInvitation(t.Context(), &v1.RevokeInvitationRequest{Organization: "acme", InvitationId: gone.GetInvitation().GetId()})
	require.NoError(t, err)
	carol := b.signIn("carol@example.com")
	tokenOf := func(r *v1.InviteMemberResponse) string {
		u, err := url.Parse(r.GetAcceptUrl())
		require.NoError(t, err)
		return u.Query().Get("token")
	}
	refused(t, accept(carol, tokenOf(gone)), connect.CodeNotFound, "INVITATION_NOT_FOUND")
	old, err := invite(ada, "carol@example.com", v1.Role_ROLE_VIEWER)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), "update invitation set expires_at = now() where id = $1", old.GetInvitation().GetId())
	require.NoError(t, err)
	refused(t, accept(carol, tokenOf(old)), connect.CodeNotFound, "INVITATION_NOT_FOUND")
	again, err := invite(ada, "carol@example.com", v1.Role_ROLE_VIEWER)
	require.NoError(t, err)
	require.NoError(t, accept(carol, tokenOf(again)))
}

func TestInvitationsEndWithTheRightToMakeThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	invite := func(by person, email string, role v1.Role) string {
		made, err := by.organizations.InviteMember(t.Context(), &v1.InviteMemberRequest{Organization: "acme", Email: email, Role: role})
		require.NoError(t, err)
		link, err := url.Parse(made.GetAcceptUrl())
		require.NoError(t, err)
		return link.Query().Get("token")
	}
	accept := func(email, token string) error {
		_, err := b.signIn(email).organizations.AcceptInvitation(t.Context(), &v1.AcceptInvitationRequest{Token: token})
		return err
	}
	change := func(p person, role v1.Role) {
		_, err := ada.organizations.UpdateMember(t.Context(), &v1.UpdateMemberRequest{Organization: "acme", AccountId: p.id.String(), Role: role})
		require.NoError(t, err)
	}

	removed := b.join("acme", "admin")
	own := invite(removed, "back-door@example.com", v1.Role_ROLE_ADMIN)
	others := invite(ada, "welcome@example.com", v1.Role_ROLE_VIEWER)
	_, err := ada.organizations.RemoveMember(t.Context(), &v1.RemoveMemberRequest{Organization: "acme", AccountId: removed.id.String()})
	require.NoError(t, err)
	refused(t, accept("back-door@example.com", own), connect.CodeNotFound, "INVITATION_NOT_FOUND")
	require.NoError(t, accept("welcome@example.com", others))

	demoted := b.join("acme", "owner")
	ofOwner, ofViewer := invite(demoted, "second@example.com", v1.Role_ROLE_OWNER), invite(demoted, "third@example.com", v1.Role_ROLE_VIEWER)
	change(demoted, v1.Role_ROLE_ADMIN)
	refused(t, accept("second@example.com", ofOwner), connect.CodeNotFound, "INVITATION_NOT_FOUND")
	require.NoError(t, accept("third@example.com", ofViewer))
	again := invite(demoted, "fourth@example.com", v1.Role_ROLE_VIEWER)
	change(demoted, v1.Role_ROLE_DEVELOPER)
	refused(t, accept("fourth@example.com", again), connect.CodeNotFound, "INVITATION_NOT_FOUND")
	require.Equal(t, 3, b.count("select sum((details->>'withdrawn_invitations')::int) from audit_event where action in ('member.remove', 'member.update')"))
}

func TestInvitingAndWithdrawingSendsNoEndOfMail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	invite := func() (*v1.InviteMemberResponse, error) {
		return ada.organizations.InviteMember(t.Context(), &v1.InviteMemberRequest{Organization: "acme", Email: "victim@example.com", Role: v1.Role_ROLE_VIEWER})
	}
	for range 100 {
		made, err := invite()
		require.NoError(t, err)
		_, err = ada.organizations.RevokeInvitation(t.Context(), &v1.RevokeInvitationRequest{Organization: "acme", InvitationId: made.GetInvitation().GetId()})
		require.NoError(t, err)
	}
	_, err := invite()
	refused(t, err, connect.CodeResourceExhausted, "TOO_MANY_INVITATIONS")
	_, err = b.pool.Exec(t.Context(), "update invitation set created_at = created_at - interval '1 day'")
	require.NoError(t, err)
	_, err = invite()
	require.NoError(t, err)
}

// invitationJob returns the arguments of the newest queued invitation mail.
func (b *bundle) invitationJob() organization.InvitationMailArgs {
	b.t.Helper()
	var out organization.InvitationMailArgs
	require.NoError(b.t, b.pool.QueryRow(b.t.Context(), "select args from river_job where kind = 'invitation_mail' and queue = 'control' order by id desc limit 1").Scan(&out))
	return out
}

func TestOrganizationWithProjectsStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	operator := b.signIn("operator@example.com") // the first account
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	remove := func() error {
		_, err := ada.organizations.DeleteOrganization(t.Context(), &v1.DeleteOrganizationRequest{Organization: "acme"})
		return err
	}
	refused(t, remove(), connect.CodeFailedPrecondition, "ORGANIZATION_HAS_PROJECTS")
	_, err := ada.projects.DeleteProject(t.Context(), &v1.DeleteProjectRequest{Ref: ref})
	require.NoError(t, err)
	refused(t, remove(), connect.CodeFailedPrecondition, "ORGANIZATION_HAS_PROJECTS")
	b.setStatus(ref, "purged", "purged")
	require.NoError(t, remove())
	require.Equal(t, 1, b.count("select count(*) from audit_event where action = 'organization.delete' and target = 'organization/acme' and organization_id is null"))

	// What was done in it stays, for operators.
	events := func() []*v1.AuditEvent {
		got, err := operator.audit.ListAuditEvents(t.Context(), &v1.ListAuditEventsRequest{Action: "project", Actor: ada.email})
		require.NoError(t, err)
		return got.GetEvents()
	}
	require.Len(t, events(), 2)
	for _, e := range events() {
		require.Equal(t, "acme", e.GetFormerOrganization())
		require.Equal(t, "project/"+ref, e.GetTarget())
	}
	_, err = ada.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: "Acme", Slug: "acme"})
	require.NoError(t, err)
	again, err := ada.audit.ListAuditEvents(t.Context(), &v1.ListAuditEventsRequest{Organization: "acme"})
	require.NoError(t, err)
	require.Len(t, again.GetEvents(), 1, "who takes the slug anew sees nothing of before")
}
