// Conversations; a row opens the traces of its session.
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { A, useGo } from "../app/link";
import { useMemo, useState } from "react";
import { api, type Schemas } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { to, useUrl, useWs } from "../app/url";
import { clock, cost, count, duration, gist, plural, short } from "../kit/format";
import { Empty, Load, Status, Time } from "../kit/states";
import { type Column, DataTable } from "../kit/table";
import { useSession } from "../session/session";
import { SavedViews } from "../views/saved";

type Conversation = Schemas["Conversation"];

export default function SessionsPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const go = useGo();
  const session = useSession();
  const [text, setText] = useState(search.q ?? "");
  useCrumbs({ label: "Sessions" });
  const q = search.q ?? "";
  const rows = useInfiniteQuery({
    queryKey: ["traces", ws, "sessions", q],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/sessions", { path: { ws }, query: { limit: 100, ...(q ? { q } : {}), ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    placeholderData: keepPreviousData,
  });
  const href = (c: Conversation) => `${to(ws, "traces")}?session=${encodeURIComponent(c.session)}&sort=start`;
  const columns = useMemo((): Column<Conversation>[] => [
    { id: "session", header: "Session", width: 180, pinned: true, cell: (c) => <A className="name" href={href(c)} tabIndex={-1}>{c.session}</A> },
    { id: "user", header: "User", width: 140, cell: (c) => c.user ?? "" },
    { id: "first", header: "Opens with", width: 360, cell: (c) => <span title={c.first_input}>{gist(c.first_input)}</span> },
    { id: "turns", header: "Turns", width: 72, num: true, cell: (c) => count(c.traces) },
    { id: "errors", header: "Errors", width: 84, num: true, cell: (c) => (c.errors ? <span className="status error">{count(c.errors)}</span> : "0") },
    { id: "last", header: "Last turn", width: 120, cell: (c) => <Time ms={c.last_ms} short={clock(c.last_ms)} /> },
    { id: "span", header: "Lasted", width: 90, num: true, cell: (c) => duration(c.last_ms - c.first_ms) },
    { id: "tokens", header: "Tokens", width: 80, num: true, cell: (c) => short(c.tokens) },
    { id: "cost", header: "Cost", width: 84, num: true, cell: (c) => cost(c.cost) },
    { id: "worst", header: "Worst score", width: 160, cell: (c) => (c.worst_score ? `${c.worst_score.name} ${short(c.worst_score.value)}` : "—") },
  ], [ws]);
  return (
    <div className="page">
      <div className="page-head"><h1>Sessions</h1><SavedViews page="sessions" /></div>
      <form className="toolbar" onSubmit={(e) => { e.preventDefault(); set({ q: text.trim() }); }}>
        <input className="input grow" style={{ maxWidth: 420 }} aria-label="Session or user begins with" placeholder="Session or user begins with…" value={text} onChange={(e) => setText(e.target.value)} />
      </form>
      <div className="list"><Load query={rows} rows={10}>{(d) => {
        const all = d.pages.flatMap((p) => p.sessions);
        if (all.length === 0) return q ? <Empty title="No session matches" /> : <Empty title="No sessions yet" text="Set a session id, and the turns of a conversation belong together:" code={`import mlflow\nmlflow.set_tracking_uri("${session.server.address}")\nmlflow.update_current_trace(metadata={"mlflow.trace.session": "s-81", "mlflow.trace.user": "rima"})`} />;
        return <DataTable name="sessions" label="Sessions" columns={columns} rows={all} getId={(c) => c.session} href={href} onOpen={(c) => go(href(c))}
          more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }}
          card={(c) => <><span className="row"><b className="clip grow">{c.session}</b>{c.errors > 0 && <Status value="ERROR" bare />}<span className="muted label"><Time ms={c.last_ms} /></span></span><span className="clip muted">{gist(c.first_input)}</span><span className="label muted">{plural(c.traces, "turn")} · {cost(c.cost)} · {c.user}</span></>} cardHeight={84} />;
      }}</Load></div>
    </div>
  );
}
