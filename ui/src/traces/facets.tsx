// Facets: the commonest values of a few fields with their counts. They are
// read apart from the rows and never hold them up.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { useWs } from "../app/url";
import { hasClause, withClause, withoutClause } from "../kit/filter";
import { count, short } from "../kit/format";
import { Icon } from "../kit/icons";
import { Skeleton, Status } from "../kit/states";
import { type TraceQuery, tracesKey } from "./data";

const fixed = ["status", "name", "model", "tool", "agent", "user"];
const most = 100, few = 5;

export function Facets({ query, tags, q, onChange, onClose, narrow }: { query: TraceQuery; tags: string[]; q: string; onChange: (q: string) => void; onClose: () => void; narrow: boolean }) {
  const ws = useWs();
  const fields = [...fixed, ...tags.map((t) => `tag.${t}`)];
  const facets = useQuery({
    queryKey: [...tracesKey(ws), "facets", query, fields],
    queryFn: ({ signal }) => api.post("/w/{ws}/traces/facets", { path: { ws }, body: { ...query, fields }, signal }),
    placeholderData: keepPreviousData, retry: false,
  });
  const data = facets.data?.facets.filter((f) => f.values.length > 0);
  return (
    <aside className="facets" aria-label="Facets">
      {narrow && <div className="row" style={{ padding: "8px 8px 0 16px" }}><h2 className="grow">Facets</h2><button className="icon-button" aria-label="Close facets" onClick={onClose}><Icon name="close" /></button></div>}
      {facets.error && !data ? <p className="muted label" style={{ padding: "12px 16px" }} role="status">The counts could not be read. <button className="link" onClick={() => void facets.refetch()}>Retry</button></p>
        : !data ? <Skeleton rows={8} /> : data.length === 0 ? <p className="muted label" style={{ padding: "12px 16px" }}>Nothing to count.</p>
        : data.map((f) => <Facet key={f.field} field={f.field} values={f.values} more={f.more} query={query} q={q} onChange={onChange} />)}
      {data && facets.data && !facets.data.exact && <p className="muted micro" style={{ padding: "8px 16px" }}>Counted over the newest traces only.</p>}
    </aside>
  );
}

interface Value { value: string; count: number; clause: string }

function Facet({ field, values, more, query, q, onChange }: { field: string; values: Value[]; more: boolean; query: TraceQuery; q: string; onChange: (q: string) => void }) {
  const ws = useWs();
  const [open, setOpen] = useState(false);
  const [find, setFind] = useState("");
  const long = useQuery({
    queryKey: [...tracesKey(ws), "facet", query, field],
    queryFn: ({ signal }) => api.post("/w/{ws}/traces/facets", { path: { ws }, body: { ...query, fields: [field], values: most }, signal }),
    placeholderData: keepPreviousData, retry: false, enabled: open,
  });
  const whole = open ? long.data?.facets[0] : undefined, all = whole?.values ?? values;
  const shown = find ? all.filter((v) => v.value.toLowerCase().includes(find.trim().toLowerCase())) : open ? all : all.slice(0, few);
  const max = Math.max(...all.map((v) => v.count));
  return (
    <section aria-label={label(field)}>
      <h3>{label(field)}</h3>
      {open && all.length > 12 && <div style={{ padding: "2px 12px 4px 16px" }}><input className="input" style={{ width: "100%", height: 26 }} aria-label={`Search ${label(field)}`} placeholder="Search" value={find} onChange={(e) => setFind(e.target.value)} /></div>}
      {shown.map((v) => {
        const on = hasClause(q, v.clause);
        return (
          <button key={v.value} className="value" aria-pressed={on} disabled={!v.clause} title={v.clause ? `${v.clause}: ${count(v.count)}` : "This value cannot be written in a filter"} style={{ "--share": v.count / max } as React.CSSProperties} onClick={() => onChange(on ? withoutClause(q, v.clause) : withClause(q, v.clause))}>
            {field === "status" ? <Status value={v.value} /> : <span className="clip" dir="auto">{v.value || "(empty)"}</span>}<span className="n">{short(v.count)}</span>
          </button>
        );
      })}
      {(more || all.length > few) && <button className="link label more" aria-expanded={open} onClick={() => { setOpen(!open); setFind(""); }}>{open ? "Less" : "More"}</button>}
      {open && whole?.more && <p className="muted micro" style={{ padding: "0 16px" }}>The {most} commonest.</p>}
    </section>
  );
}

function label(field: string): string {
  return field.startsWith("tag.") ? field.slice(4) : field.charAt(0).toUpperCase() + field.slice(1);
}
