// The aliases of one version, and the form that points one at it.
import { useState } from "react";
import type { Schemas } from "../api/client";
import { useWs } from "../app/url";
import { Icon } from "../kit/icons";
import { Chip } from "../kit/states";
import { may, useSession } from "../session/session";
import { useAliases } from "./data";

export function Aliases({ kind, name, version, all }: { kind: "models" | "prompts"; name: string; version: string; all: Schemas["AliasRef"][] }) {
  const ws = useWs();
  const session = useSession();
  const [adding, setAdding] = useState(false);
  const { set, remove } = useAliases(ws, kind, name);
  const own = all.filter((a) => a.version === version), allowed = may(session, ws, "editor");
  return (
    <span className="chips" onClick={(e) => e.stopPropagation()}>
      {own.map((a) => <Chip key={a.alias} tone="accent" {...(allowed ? { onRemove: () => remove.mutate(a), removeLabel: `Remove @${a.alias}` } : {})}>@{a.alias}</Chip>)}
      {allowed && (adding ? (
        <form className="row" style={{ gap: 4 }} onSubmit={(e) => {
          e.preventDefault();
          const alias = String(new FormData(e.currentTarget).get("alias")).trim().replace(/^@/, "");
          if (alias) set.mutate({ alias, version, from: all.find((a) => a.alias === alias)?.version });
          setAdding(false);
        }}>
          <input name="alias" className="input" style={{ width: 120, height: 24 }} aria-label="Alias" placeholder="alias" autoFocus list={`aliases-${name}`} onKeyDown={(e) => { if (e.key === "Escape") setAdding(false); }} />
          <datalist id={`aliases-${name}`}>{all.map((a) => <option key={a.alias} value={a.alias} />)}</datalist>
        </form>
      ) : <button className="icon-button" style={{ minWidth: 22, height: 22, padding: 0 }} aria-label={`Add an alias to version ${version}`} title="Add an alias" onClick={() => setAdding(true)}><Icon name="plus" size={12} /></button>)}
    </span>
  );
}
