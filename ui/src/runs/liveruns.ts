// What happens to the runs of a table while it is read. Runs that are on the
// page tick in place; new ones are counted and wait until asked for, so that
// nothing moves under the reader.
import { type InfiniteData, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api } from "../api/client";
import { listen } from "../api/live";
import { quote } from "../kit/filter";
import { compact, rowsKey, type RunPage, type RunQuery, runsKey } from "./data";
import { forget } from "./spark";

interface Options { ws: string; query: RunQuery; sort: string; columns: string[]; ids: ReadonlySet<string>; still: () => boolean; }

export function useLiveRuns(o: Options): { fresh: number; show: () => void } {
  const client = useQueryClient();
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const now = useRef(o);
  now.current = o;
  const key = rowsKey(o.ws, o.query, o.sort, o.columns);
  const show = () => {
    const { ws } = now.current;
    setFresh(new Set());
    // Only the first page is read again; the others would be a thousand calls.
    client.setQueryData<InfiniteData<RunPage>>(rowsKey(ws, now.current.query, now.current.sort, now.current.columns), (d) => d && { pages: d.pages.slice(0, 1), pageParams: d.pageParams.slice(0, 1) });
    void client.invalidateQueries({ queryKey: runsKey(ws) });
  };
  useEffect(() => setFresh(new Set()), [JSON.stringify(key)]);

  useEffect(() => {
    const changed = new Set<string>(), born = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined, reset = false;
    const work = async () => {
      timer = undefined;
      const { ws, query, columns, still } = now.current;
      if (reset || (born.size > 0 && still())) {
        reset = false;
        born.clear();
        changed.clear();
        show();
        return;
      }
      if (born.size > 0) { setFresh((old) => new Set([...old, ...born])); born.clear(); }
      const ids = [...changed].slice(0, 100);
      ids.forEach((id) => changed.delete(id));
      if (ids.length === 0) return;
      try {
        const found = compact((await api.post("/w/{ws}/runs/search", { path: { ws }, body: { ...query, filter: `attributes.run_id IN (${ids.map(quote).join(", ")})`, lifecycle: query.lifecycle, columns, limit: 100 } as never })).runs);
        const byId = new Map(found.map((r) => [r.run_id, r]));
        forget(ws, new Set(ids));
        client.setQueryData<InfiniteData<RunPage>>(rowsKey(ws, now.current.query, now.current.sort, now.current.columns), (d) => d && {
          ...d, pages: d.pages.map((p) => (p.runs.some((r) => byId.has(r.run_id)) ? { ...p, runs: p.runs.map((r) => byId.get(r.run_id) ?? r) } : p)),
        });
        void client.invalidateQueries({ queryKey: [...runsKey(ws), "count"] });
      } catch {
        // The server is away; what is shown stays, and the next change asks again.
      }
    };
    const off = listen(o.ws, (c) => {
      if (c.kind === "reset") reset = true;
      else if (c.kind === "run") {
        const exps = now.current.query.experiment_ids;
        if (exps?.length && c.experiment_id && !exps.includes(c.experiment_id)) return;
        if (now.current.ids.has(c.id)) changed.add(c.id);
        else if (c.op === "created" || !now.current.query.filter) born.add(c.id);
        else return;
      } else return;
      timer ??= setTimeout(() => void work(), 1_500);
    });
    return () => { off(); clearTimeout(timer); };
  }, [o.ws, client]);
  return { fresh: fresh.size, show };
}
