// A trace at a glance, beside the list.
import { A } from "../app/link";
import { to, useWs } from "../app/url";
import { cost, count, duration, short } from "../kit/format";
import { Icon } from "../kit/icons";
import { Payload } from "../kit/json";
import { Score } from "../kit/score";
import { Chip, Load, Status, Time } from "../kit/states";
import { useTrace } from "./data";

export function Peek({ id, onClose }: { id: string; onClose: () => void }) {
  const ws = useWs();
  const trace = useTrace(ws, id);
  return (
    <aside className="peek" aria-label="Peek">
      <header>
        <A href={to(ws, "traces", id)} className="clip grow"><b>{trace.data?.name || id}</b></A>
        {trace.data && <Status value={trace.data.status} tint />}
        <button className="icon-button" aria-label="Close peek" onClick={onClose}><Icon name="close" /></button>
      </header>
      <Load query={trace}>{(t) => (
        <div className="body">
          <div className="row wrap muted label" style={{ gap: "2px 14px" }}>
            <Time ms={t.start_ms} /><span>{duration(t.duration_ms)}</span><span>{count(t.spans)} spans</span><span>{short(t.tokens.total)} tokens</span><span>{cost(t.cost)}</span>
          </div>
          {t.assessments.length > 0 && <div className="row wrap">{t.assessments.map((a) => <Score key={a.assessment_id} a={a} />)}</div>}
          <section><h3>Input</h3><Payload value={parse(t.input_preview)} label="Input" /></section>
          <section><h3>Output</h3>{t.status === "ERROR" ? <pre className="text error">{t.output_preview || "It failed without output."}</pre> : <Payload value={parse(t.output_preview)} label="Output" />}</section>
          <div className="row wrap">{Object.entries(t.tags).filter(([k]) => !k.startsWith("mlflow.")).map(([k, v]) => <Chip key={k} title={`${k} = ${v}`}>{k} = {v}</Chip>)}</div>
        </div>
      )}</Load>
    </aside>
  );
}

function parse(s: string): unknown {
  if (!/^\s*[[{]/.test(s)) return s || null;
  try { return JSON.parse(s); } catch { return s; }
}
