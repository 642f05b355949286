import { readFile } from "node:fs/promises";
import type { Browser, CDPSession } from "@playwright/test";
import type { Workshop } from "./installation";

/** What a tab takes, in megabytes. */
export interface Memory {
  /** Of its process, as the system counts it. */
  resident: number;
  /** Of that, what is not mapped from files: the browser's program is shared by all tabs. */
  own: number;
  /** What JavaScript's objects take. */
  heap: number;
}

interface Answer {
  result?: unknown;
  error?: { message: string };
}

/**
 * A tab that nothing but scripts in it drives. Of its own pages Playwright follows the network, for which Chromium keeps the
 * bodies of all that they send within their memory.
 */
export class BareTab {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private sent = 0;
  private process = 0;

  private constructor(
    private readonly browser: CDPSession,
    private readonly target: string,
    private readonly session: string,
  ) {
    browser.on("Target.receivedMessageFromTarget", ({ sessionId, message }) => {
      if (sessionId !== session) return;
      const answer = JSON.parse(message) as Answer & { id?: number };
      if (answer.id !== undefined) this.waiting.get(answer.id)?.(answer);
    });
  }

  /** Opens an address of the console, signed in. */
  static async open(browser: Browser, session: Workshop["session"], url: string): Promise<BareTab> {
    const root = await browser.newBrowserCDPSession();
    const { browserContextId } = await root.send("Target.createBrowserContext", { disposeOnDetach: true });
    const origin = new URL(url).origin;
    const { targetId } = await root.send("Target.createTarget", { url: `${origin}/favicon.svg`, browserContextId, width: 1280, height: 800 });
    const { sessionId } = await root.send("Target.attachToTarget", { targetId, flatten: false });
    const tab = new BareTab(root, targetId, sessionId);
    const stored = session.origins.find((each) => each.origin === origin)?.localStorage ?? [];
    await tab.evaluate(`for (const { name, value } of ${JSON.stringify(stored)}) localStorage.setItem(name, value)`);
    await tab.send("Page.navigate", { url });
    await tab.findProcess();
    return tab;
  }

  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send<{ result: { value: T }; exceptionDetails?: { text: string } }>("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`${exceptionDetails.text}: ${expression}`);
    return result.value;
  }

  async chooseFile(selector: string, path: string): Promise<void> {
    const { result } = await this.send<{ result: { objectId: string } }>("Runtime.evaluate", { expression: `document.querySelector(${JSON.stringify(selector)})` });
    await this.send("DOM.setFileInputFiles", { files: [path], objectId: result.objectId });
  }

  async collectGarbage(): Promise<void> {
    await this.send("HeapProfiler.collectGarbage");
  }

  async memory(): Promise<Memory> {
    const { usedSize } = await this.send<{ usedSize: number }>("Runtime.getHeapUsage");
    const status = await readFile(`/proc/${this.process}/status`, "utf8");
    const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1000;
    return { resident: of("VmRSS"), own: of("RssAnon") + of("RssShmem"), heap: usedSize / 1e6 };
  }

  async close(): Promise<void> {
    await this.browser.send("Target.closeTarget", { targetId: this.target });
    await this.browser.detach();
  }

  private async send<T>(method: string, params: object = {}): Promise<T> {
    this.sent += 1;
    const id = this.sent;
    const answered = new Promise<Answer>((resolve) => this.waiting.set(id, resolve));
    await this.browser.send("Target.sendMessageToTarget", { sessionId: this.session, message: JSON.stringify({ id, method, params }) });
    const { result, error } = await answered;
    this.waiting.delete(id);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  /** The tab's process is the one that works while it does. */
  private async findProcess(): Promise<void> {
    const times = async () => (await this.browser.send("SystemInfo.getProcessInfo")).processInfo.filter(({ type }) => type === "renderer");
    const before = new Map((await times()).map(({ id, cpuTime }) => [id, cpuTime]));
    await this.evaluate("{ const end = performance.now() + 300; while (performance.now() < end); }");
    const worked = (await times()).map(({ id, cpuTime }) => ({ id, time: cpuTime - (before.get(id) ?? 0) }));
    this.process = worked.reduce((most, each) => (each.time > most.time ? each : most)).id;
  }
}
