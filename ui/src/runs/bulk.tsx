// What can be done with the selected runs: compare, tag, delete, restore.
// "All that match" is done by the server, page by page, and says how far it is.
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api } from "../api/client";
import { toast, toastError } from "../app/toast";
import { useWs } from "../app/url";
import { count, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Dialog, Keys } from "../kit/states";
import { type RunQuery, runsKey } from "./data";

export const all = "*"; // in the URL: every run that matches

interface Change { to?: "active" | "deleted"; set_tags?: Record<string, string>; delete_tags?: string[]; }

/** Changes the runs named, or all that match, and returns the ids that were changed. */
export function useChange(query: RunQuery) {
  const ws = useWs();
  const client = useQueryClient();
  const [progress, setProgress] = useState<number | null>(null);
  const stopped = useRef(false);
  async function change(ids: string[] | null, c: Change): Promise<string[]> {
    const changed: string[] = [], failed: string[] = [];
    stopped.current = false;
    setProgress(0);
    try {
      if (ids) {
        for (let i = 0; i < ids.length && !stopped.current; i += 100) {
          const r = await api.post("/w/{ws}/runs/change", { path: { ws }, body: { run_ids: ids.slice(i, i + 100), ...c } });
          changed.push(...r.changed);
          failed.push(...r.failed.map((f) => f.message));
          setProgress(changed.length);
        }
      } else {
        let page_token: string | null = null;
        do {
          const r: { changed: string[]; failed: { message: string }[]; next_page_token: string | null } = await api.post("/w/{ws}/runs/change", { path: { ws }, body: { ...query, ...c, limit: 200, ...(page_token ? { page_token } : {}) } as never });
          changed.push(...r.changed);
          failed.push(...r.failed.map((f) => f.message));
          page_token = r.next_page_token;
          setProgress(changed.length);
        } while (page_token && !stopped.current);
      }
      if (failed.length) toastError(new Error(`${plural(failed.length, "run")} could not be changed: ${failed[0]}`));
    } catch (e) {
      toastError(e);
    } finally {
      setProgress(null);
      void client.invalidateQueries({ queryKey: runsKey(ws) });
    }
    return changed;
  }
  return { change, progress, stop: () => { stopped.current = true; } };
}

interface Props { query: RunQuery; selected: ReadonlySet<string>; everything: boolean; total: number | null; loaded: number; deleted: boolean; editor: boolean; compare: () => void; clear: () => void; selectAll: () => void; }

export function RunBulk({ query, selected, everything, total, loaded, deleted, editor, compare, clear, selectAll }: Props) {
  const { change, progress, stop } = useChange(query);
  const [tagging, setTagging] = useState(false);
  const n = everything ? total : selected.size;
  if (n === 0 && !everything) return null;
  const ids = everything ? null : [...selected];
  async function lifecycle(to: "active" | "deleted", which: string[] | null) {
    const done = await change(which, { to });
    clear();
    if (done.length) toast(`${plural(done.length, "run")} ${to === "deleted" ? "deleted" : "restored"}`, { action: { label: "Undo", run: () => void lifecycle(to === "deleted" ? "active" : "deleted", done) } });
  }
  return (
    <div className="bulk" role="region" aria-label="Selected rows" style={{ flexWrap: "wrap" }}>
      <b>{everything ? `All ${total === null ? "" : count(total)} matching runs` : `${plural(selected.size, "run")} selected`}</b>
      {progress !== null ? <><span role="status">{count(progress)}{n ? ` of ${count(n)}` : ""} done…</span><button className="button" onClick={stop}>Stop</button></> : <>
        <button className="button primary" onClick={compare}><Icon name="compare" />Compare{everything || selected.size > 100 ? " the first 100" : ""}<Keys id="compare" /></button>
        {editor && !deleted && <button className="button" onClick={() => setTagging(true)}>Tag</button>}
        {editor && (deleted ? <button className="button" onClick={() => void lifecycle("active", ids)}>Restore</button> : <button className="button danger" onClick={() => void lifecycle("deleted", ids)}><Icon name="trash" />Delete</button>)}
        {!everything && total !== null && total > selected.size && selected.size >= Math.min(loaded, 2) && <button className="link" onClick={selectAll}>Select all {count(total)} matching</button>}
      </>}
      <button className="link" onClick={clear} style={{ marginLeft: "auto" }}>Clear</button>
      {tagging && <TagDialog n={n} onClose={() => setTagging(false)} save={async (c) => { setTagging(false); const done = await change(ids, c); if (done.length) toast(`${plural(done.length, "run")} tagged`); }} />}
    </div>
  );
}

function TagDialog({ n, onClose, save }: { n: number | null; onClose: () => void; save: (c: Change) => void }) {
  return (
    <Dialog title={`Tag ${n === null ? "all matching runs" : plural(n, "run")}`} onClose={onClose}>
      <form className="stack" style={{ gap: 10 }} onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget), key = String(f.get("key")).trim(), value = String(f.get("value"));
        if ((e.nativeEvent as SubmitEvent).submitter?.getAttribute("value") === "remove") save({ delete_tags: [key] });
        else save({ set_tags: { [key]: value } });
      }}>
        <div className="field"><label htmlFor="tag-key">Key</label><input id="tag-key" name="key" className="input" required autoFocus maxLength={250} /></div>
        <div className="field"><label htmlFor="tag-value">Value</label><input id="tag-value" name="value" className="input" maxLength={8000} /></div>
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button" value="remove">Remove the tag</button><button className="button primary" value="set">Set the tag</button></div>
      </form>
    </Dialog>
  );
}
