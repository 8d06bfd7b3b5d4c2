// What changes on the server, as it happens: one event stream for the browser
// in a SharedWorker (HTTP/1.1 allows six connections a host), or one for a
// visible tab where workers cannot be shared. A hidden tab listens to nothing;
// seen again, it is told what it missed, or to refetch.
import { useSyncExternalStore } from "react";
import { type Change, type Connection, type Message, Stream } from "./stream";

export type { Change };
type Listener = (c: Change) => void;

const listeners = new Set<Listener>();
const watchers = new Set<() => void>();
let stop: (() => void) | null = null;
let workspace = "";
let seen = 0; // number of the last change, to resume after
let connection: Connection = "opening";

function receive(m: Message): void {
  if (m.connection && m.connection !== connection) {
    connection = m.connection;
    watchers.forEach((f) => f());
  }
  for (const c of m.changes ?? []) {
    seen = Math.max(seen, c.seq);
    listeners.forEach((f) => f(c));
  }
}

function start(ws: string): () => void {
  const url = `/api/assay/v1/events?ws=${encodeURIComponent(ws)}`;
  if (typeof SharedWorker !== "undefined") {
    try {
      const { port } = new SharedWorker(new URL("./live.worker.ts", import.meta.url), { type: "module", name: "assay-live" });
      port.onmessage = (e: MessageEvent<Message>) => receive(e.data);
      port.start();
      port.postMessage({ open: url, after: seen });
      const alive = setInterval(() => port.postMessage({}), 40_000);
      return () => { clearInterval(alive); port.postMessage({ close: true }); port.close(); };
    } catch {
      // Falls through: the browser refuses the worker.
    }
  }
  const stream = new Stream(url, (u) => new EventSource(u));
  stream.add(receive, seen);
  return () => stream.remove(receive);
}

function adjust(): void {
  const want = listeners.size > 0 && workspace !== "" && document.visibilityState === "visible";
  if (want && !stop) stop = start(workspace);
  else if (!want && stop) { stop(); stop = null; }
}

/** Listens to the changes of a workspace until the returned function is called. */
export function listen(ws: string, f: Listener): () => void {
  if (ws !== workspace) {
    stop?.();
    stop = null;
    workspace = ws;
    seen = 0;
  }
  listeners.add(f);
  adjust();
  return () => { listeners.delete(f); adjust(); };
}

/** Whether the stream stands; "offline" is what the browser says of the network. */
export function useConnection(): Connection | "offline" {
  return useSyncExternalStore(
    (f) => {
      watchers.add(f);
      window.addEventListener("online", f);
      window.addEventListener("offline", f);
      return () => { watchers.delete(f); window.removeEventListener("online", f); window.removeEventListener("offline", f); };
    },
    () => (navigator.onLine ? connection : "offline"),
  );
}

if (typeof document !== "undefined") {
  document.addEventListener("visibilitychange", () => {
    const back = document.visibilityState === "visible" && !stop && listeners.size > 0;
    adjust();
    // Without a number to resume after, everything may have changed.
    if (back && seen === 0) listeners.forEach((f) => f({ seq: 0, kind: "reset", id: "", op: "updated", time_ms: Date.now() }));
  });
  // A closed tab cannot say so to the worker later.
  window.addEventListener("pagehide", () => { stop?.(); stop = null; });
  window.addEventListener("pageshow", adjust);
}
