// A rule as one sentence to fill in, and beneath it what it would have done.
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { toast } from "../app/toast";
import { to, useUrl, useWs } from "../app/url";
import { useExperimentNames } from "../experiments/data";
import { clock, duration, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Segments } from "../kit/states";
import { type AlertSpec, alertsKey, type Channel, minutes, reading, type Signal, signals, useChannels, useDebounced } from "./data";
import { ValueChart } from "./marks";

type Dimension = NonNullable<AlertSpec["dimension"]>;
const dimensions: [Dimension, string][] = [["", "anything"], ["model", "model"], ["version", "agent version"], ["node", "node"], ["tool", "tool"], ["user", "user"], ["tag", "tag"], ["name", "trace name"]];
const windows = [1, 5, 10, 15, 30, 60, 180, 360, 720, 1440], holds = [0, 1, 2, 5, 10, 15, 30, 60, 360], reminders = [0, 1, 4, 12, 24];

export function draftOf(search: Record<string, string | undefined>): AlertSpec {
  const signal = (search.signal && search.signal in signals ? search.signal : "error_rate") as Signal;
  return { name: "", signal, ...defaults(signal), window_ms: signals[signal].window * 60e3, for_ms: 0, min_traces: signals[signal].rate ? 50 : 0, experiment_ids: search.exp ? search.exp.split(",") : [], dimension: "", key: "", value: "", score: "", no_data: "keep", remind_ms: 0, channel_ids: [], severity: "warning", enabled: true };
}
const defaults = (signal: Signal) => ({ fire: round(signals[signal].fire * signals[signal].scale), clear: round(signals[signal].clear * signals[signal].scale), comparison: signal === "score" ? "below" as const : "above" as const });
const round = (v: number) => Number(v.toPrecision(12));

export default function NewAlertPage() {
  const ws = useWs();
  const { search } = useUrl();
  useCrumbs({ label: "Alerts", to: to(ws, "alerts") }, { label: "New rule" });
  return (
    <div className="page scroll"><div className="page-head"><h1 className="grow">New alert rule</h1></div>
      <div className="page-body" style={{ maxWidth: 960 }}><Editor start={draftOf(search)} /></div></div>
  );
}

