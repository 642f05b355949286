// Package snippet keeps SQL that a project's developers want again: each for themselves, or shared with all of them.
package snippet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
)

// What a project's snippets may be together. Of deleted ones, as many again are kept.
const (
	maxLive  = 1000
	maxKept  = 2 * maxLive
	maxBytes = 50_000_000
)

// Life is how long a deletion can be taken back.
const Life = 24 * time.Hour

// The failures that callers meet.
var (
	ErrNotFound = fault.New(fault.NotFound, "SNIPPET_NOT_FOUND", "The project has no such snippet, or it is not shared with you.")
	ErrNotYours = fault.New(fault.Denied, "ROLE_TOO_LOW", "Somebody else wrote the snippet: changing it needs the role admin. Save it as one of your own.")
	ErrChanged  = fault.New(fault.FailedPrecondition, "SNIPPET_CHANGED", "The snippet was changed since you read it. Read it anew, or save yours under another name.")
	errSharing  = fault.New(fault.Denied, "SNIPPET_NOT_YOURS", "Somebody else wrote the snippet: only they say who sees it.")
)

// Auditor records a deed in the transaction of what it records.
type Auditor interface {
	Record(ctx context.Context, tx pgx.Tx, organization *uuid.UUID, action, target string, details map[string]any) error
}

// Deps is what the service needs.
type Deps struct {
	Pool  *pgxpool.Pool
	Audit Auditor
	// Now defaults to time.Now.
	Now func() time.Time
}

