import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { z } from "zod";
import { Divider } from "@/components/divider";
import { ErrorState } from "@/components/error-state";
import { useTitle } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { useToast } from "@/components/ui/toast";
import { DangerDialog } from "@/features/sql/danger-dialog";
import type { Editor } from "@/features/sql/editor";
import { useExecute } from "@/features/sql/execute";
import { example } from "@/features/sql/panel/example";
import { History } from "@/features/sql/panel/history-list";
import { Panel, PanelButtons, useWide, type PanelName } from "@/features/sql/panel/panel";
import { Snippets, type SnippetFilter } from "@/features/sql/panel/snippets";
import { Templates } from "@/features/sql/panel/templates-list";
import { useHistory } from "@/features/sql/panel/use-history";
import { Results } from "@/features/sql/results/results";
import { useAs } from "@/features/sql/role";
import { useSaving, useWantedSnippet } from "@/features/sql/snippet-tab";
import { TabBar } from "@/features/sql/tabs/bar";
import { mostTabs, titleOf, type ChartChoice, type Tab } from "@/features/sql/tabs/store";
import { useTabs } from "@/features/sql/tabs/use-tabs";
import { Toolbar } from "@/features/sql/toolbar";
import { useCompletion } from "@/features/sql/use-completion";
import { describe } from "@/lib/errors";
import { useAccount } from "@/lib/organization";
import { useHere, useNames } from "@/lib/project-data";
import { recall, remember } from "@/lib/remembered";

const route = getRouteApi("/app/projects/$ref/sql");
// CodeMirror is large: it comes beside the page, and the text stands there meanwhile.
const SqlEditor = lazy(() => import("@/features/sql/editor").then((module) => ({ default: module.SqlEditor })));

export function SqlPage() {
  return (
    <ProjectData title="SQL editor">
      <OfAccount />
    </ProjectData>
  );
}

/** Texts are kept apart for each account that signs in with this browser. */
function OfAccount() {
  const { project } = useHere();
  const account = useAccount();
  if (account.isError) return <ErrorState error={account.error} what="Your account could not be loaded" onRetry={() => void account.refetch()} className="m-4" />;
  if (!account.data) return null; // known before any page is shown
  return <Workbench key={`${project.ref} ${account.data.id}`} of={`${project.ref}-${account.data.id}`} />;
}

