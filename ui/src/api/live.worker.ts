// One EventSource a workspace, shared by all tabs of the browser.
const kinds = ["run", "trace", "experiment", "model", "prompt", "job", "reset"];
const streams = new Map<string, { source: EventSource; ports: Set<MessagePort> }>();

function open(url: string, port: MessagePort): void {
  let s = streams.get(url);
  if (!s) {
    const source = new EventSource(url);
    s = { source, ports: new Set() };
    streams.set(url, s);
    const { ports } = s;
    const on = (e: MessageEvent<string>) => {
      const change: unknown = JSON.parse(e.data);
      for (const p of ports) p.postMessage(change);
    };
    for (const kind of kinds) source.addEventListener(kind, on);
  }
  s.ports.add(port);
}

function close(url: string, port: MessagePort): void {
  const s = streams.get(url);
  if (!s) return;
  s.ports.delete(port);
  if (s.ports.size === 0) {
    s.source.close();
    streams.delete(url);
  }
}

(self as unknown as { onconnect: (e: MessageEvent) => void }).onconnect = (e) => {
  const port = e.ports[0]!;
  port.onmessage = (m: MessageEvent<{ open?: string; close?: string }>) => {
    if (m.data.open) open(m.data.open, port);
    if (m.data.close) close(m.data.close, port);
  };
};
export {};
