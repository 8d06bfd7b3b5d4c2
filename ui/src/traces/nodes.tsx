// Where the time, the tokens and the money of one trace went, by kind of span.
import { useMemo, useState } from "react";
import { cost, count, duration, full, short } from "../kit/format";
import { Hit } from "../kit/json";
import { Icon } from "../kit/icons";
import { type Column, DataTable } from "../kit/table";
import { type NodeSum, nodeSums } from "./analysis";
import type { Tree } from "./tree";

export function NodesView({ tree, selected, onSelect, needle }: { tree: Tree; selected: number; onSelect: (row: number) => void; needle: string }) {
  const [sort, setSort] = useState("-self");
  const sums = useMemo(() => nodeSums(tree), [tree]);
  const whole = useMemo(() => sums.reduce((n, s) => n + s.self, 0), [sums]);
  const rows = useMemo(() => {
    const desc = sort.startsWith("-"), key = sort.replace(/^-/, "") as "name" | "count" | "errors" | "total" | "self" | "longest" | "tokens" | "cost" | "mean";
    const value = (n: NodeSum) => { const v = key === "mean" ? n.total / n.count : n[key]; return typeof v === "number" && Number.isNaN(v) ? -1 : v; };
    const words = needle.trim();
    return sums.filter((n) => !words || n.name.toLowerCase().includes(words)).sort((a, b) => { const x = value(a), y = value(b); return (desc ? -1 : 1) * (x < y ? -1 : x > y ? 1 : 0) || b.self - a.self; });
  }, [sums, sort, needle]);
  const columns = useMemo((): Column<NodeSum>[] => [
    { id: "name", header: "Node", width: 220, pinned: true, sort: "name", cell: (n) => <span className="row" style={{ gap: 6 }}><span className="code-tag" style={{ "--c": `var(--${n.token})` } as React.CSSProperties} title={n.type || "no type"}><i />{n.code}</span><b className="clip" title={n.name}><Hit text={n.name || "(unnamed)"} needle={needle} /></b></span> },
    { id: "count", header: "Count", width: 68, num: true, sort: "count", cell: (n) => count(n.count) },
    { id: "errors", header: "Failed", width: 68, num: true, sort: "errors", cell: (n) => (n.errors ? <span className="status error">{count(n.errors)}</span> : "0") },
    { id: "total", header: "Total", title: "Their durations added; those that ran at once count each", width: 84, num: true, sort: "total", cell: (n) => <span title={`${full(n.total / 1000)} ms`}>{duration(n.total / 1000)}</span> },
    { id: "self", header: "Self", title: "Without the time of their children", width: 132, num: true, sort: "self", cell: (n) => <Share part={n.self} whole={whole} /> },
    { id: "mean", header: "Mean", width: 84, num: true, sort: "mean", cell: (n) => <span title={`of ${n.count}`}>{duration(n.total / n.count / 1000)}</span> },
    { id: "longest", header: "Longest", width: 84, num: true, sort: "longest", cell: (n) => duration(n.longest / 1000) },
    { id: "tokens", header: "Tokens", width: 76, num: true, sort: "tokens", cell: (n) => <span title={Number.isNaN(n.tokens) ? "unknown" : count(n.tokens)}>{Number.isNaN(n.tokens) ? "—" : short(n.tokens)}</span> },
    { id: "cost", header: "Cost", width: 84, num: true, sort: "cost", cell: (n) => (Number.isNaN(n.cost) ? "—" : cost(n.cost)) },
  ], [whole, needle]);
  const next = (n: NodeSum) => onSelect(n.rows[(n.rows.indexOf(selected) + 1) % n.rows.length]!);
  const current = selected < 0 ? undefined : `${tree.skeleton.types[selected]! < 0 ? "" : tree.skeleton.type_table[tree.skeleton.types[selected]!]}\u0000${tree.skeleton.name_table[tree.skeleton.names[selected]!]}`;
  if (rows.length === 0) return <p className="muted" style={{ padding: 16 }}>{tree.n === 0 ? "No span was recorded." : "No node matches."}</p>;
  return (
    <>
      <p className="muted label" style={{ padding: "6px 16px" }}><Icon name="info" size={12} /> Self is a span's time without its children's; the self times of all nodes make the whole. A row selects its spans one after the other.</p>
      <DataTable name="nodes" label="Nodes" columns={columns} rows={rows} getId={(n) => n.key} total={rows.length} current={current} onOpen={next} onPeek={next} sort={sort} onSort={setSort} card={(n) => <NodeCard n={n} onSelect={() => next(n)} />} cardHeight={56} />
    </>
  );
}

function NodeCard({ n, onSelect }: { n: NodeSum; onSelect: () => void }) {
  return (
    <button className="link" style={{ textAlign: "left", color: "inherit" }} onClick={onSelect}>
      <span className="row"><span className="code-tag" style={{ "--c": `var(--${n.token})` } as React.CSSProperties}><i />{n.code}</span><b className="clip grow" dir="auto">{n.name}</b><span className="muted">×{count(n.count)}</span></span>
      <span className="row label muted"><span>{duration(n.total / 1000)} total</span>·<span>{duration(n.self / 1000)} self</span>{!Number.isNaN(n.tokens) && <>·<span>{short(n.tokens)} tok</span></>}{n.errors > 0 && <span className="status error">{count(n.errors)} failed</span>}</span>
    </button>
  );
}

function Share({ part, whole }: { part: number; whole: number }) {
  const share = whole > 0 ? part / whole : 0;
  return <span className="share" title={`${full(part / 1000)} ms, ${(share * 100).toFixed(1)} % of all self time`}><i style={{ width: `${share * 100}%` }} /><span>{duration(part / 1000)}</span></span>;
}
