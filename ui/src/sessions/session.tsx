// One conversation across its traces, read by turn: what was said, what it
// cost, and in the margin how it was scored.
import { useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import { listen } from "../api/live";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { useShortcut } from "../app/shortcuts";
import { copy } from "../app/toast";
import { to, useUrl, useWs } from "../app/url";
import { neighbours } from "../app/walk";
import { CopyAs } from "../kit/copyas";
import { cost, count, dateTime, duration, full, metric, plural, short } from "../kit/format";
import { Icon } from "../kit/icons";
import { useNarrow } from "../kit/media";
import { hint, Load, Time } from "../kit/states";
import "../traces/traces.css";
import { type Conversation, sessionsKey, useConversation, useTurns } from "./data";
import { sessionPath } from "./page";
import { TurnRow } from "./turn";
import type { Schemas } from "../api/client";

type Detail = Schemas["ConversationDetail"];

export default function SessionPage() {
  const ws = useWs();
  const { session } = useParams({ strict: false }) as { session: string };
  const detail = useConversation(ws, session);
  const client = useQueryClient();
  const [grown, setGrown] = useState(0);
  useCrumbs({ label: "Sessions", to: to(ws, "sessions") }, { label: session });
  // A new turn joins at the end; what is read stays where it is.
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = listen(ws, (c) => {
      if (c.kind !== "trace" && c.kind !== "reset") return;
      timer ??= setTimeout(() => {
        timer = undefined;
        void client.invalidateQueries({ queryKey: [...sessionsKey(ws), "one", session] });
      }, 2_000);
    });
    return () => { off(); clearTimeout(timer); };
  }, [ws, session, client]);
  const version = `${detail.data?.traces}/${detail.data?.last_ms}/${detail.data?.errors}/${detail.data?.tokens}`;
  useEffect(() => {
    void client.invalidateQueries({ queryKey: [...sessionsKey(ws), "turns", session] });
    setGrown((n) => n + 1);
  }, [version, client, ws, session]);
  return (
    <div className="page">
      <Load query={detail}>{(d) => (
        <>
          <Head detail={d} />
          <Turns key={session} detail={d} version={grown} />
        </>
      )}</Load>
    </div>
  );
}

