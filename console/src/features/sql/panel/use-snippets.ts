import { create } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { createClient, type Client } from "@connectrpc/connect";
import { useCallback, useMemo } from "react";
import { SnippetService, SnippetVisibility, type Snippet } from "@/gen/fluxbase/controlplane/v1/snippet_pb";
import { useApp } from "@/lib/app";
import { useHere } from "@/lib/project-data";
import { useInvalidate } from "@/lib/queries";
import { describe } from "@/lib/errors";

export const isShared = (snippet: Snippet): boolean => snippet.visibility === SnippetVisibility.SHARED;

/** What is done with snippets. Each changes the lists that are on screen. */
export function useSnippetActions() {
  const { project } = useHere();
  const { transport } = useApp();
  const invalidate = useInvalidate();
  const changed = useCallback(() => void invalidate(SnippetService.method.listSnippets, SnippetService.method.getSnippet), [invalidate]);
  return useMemo(() => actionsOf(createClient(SnippetService, transport), project.ref, changed), [project.ref, transport, changed]);
}

const paths = (...list: string[]) => create(FieldMaskSchema, { paths: list });

function actionsOf(client: Client<typeof SnippetService>, ref: string, onChanged: () => void) {
  const changed = <T>(answer: Promise<T>): Promise<T> => answer.finally(onChanged);
  return {
    read: async (snippetId: string) => (await client.getSnippet({ ref, snippetId })).snippet!,
    save: (snippetId: string, etag: string, sql: string) => changed(client.updateSnippet({ ref, snippetId, etag, sql, updateMask: paths("sql") })),
    describe: (snippet: Snippet, name: string, folder: string) => changed(client.updateSnippet({ ref, snippetId: snippet.id, etag: snippet.etag, name, folder, updateMask: paths("name", "folder") })),
    share: (snippet: Snippet, visibility: SnippetVisibility) => changed(client.updateSnippet({ ref, snippetId: snippet.id, etag: snippet.etag, visibility, updateMask: paths("visibility") })),
    mark: (snippet: Snippet) => changed(client.setSnippetFavorite({ ref, snippetId: snippet.id, favorite: !snippet.favorite })),
    remove: (snippet: Snippet) => changed(client.deleteSnippet({ ref, snippetId: snippet.id })),
    restore: (snippet: Snippet) => changed(client.restoreSnippet({ ref, snippetId: snippet.id })),
    duplicate: async (snippet: Snippet) => {
      const { snippet: whole } = await client.getSnippet({ ref, snippetId: snippet.id });
      const name = `${snippet.name.slice(0, 73)} (copy)`;
      return changed(client.createSnippet({ ref, name, folder: snippet.folder, sql: whole!.sql, visibility: SnippetVisibility.PRIVATE }));
    },
  };
}

/** Whether somebody else saved the snippet meanwhile. */
export const isStale = (error: unknown): boolean => describe(error).reason === "SNIPPET_CHANGED";
