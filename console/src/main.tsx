import { TransportProvider } from "@connectrpc/connect-query";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { config as configureZod } from "zod/mini";
import { ErrorState } from "@/components/error-state";
import { ToastProvider } from "@/components/ui/toast";
import { AppProvider, type App } from "@/lib/app";
import { loadConfig, NotReady } from "@/lib/config";
import { forgetDevelopers } from "@/lib/developer";
import { nonce } from "@/lib/nonce";
import { createQueries } from "@/lib/queries";
import { Accounts } from "@/lib/session";
import { createTransport } from "@/lib/transport";
import { makeRouter } from "@/routes/router";
import "@/lib/theme"; // follows the system and other tabs from the start
import "@/index.css";

configureZod({ jitless: true }); // the policy of contents forbids making functions of text: not even tried
const root = createRoot(document.getElementById("root")!);
setNonce(nonce());

async function start() {
  try {
    const config = await loadConfig();
    const accounts = new Accounts(config);
    const app: App = { config, accounts, transport: createTransport(accounts), queries: createQueries() };
    show(app);
  } catch (error) {
    // A server that is starting is asked again; what it says stands there meanwhile.
    if (error instanceof NotReady) setTimeout(() => void start(), 1000);
    root.render(
      <div className="mx-auto max-w-[640px] px-4 py-16">
        <ErrorState error={error} what={error instanceof NotReady ? "Fluxbase is not ready" : "The console could not start"} onRetry={() => void start()} />
      </div>,
    );
  }
}

function show(app: App) {
  const router = makeRouter(app);
  // Signed out here or in another tab: nothing of the account stays on screen.
  app.accounts.client.onAuthStateChange((event) => {
    if (event !== "SIGNED_OUT") return;
    setTimeout(() => {
      app.queries.clear();
      forgetDevelopers(app);
      void router.invalidate();
    });
  });
  root.render(
    <StrictMode>
      <AppProvider value={app}>
        <TransportProvider transport={app.transport}>
          <QueryClientProvider client={app.queries}>
            <ToastProvider>
              <RouterProvider router={router} />
            </ToastProvider>
          </QueryClientProvider>
        </TransportProvider>
      </AppProvider>
    </StrictMode>,
  );
}

void start();
