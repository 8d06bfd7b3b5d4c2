// Conversations: who spoke, how long, at what cost and how well; a row opens
// the whole of it.
import { A, useGo } from "../app/link";
import { useEffect, useMemo, useRef, useState } from "react";
import { listen } from "../api/live";
import { useQueryClient } from "@tanstack/react-query";
import { useCrumbs } from "../app/crumbs";
import { useShortcut } from "../app/shortcuts";
import { to, useUrl, useWs } from "../app/url";
import { useRememberList } from "../app/walk";
import { CopyAs } from "../kit/copyas";
import { clock, cost, count, duration, full, gist, metric, plural, short } from "../kit/format";
import { Icon } from "../kit/icons";
import { useNarrow } from "../kit/media";
import { Empty, Failure, hint, Skeleton, Stale, Status, Time } from "../kit/states";
import { type Column, DataTable } from "../kit/table";
import { useSession } from "../session/session";
import { ScopeMenus, useNotices } from "../traces/scope";
import { type Conversation, orderOf, queryOf, sessionsKey, sorts, useSessions } from "./data";

export function sessionPath(ws: string, session: string): string { return to(ws, "sessions", session); }

function columnsOf(ws: string): Column<Conversation>[] {
  return [
    { id: "session", header: "Session", width: 180, pinned: true, cell: (c) => <A className="name" href={sessionPath(ws, c.session)} tabIndex={-1}>{c.session}</A> },
    { id: "user", header: "User", width: 120, cell: (c) => c.user ?? "—" },
    { id: "first", header: "Opens with", width: 330, cell: (c) => <span title={c.first_input.slice(0, 300)}>{gist(c.first_input) || "—"}</span> },
    { id: "turns", header: "Turns", width: 72, num: true, sort: "turns", cell: (c) => count(c.traces) },
    { id: "errors", header: "Errors", width: 72, num: true, sort: "errors", cell: (c) => (c.errors ? <span className="status error">{count(c.errors)}</span> : "0") },
    { id: "worst", header: "Worst score", width: 150, sort: "score", cell: (c) => (c.worst_score ? <span title={`${c.worst_score.name}: ${full(c.worst_score.value)}, the lowest of any turn`}><span className="muted">{c.worst_score.name}</span> {metric(c.worst_score.value)}</span> : <span className="muted">—</span>) },
    { id: "last", header: "Last turn", width: 112, sort: "last", cell: (c) => <Time ms={c.last_ms} short={clock(c.last_ms)} /> },
    { id: "span", header: "Lasted", width: 84, num: true, sort: "duration", cell: (c) => duration(c.last_ms - c.first_ms) },
    { id: "tokens", header: "Tokens", width: 72, num: true, sort: "tokens", cell: (c) => <span title={count(c.tokens)}>{short(c.tokens)}</span> },
    { id: "cost", header: "Cost", width: 90, num: true, sort: "cost", cell: (c) => <span title={c.cost === null ? "no known price" : `${full(c.cost)} USD${c.unpriced ? `, without ${plural(c.unpriced, "call")} of no known price` : ""}`}>{cost(c.cost)}{c.unpriced > 0 && c.cost !== null ? "+" : ""}</span> },
  ];
}

