package rpc

import (
	"context"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/controlplane/organization"
	"github.com/wayli-app/fluxbase/controlplane/snippet"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

// maxSnippetBody leaves room for a text of 1 MB in JSON, whatever must be escaped in it.
const maxSnippetBody = 8 << 20

type snippetService struct{ *server }

var _ controlplanev1connect.SnippetServiceHandler = snippetService{}

func snippetCaller(ctx context.Context) snippet.Caller {
	a := accessOf(ctx)
	return snippet.Caller{Project: a.project, Account: a.account.ID, Admin: a.organization.Role.Includes(organization.Admin)}
}

// CreateSnippet keeps a text. What is kept for repeats of the request leaves it out.
func (s snippetService) CreateSnippet(ctx context.Context, req *v1.CreateSnippetRequest) (*v1.CreateSnippetResponse, error) {
	caller := snippetCaller(ctx)
	procedure := controlplanev1connect.SnippetServiceCreateSnippetProcedure
	return once(ctx, s.Repeats, procedure, req, func(ctx context.Context) (*v1.CreateSnippetResponse, error) {
		made, err := s.Snippets.Create(ctx, caller, snippet.Text{
			Name: req.GetName(), Folder: req.GetFolder(), SQL: req.GetSql(), Shared: req.GetVisibility() == v1.SnippetVisibility_SNIPPET_VISIBILITY_SHARED,
		})
		return &v1.CreateSnippetResponse{Snippet: snippetSummary(made)}, err
	})
}

// ListSnippets lists what the caller may see.
func (s snippetService) ListSnippets(ctx context.Context, req *v1.ListSnippetsRequest) (*v1.ListSnippetsResponse, error) {
	caller := snippetCaller(ctx)
	filter := snippet.Filter{Search: req.GetSearch(), Mine: req.GetMine(), Shared: req.GetShared(), Favorites: req.GetFavorites()}
	rows, next, err := page(s.pages, req, []any{"snippets", caller.Project, caller.Account, filter.Search, filter.Mine, filter.Shared, filter.Favorites},
		func(limit int, after cursor) ([]snippet.Snippet, error) {
			filter.Limit, filter.AfterID = limit, after.ID
			if after.ID != nil {
				filter.AfterKey = &after.Key
			}
			return s.Snippets.List(ctx, caller, filter)
		},
		func(r snippet.Snippet) cursor { return cursor{Key: r.SortKey, ID: &r.ID} })
	if err != nil {
		return nil, err
	}
	return &v1.ListSnippetsResponse{Snippets: each(rows, snippetSummary), NextPageToken: next}, nil
}

// GetSnippet returns a snippet with its text.
func (s snippetService) GetSnippet(ctx context.Context, req *v1.GetSnippetRequest) (*v1.GetSnippetResponse, error) {
	found, err := s.Snippets.Get(ctx, snippetCaller(ctx), uuid.MustParse(req.GetSnippetId()))
	if err != nil {
		return nil, err
	}
	message := snippetSummary(found)
	message.Sql = found.SQL
	return &v1.GetSnippetResponse{Snippet: message}, nil
}

// UpdateSnippet changes a snippet that nobody changed meanwhile.
func (s snippetService) UpdateSnippet(ctx context.Context, req *v1.UpdateSnippetRequest) (*v1.UpdateSnippetResponse, error) {
	named, err := masked(req.GetUpdateMask(), "name", "folder", "sql", "visibility")
	if err != nil {
		return nil, err
	}
	var change snippet.Change
	if named["name"] {
		change.Name = &req.Name
	}
	if named["folder"] {
		change.Folder = &req.Folder
	}
	if named["sql"] {
		change.SQL = &req.Sql
	}
	if named["visibility"] {
		shared := req.GetVisibility() == v1.SnippetVisibility_SNIPPET_VISIBILITY_SHARED
		change.Shared = &shared
	}
	changed, err := s.Snippets.Update(ctx, snippetCaller(ctx), uuid.MustParse(req.GetSnippetId()), req.GetEtag(), change)
	return &v1.UpdateSnippetResponse{Snippet: snippetSummary(changed)}, err
}

// DeleteSnippet deletes a snippet.
func (s snippetService) DeleteSnippet(ctx context.Context, req *v1.DeleteSnippetRequest) (*v1.DeleteSnippetResponse, error) {
	return &v1.DeleteSnippetResponse{}, s.Snippets.Delete(ctx, snippetCaller(ctx), uuid.MustParse(req.GetSnippetId()))
}

// RestoreSnippet takes a deletion back.
func (s snippetService) RestoreSnippet(ctx context.Context, req *v1.RestoreSnippetRequest) (*v1.RestoreSnippetResponse, error) {
	restored, err := s.Snippets.Restore(ctx, snippetCaller(ctx), uuid.MustParse(req.GetSnippetId()))
	return &v1.RestoreSnippetResponse{Snippet: snippetSummary(restored)}, err
}

// SetSnippetFavorite says whether a snippet is one of the caller's favourites.
func (s snippetService) SetSnippetFavorite(ctx context.Context, req *v1.SetSnippetFavoriteRequest) (*v1.SetSnippetFavoriteResponse, error) {
	return &v1.SetSnippetFavoriteResponse{}, s.Snippets.SetFavorite(ctx, snippetCaller(ctx), uuid.MustParse(req.GetSnippetId()), req.GetFavorite())
}

// snippetSummary is a snippet without its text.
func snippetSummary(r snippet.Snippet) *v1.Snippet {
	out := &v1.Snippet{
		Id: r.ID.String(), Name: r.Name, Folder: r.Folder, Size: int32(r.Size), Visibility: v1.SnippetVisibility_SNIPPET_VISIBILITY_PRIVATE,
		AuthorName: r.AuthorName, AuthorEmail: r.AuthorEmail, Favorite: r.Favorite, Changeable: r.Changeable, Etag: r.Etag,
		CreateTime: stamp(r.CreatedAt), UpdateTime: stamp(r.UpdatedAt),
	}
	if r.Shared {
		out.Visibility = v1.SnippetVisibility_SNIPPET_VISIBILITY_SHARED
	}
	if r.Author != nil {
		out.AuthorAccountId = r.Author.String()
	}
	return out
}
