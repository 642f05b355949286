import type { Transport } from "@connectrpc/connect";
import type { QueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import type { Config } from "@/lib/config";
import type { Accounts } from "@/lib/session";

/** What every part of the console may need; made once, when it starts. */
export interface App {
  config: Config;
  accounts: Accounts;
  transport: Transport;
  queries: QueryClient;
}

const context = createContext<App | null>(null);

export const AppProvider = context.Provider;

export function useApp(): App {
  const app = useContext(context);
  if (!app) throw new Error("useApp outside AppProvider");
  return app;
}
