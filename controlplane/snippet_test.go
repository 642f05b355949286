package controlplane

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/wayli-app/fluxbase/controlplane/snippet"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

const (
	private = v1.SnippetVisibility_SNIPPET_VISIBILITY_PRIVATE
	shared  = v1.SnippetVisibility_SNIPPET_VISIBILITY_SHARED
)

// snippet keeps a text.
func (b *bundle) snippet(p person, ref, name string, forAll bool) *v1.Snippet {
	b.t.Helper()
	visibility := private
	if forAll {
		visibility = shared
	}
	made, err := p.snippets.CreateSnippet(b.t.Context(), &v1.CreateSnippetRequest{Ref: ref, Name: name, Sql: "select '" + name + "'", Visibility: visibility})
	require.NoError(b.t, err)
	return made.GetSnippet()
}

// snippetNames are the names that a list has, in its order.
func (b *bundle) snippetNames(p person, req *v1.ListSnippetsRequest) []string {
	b.t.Helper()
	got, err := p.snippets.ListSnippets(b.t.Context(), req)
	require.NoError(b.t, err)
	out := []string{}
	for _, s := range got.GetSnippets() {
		require.Empty(b.t, s.GetSql(), "lists carry no texts")
		out = append(out, s.GetName())
	}
	return out
}

func fields(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }

func TestSnippetsAreKeptSharedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	eve := b.join("acme", "developer")
	made, err := ada.snippets.CreateSnippet(t.Context(), &v1.CreateSnippetRequest{Ref: ref, Name: " Slow ones ", Folder: " ops ", Sql: "select 1 -- größe"})
	require.NoError(t, err)
	s := made.GetSnippet()
	require.Equal(t, []any{"Slow ones", "ops", "", int32(19), private, ada.id.String(), ada.email, true, false},
		[]any{s.GetName(), s.GetFolder(), s.GetSql(), s.GetSize(), s.GetVisibility(), s.GetAuthorAccountId(), s.GetAuthorEmail(), s.GetChangeable(), s.GetFavorite()})

	// Private: others cannot tell that it is there.
	require.Empty(t, b.snippetNames(eve, &v1.ListSnippetsRequest{Ref: ref}))
	_, err = eve.snippets.GetSnippet(t.Context(), &v1.GetSnippetRequest{Ref: ref, SnippetId: s.GetId()})
	refused(t, err, connect.CodeNotFound, "SNIPPET_NOT_FOUND")

	changed, err := ada.snippets.UpdateSnippet(t.Context(), &v1.UpdateSnippetRequest{
		Ref: ref, SnippetId: s.GetId(), Etag: s.GetEtag(), UpdateMask: fields("visibility", "sql"), Visibility: shared, Sql: "select 2", Name: "not named in the mask",
	})
	require.NoError(t, err)
	require.NotEqual(t, s.GetEtag(), changed.GetSnippet().GetEtag())
	seen, err := eve.snippets.GetSnippet(t.Context(), &v1.GetSnippetRequest{Ref: ref, SnippetId: s.GetId()})
	require.NoError(t, err)
	require.Equal(t, "Slow ones", seen.GetSnippet().GetName())
	require.Equal(t, "select 2", seen.GetSnippet().GetSql())
	require.Equal(t, ada.email, seen.GetSnippet().GetAuthorEmail())
	require.False(t, seen.GetSnippet().GetChangeable())

	// Favourites are each one's own.
	_, err = eve.snippets.SetSnippetFavorite(t.Context(), &v1.SetSnippetFavoriteRequest{Ref: ref, SnippetId: s.GetId(), Favorite: true})
	require.NoError(t, err)
	require.Equal(t, []string{"Slow ones"}, b.snippetNames(eve, &v1.ListSnippetsRequest{Ref: ref, Favorites: true}))
	require.Empty(t, b.snippetNames(ada, &v1.ListSnippetsRequest{Ref: ref, Favorites: true}))
	_, err = eve.snippets.SetSnippetFavorite(t.Context(), &v1.SetSnippetFavoriteRequest{Ref: ref, SnippetId: s.GetId()})
	require.NoError(t, err)
	require.Empty(t, b.snippetNames(eve, &v1.ListSnippetsRequest{Ref: ref, Favorites: true}))

	_, err = ada.snippets.DeleteSnippet(t.Context(), &v1.DeleteSnippetRequest{Ref: ref, SnippetId: s.GetId()})
	require.NoError(t, err)
	require.Empty(t, b.snippetNames(ada, &v1.ListSnippetsRequest{Ref: ref}))
	_, err = ada.snippets.DeleteSnippet(t.Context(), &v1.DeleteSnippetRequest{Ref: ref, SnippetId: s.GetId()})
	refused(t, err, connect.CodeNotFound, "SNIPPET_NOT_FOUND")
	_, err = ada.snippets.UpdateSnippet(t.Context(), &v1.UpdateSnippetRequest{Ref: ref, SnippetId: s.GetId(), Etag: "r2", UpdateMask: fields("sql")})
	refused(t, err, connect.CodeNotFound, "SNIPPET_NOT_FOUND")
	for range 2 {
		restored, err := ada.snippets.RestoreSnippet(t.Context(), &v1.RestoreSnippetRequest{Ref: ref, SnippetId: s.GetId()})
		require.NoError(t, err)
		require.Equal(t, changed.GetSnippet().GetEtag(), restored.GetSnippet().GetEtag())
	}
	for action, times := range map[string]int{"create": 1, "update": 1, "delete": 1, "restore": 1} {
		require.Equal(t, times, b.count("select count(*) from audit_event where action = $1 and target = $2", "snippet."+action, "project/"+ref), action)
	}
	require.Zero(t, b.count("select count(*) from audit_event where action = 'snippet.create' and details::text like '%Slow%'"), "viewers read the log")
}

