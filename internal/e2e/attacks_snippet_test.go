package e2e

import (
	"context"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// snippetOfVictim keeps a text that all of the victim's organisation see, and nobody else may.
func (s *scene) snippetOfVictim(c context.Context) (string, error) {
	made, err := s.victim.owner.snippets.CreateSnippet(c, &controlplanev1.CreateSnippetRequest{
		Ref: s.victim.ref, Name: s.mark, Sql: "select '" + s.mark + "'", Visibility: controlplanev1.SnippetVisibility_SNIPPET_VISIBILITY_SHARED, IdempotencyKey: s.mark,
	})
	return made.GetSnippet().GetId(), err
}

// onSnippet calls with the attacker's account, the victim's snippet, and once each the victim's ref and the attacker's own.
func onSnippet(name string, call func(c context.Context, a *account, ref, snippet string) error) []attack {
	with := func(own bool) func(context.Context, *scene) error {
		return func(c context.Context, s *scene) error {
			snippet, err := s.snippetOfVictim(c)
			if err != nil {
				return err
			}
			ref := s.victim.ref
			if own {
				ref = s.attacker.ref
			}
			return call(c, s.attacker.owner, ref, snippet)
		}
	}
	return []attack{byRPC(name, with(false)), byRPC(name+" through one's own project", with(true))}
}

func snippetAttacks() []attack {
	out := []attack{
		byRPC("list snippets", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.snippets.ListSnippets(c, &controlplanev1.ListSnippetsRequest{Ref: ref})
			return err
		})),
		byRPC("keep a snippet", onVictim(func(c context.Context, a *account, ref string) error {
			_, err := a.snippets.CreateSnippet(c, &controlplanev1.CreateSnippetRequest{Ref: ref, Name: "x", Sql: "select 1"})
			return err
		})),
	}
	out = append(out, onSnippet("read a snippet", func(c context.Context, a *account, ref, snippet string) error {
		_, err := a.snippets.GetSnippet(c, &controlplanev1.GetSnippetRequest{Ref: ref, SnippetId: snippet})
		return err
	})...)
	out = append(out, onSnippet("change a snippet", func(c context.Context, a *account, ref, snippet string) error {
		_, err := a.snippets.UpdateSnippet(c, &controlplanev1.UpdateSnippetRequest{
			Ref: ref, SnippetId: snippet, Etag: "r1", Sql: "drop table notes", UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"sql"}},
		})
		return err
	})...)
	out = append(out, onSnippet("delete a snippet", func(c context.Context, a *account, ref, snippet string) error {
		_, err := a.snippets.DeleteSnippet(c, &controlplanev1.DeleteSnippetRequest{Ref: ref, SnippetId: snippet})
		return err
	})...)
	return append(out, onSnippet("mark a snippet", func(c context.Context, a *account, ref, snippet string) error {
		_, err := a.snippets.SetSnippetFavorite(c, &controlplanev1.SetSnippetFavoriteRequest{Ref: ref, SnippetId: snippet, Favorite: true})
		return err
	})...)
}
