// Copying traces into a dataset: those that are selected, or all that match.
//
//	<AddToDataset ids={[…selected]} onClose={…} />
//	<AddToDataset query={query} count={1284} onClose={…} />
//	<DatasetButton ids={[trace.trace_id]} />   with the key d
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useDeferredValue, useEffect, useId, useRef, useState } from "react";
import { api, type Schemas } from "../api/client";
import { useGo } from "../app/link";
import { ariaKeys, useShortcut } from "../app/shortcuts";
import { toast } from "../app/toast";
import { to, useWs } from "../app/url";
import { count, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Dialog, hint, Keys } from "../kit/states";
import { may, useSession } from "../session/session";
import { type Dataset, datasetsKey, useDatasets } from "./data";

interface Props { ids?: readonly string[]; query?: Schemas["TraceQuery"]; count?: number | undefined; onClose: () => void; onDone?: (() => void) | undefined; }
interface Tally { inserted: number; updated: number; skipped: { trace_id: string; reason: string }[]; seen: number; }

/** How many traces one call copies when they are named. */
const batch = 200;

export function AddToDataset({ ids = [], query, count: total, onClose, onDone }: Props) {
  const ws = useWs();
  const go = useGo();
  const id = useId();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<Dataset | null>(null);
  const [tally, setTally] = useState<Tally | null>(null);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const stop = useRef(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []); // the dialog has taken the focus by now
  const found = useDatasets(ws, useDeferredValue(name.trim()), "-updated_ms");
  const list = found.data?.pages[0]?.datasets.slice(0, 8) ?? [];
  const many = query ? total : ids.length;
  // Nothing typed means the dataset changed last, so that Enter alone adds to it.
  const pick = chosen ?? (name.trim() ? null : list[0] ?? null);

  async function run(e: FormEvent) {
    e.preventDefault();
    if (busy || (!pick && !name.trim())) return;
    setBusy(true); setError(""); stop.current = false;
    const sum: Tally = { inserted: 0, updated: 0, skipped: [], seen: 0 };
    try {
      const target = pick ?? (await api.post("/w/{ws}/datasets", { path: { ws }, body: { name: name.trim() } }));
      setChosen(target as Dataset);
      let token: string | null = "", at = 0;
      while (token !== null && !stop.current) {
        const body: { trace_ids?: string[]; query?: Schemas["TraceQuery"]; page_token?: string } = query ? { query, ...(token ? { page_token: token } : {}) } : { trace_ids: ids.slice(at, at + batch) };
        const r = await api.post("/w/{ws}/datasets/{dataset_id}/traces", { path: { ws, dataset_id: target.dataset_id }, body });
        sum.inserted += r.inserted; sum.updated += r.updated; sum.skipped.push(...r.skipped); sum.seen += r.inserted + r.updated + r.skipped.length;
        setTally({ ...sum });
        at += batch;
        token = query ? r.next_page_token : at < ids.length ? "more" : null;
      }
      void client.invalidateQueries({ queryKey: datasetsKey(ws) });
      toast(`${plural(sum.inserted, "record")} added to ${target.name}${sum.updated ? `, ${count(sum.updated)} merged` : ""}${sum.skipped.length ? `, ${count(sum.skipped.length)} skipped` : ""}`, { action: { label: "Open", run: () => go(to(ws, "datasets", target.dataset_id)) } });
      if (sum.skipped.length === 0 && !stop.current) { onDone?.(); onClose(); }
    } catch (x) {
      setError((x as Error).message);
    }
    setBusy(false);
  }

  return (
    <Dialog title={`Add ${many === undefined ? "all matching traces" : plural(many, "trace")} to a dataset`} onClose={() => { stop.current = true; onClose(); }}>
      <form className="stack" onSubmit={(e) => void run(e)}>
        <p className="muted">Input, output and expectations are copied, so that the dataset stays when a trace goes. Each record links to its trace.</p>
        <div className="field">
          <label htmlFor={id}>Dataset</label>
          <input id={id} ref={input} className="input" autoComplete="off" dir="auto" placeholder="Find a dataset, or name a new one" value={chosen ? chosen.name : name} onChange={(e) => { setChosen(null); setName(e.target.value); }} disabled={busy} />
        </div>
        {!chosen && <div role="group" aria-label="Datasets" style={{ maxHeight: 240, overflow: "auto" }}>
          {list.map((d) => <button key={d.dataset_id} type="button" className="menu-item" data-active={d === pick} onClick={() => { setChosen(d); input.current?.focus(); }}><Icon name="datasets" /><span className="clip grow" dir="auto">{d.name}</span><span className="muted label">{plural(d.records, "record")}</span></button>)}
          {name.trim() && !list.some((d) => d.name === name.trim()) && <p className="muted" style={{ padding: "6px 8px" }}>A new dataset “{name.trim()}” will be made.</p>}
          {!name.trim() && found.data && list.length === 0 && <p className="muted" style={{ padding: "6px 8px" }}>There are no datasets yet: name one.</p>}
        </div>}
        {error && <div className="banner error" role="alert"><Icon name="error" />{error}{tally ? ` ${count(tally.seen)} were done before.` : ""}</div>}
        {tally && (busy || tally.skipped.length > 0) && <Progress tally={tally} total={many} busy={busy} />}
        <div className="row" style={{ justifyContent: "flex-end" }}>
          <button type="button" className="button" onClick={() => { stop.current = true; onClose(); }}>{tally && !busy ? "Close" : "Cancel"}</button>
          <button className="button primary" disabled={busy || (!pick && !name.trim())}>{busy ? "Adding…" : pick ? `Add to ${pick.name}` : !name.trim() ? "Add" : list.some((d) => d.name === name.trim()) ? "Add to a new one of this name" : "Create and add"}</button>
        </div>
      </form>
    </Dialog>
  );
}

