import { Link } from "@tanstack/react-router";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { allColumns } from "@/features/diagram/geometry";
import type { Diagram, Relation } from "@/features/diagram/model";
import { moveByArrows } from "@/lib/rows";

/** What the diagram shows, in words: for screen readers, small screens, and whoever reads faster. */
export function DiagramList({ diagram, find, projectRef }: { diagram: Diagram; find: string | undefined; projectRef: string }) {
  const title = new Map(diagram.tables.map((each) => [each.id, each.title]));
  const tables = diagram.tables.filter((each) => !find || each.title.toLowerCase().includes(find.toLowerCase()));
  const words = (list: Relation[], other: "from" | "to") =>
    list.length === 0 ? (
      <span className="text-faint">none</span>
    ) : (
      <ul>
        {list.map((each) => (
          <li key={each.id} className="font-mono text-xs leading-5">
            {title.get(each[other])} <span className="text-muted">by {each.columns.join(", ")}</span>
            <span className="font-sans text-muted">
              {" "}
              · {each.many ? "many" : "one"} to {each.optional ? "one or none" : "one"}
            </span>
          </li>
        ))}
      </ul>
    );
  return (
    <div className="h-full overflow-y-auto p-4">
      {tables.length === 0 ? (
        <p className="text-sm text-muted">No table matches.</p>
      ) : (
        <Table onKeyDown={moveByArrows}>
          <thead>
            <tr>
              <Th>Table</Th>
              <Th className="text-right">Columns</Th>
              <Th>Refers to</Th>
              <Th>Referred to by</Th>
            </tr>
          </thead>
          <tbody>
            {tables.map((table) => (
              <Tr key={table.id} className="align-top">
                <Td>
                  <Link to="/projects/$ref/tables/$schema/$table" params={{ ref: projectRef, schema: table.schema, table: table.name }} data-row className="font-mono text-xs font-medium hover:text-accent">
                    {table.title}
                  </Link>
                </Td>
                <Td className="text-right tabular-nums">{allColumns(table)}</Td>
                <Td className="py-2">{words(diagram.relations.filter(({ from }) => from === table.id), "to")}</Td>
                <Td className="py-2">{words(diagram.relations.filter(({ to }) => to === table.id), "from")}</Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
    </div>
  );
}
