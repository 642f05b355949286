import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import type { Accounts } from "@/lib/session";

/** Calls the control plane as the signed-in account. A refused token is renewed once; a session that is over is ended. */
export function createTransport(accounts: Accounts): Transport {
  const authorize: Interceptor = (next) => async (request) => {
    const session = await accounts.session();
    if (session) request.header.set("Authorization", `Bearer ${session.access_token}`);
    try {
      return await next(request);
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unauthenticated || !session || request.stream) throw error;
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
