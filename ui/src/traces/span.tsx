// One span: input, output, scores, attributes, raw; tokens and cost with the
// price they come from.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "../api/client";
import { A } from "../app/link";
import { to, useUrl, useWs } from "../app/url";
import { cost, count, duration, full, priceNote, short } from "../kit/format";
import { Icon } from "../kit/icons";
import { Json, Payload } from "../kit/json";
import { isBig } from "../kit/slim";
import { Failure, Skeleton, Status, Tabs, Time } from "../kit/states";
import { AssessmentList } from "./assessments";
import { spanQuery, type Trace } from "./data";
import { Messages } from "./messages";
import { category } from "./tree";

type Span = Schemas["Span"];
const tabs = ["input", "output", "scores", "attributes", "events", "raw"] as const;

export function SpanPanel({ trace, spanId, subtree, onClose }: { trace: Trace; spanId: string; subtree: { tokens: number; cost: number; spans: number } | null; onClose: () => void }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const span = useQuery(spanQuery(ws, trace.trace_id, spanId));
  if (span.error) return <Failure error={span.error} retry={() => void span.refetch()} />;
  const s = span.data;
  if (!s) return <Skeleton />;
  const scores = trace.assessments.filter((a) => a.span_id === spanId || (a.span_id === null && s.parent_span_id === null));
  const tab = tabs.find((t) => t === search.tab) ?? (s.status === "ERROR" ? "output" : "input");
  const cat = category(s.type);
  const attributes = Object.keys(s.attributes).length;
  return (
    <>
      <div className="span-title">
        <span className="code-tag" style={{ "--c": `var(--${cat.token})` } as React.CSSProperties} title={s.type ?? "no type"}><i />{cat.code}</span>
        <h2 dir="auto" title={s.name}>{s.name}</h2><Status value={s.status} tint />
        <span className="grow" />
        <button className="icon-button" aria-label="Close span" onClick={onClose}><Icon name="close" /></button>
      </div>
      <Facts span={s} subtree={subtree} />
      <div style={{ padding: "0 16px" }}>
        <Tabs label="Span" current={tab} onSelect={(t) => set({ tab: t }, { replace: true })} tabs={[
          { id: "input", label: "Input" }, { id: "output", label: "Output" }, { id: "scores", label: "Scores", n: scores.length || undefined }, { id: "attributes", label: "Attributes", n: attributes || undefined }, { id: "events", label: "Events", n: s.events.length + s.links.length || undefined }, { id: "raw", label: "Raw" },
        ]} />
      </div>
      <div className="span-detail" role="tabpanel" aria-label={tab} tabIndex={0}>
        {tab === "input" && (s.messages?.some((m) => m.side === "input") ? <Messages list={s.messages} side="input" raw={s.inputs} /> : <Payload value={s.inputs} label="Input" />)}
        {tab === "output" && <Output span={s} />}
        {tab === "scores" && <AssessmentList trace={trace} list={scores} spanId={s.parent_span_id === null ? null : spanId} />}
        {tab === "attributes" && <Attributes span={s} />}
        {tab === "events" && <Events span={s} />}
        {tab === "raw" && <Json value={s.$whole ?? s} label="Raw span" />}
      </div>
    </>
  );
}

function Output({ span: s }: { span: Span }) {
  const failures = s.events.filter((e) => e.name === "exception");
  return (
    <>
      {s.status === "ERROR" && (s.status_message || failures.length === 0) && <pre className="text error" dir="auto">{s.status_message || "It failed without a message."}</pre>}
      {failures.map((e, i) => <Exception key={i} attributes={e.attributes} repeated={s.status_message} />)}
      {s.messages?.some((m) => m.side === "output") ? <Messages list={s.messages} side="output" raw={s.outputs} /> : (s.outputs !== null || s.status !== "ERROR") && <Payload value={s.outputs} label="Output" />}
    </>
  );
}

function Exception({ attributes, repeated }: { attributes: Record<string, unknown>; repeated: string }) {
  const text = (k: string) => (typeof attributes[`exception.${k}`] === "string" ? (attributes[`exception.${k}`] as string) : "");
  return (
    <details className="card" open={!repeated}>
      <summary style={{ padding: "6px 12px", cursor: "pointer" }}><b>{text("type") || "Exception"}</b>{!repeated && <span className="muted"> {text("message")}</span>}</summary>
      {text("stacktrace") && <pre className="text" style={{ border: 0 }} tabIndex={0}>{text("stacktrace")}</pre>}
    </details>
  );
}

function Facts({ span: s, subtree }: { span: Span; subtree: { tokens: number; cost: number; spans: number } | null }) {
  const t = s.tokens, cached = t.cache_read ?? 0;
  const hasTokens = t.input !== null || t.output !== null || t.total !== null;
  return (
    <div className="facts">
      <span><b title={`${full(s.duration_ms)} ms`}>{duration(s.duration_ms)}</b></span>
      <span>began <Time ms={Math.round(s.start_ms)} /></span>
      {s.model && <span><b>{s.model}</b>{s.provider && ` · ${s.provider}`}</span>}
      {hasTokens && <span>In <b>{count(t.input)}</b>{cached > 0 && ` (${count(cached)} cached)`} · Out <b>{count(t.output)}</b>{t.reasoning ? ` (${count(t.reasoning)} reasoning)` : ""} tokens</span>}
      {hasTokens && <CostFact span={s} />}
      {subtree && subtree.spans > 1 && !Number.isNaN(subtree.tokens) && <span title="This span and everything beneath it">subtree: <b>{short(subtree.tokens)}</b> tokens{!Number.isNaN(subtree.cost) && <>, <b>{cost(subtree.cost)}</b></>}</span>}
      {s.dialect && <span>{s.dialect}</span>}
    </div>
  );
}