export default function SessionsPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const go = useGo();
  const session = useSession();
  const client = useQueryClient();
  const narrow = useNarrow();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(search.q ?? "");
  const [minute, setMinute] = useState(() => Date.now());
  const top = useRef(true);
  const [fresh, setFresh] = useState(false);
  useCrumbs({ label: "Sessions" });
  useEffect(() => setText(search.q ?? ""), [search.q]);
  const notices = useNotices(search, sorts);
  const query = useMemo(() => queryOf(search, minute), [search.q, search.exp, search.from, search.to, minute]);
  const order = orderOf(search);
  const rows = useSessions(ws, query, order);
  const data = useMemo(() => rows.data?.pages.flatMap((p) => p.sessions) ?? [], [rows.data]);
  useRememberList("sessions", useMemo(() => data.map((c) => c.session), [data]));
  const columns = useMemo(() => columnsOf(ws), [ws]);
  useShortcut("filter", () => { input.current?.focus(); input.current?.select(); });
  const refresh = () => { setFresh(false); setMinute(Date.now()); void client.invalidateQueries({ queryKey: sessionsKey(ws) }); };
  // New turns reorder the list only while nobody reads further down.
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = listen(ws, (c) => {
      if (c.kind !== "trace" && c.kind !== "reset") return;
      if (top.current) timer ??= setTimeout(() => { timer = undefined; refresh(); }, 3_000);
      else setFresh(true);
    });
    return () => { off(); clearTimeout(timer); };
  }, [ws]);
  const filtered = !!(search.q || search.exp || search.from);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Sessions</h1>
        <ScopeMenus search={search} set={set} onTime={() => setMinute(Date.now())} />
        <span className="grow" />
        {!narrow && <CopyAs call={{ path: `/w/${ws}/sessions`, query: { ...(search.q ? { q: search.q } : {}), order_by: order, limit: 100 } }} />}
      </div>
      {notices}
      <form className="toolbar" role="search" onSubmit={(e) => { e.preventDefault(); set({ q: text.trim() }); }}>
        <input ref={input} className="input grow" style={{ maxWidth: 420 }} aria-label="Part of a session id or user" placeholder="Part of a session id or user" title={hint("Search", "filter")} value={text} onChange={(e) => { setText(e.target.value); if (e.target.value === "") set({ q: undefined }); }} />
        {text.trim() !== (search.q ?? "") && <button className="button">Search</button>}
      </form>
      {rows.error && rows.data ? <Stale error={rows.error} retry={() => void rows.refetch()} /> : null}
      <div className="list" style={{ position: "relative" }}>
        {fresh && <button className="pill" onClick={refresh}>↑ new turns, click to show</button>}
        {rows.data === undefined ? (rows.error ? <Failure error={rows.error} retry={() => void rows.refetch()} /> : <div className="grow"><Skeleton rows={10} /></div>)
          : data.length === 0 ? (filtered ? <Empty title="No session matches" text="Try another word or a longer time."><button className="button" onClick={() => set({ q: undefined, exp: undefined, from: undefined, to: undefined })}>Clear all conditions</button></Empty>
            : <Empty title="No sessions yet" text="Set a session id, and the turns of a conversation belong together:" code={`import mlflow\nmlflow.set_tracking_uri("${session.server.address}")\nmlflow.update_current_trace(metadata={"mlflow.trace.session": "s-81", "mlflow.trace.user": "rima"})`} />)
          : <DataTable name="sessions" label="Sessions" columns={columns} rows={data} getId={(c) => c.session} href={(c) => sessionPath(ws, c.session)} onOpen={(c) => go(sessionPath(ws, c.session))}
              more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }} sort={order} onSort={(s) => set({ sort: s === "-last" ? undefined : s })} onTop={(t) => { top.current = t; }}
              card={SessionCard} cardHeight={88} />}
      </div>
    </div>
  );
}

function SessionCard(c: Conversation) {
  return (
    <>
      <span className="row"><b className="clip grow" dir="auto">{c.session}</b>{c.errors > 0 && <span className="row label" style={{ gap: 3 }}><Status value="ERROR" bare />{count(c.errors)}</span>}<span className="muted label"><Time ms={c.last_ms} /></span></span>
      <span className="clip muted" dir="auto">{gist(c.first_input) || "—"}</span>
      <span className="row label muted"><span>{plural(c.traces, "turn")}</span>·<span>{cost(c.cost)}</span>{c.user && <>·<span className="clip">{c.user}</span></>}{c.worst_score && <><Icon name="scorers" size={12} /><span className="clip">{c.worst_score.name} {metric(c.worst_score.value)}</span></>}</span>
    </>
  );
}