export function Editor({ start, id, onDone }: { start: AlertSpec; id?: string; onDone?: () => void }) {
  const ws = useWs();
  const go = useGo();
  const client = useQueryClient();
  const channels = useChannels(ws);
  const [spec, setSpec] = useState(start);
  const patch = (p: Partial<AlertSpec>) => setSpec((s) => ({ ...s, ...p }));
  const words = signals[spec.signal], below = spec.comparison === "below";
  const save = useMutation({
    mutationFn: () => (id ? api.put("/w/{ws}/alerts/{alert_id}", { path: { ws, alert_id: id }, body: spec }) : api.post("/w/{ws}/alerts", { path: { ws }, body: spec })),
    onSuccess: (a) => { void client.invalidateQueries({ queryKey: alertsKey(ws) }); toast(`${a.name} saved`); if (onDone) onDone(); else go(to(ws, "alerts", a.alert_id), { replace: true }); },
  });
  const number = (key: "fire" | "clear", label: string) => (
    <span className="amount">{words.unit === "$" && "$"}<input className="input" type="number" step="any" required aria-label={label} value={round((spec[key] ?? spec.fire) / words.scale)} onChange={(e) => patch({ [key]: round(Number(e.target.value) * words.scale) })} />{words.unit && words.unit !== "$" && ` ${words.unit}`}</span>
  );
  return (
    <form className="stack" onSubmit={(e) => { e.preventDefault(); save.mutate(); }}>
      {save.error && <div className="banner error" role="alert"><Icon name="error" />{save.error.message}</div>}
      <div className="field" style={{ maxWidth: 480 }}><label htmlFor="rule-name">Name</label><input id="rule-name" className="input" required maxLength={200} autoFocus={!id} value={spec.name} onChange={(e) => patch({ name: e.target.value })} placeholder="Errors of finance" /></div>
      <div className="card"><div className="body sentence">
        When <select className="input" aria-label="Signal" value={spec.signal} onChange={(e) => { const signal = e.target.value as Signal; patch({ signal, ...defaults(signal), score: "", min_traces: signals[signal].rate ? 50 : 0, window_ms: signals[signal].window * 60e3 }); }}>{(Object.keys(signals) as Signal[]).map((s) => <option key={s} value={s}>{signals[s].label}</option>)}</select>
        {spec.signal === "score" && <> named <input className="input wide" required aria-label="Name of the score" value={spec.score ?? ""} onChange={(e) => patch({ score: e.target.value })} placeholder="faithfulness" /></>}
        {" "}in <Scope spec={spec} patch={patch} />
        {" "}over <select className="input" aria-label="Window" value={spec.window_ms} onChange={(e) => patch({ window_ms: Number(e.target.value) })}>{withCurrent(windows.map((m) => m * 60e3), spec.window_ms).map((ms) => <option key={ms} value={ms}>{minutes(ms)}</option>)}</select>
        {" "}is <select className="input" aria-label="Comparison" value={spec.comparison} onChange={(e) => patch({ comparison: e.target.value as "above" | "below", clear: spec.fire })}><option value="above">above</option><option value="below">below</option></select>
        {" "}{number("fire", "Threshold to fire")}
        {" "}<select className="input" aria-label="For how long" value={spec.for_ms} onChange={(e) => patch({ for_ms: Number(e.target.value) })}>{withCurrent(holds.map((m) => m * 60e3), spec.for_ms ?? 0).map((ms) => <option key={ms} value={ms}>{ms ? `for ${minutes(ms)}` : "even once"}</option>)}</select>
        {words.rate && <>, with at least <input className="input" style={{ width: 72 }} type="number" min={0} aria-label="Least number of traces" value={spec.min_traces} onChange={(e) => patch({ min_traces: Math.max(0, Math.round(Number(e.target.value))) })} /> {spec.signal === "score" ? "scores" : "traces"}</>}
        , tell <Tell channels={channels.data?.channels ?? []} chosen={spec.channel_ids ?? []} onChange={(channel_ids) => patch({ channel_ids })} />; clear {below ? "at or above" : "at or below"} {number("clear", "Threshold to clear")}.
      </div></div>
      <div className="row wrap" style={{ gap: "8px 24px" }}>
        <label className="row">Severity <select className="input" value={spec.severity} onChange={(e) => patch({ severity: e.target.value as "info" })}><option value="info">info</option><option value="warning">warning</option><option value="critical">critical</option></select></label>
        <label className="row">Without enough data <select className="input" value={spec.no_data} onChange={(e) => patch({ no_data: e.target.value as "keep" })}><option value="keep">change nothing</option><option value="alert">fire</option></select></label>
        <label className="row">Remind <select className="input" value={spec.remind_ms} onChange={(e) => patch({ remind_ms: Number(e.target.value) })}>{withCurrent(reminders.map((h) => h * 3600e3), spec.remind_ms ?? 0).map((ms) => <option key={ms} value={ms}>{ms ? `every ${minutes(ms)}` : "never"}</option>)}</select></label>
        <label className="row"><input type="checkbox" checked={spec.enabled !== false} onChange={(e) => patch({ enabled: e.target.checked })} />On</label>
      </div>
      <Outlook spec={spec} />
      <div className="row"><button className="button primary big" disabled={save.isPending}>{id ? "Save" : "Create rule"}</button>{onDone ? <button type="button" className="button big" onClick={onDone}>Cancel</button> : <A className="button big" href={to(ws, "alerts")}>Cancel</A>}</div>
    </form>
  );
}

const withCurrent = (list: number[], now: number) => (list.includes(now) ? list : [...list, now].sort((a, b) => a - b));

function Scope({ spec, patch }: { spec: AlertSpec; patch: (p: Partial<AlertSpec>) => void }) {
  const names = useExperimentNames(useWs());
  const chosen = spec.experiment_ids ?? [], options = [...new Set([...chosen, ...names.keys()])];
  return (
    <>
      <select className="input wide" aria-label="Experiment" value={chosen.length > 1 ? "several" : chosen[0] ?? ""} onChange={(e) => patch({ experiment_ids: e.target.value ? [e.target.value] : [] })}>
        <option value="">all experiments</option>{chosen.length > 1 && <option value="several">{plural(chosen.length, "experiment")}</option>}{options.map((id) => <option key={id} value={id}>{names.get(id) ?? id}</option>)}
      </select>
      {" "}with <select className="input" aria-label="Dimension" value={spec.dimension} onChange={(e) => patch({ dimension: e.target.value as Dimension, key: "", value: "" })}>{dimensions.map(([d, label]) => <option key={d} value={d}>{label}</option>)}</select>
      {spec.dimension === "tag" && <> <input className="input" style={{ width: 120 }} required aria-label="Key of the tag" value={spec.key} onChange={(e) => patch({ key: e.target.value })} placeholder="env" /> =</>}
      {spec.dimension && <> <input className="input wide" required aria-label="Value" value={spec.value} onChange={(e) => patch({ value: e.target.value })} placeholder={spec.dimension === "model" ? "gpt-4.1" : "prod"} /></>}
    </>
  );
}

