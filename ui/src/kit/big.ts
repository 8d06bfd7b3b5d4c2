// The page's side of big values: documents are parsed in a worker, and what is
// big in them stays there.
import type { Order, Ref } from "./big.worker";
import type { Big } from "./slim";

let worker: Worker | null = null;
let serial = 0;
const waiting = new Map<number, { done: (v: never) => void; fail: (e: Error) => void }>();

function ask<T>(order: Omit<Order, "id">, transfer: Transferable[] = []): Promise<T> {
  if (!worker) {
    worker = new Worker(new URL("./big.worker.ts", import.meta.url), { type: "module", name: "assay-big" });
    worker.onmessage = (e: MessageEvent<{ id: number; ok?: unknown; error?: string }>) => {
      const w = waiting.get(e.data.id);
      waiting.delete(e.data.id);
      if (e.data.error !== undefined) w?.fail(new Error(e.data.error)); else w?.done(e.data.ok as never);
    };
    worker.onerror = () => { for (const w of waiting.values()) w.fail(new Error("the worker that keeps big values stopped")); waiting.clear(); worker = null; };
  }
  const id = ++serial;
  return new Promise<T>((done, fail) => {
    waiting.set(id, { done, fail });
    worker!.postMessage({ id, ...order }, transfer);
  });
}

/** Bytes from which a document is parsed in the worker. */
const parseThere = 1_000_000;

/** Reads a JSON document; big values in it are handles, and `$whole` is the handle of all of it. */
export async function readJSON<T>(bytes: ArrayBuffer): Promise<T> {
  if (bytes.byteLength < parseThere) return JSON.parse(new TextDecoder().decode(bytes)) as T;
  const r = await ask<{ value: T; whole?: Big }>({ read: { bytes, maxSlim: parseThere / 4 } }, [bytes]);
  return r.whole ? Object.assign(r.value as object, { $whole: r.whole }) as T : r.value;
}

const ref = (b: Big): Ref => ({ $big: b.$big, doc: b.doc });
export const keepBig = (value: unknown) => ask<Big>({ keep: { value } });
export const layText = (b: Big, width: number) => ask<{ rows: number; size: number }>({ text: { big: ref(b), width } });
export const layTree = (b: Big, toggled: [string, boolean][], needle: string) => ask<{ rows: number; cut: boolean }>({ tree: { big: ref(b), toggled, needle } });
export const readRows = <T>(b: Big, from: number, to: number) => ask<T[]>({ rows: { big: ref(b), from, to } });
export const findText = (b: Big, needle: string, after: number) => ask<{ count: number; row: number }>({ find: { big: ref(b), needle, after } });
/** All of a value, as a text or as the address of a file. */
export const whole = (b: Big, file: boolean) => ask<string>({ whole: { big: ref(b), file } });
