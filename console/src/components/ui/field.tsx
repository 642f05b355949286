import { Label } from "radix-ui";
import { cloneElement, useId, type ReactElement, type ReactNode } from "react";

interface Props {
  label: ReactNode;
  hint?: ReactNode;
  error?: string;
  /** The control; gets its id and the ids of what describes it. */
  children: ReactElement<{ id?: string; "aria-describedby"?: string; "aria-invalid"?: boolean }>;
}

/** A label, its control, and beneath it what is wrong or else what to know. */
export function Field({ label, hint, error, children }: Props) {
  const id = useId();
  const note = error || hint ? `${id}-note` : undefined;
  return (
    <div className="flex flex-col gap-1.5">
      <Label.Root htmlFor={id} className="text-sm font-medium">
        {label}
      </Label.Root>
      {cloneElement(children, { id, "aria-describedby": note, "aria-invalid": error ? true : undefined })}
      {error ? (
        <p id={note} role="alert" className="text-xs text-danger">
          {error}
        </p>
      ) : (
        hint && (
          <p id={note} className="text-xs text-muted">
            {hint}
          </p>
        )
      )}
    </div>
  );
}
