import { useRouter } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { Button } from "@/components/ui/button";

interface Props {
  /** The page token of the URL; none on the first page. */
  token: string | undefined;
  next: string | undefined;
  go: (token: string | undefined) => void;
}

/** Pages by tokens, which only lead forward: "Newer" is the browser's way back, or the first page when there is none. */
export function Pager({ token, next, go }: Props) {
  const router = useRouter();
  if (!token && !next) return null;
  const back = () => (router.history.canGoBack() ? router.history.back() : go(undefined));
  return (
    <nav aria-label="Pages" className="flex justify-end gap-2">
      <Button size="small" disabled={!token} onClick={back}>
        <ChevronLeft aria-hidden /> Previous
      </Button>
      <Button size="small" disabled={!next} onClick={() => go(next)}>
        Next <ChevronRight aria-hidden />
      </Button>
    </nav>
  );
}