function Workbench({ of }: { of: string }) {
  const { project } = useHere();
  useTitle(`SQL editor · ${project.name}`);
  const { result, view, panel, find, which } = route.useSearch();
  const navigate = route.useNavigate();
  const toast = useToast();
  const editor = useRef<Editor>(null);
  const { store, tabs, current, kept, outside, wanted, show } = useTabs(`fluxbase-sql-tabs-${of}`);
  const { history, add, write } = useHistory(`fluxbase-sql-history-${of}`);
  const { catalog, refresh } = useCompletion();
  const { names } = useNames();
  const as = useAs(current.as);
  const [selected, setSelected] = useState(false);
  const wide = useWide();
  const opened = useWantedSnippet(store, wanted);
  const setText = useCallback((text: string) => (editor.current ? editor.current.replace(text) : store.change(current.id, { text })), [store, current.id]);
  const { save, saveAs, shown: aboutSnippet } = useSaving({ tab: current, store, onText: setText });
  const refused = as.pending ? "The user is being looked up. Try again in a moment." : as.error ? "The chosen user could not be looked up. Choose another role." : undefined;
  const unshow = useCallback(() => void navigate({ search: (old) => ({ ...old, result: undefined }), replace: true }), [navigate]);
  const { run, execute, retry, notice, dangers, confirm, dismiss, cancel, cancelAll, forget, runOf } = useExecute({
    tab: current,
    who: as.who,
    refused,
    editor,
    onStart: unshow,
    onSchema: () => void refresh(),
    onRan: add,
  });
  useEffect(() => cancelAll, [cancelAll]);

  const open = useCallback(
    (tab: Partial<Tab>) => {
      const { tabs: all, open: id } = store.get();
      const here = all.find((each) => each.id === id);
      if (all.length >= mostTabs) return toast(`${mostTabs} tabs are the most. Close one first.`);
      const made = store.add(tab);
      if (here && !here.text && !here.snippet && !here.title) store.close(here.id);
      void show(made);
    },
    [show, store, toast],
  );
  const setPanel = (next: PanelName | undefined) => void navigate({ search: (old) => ({ ...old, panel: next, find: undefined, which: undefined }), replace: true });
  const left = () => !wide && setPanel(undefined);

  async function format() {
    const { text, from } = editor.current?.chosen() ?? { text: current.text, from: 0 };
    const whole = text.length === current.text.length;
    try {
      const { formatDialect, postgresql } = await import("sql-formatter");
      const formatted = formatDialect(text, { dialect: postgresql, keywordCase: "preserve", tabWidth: 2 });
      const now = editor.current?.chosen();
      if (store.get().open !== current.id || (now && (now.text !== text || now.from !== from))) return; // who writes on meanwhile has another text
      if (whole) setText(`${formatted}\n`);
      else editor.current?.insert(formatted);
    } catch (error) {
      toast(`Not formatted: ${describe(error).message.split("\n")[0]}`);
    }
  }

  const setChart = useCallback((chart: ChartChoice) => store.change(current.id, { chart }), [store, current.id]);
  const empty = !current.text.trim();
  const [split, setSplit] = useSplit();
  function insertExample() {
    setText(example);
    editor.current?.focus();
  }
  useSaveKey(save);
  return (
    <div className="flex h-full min-h-[480px] flex-col">
      <h1 className="sr-only">SQL editor</h1>
      <div className="@container flex h-10 shrink-0 items-stretch border-b border-border bg-surface">
        <PanelButtons open={panel} onChange={setPanel} />
        <TabBar store={store} tabs={tabs} current={current} onShow={(tab) => void show(tab)} onClosed={(tab) => forget(tab.id)} running={(id) => runOf(id).state === "running"} onSaveAs={saveAs} />
      </div>
      <div className="flex min-h-0 flex-1">
        {panel && (
          <Panel open={panel} onClose={() => setPanel(undefined)}>
            {panel === "snippets" && (
              <Snippets
                current={current.snippet?.id}
                search={find ?? ""}
                filter={which ?? "all"}
                onSearch={(text, filter: SnippetFilter) => void navigate({ search: (old) => ({ ...old, find: text || undefined, which: filter === "all" ? undefined : filter }), replace: true })}
                onOpen={(id) => void navigate({ search: (old) => ({ panel: wide ? old.panel : undefined, find: old.find, which: old.which, snippet: id }) })}
                onSaveNew={save}
                onDeleted={(snippet) => {
                  const tab = store.get().tabs.find((each) => each.snippet?.id === snippet.id);
                  if (tab) store.change(tab.id, { snippet: undefined, title: tab.title || snippet.name });
                }}
              />
            )}
            {panel === "history" && (
              <History
                history={history}
                onChange={write}
                onOpen={(past) => {
                  open({ text: past.text, as: past.as });
                  left();
                }}
              />
            )}
            {panel === "templates" && <Templates onOpen={(title, sql) => open({ title, text: sql.replaceAll("{auth}", names?.schema("auth") ?? "auth") })} />}
          </Panel>
        )}
        <div className="@container flex min-w-0 flex-1 flex-col">
          <Toolbar
            empty={empty}
            running={run.state === "running"}
            selected={selected}
            onRun={execute}
            onCancel={() => cancel(current.id)}
            onFormat={() => void format()}
            onSave={save}
            as={current.as}
            asName={as.name}
            onAs={(next) => store.change(current.id, { as: next })}
            limit={current.limit}
            onLimit={(limit) => store.change(current.id, { limit })}
          />
          {opened.error && <ErrorState error={opened.error} what="The snippet could not be opened" onRetry={opened.retry} retrying={opened.retrying} className="m-2" />}
          {as.error && <ErrorState error={as.error} what="The chosen user could not be looked up" onRetry={as.retry} className="m-2" />}
          {!kept && (
            <p role="alert" className="border-b border-border bg-warning-soft px-3 py-1.5 text-xs">
              This browser has no room to keep what you write. Save it as a snippet, or close tabs.
            </p>
          )}
          {aboutSnippet}
          <div className="min-h-24 shrink-0 overflow-hidden" style={{ height: `${split}%` }}>
            <Suspense fallback={<pre className="overflow-hidden py-2 pl-10 font-mono text-[13px] leading-5">{current.text}</pre>}>
              <SqlEditor
                key={outside}
                ref={editor}
                tab={current.id}
                text={current.text}
                catalog={catalog}
                onChange={(text) => store.change(current.id, { text })}
                onSelection={setSelected}
                onRun={(piece) => execute(piece, "rows")}
                onSave={save}
                onFormat={() => void format()}
              />
            </Suspense>
          </div>
          <Divider label="Height of the editor" orientation="horizontal" at={split} unit="percent" least={15} most={75} usual={usualSplit} onMove={setSplit} />
          {notice && (
            <p role="alert" className="border-b border-border bg-warning-soft px-4 py-2 text-sm">
              {notice}
            </p>
          )}
          <div className="min-h-0 flex-1">
            <Results
              run={run}
              onExample={empty ? insertExample : undefined}
              shown={result}
              onShow={(index) => void navigate({ search: (old) => ({ ...old, result: index }), replace: true })}
              onRetry={retry}
              view={view}
              onView={(next) => void navigate({ search: (old) => ({ ...old, view: next }), replace: true })}
              chart={current.chart}
              onChart={setChart}
              as={as.who}
              name={titleOf(current).replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 60) || "result"}
            />
          </div>
        </div>
      </div>
      <DangerDialog dangers={dangers} onClose={dismiss} onConfirm={confirm} />
    </div>
  );
}

const usualSplit = 40;

/** How much of the height is the editor's, in percent; kept in this browser. */
function useSplit() {
  const [split, setSplit] = useState(() => recall("fluxbase-sql-split", z.number().min(15).max(75)) ?? usualSplit);
  const set = useCallback((next: number) => {
    setSplit(next);
    remember("fluxbase-sql-split", next);
  }, []);
  return [split, set] as const;
}

/** Ctrl-S saves wherever the focus is; the editor has its own. */
function useSaveKey(save: () => void) {
  const latest = useRef(save);
  useEffect(() => {
    latest.current = save;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey || event.shiftKey || !(event.metaKey || event.ctrlKey) || event.key.toLowerCase() !== "s") return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
