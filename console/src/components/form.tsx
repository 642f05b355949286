import { zodResolver } from "@hookform/resolvers/zod";
import { useEffect } from "react";
import { useForm, type DefaultValues, type FieldValues, type Path, type UseFormReturn } from "react-hook-form";
import type { z } from "zod";
import { describe } from "@/lib/errors";

/** A form checked by a schema before it is sent, that shows what the server says of its fields beside them. */
export function useCheckedForm<In extends FieldValues, Out extends FieldValues>(
  schema: z.ZodType<Out, In>,
  defaultValues: DefaultValues<In>,
  serverError?: unknown,
): UseFormReturn<In, unknown, Out> {
  const form = useForm<In, unknown, Out>({ resolver: zodResolver(schema as never) as never, defaultValues });
  const { setError, getValues } = form;
  useEffect(() => {
    if (!serverError) return;
    const known = new Set(Object.keys(getValues()));
    for (const [name, message] of Object.entries(describe(serverError).fields)) {
      if (known.has(name)) setError(name as Path<In>, { message });
    }
  }, [serverError, setError, getValues]);
  return form;
}
