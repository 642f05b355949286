import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { Button, type ButtonProps } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";

/** Puts text on the clipboard; also where browsers withhold it, on pages served by plain HTTP. */
export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "fixed opacity-0";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("The browser did not let the text be copied.");
}

interface Props extends Omit<ButtonProps, "value"> {
  value: string;
  /** What is copied, for the tooltip and screen readers: "project URL". */
  what: string;
  label?: string;
}

export function CopyButton({ value, what, label, ...rest }: Props) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 2000);
    return () => clearTimeout(timer);
  }, [state]);
  const words = { idle: `Copy ${what}`, copied: "Copied", failed: "Not copied: the browser refused" }[state];
  return (
    <Tooltip text={words}>
      <Button
        variant="ghost"
        size={label ? "small" : "small-icon"}
        aria-label={words}
        onClick={() =>
          void copy(value).then(
            () => setState("copied"),
            () => setState("failed"),
          )
        }
        {...rest}
      >
        {state === "copied" ? <Check className="text-success" /> : <Copy />}
        {label && (state === "copied" ? "Copied" : label)}
      </Button>
    </Tooltip>
  );
}
