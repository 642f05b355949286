import { ChevronDown, Download, LoaderCircle, X } from "lucide-react";
import { useRef, useState } from "react";
import { copy } from "@/components/copy-button";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Menu, MenuContent, MenuItem, MenuLabel, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { useToast } from "@/components/ui/toast";
import { collect, save } from "@/features/sql/results/download";
import { exported, formats } from "@/features/sql/results/export";
import { bytes, counted } from "@/lib/format";
import type { As, Result } from "@/lib/meta";
import { useHere } from "@/lib/project-data";

interface Props {
  result: Result;
  /** The statement, where it can be asked again for all of its rows. */
  text: string | undefined;
  as: As | undefined;
  /** What files are called, without an ending. */
  name: string;
}

type Stream = { bytes: number } | { error: unknown };

/** Takes a result along: to the clipboard, to a file, and all of its rows as a stream. */
export function ExportMenu({ result, text, as, name }: Props) {
  const { meta } = useHere();
  const toast = useToast();
  const [stream, setStream] = useState<Stream>();
  const abort = useRef<AbortController>(null);
  const rows = counted(result.rows.length, "row");

  async function all(format: "csv" | "json" | "ndjson") {
    const mine = new AbortController();
    abort.current = mine;
    setStream({ bytes: 0 });
    try {
      const body = await meta.exportRows({ query: text!, format, as }, mine.signal);
      const file = await collect(body, (size) => setStream({ bytes: size }), mine.signal);
      save(`${name}.${format}`, [file], format === "csv" ? "text/csv" : "application/json");
      setStream(undefined);
      toast(`${name}.${format} was written: ${bytes(file.size)}.`);
    } catch (error) {
      setStream(mine.signal.aborted ? undefined : { error });
    }
  }

  if (stream && "bytes" in stream) {
    return (
      <Button size="small" variant="ghost" onClick={() => abort.current?.abort()} aria-label="Stop the export">
        <LoaderCircle className="turn" aria-hidden /> <span role="status">{bytes(stream.bytes)} read</span> <X aria-hidden />
      </Button>
    );
  }
  return (
    <>
      <Menu>
        <MenuTrigger asChild>
          <Button size="small" variant="ghost">
            <Download aria-hidden /> Export <ChevronDown aria-hidden />
          </Button>
        </MenuTrigger>
        <MenuContent align="end">
          <MenuLabel>Copy {rows}</MenuLabel>
          {formats.map(({ format, name: words }) => (
            <MenuItem key={format} onSelect={() => void copy(exported(result, format)).then(() => toast(`${rows} copied as ${words}.`), () => toast("Not copied: the browser refused."))}>
              Copy as {words}
            </MenuItem>
          ))}
          <MenuSeparator />
          <MenuLabel>Download {rows}</MenuLabel>
          {formats.map(({ format, name: words, type, ending }) => (
            <MenuItem key={format} onSelect={() => save(`${name}.${ending}`, [exported(result, format)], type)}>
              Download {words}
            </MenuItem>
          ))}
          {text !== undefined && (
            <>
              <MenuSeparator />
              <MenuLabel>Ask again for all rows</MenuLabel>
              <MenuItem onSelect={() => void all("csv")}>All rows as CSV</MenuItem>
              <MenuItem onSelect={() => void all("json")}>All rows as JSON</MenuItem>
              <MenuItem onSelect={() => void all("ndjson")}>All rows as JSON lines</MenuItem>
            </>
          )}
        </MenuContent>
      </Menu>
      {stream && "error" in stream && (
        <Dialog open onOpenChange={() => setStream(undefined)} title="Export">
          <ErrorState error={stream.error} what="The rows could not be exported" />
        </Dialog>
      )}
    </>
  );
}
