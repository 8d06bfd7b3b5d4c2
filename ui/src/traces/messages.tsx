// Chat turns by role, with the tool call beside its arguments.
import { useState } from "react";
import type { Schemas } from "../api/client";
import { plural } from "../kit/format";
import { Json, Payload } from "../kit/json";
import { Markdown } from "../kit/markdown";
import { Segments } from "../kit/states";

type Message = NonNullable<Schemas["Span"]["messages"]>[number];
const names: Record<Message["role"], string> = { system: "System", user: "User", assistant: "Assistant", tool: "Tool" };

export function Turn({ m }: { m: Message }) {
  const [folded, setFolded] = useState(m.role === "system" && m.content.length > 600);
  return (
    <section className="turn" aria-label={names[m.role]}>
      <header><b>{names[m.role]}</b>{m.name && <span>{m.name}</span>}{m.tool_call_id && <code className="clip" title={m.tool_call_id}>{m.tool_call_id}</code>}
        {m.content.length > 600 && <button className="link" style={{ marginLeft: "auto" }} onClick={() => setFolded(!folded)}>{folded ? "Show all" : "Fold"}</button>}</header>
      {m.content && <div className="text" style={folded ? { maxHeight: 84, overflow: "hidden" } : undefined}>
        {m.role === "tool" || /^\s*[[{]/.test(m.content) ? <Payload value={m.content} label={`${names[m.role]} message`} /> : m.role === "assistant" ? <Markdown text={m.content} /> : <div style={{ whiteSpace: "pre-wrap" }} dir="auto">{m.content}</div>}
      </div>}
      {m.tool_calls?.map((c) => <div key={c.id} className="call"><code><b>{c.name}</b></code><Json value={parse(c.arguments)} label={`Arguments of ${c.name}`} /></div>)}
    </section>
  );
}

function parse(s: string): unknown {
  try { return JSON.parse(s); } catch { return s; }
}

export function Messages({ list, side, raw }: { list: Message[]; side: "input" | "output"; raw: unknown }) {
  const [mode, setMode] = useState<"turns" | "json">("turns");
  const own = list.filter((m) => m.side === side);
  return (
    <>
      <div className="row"><span className="muted grow">{plural(own.length, "message")}</span><Segments label="Shown as" options={[["turns", "Messages"], ["json", "JSON"]] as const} value={mode} onChange={setMode} /></div>
      {mode === "json" ? <Payload value={raw} label={side} /> : own.map((m, i) => <Turn key={i} m={m} />)}
    </>
  );
}
