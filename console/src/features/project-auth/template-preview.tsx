import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { Send } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Skeleton } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { useServed } from "@/features/project-auth/project";
import { useAccount } from "@/lib/organization";

/** The mail as the server makes it of what is typed, a moment after typing stopped. */
export function Preview({ name, subject, content }: { name: string; subject: string; content: string }) {
  const { admin, project } = useServed();
  const [typed, setTyped] = useState({ subject, content });
  useEffect(() => {
    const timer = setTimeout(() => setTyped({ subject, content }), 400);
    return () => clearTimeout(timer);
  }, [subject, content]);
  const mail = useQuery({
    queryKey: ["auth", project.ref, "preview", name, typed.subject, typed.content],
    queryFn: ({ signal }) => admin.preview(name, typed.subject, typed.content, signal),
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 0,
  });
  return (
    <section aria-label="Preview" className="flex flex-col gap-1.5">
      <h2 className="text-sm font-medium">Preview</h2>
      {mail.isError && <ErrorState error={mail.error} what="The template cannot be rendered" onRetry={() => void mail.refetch()} retrying={mail.isFetching} />}
      <div className="overflow-hidden rounded-md border border-border">
        <p className="border-b border-border bg-surface px-3 py-2 text-sm">
          <span className="text-muted">Subject</span> <span className="font-medium">{mail.data?.subject}</span>
        </p>
        {mail.data ? <MailFrame html={mail.data.html} /> : <div className="h-72 p-4">{mail.isPending && <Skeleton className="delayed w-1/2" />}</div>}
      </div>
      <p className="text-xs text-muted">With made-up values. Pictures from elsewhere are not loaded here.</p>
    </section>
  );
}

/** The attribute that keeps a style until it is set: the parser already would refuse it as one. */
const aside = "data-style";
const setAside = (html: string): string => html.replace(/<[a-z](?:"[^"]*"|'[^']*'|[^"'>])*>/gi, (tag) => tag.replace(/(\s)style(\s*=)/gi, `$1${aside}$2`));

/**
 * Shows a mail where nothing of it can run, load or lead away. The console forbids inline styles to markup, so they are set
 * by the object model, one by one.
 */
function MailFrame({ html }: { html: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [loaded, setLoaded] = useState(0);
  useEffect(() => {
    const inside = frame.current?.contentDocument;
    if (!inside?.body || loaded === 0) return;
    const mail = new DOMParser().parseFromString(setAside(html), "text/html");
    for (const element of mail.querySelectorAll("script, iframe, object, embed, link, meta, base")) element.remove();
    const rules = [...mail.querySelectorAll("style")].map((style) => {
      style.remove();
      return style.textContent ?? "";
    });
    const styled = [...mail.querySelectorAll(`[${aside}]`)];
    const styles = styled.map((element) => element.getAttribute(aside) ?? "");
    for (const element of mail.querySelectorAll("[style]")) element.removeAttribute("style");
    inside.body.replaceChildren(...[...mail.body.childNodes].map((node) => inside.adoptNode(node)));
    styled.forEach((element, n) => {
      (element as HTMLElement).style.cssText = styles[n]!;
    });
    const sheet = new (frame.current!.contentWindow as Window & typeof globalThis).CSSStyleSheet();
    sheet.replaceSync(`body { margin: 16px; font: 14px/1.5 sans-serif; color: #18181b; background: #fff; overflow-wrap: anywhere; }\n${rules.join("\n")}`);
    inside.adoptedStyleSheets = [sheet];
  }, [html, loaded]);
  return (
    <iframe
      ref={frame}
      title="The mail"
      sandbox="allow-same-origin"
      srcDoc="<!doctype html><title>Mail</title><body></body>"
      onLoad={() => setLoaded((n) => n + 1)}
      className="block h-96 w-full bg-white"
    />
  );
}

/** Sends what is typed, saved or not, to an address of one's own. */
export function TestMail({ name, subject, content }: { name: string; subject: string; content: string }) {
  const { admin } = useServed();
  const account = useAccount().data;
  const toast = useToast();
  const [typed, setTyped] = useState<string>();
  const to = typed ?? account?.email ?? "";
  const send = useMutation({ mutationFn: () => admin.testMail(name, subject, content, to), onSuccess: () => toast(`A test mail goes to ${to}.`) });
  return (
    <div className="flex flex-col gap-2">
      <Field label="Send a test mail to" hint="As it stands here, saved or not.">
        <ToAndSend to={to} onChange={setTyped} disabled={!to.includes("@")} busy={send.isPending} onSend={() => send.mutate()} />
      </Field>
      {send.isError && <ErrorState error={send.error} what="No mail was sent" />}
    </div>
  );
}

interface ToProps {
  id?: string;
  "aria-describedby"?: string;
  to: string;
  disabled: boolean;
  busy: boolean;
  onChange: (to: string) => void;
  onSend: () => void;
}

function ToAndSend({ to, disabled, busy, onChange, onSend, id, "aria-describedby": about }: ToProps) {
  return (
    <div className="flex gap-2">
      <Input
        id={id}
        aria-describedby={about}
        type="email"
        value={to}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault(); // the form around it saves the template
          if (!disabled) onSend();
        }}
      />
      <Button disabled={disabled} busy={busy} onClick={onSend}>
        <Send aria-hidden /> Send
      </Button>
    </div>
  );
}
