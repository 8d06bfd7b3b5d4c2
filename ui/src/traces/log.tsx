// The spans as a flat table, in the order they began or by any column.
import { useMemo, useState } from "react";
import { count, cost, duration, short } from "../kit/format";
import { Hit } from "../kit/json";
import { Status } from "../kit/states";
import { type Column, DataTable } from "../kit/table";
import { endOf, selfTimes } from "./analysis";
import { category, type Tree } from "./tree";

const statuses = ["UNSET", "OK", "ERROR"];

export function LogView({ tree, selected, onSelect, needle, hits }: { tree: Tree; selected: number; onSelect: (row: number) => void; needle: string; hits: ReadonlySet<number> | null }) {
  const [sort, setSort] = useState("start");
  const s = tree.skeleton, self = selfTimes(tree);
  const columns = useMemo((): Column<number>[] => {
    const name = (r: number) => s.name_table[s.names[r]!] ?? "";
    return [
      { id: "start", header: "At", width: 84, num: true, pinned: true, sort: "start", cell: (r) => <span title={new Date((s.start_us + s.starts[r]!) / 1000).toISOString()}>+{duration(s.starts[r]! / 1000)}</span> },
      { id: "name", header: "Span", width: 230, sort: "name", cell: (r) => { const c = category(s.types[r]! < 0 ? null : s.type_table[s.types[r]!]!); return <span className="row" style={{ gap: 6 }}><span className="code-tag" style={{ "--c": `var(--${c.token})` } as React.CSSProperties}><i />{c.code}</span><span className="clip" title={name(r)}><Hit text={name(r)} needle={needle} /></span></span>; } },
      { id: "status", header: "Status", width: 80, sort: "status", cell: (r) => <Status value={s.ends[r]! < 0 ? "IN_PROGRESS" : statuses[s.status[r]!]!} /> },
      { id: "duration", header: "Duration", width: 84, num: true, sort: "duration", cell: (r) => (s.ends[r]! < 0 ? "—" : duration((s.ends[r]! - s.starts[r]!) / 1000)) },
      { id: "self", header: "Self", title: "Time without its children's", width: 76, num: true, sort: "self", cell: (r) => duration(self[r]! / 1000) },
      { id: "tokens", header: "Tokens", width: 72, num: true, sort: "tokens", cell: (r) => (s.tokens[r]! < 0 ? "" : <span title={count(s.tokens[r]!)}>{short(s.tokens[r]!)}</span>) },
      { id: "cost", header: "Cost", width: 80, num: true, sort: "cost", cell: (r) => (s.costs[r] === null ? (s.tokens[r]! < 0 ? "" : "—") : cost(s.costs[r])) },
      { id: "model", header: "Model", width: 170, sort: "model", cell: (r) => (s.models[r]! < 0 ? "" : s.model_table[s.models[r]!]) },
      { id: "depth", header: "Depth", width: 64, num: true, sort: "depth", cell: (r) => tree.depth[r] },
      { id: "id", header: "Span id", width: 160, cell: (r) => <code>{s.span_ids[r]}</code> },
    ];
  }, [tree, self, needle]);
  const rows = useMemo(() => {
    const all = hits ? [...hits] : Array.from({ length: tree.n }, (_, i) => i);
    const desc = sort.startsWith("-"), by = valueOf(tree, self, sort.replace(/^-/, ""));
    return all.sort((a, b) => (desc ? -1 : 1) * compare(by(a), by(b)) || s.starts[a]! - s.starts[b]! || a - b);
  }, [tree, sort, hits, self]);
  const at = useMemo(() => (selected < 0 ? -1 : rows.indexOf(selected)), [rows, selected]);
  if (rows.length === 0) return <p className="muted" style={{ padding: 16 }}>{tree.n === 0 ? "No span was recorded." : "No span matches."}</p>;
  return <DataTable name="spans" label="Spans" columns={columns} rows={rows} getId={(r) => s.span_ids[r]!} total={rows.length} current={selected < 0 ? undefined : s.span_ids[selected]} reveal={at} onOpen={onSelect} onPeek={onSelect} sort={sort} onSort={setSort} card={(r) => <LogCard tree={tree} row={r} onSelect={onSelect} />} cardHeight={56} />;
}

function LogCard({ tree, row, onSelect }: { tree: Tree; row: number; onSelect: (row: number) => void }) {
  const s = tree.skeleton, c = category(s.types[row]! < 0 ? null : s.type_table[s.types[row]!]!);
  return (
    <button className="link" style={{ textAlign: "left", color: "inherit" }} onClick={() => onSelect(row)}>
      <span className="row"><span className="code-tag" style={{ "--c": `var(--${c.token})` } as React.CSSProperties}><i />{c.code}</span><b className="clip grow" dir="auto">{s.name_table[s.names[row]!]}</b>{s.status[row] === 2 && <Status value="ERROR" />}</span>
      <span className="row label muted"><span>+{duration(s.starts[row]! / 1000)}</span>·<span>{s.ends[row]! < 0 ? "running" : duration((s.ends[row]! - s.starts[row]!) / 1000)}</span>{s.tokens[row]! >= 0 && <>·<span>{short(s.tokens[row]!)} tok</span></>}</span>
    </button>
  );
}

function valueOf(t: Tree, self: Float64Array, key: string): (r: number) => number | string {
  const s = t.skeleton;
  switch (key) {
    case "name": return (r) => s.name_table[s.names[r]!] ?? "";
    case "status": return (r) => s.status[r]!;
    case "duration": return (r) => endOf(t, r) - s.starts[r]!;
    case "self": return (r) => self[r]!;
    case "tokens": return (r) => s.tokens[r]!;
    case "cost": return (r) => s.costs[r] ?? -1;
    case "model": return (r) => (s.models[r]! < 0 ? "" : s.model_table[s.models[r]!]!);
    case "depth": return (r) => t.depth[r]!;
    default: return (r) => s.starts[r]!;
  }
}

const compare = (a: number | string, b: number | string) => (a < b ? -1 : a > b ? 1 : 0);
