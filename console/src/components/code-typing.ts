import { EditorView } from "@codemirror/view";

/**
 * Puts what is typed in place of a selection. Browsers would give the new text the colours of the old by a style attribute, which the
 * Content-Security-Policy forbids.
 */
export const typing = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { state } = view;
    const { from, to, empty } = state.selection.main;
    const text = event.data;
    if (event.inputType !== "insertText" || text === null || empty || event.isComposing || view.composing || state.readOnly) return false;
    const insert = () => state.update(state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
    if (!state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, text, insert))) view.dispatch(insert());
    return true;
  },
});
