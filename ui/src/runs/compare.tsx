// Runs side by side: differences first, deltas against a baseline, curves laid
// over each other, scatter, parallel coordinates, and evaluation tables row by
// row. A brush on an axis filters every panel; all of it stands in the URL.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A } from "../app/link";
import { useShortcut } from "../app/shortcuts";
import { toast } from "../app/toast";
import { list, to, useUrl, useWs } from "../app/url";
import { py } from "../kit/code";
import { CopyAs } from "../kit/copyas";
import { count, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Empty, Load, Segments, Tabs } from "../kit/states";
import { style } from "../kit/series";
import { axesOf, passes, readBrush, writeBrush } from "./axis";
import { asText, CompareTable, type Row } from "./comparetable";
import { type RunInfo, runsKey } from "./data";
import { EvalTable } from "./evaltable";
import { Curves } from "./metrics";
import { Parallel } from "./parallel";
import "./runs.css";
import { Scatter } from "./scatter";
import { SavedViews } from "../views/saved";

const views = [["table", "Table"], ["curves", "Curves"], ["scatter", "Scatter"], ["parallel", "Parallel"], ["rows", "Evaluation"]] as const;

export default function ComparePage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const ids = useMemo(() => [...new Set(list(search.ids))].slice(0, 100), [search.ids]);
  useCrumbs({ label: "Experiments", to: to(ws, "experiments") }, { label: "Runs", to: to(ws, "runs") }, { label: `Compare ${ids.length}` });
  const result = useQuery({
    queryKey: [...runsKey(ws), "compare", ids],
    queryFn: ({ signal }) => api.post("/w/{ws}/runs/compare", { path: { ws }, body: { run_ids: ids }, signal }),
    enabled: ids.length > 0,
    placeholderData: keepPreviousData,
  });
  if (ids.length === 0) return <div className="page"><div className="page-head"><h1>Compare runs</h1></div><Empty title="Nothing to compare" text={<>Select runs in the <A href={to(ws, "runs")}>runs table</A> with <kbd>x</kbd>, then press <kbd>c</kbd>.</>} /></div>;
  return (
    <div className="page">
      <Load query={result} rows={12}>{(d) => d.runs.length === 0 ? <Empty title="None of these runs exists" text={`${plural(d.missing.length, "run")} may have been deleted for good.`} />
        : <Comparison runs={d.runs} rows={d.rows} missing={d.missing} drop={(id) => set({ ids: ids.filter((i) => i !== id).join(",") })} />}</Load>
    </div>
  );
}

