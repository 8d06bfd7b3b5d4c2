// What the server runs with; changed by flag, environment or file, not here.
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { bytes, count } from "../kit/format";
import { Load } from "../kit/states";
import { useSession } from "../session/session";

export function General() {
  const { server } = useSession();
  const settings = useQuery({ queryKey: ["settings"], queryFn: ({ signal }) => api.get("/settings", { signal }) });
  return (
    <Load query={settings}>{(s) => (
      <>
        <div className="columns even">
          <section className="card"><header><h2>Addresses</h2></header><div className="body"><dl className="dl"><dt>HTTP</dt><dd className="mono">{server.address}</dd><dt>OTLP, HTTP</dt><dd className="mono">{server.otlp_http ?? server.address}</dd><dt>OTLP, gRPC</dt><dd className="mono">{server.otlp_grpc ?? "off"}</dd><dt>Version</dt><dd className="mono">{server.version}</dd></dl></div></section>
          <section className="card"><header><h2>Storage</h2></header><div className="body"><dl className="dl"><dt>Metadata</dt><dd>{s.storage.metadata}</dd><dt>Objects</dt><dd>{s.storage.objects}</dd><dt>Trace partitions</dt><dd>{count(s.storage.trace_partitions)}</dd><dt>Size</dt><dd>{bytes(s.storage.bytes)}</dd><dt>Prices</dt><dd>{count(s.prices.entries)}, newest of {s.prices.newest_date ?? "—"}</dd></dl></div></section>
        </div>
        <section className="card" style={{ overflow: "auto" }}><header><h2 className="grow">Options</h2><span className="muted label">set by flag, environment or file</span></header><table className="plain"><thead><tr><th scope="col">Option</th><th scope="col">Value</th><th scope="col">From</th></tr></thead><tbody>{s.options.map((o) => <tr key={o.name}><td className="key"><code>{o.name}</code></td><td className="mono">{o.value}</td><td className="muted">{o.source}</td></tr>)}</tbody></table></section>
      </>
    )}</Load>
  );
}
