import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput } from "@codemirror/language";
import { lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { useEffect, useImperativeHandle, useRef, type Ref } from "react";
import { look } from "@/components/code-look";
import { typing } from "@/components/code-typing";
import type { Catalog } from "@/features/sql/completion";
import { languageOf } from "@/features/sql/language";
import { statementAt } from "@/features/sql/text/statements";
import { nonce } from "@/lib/nonce";

/** A piece of the text, and where it starts. */
export interface Piece {
  text: string;
  from: number;
}

/** What the page may ask of the editor. */
export interface Editor {
  /** What is selected, or else everything. */
  chosen: () => Piece;
  /** The statement at the cursor, or the selection. */
  current: () => Piece | undefined;
  mark: (offset: number, message: string) => void;
  unmark: () => void;
  replace: (text: string) => void;
  insert: (text: string) => void;
  focus: () => void;
}

interface Props {
  /** Which text it shows; each keeps its own undo, selection and place. */
  tab: string;
  text: string;
  /** Undefined while it is being read. */
  catalog: Catalog | undefined;
  onChange: (text: string) => void;
  onSelection: (selected: boolean) => void;
  onRun: (piece: "chosen" | "current") => void;
  onSave: () => void;
  onFormat: () => void;
  ref: Ref<Editor>;
}

const does = (act: () => void) => () => {
  act();
  return true;
};

/** CodeMirror with SQL as Postgres speaks it. Tab indents; Escape, then Tab, leaves it. */
export function SqlEditor({ tab, text, catalog, onChange, onSelection, onRun, onSave, onFormat, ref }: Props) {
  const parent = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const language = useRef(new Compartment());
  const states = useRef(new Map<string, EditorState>());
  const shown = useRef(tab);
  const fresh = useRef<(doc: string) => EditorState>(null);
  const latest = useRef({ text, catalog, onChange, onSelection, onRun, onSave, onFormat });
  useEffect(() => {
    latest.current = { text, catalog, onChange, onSelection, onRun, onSave, onFormat };
  });

  useEffect(() => {
    fresh.current = stateOf;
    const editor = new EditorView({ parent: parent.current!, state: stateOf(latest.current.text) });
    view.current = editor;
    // When the browser has laid out the page, which focusing needs. Who went elsewhere meanwhile stays there.
    const before = document.activeElement;
    const frame = requestAnimationFrame(() => setTimeout(() => document.activeElement === before && editor.focus()));
    return () => {
      cancelAnimationFrame(frame);
      editor.destroy();
    };

    function stateOf(doc: string): EditorState {
      return EditorState.create({
        doc,
        extensions: [
          EditorView.cspNonce.of(nonce()),
          Prec.highest(
            keymap.of([
              { key: "Mod-Enter", run: does(() => latest.current.onRun("chosen")) },
              { key: "Mod-Shift-Enter", run: does(() => latest.current.onRun("current")) },
              { key: "Mod-s", run: does(() => latest.current.onSave()), preventDefault: true },
              { key: "Shift-Alt-f", run: does(() => latest.current.onFormat()), preventDefault: true },
            ]),
          ),
          lineNumbers(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          typing,
          autocompletion(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          keymap.of([
            ...closeBracketsKeymap,
            ...completionKeymap,
            { key: "Tab", run: acceptCompletion },
            ...defaultKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...lintKeymap,
            indentWithTab,
          ]),
          placeholder("select * from …"),
          language.current.of([]), // it is told soon, and after each change of the text that is shown
          EditorView.contentAttributes.of({ "aria-label": "SQL" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
            if (update.selectionSet || update.docChanged) latest.current.onSelection(!update.state.selection.main.empty);
          }),
          look,
        ],
      });
    }
  }, []);

  useEffect(() => {
    const editor = view.current!;
    if (shown.current === tab) return;
    states.current.set(shown.current, editor.state);
    shown.current = tab;
    const kept = states.current.get(tab);
    // What another window wrote meanwhile begins anew.
    editor.setState(kept?.doc.toString() === latest.current.text ? kept : fresh.current!(latest.current.text));
    editor.dispatch({ effects: language.current.reconfigure(languageOf(latest.current.catalog)) });
    latest.current.onSelection(!editor.state.selection.main.empty);
    editor.focus();
  }, [tab]);

  // In a task of its own: to make the editor, and to read the text as SQL, each take their time on a slow processor.
  useEffect(() => {
    const timer = setTimeout(() => view.current?.dispatch({ effects: language.current.reconfigure(languageOf(catalog)) }));
    return () => clearTimeout(timer);
  }, [catalog]);

  useImperativeHandle(ref, () => ({
    chosen() {
      const { state } = view.current!;
      const { from, to, empty } = state.selection.main;
      return empty ? { text: state.doc.toString(), from: 0 } : { text: state.sliceDoc(from, to), from };
    },
    current() {
      const { state } = view.current!;
      const { from, to, empty, head } = state.selection.main;
      return empty ? statementAt(state.doc.toString(), head) : { text: state.sliceDoc(from, to), from };
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
    replace(next) {
      const { doc } = view.current!.state;
      if (doc.toString() !== next) view.current!.dispatch({ changes: { from: 0, to: doc.length, insert: next } });
    },
    insert(piece) {
      view.current!.dispatch(view.current!.state.replaceSelection(piece));
      view.current!.focus();
    },
    focus: () => view.current!.focus(),
  }));

  return <div ref={parent} className="h-full min-h-0 overflow-hidden" data-testid="sql-editor" />;
}
