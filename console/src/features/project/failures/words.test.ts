import { describe, expect, it } from "vitest";
import { after, meaning } from "@/features/project/failures/words";

describe("meaning", () => {
  it("goes by the code, else by the status, else by its class", () => {
    expect(meaning({ code: "22012", status: 400 }).means).toBe("Division by zero");
    expect(meaning({ code: "SOMETHING", status: 404 }).means).toBe("Not found");
    expect(meaning({ code: "", status: 418 }).means).toBe("The request was not understood");
    expect(meaning({ code: "", status: 599 }).means).toBe("It failed on the server");
  });
});

describe("after", () => {
  it("is the next id, of the same length", () => {
    expect(after("00000000000000fff")).toBe("00000000000001000");
    expect(after("65f00000000000000")).toBe("65f00000000000001");
  });
});
