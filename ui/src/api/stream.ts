// One event stream and its readers: reconnects with a growing pause where the
// last one ended, keeps the newest changes for readers that come back, and
// hands changes over at most four times a second, however many arrive. It runs
// in the shared worker, or in the page where there is none.
import type { Schemas } from "./client";

export type Change = Schemas["ChangeEvent"];
export type Connection = "opening" | "live" | "reconnecting";
export interface Message { changes?: Change[]; connection?: Connection; }
export type Reader = (m: Message) => void;

/** What a stream needs of EventSource. */
export interface Source { onopen: ((e: never) => void) | null; onerror: ((e: never) => void) | null; addEventListener(kind: string, f: (e: MessageEvent<string>) => void): void; close(): void; }

export const kinds = ["run", "trace", "experiment", "model", "prompt", "job", "alert", "notice", "dataset", "view", "reset"];

/** How long changes are gathered before readers hear of them. */
export const gather = 250;
/** How many changes are kept for readers that come back, and handed over at once. */
export const kept = 1000;

const reset = (seq: number): Change => ({ seq, kind: "reset", id: "", op: "updated", time_ms: Date.now() });

export class Stream {
  private source: Source | null = null;
  private readers = new Map<Reader, number>(); // and the last number each was told
  private recent: Change[] = [];
  private from = 0; // readers who know this number or a later one can be brought up to date
  private last = 0;
  private connection: Connection = "opening";
  private failures = 0;
  private timers: { retry?: ReturnType<typeof setTimeout> | undefined; flush?: ReturnType<typeof setTimeout> | undefined } = {};

  constructor(private url: string, private open: (url: string) => Source, private random: () => number = Math.random) {}

  get empty(): boolean { return this.readers.size === 0; }

  /** Adds a reader who has seen everything up to after; 0 is a new one. */
  add(reader: Reader, after = 0): void {
    if (!this.source && !this.timers.retry) {
      this.last = Math.max(this.last, after);
      this.from = this.last;
      this.connect();
    }
    this.readers.set(reader, after || this.last);
    reader({ connection: this.connection });
    if (after && after < this.from) this.tell(reader, [reset(this.last)]);
    else if (after && after < this.last) this.schedule();
  }

  remove(reader: Reader): void {
    this.readers.delete(reader);
    if (this.empty) this.stop();
  }

  private stop(): void {
    clearTimeout(this.timers.retry);
    clearTimeout(this.timers.flush);
    this.timers = {};
    this.source?.close();
    this.source = null;
    this.recent = [];
    this.failures = 0;
    this.connection = "opening";
  }

  private connect(): void {
    this.timers.retry = undefined;
    const source = (this.source = this.open(this.last ? `${this.url}&after=${this.last}` : this.url));
    source.onopen = () => { this.failures = 0; this.say("live"); };
    // EventSource reconnects by itself, but at once and for ever, and not
    // after a refusal: it is closed and opened again by our own clock.
    source.onerror = () => {
      source.close();
      if (this.source !== source) return;
      this.source = null;
      this.say("reconnecting");
      const pause = Math.min(30_000, 500 * 2 ** Math.min(this.failures++, 6));
      this.timers.retry = setTimeout(() => this.connect(), pause * (0.5 + this.random() / 2));
    };
    for (const kind of kinds) source.addEventListener(kind, (e) => this.take(JSON.parse(e.data) as Change));
  }

  private say(connection: Connection): void {
    if (connection === this.connection) return;
    this.connection = connection;
    for (const reader of this.readers.keys()) reader({ connection });
  }

  private take(c: Change): void {
    // A server that started anew, or gave up counting for us, resets all.
    if (c.kind === "reset") this.recent = [];
    this.last = c.seq;
    this.recent.push(c);
    if (c.kind === "reset") this.from = c.seq - 1;
    if (this.recent.length > kept) this.from = this.recent.splice(0, this.recent.length - kept).at(-1)!.seq;
    this.schedule();
  }

  private schedule(): void {
    this.timers.flush ??= setTimeout(() => { this.timers.flush = undefined; this.flush(); }, gather);
  }

  private flush(): void {
    for (const [reader, seen] of this.readers) {
      if (seen === this.last) continue;
      const fresh = this.recent.filter((c) => c.seq > seen);
      this.tell(reader, seen < this.from || fresh[0]?.kind === "reset" ? [reset(this.last)] : fresh);
    }
  }

  private tell(reader: Reader, changes: Change[]): void {
    this.readers.set(reader, this.last);
    if (changes.length > 0) reader({ changes });
  }
}
