import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionContext } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { PostgreSQL, sql, type SQLNamespace } from "@codemirror/lang-sql";
import { bracketMatching, indentOnInput } from "@codemirror/language";
import { lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { useEffect, useImperativeHandle, useRef, type Ref } from "react";
import { look } from "@/components/code-look";
import { nonce } from "@/lib/nonce";

/** What the page may ask of the editor. */
export interface Editor {
  /** What is selected, or else everything; and where it starts. */
  chosen: () => { text: string; from: number };
  mark: (offset: number, message: string) => void;
  unmark: () => void;
  replace: (text: string) => void;
  focus: () => void;
}

interface Props {
  initial: string;
  /** Undefined while it is being read. */
  catalog: SQLNamespace | undefined;
  onChange: (text: string) => void;
  onSelection: (selected: boolean) => void;
  onRun: () => void;
  ref: Ref<Editor>;
}

/** CodeMirror with SQL as Postgres speaks it. Tab indents; Escape, then Tab, leaves it. */
export function SqlEditor({ initial, catalog, onChange, onSelection, onRun, ref }: Props) {
  const parent = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const language = useRef(new Compartment());
  const handlers = useRef({ onChange, onSelection, onRun });
  useEffect(() => {
    handlers.current = { onChange, onSelection, onRun };
  });
  const start = useRef(initial);

  useEffect(() => {
    const run = () => {
      handlers.current.onRun();
      return true;
    };
    const editor = new EditorView({
      parent: parent.current!,
      state: EditorState.create({
        doc: start.current,
        extensions: [
          EditorView.cspNonce.of(nonce()),
          Prec.highest(keymap.of([{ key: "Mod-Enter", run }])),
          lineNumbers(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          autocompletion(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap, indentWithTab]),
          placeholder("select * from …"),
          language.current.of(languageOf(undefined)),
          EditorView.contentAttributes.of({ "aria-label": "SQL" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) handlers.current.onChange(update.state.doc.toString());
            if (update.selectionSet || update.docChanged) handlers.current.onSelection(!update.state.selection.main.empty);
          }),
          look,
        ],
      }),
    });
    view.current = editor;
    editor.focus();
    return () => editor.destroy();
  }, []);

  useEffect(() => {
    view.current?.dispatch({ effects: language.current.reconfigure(languageOf(catalog)) });
  }, [catalog]);

  useImperativeHandle(ref, () => ({
    chosen() {
      const { state } = view.current!;
      const { from, to, empty } = state.selection.main;
      return empty ? { text: state.doc.toString(), from: 0 } : { text: state.sliceDoc(from, to), from };
    },
    mark(offset, message) {
      const { state } = view.current!;
      const from = Math.min(offset, state.doc.length);
      const word = state.wordAt(from);
      const to = Math.max(word?.to ?? from, Math.min(from + 1, state.doc.length));
      view.current!.dispatch(setDiagnostics(state, [{ from, to, severity: "error", message }]));
      view.current!.dispatch({ effects: EditorView.scrollIntoView(from, { y: "center" }) });
    },
    unmark() {
      const { state } = view.current!;
      view.current!.dispatch(setDiagnostics(state, []));
    },
    replace(text) {
      view.current!.dispatch({ changes: { from: 0, to: view.current!.state.doc.length, insert: text } });
    },
    focus: () => view.current!.focus(),
  }));

  return <div ref={parent} className="h-full min-h-0 overflow-hidden" data-testid="sql-editor" />;
}

/** SQL with the names of the catalog. What is asked before the catalog is there waits: CodeMirror asks again when the language is replaced. */
function languageOf(catalog: SQLNamespace | undefined) {
  if (catalog) return sql({ dialect: PostgreSQL, schema: catalog, defaultSchema: "public", upperCaseKeywords: false });
  return [sql({ dialect: PostgreSQL }), PostgreSQL.language.data.of({ autocomplete: untilAborted })];
}

function untilAborted(context: CompletionContext): Promise<null> {
  return new Promise((resolve) => context.addEventListener("abort", () => resolve(null)));
}
