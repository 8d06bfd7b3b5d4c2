// Alert rules as the pages speak of them: their units, their words, their order.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, type Schemas } from "../api/client";
import { cost, duration, metric, unknown } from "../kit/format";

export type Alert = Schemas["Alert"];
export type AlertSpec = Schemas["AlertSpec"];
export type Signal = AlertSpec["signal"];
export type Channel = Schemas["Channel"];

export const alertsKey = (ws: string) => ["alerts", ws];
export const channelsKey = (ws: string) => ["channels", ws];

export function useAlerts(ws: string) {
  return useQuery({ queryKey: [...alertsKey(ws), "list"], queryFn: ({ signal }) => api.get("/w/{ws}/alerts", { path: { ws }, signal }), refetchInterval: 60_000 });
}
export function useAlert(ws: string, id: string) {
  return useQuery({ queryKey: [...alertsKey(ws), "one", id], queryFn: ({ signal }) => api.get("/w/{ws}/alerts/{alert_id}", { path: { ws, alert_id: id }, signal }), refetchInterval: 60_000 });
}
export function useChannels(ws: string) {
  return useQuery({ queryKey: channelsKey(ws), queryFn: ({ signal }) => api.get("/w/{ws}/channels", { path: { ws }, signal }) });
}

/** unit is what the form writes behind the number; scale turns what is typed into what is sent. */
interface SignalWords { label: string; unit: string; scale: number; rate: boolean; window: number; fire: number; clear: number; }
export const signals: Record<Signal, SignalWords> = {
  error_rate: { label: "error rate", unit: "%", scale: 0.01, rate: true, window: 10, fire: 5, clear: 3 },
  latency_p50: { label: "latency p50", unit: "ms", scale: 1, rate: true, window: 10, fire: 2000, clear: 1500 },
  latency_p95: { label: "latency p95", unit: "ms", scale: 1, rate: true, window: 10, fire: 10000, clear: 8000 },
  latency_p99: { label: "latency p99", unit: "ms", scale: 1, rate: true, window: 10, fire: 30000, clear: 20000 },
  cost: { label: "cost", unit: "$", scale: 1, rate: false, window: 60, fire: 10, clear: 8 },
  cost_per_1000: { label: "cost per 1,000 traces", unit: "$", scale: 1, rate: true, window: 60, fire: 5, clear: 4 },
  score: { label: "mean score", unit: "", scale: 1, rate: true, window: 60, fire: 0.7, clear: 0.75 },
  volume: { label: "number of traces", unit: "traces", scale: 1, rate: false, window: 10, fire: 1000, clear: 800 },
  tokens: { label: "tokens", unit: "tokens", scale: 1, rate: false, window: 60, fire: 1000000, clear: 800000 },
  stalled: { label: "stalled traces", unit: "traces", scale: 1, rate: false, window: 60, fire: 0, clear: 0 },
  loops: { label: "looping traces", unit: "traces", scale: 1, rate: false, window: 60, fire: 0, clear: 0 },
};

export function reading(signal: Signal, v: number | null | undefined): string {
  if (v === null || v === undefined) return unknown;
  if (signal === "error_rate") return `${metric(v * 100)} %`;
  if (signal.startsWith("latency")) return duration(v);
  if (signal === "cost" || signal === "cost_per_1000") return cost(v);
  return metric(v);
}

export const minutes = (ms: number) => (ms % 3600e3 === 0 && ms ? `${ms / 3600e3} h` : ms % 60e3 === 0 ? `${ms / 60e3} min` : `${ms / 1000} s`);

/** What the state column says: a mute or a switch hides the state behind it. */
export type Shown = "firing" | "pending" | "no_data" | "ok" | "muted" | "off";
export function shownState(a: Alert): Shown {
  return !a.enabled ? "off" : a.muted_until_ms ? "muted" : a.state;
}
const order: Shown[] = ["firing", "pending", "no_data", "ok", "muted", "off"];
export function byState(a: Alert, b: Alert): number {
  return order.indexOf(shownState(a)) - order.indexOf(shownState(b)) || a.name.localeCompare(b.name);
}

/** The part of a rule that people decide, for forms and calls. */
export function specOf(a: Alert): AlertSpec {
  const { name, experiment_ids, dimension, key, value, signal, score, comparison, fire, clear, window_ms, for_ms, min_traces, no_data, remind_ms, channel_ids, severity, enabled } = a;
  return { name, experiment_ids, dimension, key, value, signal, score, comparison, fire, clear, window_ms, for_ms, min_traces, no_data, remind_ms, channel_ids, severity, enabled } as AlertSpec;
}

export function useDebounced<T>(value: T, ms: number): T {
  const [late, setLate] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setLate(JSON.parse(text) as T), ms);
    return () => clearTimeout(timer);
  }, [text, ms]);
  return late;
}
