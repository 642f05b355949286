import { useQuery } from "@connectrpc/connect-query";
import { useEffect, useState, type ReactNode } from "react";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { useToast } from "@/components/ui/toast";
import { SaveDialog } from "@/features/sql/panel/save-dialog";
import { isStale, useSnippetActions } from "@/features/sql/panel/use-snippets";
import { isUnsaved, titleOf, type Tab, type TabStore } from "@/features/sql/tabs/store";
import { SnippetService, type Snippet } from "@/gen/fluxbase/controlplane/v1/snippet_pb";
import { describe } from "@/lib/errors";
import { useHere } from "@/lib/project-data";

const kept = (snippet: Snippet, text: string) => ({ id: snippet.id, etag: snippet.etag, name: snippet.name, text });

/** The snippet that the address asks for and no tab has: it is read, and opened. */
export function useWantedSnippet(store: TabStore, wanted: string | undefined) {
  const { project } = useHere();
  const asked = useQuery(SnippetService.method.getSnippet, { ref: project.ref, snippetId: wanted ?? "" }, { enabled: wanted !== undefined });
  const snippet = asked.data?.snippet;
  useEffect(() => {
    if (!snippet || snippet.id !== wanted) return;
    // The tab before it is of no use when nothing stands in it.
    const { tabs, open } = store.get();
    const before = tabs.find(({ id }) => id === open);
    store.add({ text: snippet.sql, snippet: kept(snippet, snippet.sql) });
    if (before && !before.text && !before.snippet && !before.title) store.close(before.id);
  }, [snippet, store, wanted]);
  return { error: wanted === undefined ? null : asked.error, retry: () => void asked.refetch(), retrying: asked.isFetching };
}

interface Saving {
  tab: Tab;
  store: TabStore;
  /** Puts another text into the tab. */
  onText: (text: string) => void;
}

/** How the tab's text is saved, and what is said of the snippet that it came from. */
export function useSaving({ tab, store, onText }: Saving): { save: () => void; saveAs: () => void; shown: ReactNode } {
  const { project } = useHere();
  const actions = useSnippetActions();
  const toast = useToast();
  const [asking, setAsking] = useState<{ tab: Tab; note?: string }>();
  const [failed, setFailed] = useState<{ tab: string; error: unknown }>();
  const from = tab.snippet;
  const now = useQuery(SnippetService.method.getSnippet, { ref: project.ref, snippetId: from?.id ?? "" }, { enabled: from !== undefined, staleTime: 15_000 });
  const there = now.data?.snippet?.id === from?.id ? now.data?.snippet : undefined;
  const gone = from !== undefined && now.isError && describe(now.error).reason === "SNIPPET_NOT_FOUND";
  const changed = from && there && there.etag !== from.etag && there.sql !== from.text ? there : undefined;

  // Its name or who sees it changed, and the text did not: that is simply so now.
  useEffect(() => {
    if (from && there && there.etag !== from.etag && there.sql === from.text) store.change(tab.id, { snippet: kept(there, there.sql) });
  }, [from, store, tab.id, there]);

  const saveAs = (note?: string) => setAsking({ tab, note });
  async function save() {
    if (!from || gone) return saveAs();
    if (there && !there.changeable) return saveAs(`${there.authorName || there.authorEmail || "A former member"} wrote this snippet. What you save becomes one of your own.`);
    const { text } = tab;
    setFailed(undefined);
    try {
      const { snippet } = await actions.save(from.id, from.etag, text);
      store.change(tab.id, { snippet: kept(snippet!, text) });
      toast("Saved.");
    } catch (error) {
      setFailed({ tab: tab.id, error });
    }
  }
  async function takeTheirs() {
    const snippet = await actions.read(from!.id).catch((error: unknown) => void setFailed({ tab: tab.id, error }));
    if (!snippet) return;
    store.change(tab.id, { snippet: kept(snippet, snippet.sql), text: snippet.sql });
    if (store.get().open === tab.id) onText(snippet.sql); // another tab may be shown by now
    setFailed(undefined);
  }

  const error = failed?.tab === tab.id ? failed.error : undefined;
  const shown = (
    <>
      {error !== undefined && !isStale(error) && <ErrorState error={error} what="The snippet was not saved" onRetry={() => void save()} className="m-2" />}
      {gone && <Note text="The snippet of this tab was deleted, or is not shared with you any more. The text stays here." action="Save as another" onAction={() => saveAs()} />}
      {changed && !isStale(error) && (
        <Note text={isUnsaved(tab) ? "The snippet was changed meanwhile. Taking it replaces what you wrote here." : "The snippet was changed meanwhile."} action="Take the newer one" onAction={() => void takeTheirs()} />
      )}
      <Dialog open={isStale(error)} onOpenChange={() => setFailed(undefined)} title="Somebody saved before you" description="The snippet was changed since it was opened here. Nothing was written over.">
        <DialogFooter>
          <Button onClick={() => void takeTheirs()}>Take theirs</Button>
          <Button
            variant="primary"
            onClick={() => {
              setFailed(undefined);
              saveAs();
            }}
          >
            Save mine as another
          </Button>
        </DialogFooter>
      </Dialog>
      {asking && (
        <SaveDialog
          sql={asking.tab.text}
          name={titleOf(asking.tab).slice(0, 80)}
          note={asking.note}
          onClose={() => setAsking(undefined)}
          onSaved={(snippet) => {
            store.change(asking.tab.id, { title: "", snippet: kept(snippet, asking.tab.text) });
            setAsking(undefined);
            toast("Saved.");
          }}
        />
      )}
    </>
  );
  return { save: () => void save(), saveAs: () => saveAs(), shown };
}

function Note({ text, action, onAction }: { text: string; action: string; onAction: () => void }) {
  return (
    <p role="status" className="flex flex-wrap items-center gap-2 border-b border-border bg-warning-soft px-3 py-1.5 text-xs">
      <span className="flex-1">{text}</span>
      <Button size="small" onClick={onAction}>
        {action}
      </Button>
    </p>
  );
}
