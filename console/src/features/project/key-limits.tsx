import type { FieldErrors, UseFormRegister } from "react-hook-form";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { scopesFor } from "@/features/project/key-scopes";
import { KeyType } from "@/gen/fluxbase/controlplane/v1/key_pb";

export interface KeyForm {
  name: string;
  type: string;
  days: string;
  bounds: string;
  scopes: string[];
  perSecond: string;
}

interface Props {
  type: KeyType;
  bounded: boolean;
  register: UseFormRegister<KeyForm>;
  errors: FieldErrors<KeyForm>;
}

/** What a new key may do, and how often. */
export function KeyLimits({ type, bounded, register, errors }: Props) {
  const note = errors.scopes?.message;
  return (
    <>
      <Field label="May do" hint={bounded ? undefined : type === KeyType.SECRET ? "Everything but SQL, which takes the scope sql:run." : "Everything that row level security lets it."}>
        <Select {...register("bounds")}>
          <option value="">Everything</option>
          <option value="scopes">Only what is chosen here</option>
        </Select>
      </Field>
      {bounded && (
        <fieldset className="flex flex-col gap-1.5" aria-describedby={note ? "key-scopes-note" : undefined}>
          <legend className="sr-only">Scopes</legend>
          {scopesFor(type).map(({ name, about }) => (
            <label key={name} className="flex items-baseline gap-2 text-sm">
              <input type="checkbox" value={name} className="translate-y-0.5 accent-accent" {...register("scopes")} />
              <code className="font-mono text-xs whitespace-nowrap">{name}</code>
              <span className="text-xs text-muted">{about}</span>
            </label>
          ))}
          {note && (
            <p id="key-scopes-note" role="alert" className="text-xs text-danger">
              {note}
            </p>
          )}
        </fieldset>
      )}
      <Field label="Requests per second" hint="Leave empty for the limit of the plan." error={errors.perSecond?.message}>
        <Input inputMode="numeric" autoComplete="off" placeholder="The plan’s limit" {...register("perSecond")} />
      </Field>
    </>
  );
}
