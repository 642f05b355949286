import { useFormContext, useWatch } from "react-hook-form";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import type { FunctionDraft } from "@/features/functions/draft";
import { Check } from "@/features/schema-edit/column-details";

/** With whose rights a function runs, where it finds names, and who may call it. */
export function RightsField({ fresh }: { fresh: boolean }) {
  const { control, register, setValue, formState } = useFormContext<FunctionDraft>();
  const [definer, callers, returns, path] = useWatch({ control, name: ["definer", "callers", "returns", "searchPath"] });
  return (
    <section className="flex flex-col gap-3" aria-label="Rights">
      <Check
        label="Runs with its owner’s rights"
        about={definer ? "Security definer: no policy holds it, whoever calls it. Check in the body what the caller may do." : "Off: policies and grants of its caller hold."}
        checked={definer}
        onChange={(on) => {
          setValue("definer", on, { shouldDirty: true });
          if (on && !path.trim()) setValue("searchPath", "''", { shouldDirty: true });
        }}
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field
          label="Search path"
          error={formState.errors.searchPath?.message}
          hint={path.trim() === "''" ? "'' finds nothing but Postgres’ own: name tables with their schema. So no caller can put another in their place." : path.trim() ? "Where names without a schema are found." : "Not set: names are found where the caller says."}
        >
          <Input {...register("searchPath")} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" placeholder="''" />
        </Field>
        {fresh && returns !== "trigger" && (
          <Field label="May be called by" hint={{ everyone: definer ? "Also by anybody with the publishable key, with the owner’s rights." : "Also by anybody with the publishable key.", "signed-in": "The app’s users, and servers with a secret key.", servers: "Only servers with a secret key." }[callers]}>
            <Select {...register("callers")}>
              <option value="everyone">Everyone</option>
              <option value="signed-in">Signed-in users</option>
              <option value="servers">Servers</option>
            </Select>
          </Field>
        )}
      </div>
    </section>
  );
}