func TestSnippetsAreListedByPageAndSearched(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	eve := b.join("acme", "developer")
	for _, name := range []string{"delta", "Alpha", "charlie", "alpha", "Bravo"} {
		b.snippet(ada, ref, name, name == "Bravo")
	}
	b.snippet(eve, ref, "Echo", true)
	b.snippet(eve, ref, "foxtrot", false)
	other := b.project(ada, "acme").GetRef()
	b.snippet(ada, other, "of another project", true)
	var all []string
	token := ""
	for {
		got, err := ada.snippets.ListSnippets(t.Context(), &v1.ListSnippetsRequest{Ref: ref, PageSize: 2, PageToken: token})
		require.NoError(t, err)
		for _, s := range got.GetSnippets() {
			all = append(all, strings.ToLower(s.GetName()))
		}
		if token = got.GetNextPageToken(); token == "" {
			break
		}
		_, err = eve.snippets.ListSnippets(t.Context(), &v1.ListSnippetsRequest{Ref: ref, PageSize: 2, PageToken: token})
		refused(t, err, connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID")
	}
	require.Equal(t, []string{"alpha", "alpha", "bravo", "charlie", "delta", "echo"}, all)
	require.ElementsMatch(t, []string{"Bravo", "Echo"}, b.snippetNames(ada, &v1.ListSnippetsRequest{Ref: ref, Shared: true}))
	require.ElementsMatch(t, []string{"Echo", "foxtrot"}, b.snippetNames(eve, &v1.ListSnippetsRequest{Ref: ref, Mine: true}))
	require.Equal(t, []string{"charlie"}, b.snippetNames(ada, &v1.ListSnippetsRequest{Ref: ref, Search: "'CHARLIE"}), "the text is searched")
	for _, search := range []string{"%", "_", "foxtrot", "\x00"} {
		require.Empty(t, b.snippetNames(ada, &v1.ListSnippetsRequest{Ref: ref, Search: search}), search)
	}
}

func TestSnippetsAreNotWrittenOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	s := b.snippet(ada, ref, "One", true)
	answers := make([]error, 4)
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() {
			_, answers[i] = ada.snippets.UpdateSnippet(t.Context(), &v1.UpdateSnippetRequest{
				Ref: ref, SnippetId: s.GetId(), Etag: s.GetEtag(), UpdateMask: fields("sql"), Sql: fmt.Sprintf("select %d", i),
			})
		})
	}
	wait.Wait()
	won := slices.IndexFunc(answers, func(err error) bool { return err == nil })
	require.GreaterOrEqual(t, won, 0)
	for i, err := range answers {
		if i != won {
			refused(t, err, connect.CodeFailedPrecondition, "SNIPPET_CHANGED")
		}
	}
	got, err := ada.snippets.GetSnippet(t.Context(), &v1.GetSnippetRequest{Ref: ref, SnippetId: s.GetId()})
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("select %d", won), got.GetSnippet().GetSql())
}

func TestSnippetsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref, other := b.project(ada, "acme").GetRef(), b.project(ada, "acme").GetRef()
	admin, eve := b.join("acme", "admin"), b.join("acme", "developer")
	create := func(req *v1.CreateSnippetRequest) error {
		req.Ref = ref
		_, err := ada.snippets.CreateSnippet(t.Context(), req)
		return err
	}
	require.Contains(t, refused(t, create(&v1.CreateSnippetRequest{Name: "a\nb"}), connect.CodeInvalidArgument, "NAME_INVALID"), "name")
	require.Contains(t, refused(t, create(&v1.CreateSnippetRequest{Name: "a", Folder: "a\tb"}), connect.CodeInvalidArgument, "FOLDER_INVALID"), "folder")
	require.Contains(t, refused(t, create(&v1.CreateSnippetRequest{Name: "a", Sql: "select '\x00'"}), connect.CodeInvalidArgument, "SQL_INVALID"), "sql")
	require.Contains(t, refused(t, create(&v1.CreateSnippetRequest{Name: "a", Sql: strings.Repeat("x", 1_000_001)}), connect.CodeInvalidArgument, "REQUEST_INVALID"), "sql")
	require.NoError(t, create(&v1.CreateSnippetRequest{Name: "a", Sql: strings.Repeat("\n", 1_000_000)}))

	s, hidden := b.snippet(ada, ref, "mine", true), b.snippet(ada, ref, "hidden", false)
	update := func(p person, project, snippet string, paths ...string) error {
		_, err := p.snippets.UpdateSnippet(t.Context(), &v1.UpdateSnippetRequest{
			Ref: project, SnippetId: snippet, Etag: "r1", UpdateMask: fields(paths...), Name: "x", Visibility: private,
		})
		return err
	}
	remove := func(p person, project, snippet string) error {
		_, err := p.snippets.DeleteSnippet(t.Context(), &v1.DeleteSnippetRequest{Ref: project, SnippetId: snippet})
		return err
	}
	mark := func(p person, project, snippet string) error {
		_, err := p.snippets.SetSnippetFavorite(t.Context(), &v1.SetSnippetFavoriteRequest{Ref: project, SnippetId: snippet, Favorite: true})
		return err
	}
	restore := func(p person, project, snippet string) error {
		_, err := p.snippets.RestoreSnippet(t.Context(), &v1.RestoreSnippetRequest{Ref: project, SnippetId: snippet})
		return err
	}
	refused(t, update(eve, ref, s.GetId(), "name"), connect.CodePermissionDenied, "ROLE_TOO_LOW")
	refused(t, remove(eve, ref, s.GetId()), connect.CodePermissionDenied, "ROLE_TOO_LOW")
	refused(t, restore(eve, ref, s.GetId()), connect.CodePermissionDenied, "ROLE_TOO_LOW")
	refused(t, update(admin, ref, s.GetId(), "visibility"), connect.CodePermissionDenied, "SNIPPET_NOT_YOURS")
	require.Contains(t, refused(t, update(ada, ref, s.GetId(), "author"), connect.CodeInvalidArgument, "UPDATE_MASK_INVALID"), "update_mask")
	require.Contains(t, refused(t, update(ada, ref, "../x", "name"), connect.CodeInvalidArgument, "REQUEST_INVALID"), "snippet_id")
	// Through another project of one's own, of what does not exist, and of what is not shared.
	for _, c := range []struct {
		by               person
		project, snippet string
	}{{ada, other, s.GetId()}, {ada, ref, uuid.NewString()}, {admin, ref, hidden.GetId()}, {eve, ref, hidden.GetId()}} {
		refused(t, update(c.by, c.project, c.snippet, "name"), connect.CodeNotFound, "SNIPPET_NOT_FOUND")
		refused(t, remove(c.by, c.project, c.snippet), connect.CodeNotFound, "SNIPPET_NOT_FOUND")
		refused(t, mark(c.by, c.project, c.snippet), connect.CodeNotFound, "SNIPPET_NOT_FOUND")
		refused(t, restore(c.by, c.project, c.snippet), connect.CodeNotFound, "SNIPPET_NOT_FOUND")
	}
	// An admin keeps order among what is shared.
	require.NoError(t, update(admin, ref, s.GetId(), "name"))
	require.NoError(t, remove(admin, ref, s.GetId()))
	refused(t, restore(eve, ref, s.GetId()), connect.CodePermissionDenied, "ROLE_TOO_LOW")
	require.NoError(t, restore(admin, ref, s.GetId()))
}

