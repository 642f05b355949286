import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import type { Accounts } from "@/lib/session";

/** Calls the control plane as the signed-in account. A refused token is renewed once; a session that is over is ended. */
export function createTransport(accounts: Accounts): Transport {
  const authorize: Interceptor = (next) => async (request) => {
    const session = await accounts.session();
    // Every procedure takes an account: without one there is nothing to ask.
    if (!session) throw new ConnectError("You are signed out. Sign in to go on.", Code.Unauthenticated);
    request.header.set("Authorization", `Bearer ${session.access_token}`);
    try {
      return await next(request);
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unauthenticated || request.stream) throw error;
      const token = await accounts.renew();
      if (!token) {
        await accounts.signOut();
        throw error;
      }
      request.header.set("Authorization", `Bearer ${token}`);
      return next(request);
    }
  };
  return createConnectTransport({ baseUrl: window.location.origin, interceptors: [authorize] });
}