// Service keeps snippets.
type Service struct{ Deps }

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Pool == nil || d.Audit == nil {
		return nil, errors.New("snippet: a dependency is missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d}, nil
}

// Caller is who asks, in which project.
type Caller struct {
	Project, Account uuid.UUID
	// Admin tells that shared snippets of others may be changed and deleted.
	Admin bool
}

// Snippet is a text that is kept.
type Snippet struct {
	ID                            uuid.UUID
	Name, Folder                  string
	SQL                           string
	Size                          int
	Shared, Favorite, Changeable  bool
	Author                        *uuid.UUID
	AuthorName, AuthorEmail, Etag string
	CreatedAt, UpdatedAt          time.Time
	// SortKey is its place in lists, together with the id.
	SortKey string
}

// Text is what a snippet says of itself.
type Text struct {
	Name, Folder, SQL string
	Shared            bool
}

// Create keeps a text. It fails with Invalid for a wrong name, and with Exhausted when the project keeps too much.
func (s *Service) Create(ctx context.Context, c Caller, t Text) (Snippet, error) {
	if err := t.check(); err != nil {
		return Snippet{}, err
	}
	made := uuid.Must(uuid.NewV7())
	err := s.inProject(ctx, c, func(ctx context.Context, q *store.Queries, d deed) error {
		if err := room(ctx, q, d.project, 1, len(t.SQL)); err != nil {
			return err
		}
		row := store.InsertSnippetParams{ID: made, ProjectID: c.Project, AuthorID: &c.Account, Name: t.Name, Folder: t.Folder, Sql: t.SQL, Shared: t.Shared}
		if err := q.InsertSnippet(ctx, row); err != nil {
			return fmt.Errorf("insert snippet: %w", err)
		}
		return d.record(ctx, "create", made, t, nil)
	})
	if err != nil {
		return Snippet{}, err
	}
	return s.Get(ctx, c, made)
}

// Filter says which snippets List returns.
type Filter struct {
	// Search is a part of name, folder or text.
	Search                  string
	Mine, Shared, Favorites bool
	Limit                   int
	// AfterKey and AfterID are of the last snippet of the page before; nil for the first page.
	AfterKey *string
	AfterID  *uuid.UUID
}

// List returns what the caller may see, by name and without texts.
func (s *Service) List(ctx context.Context, c Caller, f Filter) ([]Snippet, error) {
	if strings.ContainsRune(f.Search, 0) {
		return nil, nil // no text of Postgres has it
	}
	rows, err := store.Read(ctx, s.Pool).ListSnippets(ctx, store.ListSnippetsParams{
		ProjectID: c.Project, AccountID: c.Account, Search: f.Search, OnlyMine: f.Mine, OnlyShared: f.Shared, OnlyFavorites: f.Favorites,
		AfterKey: f.AfterKey, AfterID: f.AfterID, MaxRows: int32(f.Limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list snippets: %w", err)
	}
	out := make([]Snippet, len(rows))
	for i, r := range rows {
		out[i] = Snippet{
			ID: r.ID, Name: r.Name, Folder: r.Folder, Size: int(r.Bytes), Shared: r.Shared, Favorite: r.Favorite, Author: r.AuthorID,
			Changeable: c.mayChange(r.AuthorID), AuthorName: r.AuthorName, AuthorEmail: r.AuthorEmail, Etag: etag(r.Revision),
			CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, SortKey: r.SortKey,
		}
	}
	return out, nil
}

// Get returns a snippet with its text.
func (s *Service) Get(ctx context.Context, c Caller, snippet uuid.UUID) (Snippet, error) {
	row, err := store.Read(ctx, s.Pool).GetSnippet(ctx, store.GetSnippetParams{AccountID: c.Account, ProjectID: c.Project, ID: snippet})
	if errors.Is(err, pgx.ErrNoRows) {
		return Snippet{}, ErrNotFound
	}
	if err != nil {
		return Snippet{}, fmt.Errorf("find snippet: %w", err)
	}
	r := row.Snippet
	return Snippet{
		ID: r.ID, Name: r.Name, Folder: r.Folder, SQL: r.Sql, Size: int(r.Bytes), Shared: r.Shared, Favorite: row.Favorite, Author: r.AuthorID,
		Changeable: c.mayChange(r.AuthorID), AuthorName: row.AuthorName, AuthorEmail: row.AuthorEmail, Etag: etag(r.Revision),
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}, nil
}

// SetFavorite says whether a snippet is one of the caller's favourites.
func (s *Service) SetFavorite(ctx context.Context, c Caller, snippet uuid.UUID, favorite bool) error {
	return store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		if _, err := lock(ctx, q, c, snippet); err != nil {
			return err
		}
		var err error
		if favorite {
			err = q.AddSnippetFavorite(ctx, store.AddSnippetFavoriteParams{AccountID: c.Account, SnippetID: snippet})
		} else {
			err = q.DeleteSnippetFavorite(ctx, store.DeleteSnippetFavoriteParams{AccountID: c.Account, SnippetID: snippet})
		}
		if err != nil {
			return fmt.Errorf("mark snippet: %w", err)
		}
		return nil
	})
}

func (c Caller) mayChange(author *uuid.UUID) bool {
	return c.Admin || author != nil && *author == c.Account
}

// lock finds a snippet that the caller may see and that is not deleted.
func lock(ctx context.Context, q *store.Queries, c Caller, snippet uuid.UUID) (store.Snippet, error) {
	row, err := q.LockSnippet(ctx, store.LockSnippetParams{ProjectID: c.Project, ID: snippet, AccountID: &c.Account})
	if errors.Is(err, pgx.ErrNoRows) || err == nil && row.DeletedAt != nil {
		return row, ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("lock snippet: %w", err)
	}
	return row, nil
}

func etag(revision int64) string { return fmt.Sprintf("r%d", revision) }

func (t *Text) check() error {
	var err error
	if t.Name, err = id.Title(t.Name); err != nil {
		return err
	}
	if strings.TrimSpace(t.Folder) == "" {
		t.Folder = ""
	} else if t.Folder, err = id.Title(t.Folder); err != nil {
		return &fault.Error{Kind: fault.Invalid, Reason: "FOLDER_INVALID", Message: "The folder must be named in at most 80 printable characters, on one line.",
			Fields: map[string]string{"folder": "must have at most 80 printable characters, on one line"}}
	}
	if strings.ContainsRune(t.SQL, 0) {
		return &fault.Error{Kind: fault.Invalid, Reason: "SQL_INVALID", Message: "The text has the character U+0000, which SQL cannot have. Leave it out.",
			Fields: map[string]string{"sql": "leave out the character U+0000"}}
	}
	return nil
}
