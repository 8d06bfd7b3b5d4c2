// What else can be done with a trace.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { useGo } from "../app/link";
import { copy } from "../app/toast";
import { to, useWs } from "../app/url";
import { neighbours } from "../app/walk";
import { clock, cost, count, duration, gist } from "../kit/format";
import { Icon } from "../kit/icons";
import { Menu } from "../kit/menu";
import { ConfirmName, Dialog, Load, Status, Time } from "../kit/states";
import { may, useSession } from "../session/session";
import { TagDialog, useChange } from "./bulk";
import { type Trace, type TraceRow, tracesKey } from "./data";
import { quote } from "../kit/filter";
import { comparePath } from "./paths";

export function TraceMenu({ trace: t }: { trace: Trace }) {
  const ws = useWs();
  const go = useGo();
  const session = useSession();
  const [open, setOpen] = useState(false);
  const [dialog, setDialog] = useState<"compare" | "tag" | "delete" | null>(null);
  const [gone, setGone] = useState(false);
  const change = useChange(() => { if (gone) go(to(ws, "traces")); });
  const ask = (d: typeof dialog) => { setOpen(false); setDialog(d); };
  const editor = may(session, ws, "editor");
  return (
    <>
      <Menu open={open} onToggle={setOpen} label="More of this trace" button={<Icon name="more" />}>
        <button className="menu-item" onClick={() => ask("compare")}><Icon name="compare" />Compare with…</button>
        <button className="menu-item" onClick={() => { setOpen(false); void copy(t.trace_id, "Trace id copied"); }}><Icon name="copy" />Copy the trace id</button>
        {editor && <button className="menu-item" onClick={() => ask("tag")}><Icon name="pin" />Tag…</button>}
        {editor && <button className="menu-item" onClick={() => ask("delete")}><Icon name="trash" />Delete…</button>}
      </Menu>
      {dialog === "compare" && <CompareDialog trace={t} onClose={() => setDialog(null)} />}
      {dialog === "tag" && <TagDialog what="this trace" onSave={(c) => { change.mutate({ chosen: { ids: [t.trace_id] }, change: c, verb: "changed" }); setDialog(null); }} onClose={() => setDialog(null)} />}
      {dialog === "delete" && <ConfirmName title="Delete this trace" name={`delete ${t.trace_id.slice(0, 11)}`} consequence={`${count(t.spans)} spans and ${count(t.assessments.length)} scores go with it.`} onConfirm={() => { setGone(true); change.mutate({ chosen: { ids: [t.trace_id] }, change: { delete: true }, verb: "deleted" }); }} onClose={() => setDialog(null)} />}
    </>
  );
}

/** Picks the other trace: one of the same name, one of the list, or any id. */
function CompareDialog({ trace: t, onClose }: { trace: Trace; onClose: () => void }) {
  const ws = useWs();
  const go = useGo();
  const [id, setId] = useState("");
  const near = neighbours("traces", t.trace_id);
  const others = useQuery({
    queryKey: [...tracesKey(ws), "like", t.trace_id],
    queryFn: ({ signal }) => api.post("/w/{ws}/traces/search", { path: { ws }, body: { ...(t.name ? { filter: `name = ${quote(t.name)}` } : {}), experiment_ids: [t.experiment_id], limit: 20 }, signal }),
  });
  const pick = (other: string) => { onClose(); go(comparePath(ws, t.trace_id, other)); };
  const wanted = /tr-[0-9a-f]{32}/.exec(id)?.[0];
  return (
    <Dialog title="Compare with" onClose={onClose}>
      <form className="row" onSubmit={(e) => { e.preventDefault(); if (wanted) pick(wanted); }}>
        <input className="input grow" aria-label="Id or link of a trace" placeholder="Id or link of a trace" value={id} onChange={(e) => setId(e.target.value)} autoFocus />
        <button className="button primary" disabled={!wanted}>Compare</button>
      </form>
      <div className="row" style={{ padding: "8px 0" }}>
        {near.prev && <button className="button" onClick={() => pick(near.prev!)}>The one before it in the list</button>}
        {near.next && <button className="button" onClick={() => pick(near.next!)}>The one after it</button>}
      </div>
      <h3>Newest of the same name</h3>
      <Load query={others} rows={4}>{(d) => {
        const list = d.traces.filter((x) => x.trace_id !== t.trace_id);
        return list.length === 0 ? <p className="muted">There is no other.</p> : <div style={{ margin: "4px -8px 0" }}>{list.map((x) => <Candidate key={x.trace_id} row={x} onPick={() => pick(x.trace_id)} />)}</div>;
      }}</Load>
    </Dialog>
  );
}

function Candidate({ row: r, onPick }: { row: TraceRow; onPick: () => void }) {
  return (
    <button className="menu-item" onClick={onPick}>
      <Status value={r.status} bare /><span className="label muted" style={{ flex: "none" }}><Time ms={r.start_ms} short={clock(r.start_ms)} /></span>
      <span className="clip grow" dir="auto">{gist(r.input_preview) || r.name}</span><span className="label muted" style={{ flex: "none" }}>{duration(r.duration_ms)} · {cost(r.cost)}</span>
    </button>
  );
}
