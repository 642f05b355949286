import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, MatchDecorator, ViewPlugin, type DecorationSet, type ViewUpdate } from "@codemirror/view";
import { useEffect, useImperativeHandle, useRef, type Ref } from "react";
import { typing } from "@/components/code-typing";
import { nonce } from "@/lib/nonce";

export interface Editor {
  /** Puts text where the cursor is. */
  insert: (text: string) => void;
}

interface Props {
  value: string;
  onChange: (text: string) => void;
  disabled: boolean;
  label: string;
  ref: Ref<Editor>;
}

const theme = EditorView.theme({
  "&": { fontSize: "12px", backgroundColor: "var(--background)", color: "var(--foreground)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono, 'JetBrains Mono Variable', monospace)", lineHeight: "20px", minHeight: "280px", maxHeight: "60vh" },
  ".cm-content": { caretColor: "var(--foreground)" },
  ".cm-gutters": { backgroundColor: "var(--background)", color: "var(--faint)", border: "none" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--hover) 55%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--foreground)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "color-mix(in srgb, var(--accent) 26%, transparent) !important" },
  ".cm-panels": { backgroundColor: "var(--surface)", color: "var(--foreground)" },
  ".cm-tag": { color: "var(--code-keyword)" },
  ".cm-action": { color: "var(--code-type)", backgroundColor: "var(--hover)", borderRadius: "3px" },
});

/** Colours markup, and what the template puts in. */
const marks = new MatchDecorator({
  regexp: /\{\{[^}]*\}\}|<\/?[a-zA-Z][^\s>]*|\/?>/g,
  decoration: ([text]) => Decoration.mark({ class: text.startsWith("{{") ? "cm-action" : "cm-tag" }),
});
const colours = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = marks.createDeco(view);
    }
    update(update: ViewUpdate) {
      this.decorations = marks.updateDeco(update, this.decorations);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

/** CodeMirror for the HTML of a mail. Tab leaves it. */
export function TemplateEditor({ value, onChange, disabled, label, ref }: Props) {
  const parent = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const writable = useRef(new Compartment());
  const start = useRef({ value, label });
  const changed = useRef(onChange);
  useEffect(() => {
    changed.current = onChange;
  });

  useEffect(() => {
    const editor = new EditorView({
      parent: parent.current!,
      state: EditorState.create({
        doc: start.current.value,
        extensions: [
          EditorView.cspNonce.of(nonce()),
          lineNumbers(),
          history(),
          typing,
          drawSelection(),
          highlightActiveLine(),
          EditorView.lineWrapping,
          keymap.of([...defaultKeymap, ...searchKeymap, ...historyKeymap]),
          writable.current.of([]),
          EditorView.contentAttributes.of({ "aria-label": start.current.label }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current(update.state.doc.toString());
          }),
          colours,
          theme,
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, []);

  // What came from elsewhere: the default, or what was saved.
  useEffect(() => {
    const editor = view.current!;
    if (editor.state.doc.toString() !== value) editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    view.current!.dispatch({ effects: writable.current.reconfigure([EditorState.readOnly.of(disabled), EditorView.editable.of(!disabled)]) });
  }, [disabled]);

  useImperativeHandle(ref, () => ({
    insert(text) {
      view.current!.dispatch(view.current!.state.replaceSelection(text));
      view.current!.focus();
    },
  }));

  return <div ref={parent} className="overflow-hidden rounded-md border border-border focus-within:border-accent" />;
}
