// One event stream a workspace, shared by all tabs of the browser.
import { type Message, Stream } from "./stream";

const streams = new Map<string, Stream>();
/** A tab that died without a word is let go once it was silent for so long. */
const silence = 100_000;

interface Order { open?: string; after?: number; close?: true; }

(self as unknown as { onconnect: (e: MessageEvent) => void }).onconnect = (e) => {
  const port = e.ports[0]!;
  const reader = (m: Message) => port.postMessage(m);
  let url = "", heard = Date.now();
  const leave = () => {
    const s = streams.get(url);
    s?.remove(reader);
    if (s?.empty) streams.delete(url);
    url = "";
  };
  const watch = setInterval(() => {
    if (Date.now() - heard < silence) return;
    leave();
    clearInterval(watch);
    port.close();
  }, silence / 2);
  port.onmessage = (m: MessageEvent<Order>) => {
    heard = Date.now();
    const { open, after, close } = m.data;
    if (open || close) leave();
    if (close) {
      clearInterval(watch);
      port.close();
    }
    if (!open) return;
    url = open;
    let s = streams.get(url);
    if (!s) streams.set(url, (s = new Stream(url, (u) => new EventSource(u))));
    s.add(reader, after ?? 0);
  };
};
