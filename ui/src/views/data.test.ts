import { describe, expect, it } from "vitest";
import { pageOf, sameState, stateOf, viewPath } from "./data";

describe("saved views", () => {
  it("keeps what a view is, in one order, and not where its reader is", () => {
    expect(stateOf({ sort: "-start", q: "status = 'ERROR'", view: "sv-1", peek: "tr-1", exp: "" })).toBe("q=status+%3D+%27ERROR%27&sort=-start");
    expect(stateOf({})).toBe("");
  });
  it("compares states whatever their order and encoding", () => {
    expect(sameState("a=1&b=x%20y", "b=x+y&a=1&view=sv-2")).toBe(true);
    expect(sameState("a=1", "a=2")).toBe(false);
    expect(sameState("", "peek=tr-1")).toBe(true);
  });
  it("knows the pages that have views", () => {
    expect(pageOf("/w/default/traces")).toBe("traces");
    expect(pageOf("/w/default/runs/compare")).toBe("compare");
    expect(pageOf("/w/default/runs/0123")).toBeNull();
    expect(pageOf("/w/default")).toBeNull();
    expect(pageOf("/w/a%2Fb/monitor")).toBe("monitor");
  });
  it("writes the address of a view", () => {
    expect(viewPath("a b", { page: "compare", view_id: "sv-1" })).toBe("/w/a%20b/runs/compare?view=sv-1");
  });
});
