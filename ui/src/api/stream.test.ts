import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Change, gather, kept, type Message, type Source, Stream } from "./stream";

class Fake implements Source {
  static all: Fake[] = [];
  onopen: ((e: never) => void) | null = null;
  onerror: ((e: never) => void) | null = null;
  closed = false;
  private on = new Map<string, (e: MessageEvent<string>) => void>();
  constructor(readonly url: string) { Fake.all.push(this); }
  addEventListener(kind: string, f: (e: MessageEvent<string>) => void) { this.on.set(kind, f); }
  close() { this.closed = true; }
  send(seq: number, kind = "trace") { this.on.get(kind)!({ data: JSON.stringify({ seq, kind, id: String(seq), op: "created", time_ms: 0 }) } as MessageEvent<string>); }
}
const stream = () => new Stream("/events?ws=default", (u) => new Fake(u), () => 1);
const reader = () => {
  const got: Message[] = [], f = (m: Message) => void got.push(m);
  return { f, got, seqs: () => got.flatMap((m) => m.changes ?? []).map((c: Change) => (c.kind === "reset" ? "reset" : c.seq)), states: () => got.flatMap((m) => m.connection ?? []) };
};

describe("an event stream", () => {
  beforeEach(() => { vi.useFakeTimers(); Fake.all = []; });
  afterEach(() => { vi.useRealTimers(); });

  it("hands changes over at most once in a quarter of a second", () => {
    const s = stream(), r = reader();
    s.add(r.f);
    for (let t = 0; t < 1000; t += 5) { Fake.all[0]!.send(100 + t); vi.advanceTimersByTime(5); }
    vi.advanceTimersByTime(gather);
    expect(r.got.filter((m) => m.changes).length).toBeLessThanOrEqual(5);
    expect(r.seqs()).toHaveLength(200);
  });

  it("reconnects where it ended, with growing pauses, and says so", () => {
    const s = stream(), r = reader();
    s.add(r.f);
    Fake.all[0]!.onopen!(undefined as never);
    Fake.all[0]!.send(7);
    vi.advanceTimersByTime(gather);
    Fake.all[0]!.onerror!(undefined as never);
    vi.advanceTimersByTime(500);
    expect(Fake.all[1]!.url).toContain("&after=7");
    Fake.all[1]!.onerror!(undefined as never);
    vi.advanceTimersByTime(999);
    expect(Fake.all).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(Fake.all).toHaveLength(3);
    Fake.all[2]!.onopen!(undefined as never);
    expect(r.states()).toEqual(["opening", "live", "reconnecting", "live"]);
    expect(Fake.all.slice(0, 2).every((x) => x.closed)).toBe(true);
  });

  it("never pauses more than 30 s, however long the server is away", () => {
    const s = stream();
    s.add(reader().f);
    for (let i = 0; i < 20; i++) { Fake.all.at(-1)!.onerror!(undefined as never); vi.advanceTimersByTime(30_000); }
    expect(Fake.all).toHaveLength(21);
  });

  it("brings a reader that comes back up to date, or tells it to fetch anew", () => {
    const s = stream(), stays = reader(), back = reader(), late = reader();
    s.add(stays.f);
    for (let i = 1; i <= 10; i++) Fake.all[0]!.send(i);
    vi.advanceTimersByTime(gather);
    s.add(back.f, 8);
    vi.advanceTimersByTime(gather);
    expect(back.seqs()).toEqual([9, 10]);
    for (let i = 11; i <= kept + 20; i++) Fake.all[0]!.send(i);
    vi.advanceTimersByTime(gather);
    s.add(late.f, 5);
    expect(late.seqs()).toEqual(["reset"]);
  });

  it("keeps a bounded number of changes and none without readers", () => {
    const s = stream(), r = reader();
    s.add(r.f);
    for (let i = 1; i <= 3 * kept; i++) Fake.all[0]!.send(i);
    expect((s as unknown as { recent: unknown[] }).recent.length).toBe(kept);
    vi.advanceTimersByTime(gather);
    expect(r.seqs()).toEqual(["reset"]); // more than is kept came at once
    s.remove(r.f);
    expect(Fake.all[0]!.closed).toBe(true);
    expect((s as unknown as { recent: unknown[] }).recent).toEqual([]);
    vi.advanceTimersByTime(60_000);
    expect(Fake.all).toHaveLength(1);
  });

  it("passes a reset of the server on as one", () => {
    const s = stream(), r = reader();
    s.add(r.f);
    Fake.all[0]!.send(5);
    Fake.all[0]!.send(900, "reset");
    Fake.all[0]!.send(901);
    vi.advanceTimersByTime(gather);
    expect(r.seqs()).toEqual(["reset"]);
    Fake.all[0]!.send(902);
    vi.advanceTimersByTime(gather);
    expect(r.seqs()).toEqual(["reset", 902]);
  });
});
