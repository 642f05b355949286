import { useMutation, useQuery } from "@tanstack/react-query";
import { Copy, Trash2 } from "lucide-react";
import { useState, type ReactNode } from "react";
import { Confirm } from "@/components/confirm";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { SkeletonRows } from "@/components/ui/skeleton";
import { copy as copyText } from "@/components/copy-button";
import { useToast } from "@/components/ui/toast";
import { copyOf, type Values } from "@/features/tables/change";
import { readRow, rowsOf, type Row } from "@/features/tables/read";
import { fieldsOf, newFields } from "@/features/tables/row-fields";
import { RowForm } from "@/features/tables/row-form";
import { parseKey } from "@/features/tables/row-key";
import { asJson } from "@/features/tables/row-text";
import { Conflict, type Changes } from "@/features/tables/use-changes";
import type { TableSearch } from "@/features/tables/use-search";
import type { TableInfo } from "@/features/tables/use-table";
import type { As } from "@/lib/meta";
import { useHere } from "@/lib/project-data";

interface Props {
  info: TableInfo;
  changes: Changes;
  as: As | undefined;
  search: TableSearch;
}

/** The row that the address names, whole. */
function useWholeRow({ info, changes, as, search }: Props) {
  const { project, meta } = useHere();
  const { schema, table } = info.relation;
  const key = parseKey(search.row);
  return useQuery({
    // Not among the rows that changes make old: it would be read again while somebody types in it.
    queryKey: ["row", project.ref, schema, table, search.as ?? "owner", search.row],
    queryFn: async ({ signal }): Promise<Row | null> => {
      if (!key) return null;
      await changes.settled(search.row!); // what was typed in its cells counts
      const { query, params } = readRow(info.relation, key);
      const [result] = await meta.query(query, signal, { params, text: true, as, readOnly: true });
      const [row] = rowsOf(info.relation, result!.rows);
      return row ? { ...row, cut: new Set<number>() } : null;
    },
    staleTime: 0,
    gcTime: 0, // opened again it is read anew, and not shown as it was before
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    retry: false,
  });
}

/** One row at an address of its own, to be read and changed. */
export function RowSheet({ info, changes, as, search, onDelete }: Props & { onDelete: (row: Row) => void }) {
  const row = useWholeRow({ info, changes, as, search });
  const toast = useToast();
  const close = () => search.set({ row: undefined });
  const save = useMutation({
    mutationFn: async ({ values, whatever }: { values: Values; whatever: boolean }) => {
      const old = row.data!;
      const next = await changes.update(old, values, whatever);
      changes.replace(old, next);
      const before = Object.fromEntries(Object.keys(values).map((name) => [name, old.values[info.relation.columns.findIndex((each) => each.name === name)] ?? null]));
      changes.offer("The row was changed.", async () => {
        await changes.update(next, before);
        await changes.changed();
      });
    },
    onSuccess: () => {
      close();
      void changes.changed();
    },
  });
  const changed = save.error instanceof Conflict && save.error.code === "changed";
  return (
    <GuardedSheet title={`Row of ${info.table.name}`} description={search.row} onClose={close}>
      {(requestClose, onDirty) => (
        <>
          {row.isPending && <SkeletonRows rows={6} label="Loading the row" />}
          {row.isError && <ErrorState error={row.error} what="The row could not be loaded" onRetry={() => void row.refetch()} retrying={row.isFetching} />}
          {row.data === null && <EmptyState title="There is no such row">It was deleted, its key was changed, or this role does not see it.</EmptyState>}
          {row.data && (
            <RowForm
              key={row.data.version}
              info={info}
              as={as}
              who={search.as}
              initial={fieldsOf(info.relation.columns, row.data.values)}
              existing
              verb="Save row"
              busy={save.isPending}
              error={save.error}
              onDirty={onDirty}
              onCancel={requestClose}
              onSubmit={(values) => save.mutate({ values, whatever: false })}
              remedy={
                changed && (
                  <div className="flex gap-2">
                    <Button size="small" onClick={() => save.mutate({ values: save.variables!.values, whatever: true })}>
                      Save anyway
                    </Button>
                    <Button
                      size="small"
                      onClick={() => {
                        save.reset();
                        void row.refetch();
                      }}
                    >
                      Read the row again
                    </Button>
                  </div>
                )
              }
              actions={
                <div className="flex gap-2">
                  <Button
                    size="small"
                    onClick={() => {
                      void copyText(asJson(info.relation.columns, [row.data!]));
                      toast("The row was copied as JSON.");
                    }}
                  >
                    <Copy aria-hidden /> Copy JSON
                  </Button>
                  {info.rights.delete && (
                    <Button
                      size="small"
                      variant="danger"
                      onClick={() => {
                        close();
                        onDelete(row.data!);
                      }}
                    >
                      <Trash2 aria-hidden /> Delete
                    </Button>
                  )}
                </div>
              }
            />
          )}
        </>
      )}
    </GuardedSheet>
  );
}

/** A new row, its defaults shown; a copy of the row that the address names, if it names one. */
export function InsertSheet({ info, changes, as, search }: Props) {
  const source = useWholeRow({ info, changes, as, search });
  const close = () => search.set({ insert: undefined, row: undefined });
  const insert = useMutation({ mutationFn: (values: Values) => changes.insert(values), onSuccess: close });
  const ready = !search.row || source.isSuccess;
  const given = source.data ? copyOf(info.relation, source.data).values : undefined;
  return (
    <GuardedSheet title={`Insert row into ${info.table.name}`} onClose={close}>
      {(requestClose, onDirty) => (
        <>
          {!ready && source.isPending && <SkeletonRows rows={6} label="Loading the row to copy" />}
          {source.isError && search.row && <ErrorState error={source.error} what="The row to copy could not be loaded" onRetry={() => void source.refetch()} />}
          {ready && (
            <RowForm
              info={info}
              as={as}
              who={search.as}
              initial={newFields(info.relation.columns, given)}
              existing={false}
              verb="Insert row"
              busy={insert.isPending}
              error={insert.error}
              onDirty={onDirty}
              onCancel={requestClose}
              onSubmit={insert.mutate}
            />
          )}
        </>
      )}
    </GuardedSheet>
  );
}

/** A sheet that asks before what was typed in it is lost. */
function GuardedSheet({ title, description, onClose, children }: { title: string; description?: string; onClose: () => void; children: (requestClose: () => void, onDirty: (dirty: boolean) => void) => ReactNode }) {
  const [dirty, setDirty] = useState(false);
  const [asking, setAsking] = useState(false);
  const requestClose = () => (dirty ? setAsking(true) : onClose());
  return (
    <>
      <Sheet open onOpenChange={(open) => !open && requestClose()} title={title} description={description} className="max-w-[600px]">
        {children(requestClose, setDirty)}
      </Sheet>
      <Confirm open={asking} onOpenChange={setAsking} title="Close without saving" verb="Close" onConfirm={onClose}>
        What was typed is not saved yet, and is lost.
      </Confirm>
    </>
  );
}