/** "$0.0021 = tokens × price of 2026-11-01", with the arithmetic on hover. */
function CostFact({ span: s }: { span: Span }) {
  const p = s.price;
  const rate = (v: number | null) => (v === null ? "unknown" : `$${v}`);
  const arithmetic = p ? `${p.model}, price of ${p.effective_date} (${p.source})\ninput ${rate(p.input)}, output ${rate(p.output)}, cache read ${rate(p.cache_read)} per million tokens\ninput ${cost(s.cost_parts.input)} + output ${cost(s.cost_parts.output)} = ${cost(s.cost)}` : "No price is known for this model, so its cost is unknown and not counted.";
  return <span title={arithmetic}><b>{cost(s.cost)}</b>{p ? ` = tokens × ${priceNote(p)}` : " (no known price)"} <Icon name="info" size={12} /><span className="sr">{arithmetic}</span></span>;
}

function Attributes({ span: s }: { span: Span }) {
  const rows = Object.entries(s.attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = (v: unknown) => (typeof v === "string" ? v : isBig(v) ? v.head : JSON.stringify(v));
  const [find, setFind] = useState("");
  const [most, setMost] = useState(200); // 12,000 attributes are not drawn at once
  const words = find.trim().toLowerCase(), shown = words ? rows.filter(([k, v]) => k.toLowerCase().includes(words) || text(v).toLowerCase().includes(words)) : rows;
  return (
    <>
      {rows.length > 20 && <input className="input" aria-label="Search attributes" placeholder={`Search ${count(rows.length)} attributes`} value={find} onChange={(e) => { setFind(e.target.value); setMost(200); }} />}
      {rows.length === 0 ? <p className="muted">No attributes.</p> : shown.length === 0 ? <p className="muted">No attribute matches.</p> : (
        <div className="card"><table className="plain"><tbody>{shown.slice(0, most).map(([k, v]) => {
          const long = isBig(v) || text(v).length > 300;
          return <tr key={k}><td className="key"><code>{k}</code></td><td dir="auto">{long ? <Payload value={v} label={k} /> : text(v)}</td></tr>;
        })}</tbody></table>{shown.length > most && <button className="link" style={{ padding: "6px 12px" }} onClick={() => setMost(most + 1000)}>{count(shown.length - most)} more</button>}</div>
      )}
      <div className="card"><header><h3>Origin</h3></header><div className="body"><dl className="dl">
        <dt>Span id</dt><dd><code>{s.span_id}</code></dd><dt>Kind</dt><dd>{s.kind.toLowerCase()}</dd><dt>Type</dt><dd>{s.type ?? "—"}</dd>
        <dt>Scope</dt><dd>{s.scope.name || "—"} {s.scope.version}</dd>
        {Object.entries(s.resource).map(([k, v]) => <FragmentRow key={k} k={k} v={text(v)} />)}
      </dl></div></div>
    </>
  );
}

/** What happened within the span, and which other spans it points to. */
function Events({ span: s }: { span: Span }) {
  const ws = useWs();
  return (
    <>
      {s.events.length === 0 && <p className="muted">No events.</p>}
      {s.events.slice(0, 500).map((e, i) => (
        <article key={i} className="card" aria-label={e.name}>
          <header><h3 className="grow clip" dir="auto" title={e.name}>{e.name}</h3><span className="muted label" title={`${full(e.time_ms)} ms since 1970`}>+{duration(e.time_ms - s.start_ms)}</span></header>
          {Object.keys(e.attributes).length > 0 && <div className="body">{e.name === "exception" ? <Exception attributes={e.attributes} repeated="" /> : <Payload value={e.attributes} label={e.name} />}</div>}
        </article>
      ))}
      {s.events.length > 500 && <p className="muted">The first 500 of {count(s.events.length)}; Raw has all.</p>}
      {s.links.length > 0 && <div className="card"><header><h3>Links</h3></header><table className="plain"><tbody>{s.links.map((l, i) => <tr key={i}><td><A href={`${to(ws, "traces", l.trace_id.startsWith("tr-") ? l.trace_id : `tr-${l.trace_id}`)}?span=${l.span_id}`}><code>{l.trace_id}</code></A></td><td><code>{l.span_id}</code></td><td>{Object.keys(l.attributes ?? {}).length > 0 && <Payload value={l.attributes} label="Link" />}</td></tr>)}</tbody></table></div>}
    </>
  );
}

function FragmentRow({ k, v }: { k: string; v: string }) {
  return <><dt><code>{k}</code></dt><dd dir="auto">{v}</dd></>;
}
