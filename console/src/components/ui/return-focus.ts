import { useState } from "react";

/** What had the focus before; of a menu, which is about to close, the button that opened it. */
function focused(): HTMLElement | null {
  const now = document.activeElement as HTMLElement | null;
  const opener = now?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  return opener ? document.getElementById(opener) : now;
}

/** Of a dialog without a trigger of its own: gives the focus back to where it came from, or to the page where that is gone. */
export function useReturnFocus() {
  const [before] = useState(focused);
  return (event: Event) => {
    event.preventDefault();
    const to = before?.isConnected && before !== document.body ? before : document.getElementById("content");
    to?.focus();
  };
}