func TestSnippetsHaveBounds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	gone := b.join("acme", "developer")
	fill := func(author person, shared, deleted bool, n, size int) {
		t.Helper()
		_, err := b.pool.Exec(t.Context(), `insert into snippet (id, project_id, author_id, name, sql, shared, deleted_at)
			select gen_random_uuid(), p.id, $2, 'n' || n, repeat('x', $6), $3, case when $4 then now() end
			from project p, generate_series(1, $5) n where ref = $1`, ref, author.id, shared, deleted, n, size)
		require.NoError(t, err)
	}
	create := func(size int) error {
		_, err := ada.snippets.CreateSnippet(t.Context(), &v1.CreateSnippetRequest{Ref: ref, Name: "one more", Sql: strings.Repeat("y", size)})
		return err
	}
	left := b.snippet(ada, ref, "deleted", false)
	_, err := ada.snippets.DeleteSnippet(t.Context(), &v1.DeleteSnippetRequest{Ref: ref, SnippetId: left.GetId()})
	require.NoError(t, err)

	fill(gone, false, false, 999, 0)
	fill(ada, false, false, 1, 0)
	refused(t, create(1), connect.CodeResourceExhausted, "TOO_MANY_SNIPPETS")
	_, err = ada.snippets.RestoreSnippet(t.Context(), &v1.RestoreSnippetRequest{Ref: ref, SnippetId: left.GetId()})
	refused(t, err, connect.CodeResourceExhausted, "TOO_MANY_SNIPPETS")
	_, err = ada.organizations.RemoveMember(t.Context(), &v1.RemoveMemberRequest{Organization: "acme", AccountId: gone.id.String()})
	require.NoError(t, err)
	require.NoError(t, create(1), "what a former member left takes nobody's place")

	fill(ada, false, true, 49, 1_000_000)
	require.NoError(t, create(999_000))
	require.NoError(t, create(999_000), "what is deleted makes way")
	require.Zero(t, b.count("select count(*) from snippet where deleted_at is not null"))
	fill(ada, false, false, 48, 1_000_000)
	refused(t, create(999_000), connect.CodeResourceExhausted, "SNIPPETS_TOO_LARGE")
	require.NoError(t, create(1))
}

func TestSnippetsAreForgottenInTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	eve := b.join("acme", "developer")
	old, fresh := b.snippet(ada, ref, "old", true), b.snippet(ada, ref, "fresh", true)
	for _, s := range []*v1.Snippet{old, fresh} {
		_, err := ada.snippets.DeleteSnippet(t.Context(), &v1.DeleteSnippetRequest{Ref: ref, SnippetId: s.GetId()})
		require.NoError(t, err)
	}
	_, err := b.pool.Exec(t.Context(), "update snippet set deleted_at = now() - interval '25 hours' where id = $1", old.GetId())
	require.NoError(t, err)
	_, err = ada.snippets.RestoreSnippet(t.Context(), &v1.RestoreSnippetRequest{Ref: ref, SnippetId: old.GetId()})
	refused(t, err, connect.CodeNotFound, "SNIPPET_NOT_FOUND")
	later, err := snippet.New(snippet.Deps{Pool: b.pool, Audit: b.server.audit, Now: func() time.Time { return time.Now().Add(time.Minute) }})
	require.NoError(t, err)
	swept, err := later.Sweep(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, swept)
	_, err = ada.snippets.RestoreSnippet(t.Context(), &v1.RestoreSnippetRequest{Ref: ref, SnippetId: fresh.GetId()})
	require.NoError(t, err)

	// With an account go its private snippets; what it shared stays, and is for admins to change.
	b.snippet(eve, ref, "private of eve", false)
	b.snippet(eve, ref, "shared of eve", true)
	_, err = b.pool.Exec(t.Context(), "delete from account where id = $1", eve.id)
	require.NoError(t, err)
	require.Zero(t, b.count("select count(*) from snippet where name = 'private of eve'"))
	got, err := ada.snippets.ListSnippets(t.Context(), &v1.ListSnippetsRequest{Ref: ref, Search: "of eve"})
	require.NoError(t, err)
	require.Len(t, got.GetSnippets(), 1)
	require.Empty(t, got.GetSnippets()[0].GetAuthorAccountId())
	require.True(t, got.GetSnippets()[0].GetChangeable())
}

func TestSnippetsOfWhoLeaves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	eve := b.join("acme", "developer")
	_, err := eve.organizations.CreateOrganization(t.Context(), &v1.CreateOrganizationRequest{Name: "Elsewhere", Slug: "elsewhere"})
	require.NoError(t, err)
	other := b.project(eve, "elsewhere").GetRef()
	b.snippet(eve, ref, "private", false)
	b.snippet(eve, ref, "shared", true)
	b.snippet(ada, ref, "of another", false)
	b.snippet(eve, other, "of another organisation", false)
	_, err = eve.organizations.RemoveMember(t.Context(), &v1.RemoveMemberRequest{Organization: "acme", AccountId: eve.id.String()})
	require.NoError(t, err)
	require.Zero(t, b.count("select count(*) from snippet where name = 'private'"))
	require.Equal(t, []string{"of another", "shared"}, b.snippetNames(ada, &v1.ListSnippetsRequest{Ref: ref}))
	require.Equal(t, []string{"of another organisation"}, b.snippetNames(eve, &v1.ListSnippetsRequest{Ref: other}))
	require.Equal(t, 1, b.count("select count(*) from audit_event where action = 'member.remove' and details ->> 'deleted_snippets' = '1'"))
}
