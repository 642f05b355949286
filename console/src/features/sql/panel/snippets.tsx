import { useInfiniteQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import { Ellipsis, Star, Users } from "lucide-react";
import { useCallback, useState } from "react";
import { copy } from "@/components/copy-button";
import { ErrorState } from "@/components/error-state";
import { FilterInput } from "@/components/filter-input";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { DescribeDialog } from "@/features/sql/panel/save-dialog";
import { isShared, useSnippetActions } from "@/features/sql/panel/use-snippets";
import { SnippetService, SnippetVisibility, type Snippet } from "@/gen/fluxbase/controlplane/v1/snippet_pb";
import { cn } from "@/lib/cn";
import { describe } from "@/lib/errors";
import { useAccount } from "@/lib/organization";
import { useHere } from "@/lib/project-data";
import { moveByArrows } from "@/lib/rows";

const filters = {
  all: { words: "All", query: {} },
  mine: { words: "Mine", query: { mine: true } },
  shared: { words: "Shared", query: { shared: true } },
  favorites: { words: "Favourites", query: { favorites: true } },
} as const;
export type SnippetFilter = keyof typeof filters;

interface Props {
  /** The snippet of the tab that is open. */
  current: string | undefined;
  search: string;
  filter: SnippetFilter;
  onSearch: (search: string, filter: SnippetFilter) => void;
  onOpen: (id: string) => void;
  onSaveNew: () => void;
  /** It was deleted, or came back: its tab keeps the text. */
  onDeleted: (snippet: Snippet) => void;
}

/** Kept texts: the member's own and shared ones, by folder. */
export function Snippets({ current, search, filter, onSearch, onOpen, onSaveNew, onDeleted }: Props) {
  const { project } = useHere();
  const list = useInfiniteQuery(
    SnippetService.method.listSnippets,
    { ref: project.ref, pageSize: 100, pageToken: "", search, ...filters[filter].query },
    { pageParamKey: "pageToken", getNextPageParam: (page) => page.nextPageToken || undefined, staleTime: 10_000, placeholderData: keepPreviousData },
  );
  const found = list.data?.pages.flatMap((page) => page.snippets) ?? [];
  const order = [...new Set(found.map((each) => each.folder))].toSorted((one, other) => one.localeCompare(other));
  const setSearch = useCallback((text: string) => onSearch(text, filter), [onSearch, filter]);
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      <div className="flex flex-col gap-2">
        <FilterInput value={search} onChange={setSearch} label="Search snippets" className="sm:max-w-none" />
        <Select aria-label="Which snippets" value={filter} onChange={(event) => onSearch(search, event.target.value as SnippetFilter)} className="w-full">
          {Object.entries(filters).map(([key, { words }]) => (
            <option key={key} value={key}>
              {words}
            </option>
          ))}
        </Select>
      </div>
      {list.isPending && <SkeletonRows rows={5} label="Loading snippets" />}
      {list.isError && <ErrorState error={list.error} what="The snippets could not be loaded" onRetry={() => void list.refetch()} retrying={list.isFetching} />}
      {list.data && found.length === 0 && (
        <div className="flex flex-col items-start gap-2 text-sm text-muted">
          <p>{search || filter !== "all" ? "No snippet matches." : "A snippet is SQL that you keep: for yourself, or shared with everybody who works on this project."}</p>
          {!search && filter === "all" && (
            <Button size="small" onClick={onSaveNew}>
              Save this tab
            </Button>
          )}
        </div>
      )}
      <div className="-mx-1 min-h-0 flex-1 overflow-y-auto px-1" onKeyDown={moveByArrows} role="presentation">
        {order.map((folder) => (
          <section key={folder} aria-label={folder || "Snippets"}>
            {folder && <h3 className="truncate py-1 text-xs text-faint">{folder}</h3>}
            <ul>
              {found
                .filter((snippet) => snippet.folder === folder)
                .map((snippet) => (
                  <Row key={snippet.id} snippet={snippet} current={snippet.id === current} onOpen={onOpen} onDeleted={onDeleted} />
                ))}
            </ul>
          </section>
        ))}
        {list.hasNextPage && (
          <Button size="small" variant="ghost" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Show more
          </Button>
        )}
      </div>
    </div>
  );
}

function Row({ snippet, current, onOpen, onDeleted }: { snippet: Snippet; current: boolean } & Pick<Props, "onOpen" | "onDeleted">) {
  const me = useAccount().data?.id;
  const { project } = useHere();
  const actions = useSnippetActions();
  const toast = useToast();
  const [naming, setNaming] = useState(false);
  const mine = snippet.authorAccountId === me;
  const shared = isShared(snippet);
  const tell = (work: Promise<unknown>, words: string, undo?: () => void) => void work.then(() => toast(words, undo), (error: unknown) => toast(describe(error).message));
  const address = new URL(`/projects/${project.ref}/sql?snippet=${snippet.id}`, window.location.origin).href;
  const by = mine ? "" : snippet.authorName || snippet.authorEmail || "a former member";
  return (
    <li className={cn("group flex items-center rounded hover:bg-hover", current && "bg-hover")}>
      <button type="button" data-row aria-current={current || undefined} className="flex min-h-8 min-w-0 flex-1 items-center gap-2 rounded px-2 text-left focus-visible:-outline-offset-2" onClick={() => onOpen(snippet.id)}>
        <span className="min-w-0 flex-1">
          <span className="block truncate text-sm">{snippet.name}</span>
          {by && <span className="block truncate text-xs text-muted">by {by}</span>}
        </span>
        {shared && <Users className="size-3.5 shrink-0 text-faint" aria-label="shared" />}
      </button>
      <Button variant="ghost" size="small-icon" aria-label={`Favourite ${snippet.name}`} aria-pressed={snippet.favorite} onClick={() => tell(actions.mark(snippet), snippet.favorite ? "No favourite any more." : "Marked as a favourite.")}>
        <Star className={snippet.favorite ? "fill-warning text-warning" : undefined} />
      </Button>
      <Menu>
        <MenuTrigger asChild>
          <Button variant="ghost" size="small-icon" aria-label={`More about ${snippet.name}`}>
            <Ellipsis />
          </Button>
        </MenuTrigger>
        <MenuContent align="end">
          <MenuItem disabled={!snippet.changeable} onSelect={() => setNaming(true)}>
            Rename or move
          </MenuItem>
          <MenuItem
            disabled={!mine}
            onSelect={() => tell(actions.share(snippet, shared ? SnippetVisibility.PRIVATE : SnippetVisibility.SHARED), shared ? "Only you see it now." : "Everybody who works on the project sees it now.")}
          >
            {shared ? "Stop sharing" : "Share with the project"}
          </MenuItem>
          <MenuItem onSelect={() => tell(actions.duplicate(snippet), "A copy of your own was made.")}>Duplicate</MenuItem>
          <MenuItem onSelect={() => tell(copy(address), shared ? "Link copied." : "Link copied. Only you can open it, as it is not shared.")}>Copy link</MenuItem>
          <MenuSeparator />
          <MenuItem
            danger
            disabled={!snippet.changeable}
            onSelect={() =>
              tell(
                actions.remove(snippet).then(() => onDeleted(snippet)),
                `${snippet.name} was deleted.`,
                () => tell(actions.restore(snippet), `${snippet.name} is back.`),
              )
            }
          >
            Delete
          </MenuItem>
        </MenuContent>
      </Menu>
      {naming && <DescribeDialog snippet={snippet} onClose={() => setNaming(false)} />}
    </li>
  );
}
