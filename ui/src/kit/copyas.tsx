// "Copy as": every view is code. A page says what its view is in the words of
// the command line and of the API; link, CLI, Python and curl follow.
//
//	<CopyAs cli={["trace", "list", "--filter", q]}
//	  call={{ method: "POST", path: `/w/${ws}/traces/search`, body: { filter: q } }}
//	  mlflow={`print(mlflow.search_traces(filter_string=${py(q)}))`} />
import { useRef, useState } from "react";
import { useShortcut } from "../app/shortcuts";
import { copy } from "../app/toast";
import { copyLink } from "../views/link";
import { useWs } from "../app/url";
import { useSession } from "../session/session";
import { type ApiCall, cli, curl, mlflow, python, type Target } from "./code";
import { Icon } from "./icons";
import { Menu } from "./menu";
import { hint } from "./states";

export interface CopyAsProps {
  /** The words after `assay`, without server and workspace. */
  cli?: readonly (string | number)[] | undefined;
  call?: ApiCall | undefined;
  /** Lines of Python with MLflow's client, after `import mlflow` and the address. */
  mlflow?: string | undefined;
  /** Further texts, by name. */
  more?: readonly (readonly [string, string])[];
  /** Only an icon, for narrow heads. */
  icon?: boolean;
}

/** What code of this page runs against. */
export function useTarget(): Target {
  const session = useSession();
  return { address: session.server.address, ws: useWs(), auth: session.auth_required };
}

export function texts(p: CopyAsProps, t: Target): [string, string][] {
  const all: [string, string][] = [["Link", location.href]];
  if (p.cli) all.push(["CLI", cli(p.cli, t)]);
  if (p.mlflow) all.push(["Python", mlflow(p.mlflow, t)]);
  else if (p.call) all.push(["Python", python(p.call, t)]);
  if (p.call) all.push(["curl", curl(p.call, t)]);
  for (const [name, text] of p.more ?? []) all.push([name, text]);
  return all;
}

export function CopyAs(props: CopyAsProps) {
  const target = useTarget();
  const host = useRef<HTMLSpanElement>(null);
  const [open, setOpen] = useState(false);
  useShortcut("copyCode", () => setOpen(true));
  async function take(name: string, text: string) {
    setOpen(false);
    host.current?.querySelector("button")?.focus();
    await (name === "Link" ? copyLink() : copy(text, `Copied as ${name}`));
  }
  return (
    <span ref={host} style={{ display: "contents" }}>
      <Menu open={open} onToggle={setOpen} focusFirst label={props.icon ? "Copy as" : hint("Copy as", "copyCode")} className={props.icon ? "icon-button" : "button"} button={props.icon ? <Icon name="copy" /> : <>Copy as<Icon name="down" size={10} /></>}>
        {open && texts(props, target).map(([name, text]) => <button key={name} className="menu-item" onClick={() => void take(name, text)}>{name}</button>)}
      </Menu>
    </span>
  );
}
