// The question of the page as a link, a command, and code.
import { Menu } from "../app/frame";
import { useShortcut } from "../app/shortcuts";
import { copy } from "../app/toast";
import { Icon } from "../kit/icons";
import { useNarrow } from "../kit/media";
import type { useMonitor } from "./data";

type Body = Parameters<typeof useMonitor>[1];

const shell = (s: string) => `'${s.replaceAll("'", "'\\''")}'`;

export function copies(address: string, ws: string, body: Body, from: string | undefined, here: string): [string, string][] {
  const url = `${address}/api/assay/v1/w/${encodeURIComponent(ws)}/monitor`, json = JSON.stringify(body);
  const cli = ["assay monitor", `--server ${address}`, ws === "default" ? "" : `--workspace ${shell(ws)}`, body.by && body.by !== "total" ? `--by ${shell(body.by)}` : "",
    from?.startsWith("-") ? `--from ${from}` : from ? `--from ${body.from_ms} --to ${body.to_ms}` : "", body.filter ? `--filter ${shell(body.filter)}` : "", ...(body.experiment_ids ?? []).map((e) => `--experiment ${e}`)].filter(Boolean).join(" ");
  return [
    ["link", here],
    ["command", cli],
    ["curl", `curl -s ${shell(url)} -H 'content-type: application/json' -d ${shell(json)}`],
    ["Python", `import json, urllib.request\n\nbody = json.loads(${JSON.stringify(json)})\nrequest = urllib.request.Request(${JSON.stringify(url)}, json.dumps(body).encode(), {"content-type": "application/json"})\nprint(json.load(urllib.request.urlopen(request))["whole"]["total"])`],
  ];
}

export function CopyAs({ open, onToggle, address, ws, body, from }: { open: boolean; onToggle: (open: boolean) => void; address: string; ws: string; body: Body; from: string | undefined }) {
  const narrow = useNarrow();
  useShortcut("copyCode", () => onToggle(true));
  if (narrow) return null;
  return (
    <Menu open={open} onToggle={onToggle} label="Copy as" className="button" button={<>Copy as<Icon name="down" size={10} /></>}>
      {copies(address, ws, body, from, location.href).map(([label, text]) => <button key={label} className="menu-item" onClick={() => { onToggle(false); void copy(text, `Copied as ${label}`); }}>{label}</button>)}
    </Menu>
  );
}
