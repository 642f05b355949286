import { useMutation } from "@tanstack/react-query";
import { Play, Square } from "lucide-react";
import { useMemo, useRef, useState, type FormEvent } from "react";
import { Button } from "@/components/ui/button";
import { ArgumentInput } from "@/features/functions/argument-input";
import { CallResult, type Answer } from "@/features/functions/call-result";
import { Calls } from "@/features/functions/calls-list";
import { callSql, faultOf, parametersOf, startOf, type Given, type Parameter } from "@/features/functions/call";
import { SnippetsOf } from "@/features/functions/snippets-of";
import { useCalls } from "@/features/functions/use-calls";
import { Waiting } from "@/features/schema-edit/facts";
import { RoleChoice, roleNote, useAs } from "@/features/sql/role";
import type { DatabaseFunction } from "@/lib/catalog";
import { describe } from "@/lib/errors";
import type { Names } from "@/lib/pg";
import { useCatalog, useHere, useNames } from "@/lib/project-data";

/** Calls a function with a form that fits its arguments. */
export function CallPanel({ fn }: { fn: DatabaseFunction }) {
  const { names, schemas } = useNames();
  const types = useCatalog("types");
  const parameters = useMemo(() => (names && types.data ? parametersOf(fn, types.data, names) : undefined), [fn, types.data, names]);
  if (fn.kind === "aggregate" || fn.kind === "window") return <p className="text-sm text-muted">It is called over many rows: in a query of the SQL editor.</p>;
  return (
    <>
      <Waiting queries={[schemas, types]} what="The types" rows={4} />
      {names && parameters && <CallForm fn={fn} names={names} parameters={parameters} />}
    </>
  );
}

function CallForm({ fn, names, parameters }: { fn: DatabaseFunction; names: Names; parameters: Parameter[] }) {
  const { meta } = useHere();
  const start = useMemo(() => Object.fromEntries(parameters.map((each) => [each.place, startOf(each)])), [parameters]);
  const [values, setValues] = useState<Record<number, Given>>(start);
  const [as, setAs] = useState<string>();
  const [tried, setTried] = useState(false);
  const who = useAs(as);
  const { calls, add, clear } = useCalls(fn);
  const running = useRef<AbortController>(undefined);
  const call = useMutation({
    mutationFn: async (): Promise<Answer> => {
      running.current = new AbortController();
      const { query, params } = callSql(fn, parameters, values, names);
      const began = performance.now();
      const past = { id: crypto.getRandomValues(new Uint32Array(2)).join("-"), at: Date.now(), as, values };
      const took = () => Math.round(performance.now() - began);
      try {
        const [result] = await meta.query(query, running.current.signal, { params, text: true, as: who.who });
        add({ ...past, took: took(), rows: result!.rows.length });
        return { result: result!, took: took() };
      } catch (error) {
        if (!running.current.signal.aborted) add({ ...past, took: took(), error: describe(error).message });
        throw running.current.signal.aborted ? new Error("It was cancelled: what it did was taken back.") : error;
      }
    },
  });
  const faults = Object.fromEntries(parameters.map((each) => [each.place, faultOf(each, values[each.place] ?? { is: "default" }, parameters, values)]));
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    setTried(true);
    if (call.isPending || who.pending || who.error || Object.values(faults).some(Boolean)) return;
    call.mutate();
  };
  return (
    <div className="flex flex-col gap-6">
      <form className="flex flex-col gap-4" onSubmit={submit} noValidate aria-label={`Call ${fn.name}`}>
        {parameters.length === 0 && <p className="text-sm text-muted">It takes no arguments.</p>}
        {parameters.map((each) => (
          <ArgumentInput key={each.place} parameter={each} given={values[each.place] ?? { is: "default" }} fault={tried ? faults[each.place] : undefined} onChange={(given) => setValues((old) => ({ ...old, [each.place]: given }))} onSubmit={() => submit()} />
        ))}
        <div className="flex flex-wrap items-center gap-2">
          {call.isPending ? (
            <Button variant="danger" onClick={() => running.current?.abort()}>
              <Square aria-hidden /> Cancel
            </Button>
          ) : (
            <Button type="submit" variant="primary" disabled={who.pending}>
              <Play aria-hidden /> Call
            </Button>
          )}
          <span className="text-sm text-muted">as</span>
          <RoleChoice as={as} name={who.name} onChange={setAs} about="The function is called as" />
          <span className="text-xs text-muted">{who.error ? "The chosen user could not be looked up. Choose another role." : roleNote(as)}</span>
        </div>
        {fn.volatility === "volatile" && <p className="text-xs text-muted">The call is a real one: what the function changes is kept.</p>}
      </form>
      <CallResult answer={call.data} error={call.error} pending={call.isPending} name={fn.name} />
      <SnippetsOf fn={fn} parameters={parameters} values={values} names={names} />
      <Calls calls={calls} parameters={parameters} onChoose={(past) => { setValues({ ...start, ...past.values }); setAs(past.as); }} onClear={clear} />
    </div>
  );
}