function Progress({ tally, total, busy }: { tally: Tally; total: number | undefined; busy: boolean }) {
  const reasons = new Map<string, number>();
  for (const s of tally.skipped) reasons.set(s.reason, (reasons.get(s.reason) ?? 0) + 1);
  return (
    <div role="status" className="stack" style={{ gap: 6 }}>
      {busy && total ? <div className="progress" role="progressbar" aria-valuemin={0} aria-valuemax={total} aria-valuenow={tally.seen} aria-label="Traces copied"><i style={{ width: `${Math.min(100, (100 * tally.seen) / total)}%` }} /></div> : null}
      <span className="muted">{count(tally.inserted)} added, {count(tally.updated)} merged, {count(tally.skipped.length)} skipped{total ? ` of ${count(total)}` : ""}</span>
      {[...reasons].map(([why, n]) => <span key={why} className="status warning" style={{ whiteSpace: "normal" }}><Icon name="warning" size={12} />{plural(n, "trace")}: {why}</span>)}
    </div>
  );
}

/** The button, its key and its dialog, for a bulk bar or a page's head. */
export function DatasetButton({ ids, query, total, onDone, iconOnly = false }: { ids: readonly string[]; /** All that match, instead of ids. */ query?: Schemas["TraceQuery"] | undefined; total?: number | undefined; onDone?: () => void; iconOnly?: boolean }) {
  const ws = useWs();
  const session = useSession();
  const [open, setOpen] = useState(false);
  const editor = may(session, ws, "editor");
  useShortcut("dataset", editor && (ids.length > 0 || !!query) && (() => setOpen(true)));
  if (!editor) return null;
  return (
    <>
      <button className={iconOnly ? "icon-button" : "button"} aria-label={iconOnly ? "Add to a dataset" : undefined} aria-keyshortcuts={ariaKeys("dataset")} title={hint("Add to a dataset", "dataset")} onClick={() => setOpen(true)}><Icon name="datasets" />{!iconOnly && <>Dataset<Keys id="dataset" /></>}</button>
      {open && <AddToDataset {...(query ? { query, count: total } : { ids })} onClose={() => setOpen(false)} onDone={onDone} />}
    </>
  );
}
