import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { cli, curl, mlflow, py, python, sh, type Json } from "./code";

const t = { address: "http://127.0.0.1:5000", ws: "default", auth: false };
const hostile = ["", "plain", "two words", "it's", "$HOME `id` \"q\" \\n", "line\nline", "a;b|c&d", "*?[x]{a,b}~!", "-dash", "日本 é 😀", "status = 'ERROR' AND tag.env = 'x''y'"];

describe("code that runs as it is copied", () => {
  it("quotes words so that a shell gives them back", () => {
    for (const w of hostile) expect(execFileSync("sh", ["-c", `printf %s ${sh(w)}`], { encoding: "utf8" })).toBe(w);
  });
  it("writes Python literals", () => {
    expect(py(["a", 1, true, null])).toBe('["a", 1, True, None]');
    expect(py({ a: undefined, b: -0.5 })).toBe('{"b": -0.5}');
    expect(py(Number.NaN)).toBe('float("nan")');
    expect(py(-Infinity)).toBe('float("-inf")');
    expect(py("\ud800")).toBe('"\ufffd"');
    expect(py({ k: "x".repeat(80) })).toBe(`{\n    "k": "${"x".repeat(80)}",\n}`);
  });
  it("gives the API back the body it was given", () => {
    const body: Json = { filter: hostile.join(" "), order_by: ["-start_ms"], experiment_ids: [] };
    const text = curl({ method: "POST", path: "/w/default/traces/search", body }, t).replace("curl -fsS", "printf '%s\\n'");
    const words = execFileSync("sh", ["-c", text], { encoding: "utf8" });
    expect(words).toContain(JSON.stringify(body));
    expect(words.startsWith("http://127.0.0.1:5000/api/assay/v1/w/default/traces/search\n")).toBe(true);
  });
  it("names the workspace and the credentials only where they are needed", () => {
    expect(cli(["trace", "list"], t)).toBe("assay trace list --server http://127.0.0.1:5000\n");
    expect(cli(["trace", "list"], { ...t, ws: "a-b" })).toContain("--workspace a-b");
    expect(curl({ path: "/x", query: { q: "a b", n: undefined } }, t)).toBe("curl -fsS 'http://127.0.0.1:5000/api/assay/v1/x?q=a+b'\n");
    expect(curl({ path: "/x" }, { ...t, auth: true })).toContain("$ASSAY_TOKEN");
    expect(python({ path: "/x" }, { ...t, auth: true })).toContain("import os");
    expect(mlflow("print(1)", { ...t, ws: "b" })).toContain('mlflow.set_workspace("b")');
  });
});