function Tell({ channels, chosen, onChange }: { channels: Channel[]; chosen: string[]; onChange: (ids: string[]) => void }) {
  const ws = useWs();
  if (channels.length === 0) return <>the bell (<A href={`${to(ws, "alerts")}?tab=channels`}>add a channel</A>)</>;
  return <span role="group" aria-label="Channels" className="tell">{channels.map((c) => <label key={c.channel_id} className={`chip ${chosen.includes(c.channel_id) ? "accent" : "outline"}`}><input type="checkbox" checked={chosen.includes(c.channel_id)} onChange={(e) => onChange(e.target.checked ? [...chosen, c.channel_id] : chosen.filter((id) => id !== c.channel_id))} />{c.name}</label>)}</span>;
}

/** What the rule would have done in the last week. */
function Outlook({ spec }: { spec: AlertSpec }) {
  const ws = useWs();
  const { name: _, channel_ids: __, severity: ___, remind_ms: ____, enabled: _____, ...condition } = spec;
  const asked = useDebounced(condition, 500);
  const sided = asked.clear === undefined || (asked.comparison === "below" ? asked.clear >= asked.fire : asked.clear <= asked.fire);
  const ready = sided && !(asked.dimension && !asked.value) && !(asked.dimension === "tag" && !asked.key) && !(asked.signal === "score" && !asked.score);
  const preview = useQuery({
    queryKey: [...alertsKey(ws), "preview", asked],
    queryFn: ({ signal }) => api.post("/w/{ws}/alerts/preview", { path: { ws }, body: { ...asked, name: "preview" }, signal }),
    enabled: ready, placeholderData: keepPreviousData, retry: false, staleTime: 60_000,
  });
  const d = preview.data;
  const [shown, setShown] = useState<"chart" | "list">("chart");
  return (
    <section className="card" aria-label="Preview" aria-live="polite"><header><h2 className="grow">{!sided ? "Last week: the rule must clear on the calm side" : !ready ? "Last week: fill in the sentence" : d ? (d.count ? `Last week: would have fired ${plural(d.count, "time")}` : "Last week: would not have fired") : preview.error ? "Last week: not known" : "Last week: …"}</h2>
      {d && d.firings.length > 0 && <Segments label="Show" value={shown} onChange={setShown} options={[["chart", "Chart"], ["list", "Firings"]] as const} />}</header>
      <div className="body">
        {preview.error && <p className="muted">{preview.error.message}</p>}
        {d && ready && (shown === "chart" || d.firings.length === 0 ? <ValueChart data={d} signal={asked.signal} fire={asked.fire} clear={asked.clear ?? asked.fire} /> : (
          <div style={{ overflow: "auto" }}><table className="plain"><thead><tr><th scope="col">From</th><th scope="col">For</th><th scope="col" className="num">Worst</th><th scope="col" className="num">n</th><th scope="col"><span className="sr">Traces</span></th></tr></thead>
            <tbody>{d.firings.map((f) => <tr key={f.from_ms}><td>{clock(f.from_ms)}</td><td>{f.to_ms ? duration(f.to_ms - f.from_ms) : "until now"}</td><td className="num">{reading(asked.signal, f.peak)}</td><td className="num">{f.n}</td><td>{f.traces_path && <A href={f.traces_path}>Traces</A>}</td></tr>)}</tbody></table></div>))}
        {d && ready && <p className="muted label">Judged every {minutes(d.step_ms)}{d.no_data_share > 0 && `; ${Math.round(100 * d.no_data_share)} % of the time there was not enough data`}.</p>}
      </div>
    </section>
  );
}