function Head({ detail: d }: { detail: Detail }) {
  const ws = useWs();
  const go = useGo();
  const narrow = useNarrow();
  const near = neighbours("sessions", d.session);
  const walk = (id: string | undefined) => { if (id) go(sessionPath(ws, id)); };
  useShortcut("prev", () => walk(near.prev));
  useShortcut("next", () => walk(near.next));
  return (
    <>
      <div className="page-head" style={{ paddingBottom: 2 }}>
        <h1 className="clip" dir="auto" title={d.session}>{d.session}</h1>
        <button className="icon-button" aria-label="Copy the session id" title="Copy the session id" onClick={() => void copy(d.session, "Session id copied")}><Icon name="copy" size={12} /></button>
        <span className="grow" />
        <A className="button" href={`${to(ws, "traces")}?session=${encodeURIComponent(d.session)}&sort=start`}><Icon name="traces" size={12} />{narrow ? "Traces" : "As a list of traces"}</A>
        {!narrow && <CopyAs call={{ path: `/w/${ws}/sessions/${encodeURIComponent(d.session)}/turns`, query: { from: 0, limit: 50 } }} mlflow={`traces = mlflow.search_traces(\n    filter_string=${JSON.stringify(`metadata.\`mlflow.trace.session\` = '${d.session.replaceAll("'", "''")}'`)},\n    order_by=["timestamp_ms ASC"],\n)`} />}
        {near.of > 0 && <span className="row" style={{ gap: 2 }}>
          <button className="icon-button" disabled={!near.prev} aria-label="Previous session" title={hint("Previous session of the list", "prev")} onClick={() => walk(near.prev)}><Icon name="up" /></button>
          <button className="icon-button" disabled={!near.next} aria-label="Next session" title={hint("Next session of the list", "next")} onClick={() => walk(near.next)}><Icon name="down" /></button>
        </span>}
      </div>
      <div className="facts">
        <span><b>{count(d.traces)}</b> {d.traces === 1 ? "turn" : "turns"}{d.errors > 0 && <>, <span className="status error">{count(d.errors)} failed</span></>}</span>
        <span title={`${dateTime(d.first_ms)} – ${dateTime(d.last_ms)}`}><Time ms={d.first_ms} />, lasted <b>{duration(d.last_ms - d.first_ms)}</b></span>
        <span title={d.tokens === null ? "unknown" : count(d.tokens)}><b>{short(d.tokens)}</b> tokens · <b title={d.cost === null ? "no known price" : `${full(d.cost)} USD`}>{cost(d.cost)}</b>{d.unpriced > 0 && <> + {plural(d.unpriced, "call")} of no known price</>}</span>
        {d.users.length > 0 && <span className="clip">{d.users.length === 1 ? "user" : "users"} <b>{d.users.slice(0, 3).join(", ")}</b>{d.users.length > 3 && ` and ${d.users.length - 3} more`}</span>}
        {d.models.length > 0 && <span className="clip" title={d.models.join("\n")}>{d.models.slice(0, 2).join(", ")}{d.models.length > 2 && ` and ${d.models.length - 2} more`}</span>}
      </div>
      {d.scores.length > 0 && (
        <div className="chips" style={{ padding: "0 16px 8px" }}>
          {d.scores.slice(0, 8).map((s) => <span key={s.name} className="score" title={`${s.name}: mean of ${plural(s.n, "score")}${s.missing ? `, ${count(s.missing)} without a number` : ""}; lowest ${full(s.min)}`}><span className="name">{s.name}</span><b>{metric(s.mean)}</b><span className="name">n{count(s.n)}{s.missing > 0 ? `, ${count(s.missing)} missing` : ""}</span></span>)}
        </div>
      )}
    </>
  );
}

function Turns({ detail: d, version }: { detail: Conversation & Detail; version: number }) {
  const ws = useWs();
  const client = useQueryClient();
  const { search, set } = useUrl();
  const host = useRef<HTMLDivElement>(null);
  const n = d.traces;
  const turns = useTurns(client, ws, d.session, version);
  const asked = Number(search.turn), start = Number.isInteger(asked) && asked >= 1 && asked <= n ? asked - 1 : -1;
  const [current, setCurrent] = useState(Math.max(0, start));
  const [jump, setJump] = useState("");
  const rows = useVirtualizer({ count: n, getScrollElement: () => host.current, estimateSize: () => 150, overscan: 4, getItemKey: (i) => i });
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0, last = items.at(-1)?.index ?? 0;
  useEffect(() => { if (n > 0) turns.want(first, last); }, [first, last, n, version]);
  const goTo = (i: number, how: { keep?: boolean } = {}) => {
    const at = Math.max(0, Math.min(n - 1, i));
    setCurrent(at);
    rows.scrollToIndex(at, { align: "start" });
    if (!how.keep) set({ turn: at === 0 ? undefined : String(at + 1) }, { replace: true });
    requestAnimationFrame(() => host.current?.querySelector<HTMLElement>(`[data-turn="${at}"]`)?.focus({ preventScroll: true }));
  };
  // A link to a turn opens on it.
  useEffect(() => { if (start > 0) goTo(start, { keep: true }); }, []);
  const nextFailed = (back: boolean) => {
    const to = back ? d.failed_turns.findLast((i) => i < current) ?? d.failed_turns.at(-1) : d.failed_turns.find((i) => i > current) ?? d.failed_turns[0];
    if (to !== undefined) goTo(to);
  };
  useShortcut("down", () => goTo(current + 1));
  useShortcut("up", () => goTo(current - 1));
  useShortcut("errors", () => nextFailed(false));
  useShortcut("prevError", () => nextFailed(true));
  const go = useGo();
  useShortcut("open", (e) => {
    const t = turns.turn(current);
    if (!t || ((e.target as HTMLElement).closest("a,button,input,summary"))) return false;
    go(to(ws, "traces", t.trace_id));
  });
  return (
    <>
      <form className="toolbar" onSubmit={(e) => { e.preventDefault(); const i = Number(jump); if (Number.isInteger(i) && i >= 1) goTo(i - 1); }}>
        <label className="row" style={{ gap: 6 }}>Turn<input className="input num" style={{ width: 84 }} inputMode="numeric" pattern="[0-9]*" aria-label={`Jump to turn, 1 to ${n}`} placeholder={String(current + 1)} value={jump} onChange={(e) => setJump(e.target.value)} /></label>
        <span className="muted label">of {count(n)}</span>
        <button className="button" type="button" onClick={() => goTo(0)} disabled={n < 2}>First</button>
        <button className="button" type="button" onClick={() => goTo(n - 1)} disabled={n < 2}>Last</button>
        {d.failed_turns.length > 0 && <button className="button" type="button" title={hint("Next failed turn", "errors")} onClick={() => nextFailed(false)}><span className="status error"><Icon name="close" size={12} /></span>Next failed</button>}
      </form>
      <div ref={host} className="turns" role="feed" aria-label="Turns" aria-busy={items.some((v) => !turns.turn(v.index))} tabIndex={0}>
        <div style={{ height: rows.getTotalSize(), position: "relative" }} role="presentation">
          {items.map((v) => (
            <div key={v.key} ref={rows.measureElement} data-index={v.index} style={{ position: "absolute", top: 0, left: 0, right: 0, transform: `translateY(${v.start}px)` }}>
              <TurnRow index={v.index} of={n} turn={turns.turn(v.index)} error={turns.failed(v.index)} retry={() => turns.retry(v.index)} current={v.index === current} onFocus={() => setCurrent(v.index)} />
            </div>
          ))}
        </div>
      </div>
    </>
  );
}