function Comparison({ runs, rows, missing, drop }: { runs: RunInfo[]; rows: Row[]; missing: string[]; drop: (id: string) => void }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const view = views.find(([v]) => v === search.panel)?.[0] ?? "table";
  const [focused, setFocused] = useState(0);
  const axes = useMemo(() => axesOf(rows), [rows]);
  const brush = useMemo(() => readBrush(search.brush, axes), [search.brush, axes]);
  const shown = useMemo(() => runs.map((_, i) => passes(axes, brush, i)), [runs, axes, brush]);
  const passing = shown.filter(Boolean).length, brushed = Object.keys(brush).length > 0;
  // Without a choice, the first run that has the most to compare with: one that
  // failed early makes a poor baseline.
  const base = useMemo(() => {
    const asked = runs.findIndex((r) => r.run_id === search.base);
    const measured = runs.map((_, i) => rows.reduce((n, r) => n + (r.kind === "metric" && r.values[i] !== null ? 1 : 0), 0));
    return asked >= 0 ? asked : Math.max(0, measured.indexOf(Math.max(...measured)));
  }, [runs, rows, search.base]);
  const metricKeys = useMemo(() => rows.filter((r) => r.kind === "metric").map((r) => r.key), [rows]);
  // The colour of a run stays when others are filtered away.
  const curveRuns = useMemo(() => runs.map((r, i) => ({ id: r.run_id, label: r.name || r.run_id.slice(0, 8), start: r.start_ms, style: i })).filter((_, i) => shown[i]), [runs, shown]);
  const setBase = (id: string) => set({ base: id }, { replace: true });
  const evalIds = useMemo(() => { const order = [runs[base]!, ...runs.filter((_, i) => i !== base)]; return order.filter((r) => shown[runs.indexOf(r)]).map((r) => r.run_id); }, [runs, base, shown]);
  useShortcut("baseline", () => { const r = runs[focused]; if (r) { setBase(r.run_id); toast(`Baseline: ${r.name}`); } });
  return (
    <>
      <div className="page-head wrap">
        <h1>Compare {plural(runs.length, "run")}</h1><SavedViews page="compare" />
        {runs.length > 1 && <label className="row label">Baseline
          <select className="input" style={{ maxWidth: 220 }} value={runs[base]?.run_id} onChange={(e) => setBase(e.target.value)}>{runs.map((r) => <option key={r.run_id} value={r.run_id}>{r.name || r.run_id.slice(0, 8)}</option>)}</select>
        </label>}
        <span className="grow" />
        <CopyAs cli={["run", "compare", ...runs.map((r) => r.run_id)]} call={{ method: "POST", path: `/w/${encodeURIComponent(ws)}/runs/compare`, body: { run_ids: runs.map((r) => r.run_id) } }}
          mlflow={`import pandas as pd\n\nruns = [mlflow.get_run(r) for r in ${py(runs.map((r) => r.run_id))}]\nprint(pd.DataFrame([{**r.data.params, **r.data.metrics} for r in runs], index=[r.info.run_name for r in runs]).T)`}
          more={[["Table, tab-separated", asText(runs, rows)]]} />
      </div>
      <div style={{ padding: "0 16px" }}><Tabs label="Comparison" current={view} onSelect={(v) => set({ panel: v === "table" ? undefined : v })} tabs={views.map(([id, label]) => ({ id, label }))} /></div>
      {missing.length > 0 && <div className="banner warning"><Icon name="warning" />{plural(missing.length, "run")} could not be found: {missing.map((m) => m.slice(0, 8)).join(", ")}</div>}
      {brushed && <div className="banner info" role="status"><Icon name="filter" /><span className="grow">{passing} of {plural(runs.length, "run")} pass the filters on {axes.filter((a) => brush[a.id]).map((a) => a.label).join(", ")}.</span><button className="link" onClick={() => set({ brush: undefined }, { replace: true })}>Clear</button></div>}
      {view === "table" && <TableView {...{ runs, rows, shown, base, setBase, setFocused, drop }} />}
      {view === "curves" && <div className="page scroll"><div className="page-body"><Curves runs={curveRuns} keys={metricKeys} /></div></div>}
      {view === "scatter" && <div className="page scroll"><Scatter runs={runs} axes={axes} shown={shown} /></div>}
      {view === "parallel" && <div className="page scroll"><Parallel runs={runs} axes={axes} shown={shown} brush={brush} onBrush={(b) => set({ brush: writeBrush(b) }, { replace: true })} /></div>}
      {view === "rows" && <div className="page scroll"><EvalTable ids={evalIds} styleOf={(id) => style(runs.findIndex((r) => r.run_id === id))} /></div>}
    </>
  );
}

interface TableViewProps { runs: RunInfo[]; rows: Row[]; shown: boolean[]; base: number; setBase: (id: string) => void; setFocused: (i: number) => void; drop: (id: string) => void; }

function TableView({ runs, rows, shown, base, setBase, setFocused, drop }: TableViewProps) {
  const { search, set } = useUrl();
  const all = search.show === "all", turned = search.turned === "1";
  const [find, setFind] = useState("");
  const [most, setMost] = useState(1000);
  const different = rows.filter((r) => r.differs);
  // One run differs from nothing: everything it has is shown.
  const found = (all || runs.length < 2 ? rows : different).filter((r) => r.key.toLowerCase().includes(find.toLowerCase()));
  const some = found.slice(0, turned ? 200 : most);
  return (
    <>
      <div className="toolbar" style={{ paddingTop: 8 }}>
        <input className="input" style={{ width: 240 }} aria-label="Find a row" placeholder="Find a row" value={find} onChange={(e) => setFind(e.target.value)} />
        <Segments label="Rows" value={all ? "all" : "differences"} onChange={(v) => set({ show: v === "all" ? v : undefined }, { replace: true })} options={[["differences", `Differences ${count(different.length)}`], ["all", `All ${count(rows.length)}`]] as const} />
        <button className="icon-button" aria-pressed={turned} aria-label="Transpose" title="Transpose" onClick={() => set({ turned: turned ? undefined : "1" }, { replace: true })}><Icon name="swap" /></button>
        {!all && runs.length > 1 && <span className="muted label">{plural(rows.length - different.length, "row")} the same, <button className="link" onClick={() => set({ show: "all" }, { replace: true })}>show</button></span>}
        {some.length < found.length && <span className="muted label">{count(some.length)} of {count(found.length)} are shown{!turned && <>, <button className="link" onClick={() => setMost(most + 2000)}>more</button></>}; find narrows them</span>}
      </div>
      {found.length === 0 ? <Empty title={find ? "No row matches" : "These runs do not differ"} text={find ? undefined : `They share all ${count(rows.length)} rows.`} />
        : <CompareTable runs={runs} rows={some} shown={shown} base={base} turned={turned} onBase={setBase} onFocus={setFocused} drop={drop} />}
    </>
  );
}
