// The conversation of a trace: the turns of its model call with the longest
// history, then whatever that call answered.
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useWs } from "../app/url";
import { Empty, Load } from "../kit/states";
import { spanQuery } from "./data";
import { Turn } from "./messages";
import { category, type Tree } from "./tree";

export function Transcript({ traceId, tree }: { traceId: string; tree: Tree }) {
  const ws = useWs();
  // The last model call carries the history of those before it.
  const last = useMemo(() => {
    const s = tree.skeleton;
    let best = -1;
    for (let i = 0; i < tree.n; i++) {
      if (s.types[i]! >= 0 && category(s.type_table[s.types[i]!]!).code === "LM" && (best < 0 || s.starts[i]! >= s.starts[best]!)) best = i;
    }
    return best;
  }, [tree]);
  const id = last >= 0 ? tree.skeleton.span_ids[last]! : "";
  const span = useQuery({ ...spanQuery(ws, traceId, id), enabled: last >= 0 });
  if (last < 0) return <Empty title="No model was called" text="A transcript is made of the messages of model calls; this trace has none." />;
  return (
    <div style={{ overflow: "auto", flex: 1, padding: "12px 16px 32px" }} tabIndex={0} role="region" aria-label="Transcript">
      <Load query={span}>{(s) => s.messages?.length
        ? <div className="stack" style={{ maxWidth: 820, gap: 10 }}>{s.messages.map((m, i) => <Turn key={i} m={m} />)}</div>
        : <Empty title="No messages" text="The model calls of this trace carry no messages that could be told apart; the Tree shows their raw input and output." />}</Load>
    </div>
  );
}
