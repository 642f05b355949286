import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { createRouterTransport } from "@connectrpc/connect";
import { afterEach, expect, it, vi } from "vitest";
import { CreateDeveloperTokenResponseSchema, ProjectService } from "@/gen/fluxbase/controlplane/v1/project_pb";
import type { App } from "@/lib/app";
import { developerOf, forgetDevelopers } from "@/lib/developer";

afterEach(() => vi.unstubAllGlobals());

it("asks for a token of whoever signed in next, and not with the one before", async () => {
  let account = "ada";
  const transport = createRouterTransport(({ service }) =>
    service(ProjectService, {
      createDeveloperToken: () => create(CreateDeveloperTokenResponseSchema, { token: account, expireTime: timestampFromDate(new Date(Date.now() + 600_000)) }),
    }),
  );
  const app = { transport } as App;
  const sent: unknown[] = [];
  vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
    sent.push(new Headers(init.headers).get("Authorization"));
    return Promise.resolve(new Response("{}"));
  });
  const ask = () => developerOf(app, "abc", "http://localhost").fetch("/meta/v1/schemas");
  await ask();
  await ask();
  account = "grace";
  forgetDevelopers(app);
  await ask();
  expect(sent).toEqual(["Bearer ada", "Bearer ada", "Bearer grace"]);
});
