// What changes on the server, as it happens: one event stream for the browser
// in a SharedWorker (HTTP/1.1 allows six connections a host), or one for a
// visible tab where workers cannot be shared. A hidden tab listens to nothing
// and is told to refetch when it is seen again.
import type { Schemas } from "./client";

export type Change = Schemas["ChangeEvent"];
type Listener = (c: Change) => void;

const listeners = new Set<Listener>();
let stop: (() => void) | null = null;
let workspace = "";

const reset = (): Change => ({ seq: 0, kind: "reset", id: "", op: "updated", time_ms: Date.now() });
const deliver = (c: Change) => listeners.forEach((f) => f(c));

function start(ws: string): () => void {
  const url = `/api/assay/v1/events?ws=${encodeURIComponent(ws)}`;
  if (typeof SharedWorker !== "undefined") {
    try {
      const worker = new SharedWorker(new URL("./live.worker.ts", import.meta.url), { type: "module", name: "assay-live" });
      worker.port.onmessage = (e) => deliver(e.data as Change);
      worker.port.start();
      worker.port.postMessage({ open: url });
      return () => { worker.port.postMessage({ close: url }); worker.port.close(); };
    } catch {
      // Falls through: the browser refuses the worker.
    }
  }
  const source = new EventSource(url);
  const on = (e: MessageEvent<string>) => deliver(JSON.parse(e.data) as Change);
  for (const kind of kinds) source.addEventListener(kind, on);
  return () => source.close();
}

export const kinds = ["run", "trace", "experiment", "model", "prompt", "job", "reset"];

function adjust(): void {
  const want = listeners.size > 0 && workspace !== "" && document.visibilityState === "visible";
  if (want && !stop) stop = start(workspace);
  else if (!want && stop) { stop(); stop = null; }
}

if (typeof document !== "undefined") {
  document.addEventListener("visibilitychange", () => {
    adjust();
    if (document.visibilityState === "visible") deliver(reset());
  });
}

/** Listens to the changes of a workspace until the returned function is called. */
export function listen(ws: string, f: Listener): () => void {
  if (ws !== workspace) {
    stop?.();
    stop = null;
    workspace = ws;
  }
  listeners.add(f);
  adjust();
  return () => { listeners.delete(f); adjust(); };
}

// A closed tab cannot say so to the worker later.
if (typeof window !== "undefined") window.addEventListener("pagehide", () => { stop?.(); stop = null; });
if (typeof window !== "undefined") window.addEventListener("pageshow", adjust);
