import { ChevronLeft, ChevronRight } from "lucide-react";
import { Button } from "@/components/ui/button";
import { count, counted } from "@/lib/format";

interface Props {
  /** From 1. */
  page: number;
  size: number;
  /** How many the page has. */
  shown: number;
  /** How many there are in all, where the server counts them. */
  total: number | undefined;
  what: string;
  many?: string;
  go: (page: number) => void;
}

/** Pages by number. */
export function NumberedPager({ page, size, shown, total, what, many, go }: Props) {
  const more = total === undefined ? shown === size : page * size < total;
  const from = (page - 1) * size + 1;
  return (
    <nav aria-label="Pages" className="flex items-center justify-end gap-2">
      <p className="mr-auto text-xs text-muted tabular-nums" role="status">
        {shown > 0 && total !== undefined && total > size ? `${count(from)} to ${count(from + shown - 1)} of ${counted(total, what, many)}` : total !== undefined ? counted(total, what, many) : ""}
      </p>
      {(page > 1 || more) && (
        <>
          <Button size="small" disabled={page <= 1} onClick={() => go(page - 1)}>
            <ChevronLeft aria-hidden /> Previous
          </Button>
          <Button size="small" disabled={!more} onClick={() => go(page + 1)}>
            Next <ChevronRight aria-hidden />
          </Button>
        </>
      )}
    </nav>
  );
}
