// The aliases of one version, and the form that points one at it.
import { useState } from "react";
import type { Schemas } from "../api/client";
import { useWs } from "../app/url";
import { Icon } from "../kit/icons";
import { Chip, Dialog } from "../kit/states";
import { may, useSession } from "../session/session";
import { useAliases } from "./data";

export function Aliases({ kind, name, version, all }: { kind: "models" | "prompts"; name: string; version: string; all: Schemas["AliasRef"][] }) {
  const ws = useWs();
  const session = useSession();
  const [adding, setAdding] = useState(false);
  const [moving, setMoving] = useState<{ alias: string; from: string } | null>(null);
  const { set, remove } = useAliases(ws, kind, name);
  const own = all.filter((a) => a.version === version), allowed = may(session, ws, "editor");
  return (
    <span className="chips" onClick={(e) => e.stopPropagation()}>
      {own.map((a) => <Chip key={a.alias} tone="accent" {...(allowed ? { onRemove: () => remove.mutate(a), removeLabel: `Remove @${a.alias}` } : {})}>@{a.alias}</Chip>)}
      {allowed && (adding ? (
        <form className="row" style={{ gap: 4 }} onSubmit={(e) => {
          e.preventDefault();
          const alias = String(new FormData(e.currentTarget).get("alias")).trim().replace(/^@/, "");
          const from = all.find((a) => a.alias === alias)?.version;
          if (alias && from && from !== version) setMoving({ alias, from });
          else if (alias && from !== version) set.mutate({ alias, version, from });
          setAdding(false);
        }}>
          <input name="alias" className="input" style={{ width: 120, height: 24 }} aria-label="Alias" placeholder="alias" autoFocus list={`aliases-${name}`} onKeyDown={(e) => { if (e.key === "Escape") setAdding(false); }} />
          <datalist id={`aliases-${name}`}>{all.map((a) => <option key={a.alias} value={a.alias} />)}</datalist>
        </form>
      ) : <button className="icon-button" style={{ minWidth: 22, height: 22, padding: 0 }} aria-label={`Add an alias to version ${version}`} title="Add an alias" onClick={() => setAdding(true)}><Icon name="plus" size={12} /></button>)}
      {moving && (
        <Dialog title={`Move @${moving.alias}?`} onClose={() => setMoving(null)} footer={<><button className="button" onClick={() => setMoving(null)}>Leave it</button><button className="button primary" autoFocus onClick={() => { set.mutate({ alias: moving.alias, version, from: moving.from }); setMoving(null); }}>Move it</button></>}>
          <p>@{moving.alias} is version {moving.from} now. Whoever loads <code>{kind}:/{name}@{moving.alias}</code> gets version {version} from then on. It can be undone.</p>
        </Dialog>
      )}
    </span>
  );
}
