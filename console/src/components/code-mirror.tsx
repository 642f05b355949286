import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { PostgreSQL, sql, type SQLNamespace } from "@codemirror/lang-sql";
import { bracketMatching, indentOnInput } from "@codemirror/language";
import { linter } from "@codemirror/lint";
import { closeSearchPanel, highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState, Prec, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers, placeholder as placeholderOf } from "@codemirror/view";
import { useEffect, useLayoutEffect, useRef, type RefObject } from "react";
import { flushSync } from "react-dom";
import { look } from "@/components/code-look";
import { typing } from "@/components/code-typing";
import { nonce } from "@/lib/nonce";

export interface CodeMirrorProps {
  value: string;
  onChange?: (value: string) => void;
  language: "sql" | "json" | "text";
  readOnly?: boolean;
  /** How many lines it is high at least; 3 unless told. */
  minLines?: number;
  /** How many lines it grows to before it scrolls; 20 unless told. */
  maxLines?: number;
  ariaLabel: string;
  placeholder?: string;
  lineNumbers?: boolean;
  autoFocus?: boolean;
  /** Where the caret stood in what was shown before. Else it begins at the end of a line, and before several. */
  caret?: RefObject<number | undefined>;
  /** Cmd or Ctrl with Enter. */
  onSubmit?: () => void;
  /** What SQL is completed with. */
  catalog?: SQLNamespace;
}

/** A change that came from outside, of which nobody outside must be told. */
const given = Annotation.define<boolean>();

export default function CodeMirror(props: CodeMirrorProps) {
  const { value, language, readOnly = false, catalog, ariaLabel } = props;
  const parent = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const parts = useRef({ language: new Compartment(), access: new Compartment() });
  const latest = useRef(props);
  useLayoutEffect(() => {
    latest.current = props;
  });

  useEffect(() => {
    const { value: doc, minLines = 3, maxLines = 20, placeholder, caret } = latest.current;
    const submit = ({ state }: EditorView) => {
      // The keys before may not be drawn yet: what is submitted has them.
      const written = state.doc.toString();
      if (written !== latest.current.value) flushSync(() => latest.current.onChange?.(written));
      latest.current.onSubmit?.();
      return Boolean(latest.current.onSubmit);
    };
    const editor = new EditorView({
      parent: parent.current!,
      state: EditorState.create({
        doc,
        selection: { anchor: Math.min(caret?.current ?? (doc.includes("\n") ? 0 : doc.length), doc.length) },
        extensions: [
          EditorView.cspNonce.of(nonce()),
          height(minLines, maxLines),
          Prec.highest(keymap.of([{ key: "Mod-Enter", run: submit }])),
          latest.current.lineNumbers ? lineNumbers() : [],
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          typing,
          autocompletion(),
          highlightSelectionMatches(),
          EditorView.lineWrapping,
          keymap.of([...closeBracketsKeymap, ...completionKeymap, { key: "Tab", run: acceptCompletion }, ...searchKeymap, ...defaultKeymap, ...historyKeymap]),
          placeholder ? placeholderOf(placeholder) : [],
          parts.current.language.of([]),
          parts.current.access.of([]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !update.transactions.some((each) => each.annotation(given))) latest.current.onChange?.(update.state.doc.toString());
          }),
          look,
        ],
      }),
    });
    view.current = editor;
    const escape = (event: KeyboardEvent) => leaveFirst(editor, event);
    window.addEventListener("keydown", escape, true);
    return () => {
      window.removeEventListener("keydown", escape, true);
      editor.destroy();
    };
  }, []);

  useEffect(() => {
    view.current?.dispatch({ effects: parts.current.language.reconfigure(languageOf(language, catalog)) });
  }, [language, catalog]);

  useEffect(() => {
    const attributes = EditorView.contentAttributes.of({ "aria-label": ariaLabel, ...(readOnly && { "aria-readonly": "true" }) });
    const access = readOnly ? [EditorState.readOnly.of(true), attributes] : [keymap.of([indentWithTab]), attributes];
    view.current?.dispatch({ effects: parts.current.access.reconfigure(access) });
  }, [readOnly, ariaLabel]);

  useEffect(() => {
    const editor = view.current!;
    const shown = editor.state.doc.toString();
    if (shown !== value) editor.dispatch({ changes: { from: 0, to: shown.length, insert: value }, annotations: given.of(true) });
  }, [value]);

  // Last, as what is coloured anew before the browser tells of its caret would take the caret to the beginning.
  useEffect(() => {
    if (latest.current.autoFocus) view.current!.focus();
  }, []);

  return <div ref={parent} />;
}

function languageOf(language: CodeMirrorProps["language"], catalog: SQLNamespace | undefined): Extension {
  if (language === "json") return [json(), linter((view) => (view.state.doc.length > 0 ? jsonParseLinter()(view) : []))];
  if (language === "sql") return sql({ dialect: PostgreSQL, schema: catalog, defaultSchema: "public" });
  return [];
}

const pixels = (lines: number) => `${lines * 20 + 16}px`;

function height(minLines: number, maxLines: number): Extension {
  return EditorView.theme({ "&": { height: "auto" }, ".cm-scroller": { minHeight: pixels(minLines), maxHeight: pixels(maxLines), overflow: "auto" } });
}

/** In a dialog, Escape closes first what is open in the editor, then lets Tab leave it, and only then closes the dialog. */
function leaveFirst(editor: EditorView, event: KeyboardEvent) {
  if (event.key !== "Escape" || !editor.hasFocus || editor.state.readOnly || !editor.dom.closest("[role=dialog], [role=alertdialog]")) return;
  const closed = closeCompletion(editor) || closeSearchPanel(editor);
  if (!closed && leaving.get(editor)! > Date.now()) return;
  if (!closed) {
    leaving.set(editor, Date.now() + 2000);
    editor.setTabFocusMode(2000);
  }
  event.stopImmediatePropagation();
  event.preventDefault();
}

const leaving = new WeakMap<EditorView, number>();
