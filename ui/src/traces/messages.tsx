// Chat turns by role: reasoning marked, images shown, a tool call beside its
// arguments and, where it is known, its result.
import { type ReactNode, useState } from "react";
import type { Schemas } from "../api/client";
import { bytes, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Json, Payload } from "../kit/json";
import { Markdown } from "../kit/markdown";
import { type Big, isBig } from "../kit/slim";
import { Segments } from "../kit/states";

export type Message = NonNullable<Schemas["Span"]["messages"]>[number];
export type ToolCall = NonNullable<Message["tool_calls"]>[number];
const names: Record<Message["role"], string> = { system: "System", user: "User", assistant: "Assistant", tool: "Tool" };
const long = 600;

/** What of a message is big stays with the worker; its beginning stands for it. */
function whole(m: Message): Message & { big?: Big } {
  const c: unknown = m.content, r: unknown = m.reasoning;
  if (!isBig(c) && !isBig(r)) return m;
  return { ...m, content: isBig(c) ? "" : m.content, reasoning: isBig(r) ? r.head : m.reasoning, ...(isBig(c) ? { big: c } : {}) };
}

export function Turn({ m: given, result, note }: { m: Message; result?: ((c: ToolCall) => ReactNode) | undefined; note?: ReactNode }) {
  const m = whole(given);
  const [folded, setFolded] = useState(m.role === "system" && m.content.length > long);
  return (
    <section className={`turn ${m.role}`} aria-label={names[m.role]}>
      <header><b>{names[m.role]}</b>{m.name && <span dir="auto">{m.name}</span>}{m.tool_call_id && <code className="clip" title={m.tool_call_id}>{m.tool_call_id}</code>}{note}
        {m.content.length > long && <button className="link" style={{ marginLeft: "auto" }} onClick={() => setFolded(!folded)}>{folded ? "Show all" : "Fold"}</button>}</header>
      {m.reasoning && <Reasoning text={m.reasoning} />}
      {m.content && <div className="text" style={folded ? { maxHeight: 84, overflow: "hidden" } : undefined}>
        {m.role === "tool" || /^\s*[[{]/.test(m.content) ? <Payload value={m.content} label={`${names[m.role]} message`} /> : m.role === "assistant" ? <Markdown text={m.content} /> : <div style={{ whiteSpace: "pre-wrap" }} dir="auto">{m.content}</div>}
      </div>}
      {m.big && <div className="text"><Payload value={m.big} label={`${names[m.role]} message`} /></div>}
      {m.media && m.media.length > 0 && <div className="media-row">{m.media.map((x, i) => <Medium key={i} {...x} />)}</div>}
      {m.tool_calls?.map((c, i) => (
        <div key={`${c.id} ${i}`} className={`call${result ? " paired" : ""}`}>
          <div><code><b dir="auto">{c.name || "tool"}</b></code>{c.arguments ? <Json value={parse(c.arguments)} label={`Arguments of ${c.name}`} /> : <p className="muted">No arguments.</p>}</div>
          {result && <div className="result">{result(c) ?? <p className="muted label">No result was recorded.</p>}</div>}
        </div>
      ))}
      {!m.content && !m.big && !m.reasoning && !m.tool_calls?.length && !m.media?.length && <p className="muted text">An empty message.</p>}
    </section>
  );
}

function Reasoning({ text }: { text: string }) {
  return (
    <details className="reasoning" open={text.length < long}>
      <summary><Icon name="judges" size={12} /> Reasoning <span className="muted">{plural(text.length, "character")}</span></summary>
      <div dir="auto" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{text}</div>
    </details>
  );
}

/** An image is shown, a sound and a file are offered; what lies elsewhere is a link. */
export function Medium({ type, url: given }: { type: string; url: unknown }) {
  const url = typeof given === "string" ? given : "";
  const [broken, setBroken] = useState(false);
  if (!url) return <span className="chip outline">{type || "file"}, too big to repeat here: see Raw</span>;
  if (!url.startsWith("data:")) return <a className="chip outline" href={/^https?:/.test(url) ? url : undefined} target="_blank" rel="noopener noreferrer" title={url}><Icon name="link" size={12} /><span className="clip">{type || "image"} at {url}</span></a>;
  const size = bytes(Math.round((url.length - url.indexOf(",")) * 0.75));
  if (type.startsWith("image/") && !broken) return <a href={url} download={`image.${type.slice(6).split("+")[0]}`} title={`${type}, ${size}; download`}><img src={url} alt={`${type}, ${size}`} onError={() => setBroken(true)} /></a>;
  return <a className="chip outline" href={url} download={`part.${type.split("/")[1] ?? "bin"}`}><Icon name="download" size={12} />{type || "file"}, {size}</a>;
}

export function parse(s: unknown): unknown {
  if (typeof s !== "string") return s;
  try { return JSON.parse(s); } catch { return s; }
}

export function Messages({ list, side, raw }: { list: Message[]; side: "input" | "output"; raw: unknown }) {
  const [mode, setMode] = useState<"turns" | "json">("turns");
  const [all, setAll] = useState(false);
  const own = list.filter((m) => m.side === side);
  const results = new Map(own.filter((m) => m.role === "tool" && m.tool_call_id).map((m) => [m.tool_call_id!, m]));
  const called = new Set(own.flatMap((m) => m.tool_calls ?? []).map((c) => c.id));
  const result = (c: ToolCall) => { const r = results.get(c.id); return r ? <Payload value={r.content} label={`Result of ${c.name}`} /> : undefined; };
  // A tool's answer stands beside its call; the newest turns are what one looks for.
  const shown = own.filter((m) => !(m.role === "tool" && m.tool_call_id && called.has(m.tool_call_id)));
  const from = all || shown.length <= 12 ? 0 : shown.length - 8, head = from > 0 && shown[0]!.role === "system" ? [shown[0]!] : [];
  return (
    <>
      <div className="row"><span className="muted grow">{plural(own.length, "message")}</span><Segments label="Shown as" options={[["turns", "Messages"], ["json", "JSON"]] as const} value={mode} onChange={setMode} /></div>
      {mode === "json" ? <Payload value={raw} label={side} /> : (
        <>
          {head.map((m, i) => <Turn key={`h${i}`} m={m} />)}
          {from > 0 && <button className="fold" onClick={() => setAll(true)}>{plural(from - head.length, "earlier message")}, show</button>}
          {shown.slice(from).map((m, i) => <Turn key={from + i} m={m} {...(m.tool_calls?.some((c) => results.has(c.id)) ? { result } : {})} />)}
        </>
      )}
    </>
  );
}
