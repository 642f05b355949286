import { useState } from "react";
import { SqlReview } from "@/components/sql-preview";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { nameProblem } from "@/features/schema-edit/table-schema";
import { renameTrigger } from "@/features/triggers/trigger";
import type { Trigger } from "@/lib/catalog";
import type { Names } from "@/lib/pg";

/** Gives a trigger another name. Those of one moment run in the order of their names. */
export function Rename({ trigger, names, onDone, onClose }: { trigger: Trigger; names: Names; onDone: (name: string) => void; onClose: () => void }) {
  const [name, setName] = useState(trigger.name);
  return (
    <SqlReview
      open
      title={`Rename ${trigger.name}`}
      sql={renameTrigger(trigger, name, names)}
      name={`rename trigger ${trigger.name}`}
      about={
        <Field label="Name" hint="Triggers of one moment run in the order of their names." error={nameProblem(name)}>
          <Input value={name} onChange={(event) => setName(event.target.value)} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
        </Field>
      }
      verb="Rename"
      done={`${trigger.name} was renamed.`}
      onDone={() => onDone(name)}
      onClose={onClose}
    />
  );
}
