package snippet

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Change is what Update changes; nil leaves as it is.
type Change struct {
	Name, Folder, SQL *string
	Shared            *bool
}

// Update changes a snippet that is still as the caller read it. It fails with ErrChanged when it is not, and with Denied for
// those who may not change it.
func (s *Service) Update(ctx context.Context, c Caller, snippet uuid.UUID, read string, change Change) (Snippet, error) {
	err := s.inProject(ctx, c, func(ctx context.Context, q *store.Queries, d deed) error {
		row, err := lock(ctx, q, c, snippet)
		switch {
		case err != nil:
			return err
		case !c.mayChange(row.AuthorID):
			return ErrNotYours
		case read != etag(row.Revision):
			return ErrChanged
		}
		old := Text{row.Name, row.Folder, row.Sql, row.Shared}
		t, fields := change.apply(old)
		if t.Shared != old.Shared && (row.AuthorID == nil || *row.AuthorID != c.Account) {
			return errSharing
		}
		if err := t.check(); err != nil {
			return err
		}
		if err := room(ctx, q, d.project, 0, len(t.SQL)-len(old.SQL)); err != nil {
			return err
		}
		if err := q.UpdateSnippet(ctx, store.UpdateSnippetParams{ID: snippet, Name: t.Name, Folder: t.Folder, Sql: t.SQL, Shared: t.Shared}); err != nil {
			return fmt.Errorf("update snippet: %w", err)
		}
		return d.record(ctx, "update", snippet, t, fields)
	})
	if err != nil {
		return Snippet{}, err
	}
	return s.Get(ctx, c, snippet)
}

// apply returns the text as it will be, and the names of what is given.
func (c Change) apply(t Text) (Text, []string) {
	var fields []string
	if c.Name != nil {
		t.Name, fields = *c.Name, append(fields, "name")
	}
	if c.Folder != nil {
		t.Folder, fields = *c.Folder, append(fields, "folder")
	}
	if c.SQL != nil {
		t.SQL, fields = *c.SQL, append(fields, "sql")
	}
	if c.Shared != nil {
		t.Shared, fields = *c.Shared, append(fields, "visibility")
	}
	return t, fields
}

// Delete deletes a snippet; for Life, Restore takes it back.
func (s *Service) Delete(ctx context.Context, c Caller, snippet uuid.UUID) error {
	return s.inProject(ctx, c, func(ctx context.Context, q *store.Queries, d deed) error {
		row, err := lock(ctx, q, c, snippet)
		switch {
		case err != nil:
			return err
		case !c.mayChange(row.AuthorID):
			return ErrNotYours
		}
		now := s.Now()
		if err := q.SetSnippetDeleted(ctx, store.SetSnippetDeletedParams{ID: snippet, DeletedAt: &now}); err != nil {
			return fmt.Errorf("delete snippet: %w", err)
		}
		return d.record(ctx, "delete", snippet, Text{Name: row.Name, Shared: row.Shared}, nil)
	})
}

// Restore takes a deletion back. It fails with ErrNotFound when it is too late, and with Exhausted when the project keeps too
// much by now. Restoring what is not deleted does nothing.
func (s *Service) Restore(ctx context.Context, c Caller, snippet uuid.UUID) (Snippet, error) {
	err := s.inProject(ctx, c, func(ctx context.Context, q *store.Queries, d deed) error {
		row, err := q.LockSnippet(ctx, store.LockSnippetParams{ProjectID: c.Project, ID: snippet, AccountID: &c.Account})
		switch {
		case errors.Is(err, pgx.ErrNoRows), err == nil && row.DeletedAt != nil && row.DeletedAt.Before(s.Now().Add(-Life)):
			return ErrNotFound
		case err != nil:
			return fmt.Errorf("lock snippet: %w", err)
		case !c.mayChange(row.AuthorID):
			return ErrNotYours
		case row.DeletedAt == nil:
			return nil
		}
		// Before there is made room, which may forget what is deleted.
		if err := q.SetSnippetDeleted(ctx, store.SetSnippetDeletedParams{ID: snippet}); err != nil {
			return fmt.Errorf("restore snippet: %w", err)
		}
		if err := room(ctx, q, d.project, 0, 0); err != nil {
			return err
		}
		return d.record(ctx, "restore", snippet, Text{Name: row.Name, Shared: row.Shared}, nil)
	})
	if err != nil {
		return Snippet{}, err
	}
	return s.Get(ctx, c, snippet)
}

// Sweep forgets what was deleted longer ago than Life.
func (s *Service) Sweep(ctx context.Context) (int64, error) {
	return store.New(s.Pool).SweepSnippets(ctx, s.Now().Add(-Life))
}

// deed is a change under way: of which project, and how it is recorded.
type deed struct {
	audit   Auditor
	tx      pgx.Tx
	project store.LockProjectRow
}

// record writes what was done to the audit log, which members read who may not see the snippet: private names stay out.
func (d deed) record(ctx context.Context, action string, snippet uuid.UUID, t Text, fields []string) error {
	details := map[string]any{"snippet_id": snippet, "shared": t.Shared}
	if t.Shared {
		details["name"] = t.Name
	}
	if fields != nil {
		details["fields"] = fields
	}
	return d.audit.Record(ctx, d.tx, d.project.OrganizationID, "snippet."+action, "project/"+d.project.Ref, details)
}

// inProject runs fn in a transaction that holds the project's row: what its snippets are together changes one by one.
func (s *Service) inProject(ctx context.Context, c Caller, fn func(context.Context, *store.Queries, deed) error) error {
	return store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		p, err := store.New(tx).LockProject(ctx, c.Project)
		if err != nil {
			return fmt.Errorf("lock project: %w", err)
		}
		return fn(ctx, store.New(tx), deed{s.Audit, tx, p})
	})
}

// room tells whether the project may keep so many more snippets and bytes. When it is short, deleted ones are forgotten. Private
// ones of former members, whom nobody can ask to delete them, do not count.
func room(ctx context.Context, q *store.Queries, project store.LockProjectRow, snippets, bytes int) error {
	organization := uuid.Nil
	if project.OrganizationID != nil {
		organization = *project.OrganizationID
	}
	for try := range 2 {
		have, err := q.CountSnippets(ctx, store.CountSnippetsParams{ProjectID: project.ID, OrganizationID: organization})
		if err != nil {
			return fmt.Errorf("count snippets: %w", err)
		}
		tooMany := have.Live+int64(snippets) > maxLive
		tooLarge := bytes >= 0 && have.Bytes+int64(bytes) > maxBytes
		switch {
		case !tooMany && !tooLarge && have.Kept+int64(snippets) <= maxKept:
			return nil
		case tooMany:
			return fault.New(fault.Exhausted, "TOO_MANY_SNIPPETS", "The project keeps %d snippets, which is the most. Delete one first.", maxLive)
		case try == 1:
			return fault.New(fault.Exhausted, "SNIPPETS_TOO_LARGE", "The project's snippets have %d MB together, which is the most. Delete some first.", maxBytes/1_000_000)
		}
		if err := q.ForgetDeletedSnippets(ctx, project.ID); err != nil {
			return fmt.Errorf("forget deleted snippets: %w", err)
		}
	}
	return nil
}
