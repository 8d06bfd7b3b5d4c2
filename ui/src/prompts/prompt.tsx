// One prompt: its versions, the text of one, and the difference from another.
import { useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useCrumbs } from "../app/crumbs";
import { A } from "../app/link";
import { visited } from "../app/palette";
import { useShortcut } from "../app/shortcuts";
import { copy } from "../app/toast";
import { to, useUrl, useWs } from "../app/url";
import { line } from "../kit/format";
import { DiffView } from "../kit/diffview";
import { Icon } from "../kit/icons";
import { Json } from "../kit/json";
import { Chip, hint, Lines, Load, Segments, Time } from "../kit/states";
import { Aliases } from "../models/aliases";
import { may, useSession } from "../session/session";
import { type Prompt, type PromptVersion, templateText, usePrompt, usePromptVersions } from "./data";
import { NewVersion } from "./page";
import { LineageButton } from "../lineage/open";

export default function PromptPage() {
  const ws = useWs();
  const { name } = useParams({ strict: false }) as { name: string };
  const prompt = usePrompt(ws, name), versions = usePromptVersions(ws, name);
  useCrumbs({ label: "Prompts", to: to(ws, "prompts") }, { label: name });
  useEffect(() => visited(ws, { path: to(ws, "prompts", name), label: name, kind: "prompt" }), [ws, name]);
  return (
    <div className="page scroll"><Load query={prompt}>{(p) => <Load query={versions}>{(d) => (
      <View prompt={p} versions={d.pages.flatMap((x) => x.versions)} more={versions.hasNextPage ? () => void versions.fetchNextPage() : null} />
    )}</Load>}</Load></div>
  );
}

function View({ prompt, versions, more }: { prompt: Prompt; versions: PromptVersion[]; more: (() => void) | null }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const session = useSession();
  const [saving, setSaving] = useState(false);
  const i = Math.max(0, versions.findIndex((v) => v.version === search.v));
  const v = versions[i];
  const against = versions.find((x) => x.version === search.against);
  const compare = () => set({ against: against ? undefined : versions[i + 1]?.version ?? versions[i - 1]?.version });
  useShortcut("compare", compare);
  useShortcut("next", () => { const n = versions[i - 1]; if (n) set({ v: n.version }, { replace: true }); });
  useShortcut("prev", () => { const n = versions[i + 1]; if (n) set({ v: n.version }, { replace: true }); });
  if (!v) return <p className="muted" style={{ padding: 16 }}>This prompt has no version.</p>;
  const text = templateText(v.template);
  const alias = v.aliases[0];
  return (
    <>
      <div className="page-head">
        <h1 dir="auto">{prompt.name}</h1><LineageButton kind="prompt" id={`${prompt.name}/${v.version}`} />
        {prompt.aliases.map((a) => <button key={a.alias} className="chip accent" style={{ border: 0, cursor: "pointer" }} onClick={() => set({ v: a.version })}>@{a.alias} → v{a.version}</button>)}
        <span className="grow" />
        {versions.length > 1 && <button className="button" aria-pressed={!!against} onClick={compare} title={hint("Compare with the version before", "compare")}><Icon name="compare" />{against ? "Show the text" : "Compare"}</button>}
        {may(session, ws, "editor") && <button className="button primary" onClick={() => setSaving(true)}><Icon name="plus" />New version</button>}
      </div>
      <div className="page-body">
        {prompt.description && <p className="prose">{prompt.description}</p>}
        <div className="prompt-columns">
          <nav className="card" aria-label="Versions" style={{ overflow: "auto", maxHeight: "72vh" }}>
            <ul className="rows-list">{versions.map((x) => (
              <li key={x.version}>
                <button className="menu-item" style={{ borderRadius: 0, padding: "8px 12px", flexDirection: "column", alignItems: "stretch", gap: 2, ...(x.version === v.version ? { background: "var(--selected)" } : {}) }} aria-current={x.version === v.version ? "true" : undefined} onClick={() => set({ v: x.version, against: against && x.version === against.version ? undefined : search.against })}>
                  <span className="row"><b>v{x.version}</b>{x.aliases.map((a) => <Chip key={a} tone="accent">@{a}</Chip>)}<span className="muted label" style={{ marginLeft: "auto" }}><Time ms={x.created_ms} /></span></span>
                  <span className="muted label clip">{line(x.commit_message) || "no message"}</span>
                </button>
              </li>
            ))}</ul>
            {more && <button className="button" style={{ margin: 8 }} onClick={more}>More</button>}
          </nav>
          <div className="stack" style={{ minWidth: 0 }}>
            {against ? (
              <>
                <div className="row wrap"><span className="muted">Compare v{v.version} with</span><Segments label="Version to compare with" value={against.version} onChange={(x) => set({ against: x }, { replace: true })} options={versions.filter((x) => x.version !== v.version).slice(0, 12).map((x) => [x.version, `v${x.version}`] as const)} /></div>
                <DiffView key={`${against.version} ${v.version}`} {...(Number(against.version) < Number(v.version) ? { before: templateText(against.template), after: text, names: [`v${against.version}`, `v${v.version}`] as [string, string] } : { before: text, after: templateText(against.template), names: [`v${v.version}`, `v${against.version}`] as [string, string] })} />
              </>
            ) : (
              <section className="card">
                <header className="wrap"><h2>v{v.version}</h2><Aliases kind="prompts" name={prompt.name} version={v.version} all={prompt.aliases} /><span className="grow" /><button className="icon-button" aria-label="Copy the template" title="Copy" onClick={() => void copy(text)}><Icon name="copy" /></button></header>
                {typeof v.template === "string" ? <Template text={v.template} /> : v.template.map((m, k) => <div key={k}><h3 className="muted" style={{ padding: "8px 16px 0" }}>{m.role}</h3><Template text={m.content} /></div>)}
              </section>
            )}
            <div className="columns even">
              <section className="card"><header><h2>Version</h2></header><div className="body"><dl className="dl">
                <dt>Variables</dt><dd className="chips">{v.variables.length ? v.variables.map((x) => <Chip key={x}>{x}</Chip>) : <span className="muted">none</span>}</dd>
                <dt>Message</dt><dd>{v.commit_message || "—"}</dd><dt>By</dt><dd>{v.user || "—"}</dd><dt>Created</dt><dd><Time ms={v.created_ms} /></dd>
                <dt>Tags</dt><dd className="chips">{Object.entries({ ...prompt.tags, ...v.tags }).map(([k, t]) => <Chip key={k}>{k} = {t}</Chip>)}</dd>
                <dt>Used in</dt><dd><A href={`${to(ws, "traces")}?q=${encodeURIComponent(`prompt = '${prompt.name}/${v.version}'`)}`}>traces</A></dd>
              </dl>{v.model_config !== null && v.model_config !== undefined && <Json value={v.model_config} label="Model configuration" />}</div></section>
              <Lines code={`import mlflow\n\nmlflow.set_tracking_uri("${session.server.address}")\nprompt = mlflow.genai.load_prompt("prompts:/${prompt.name}${alias ? `@${alias}` : `/${v.version}`}")${v.variables.length ? `\ntext = prompt.format(${v.variables.map((x) => `${x}="…"`).join(", ")})` : ""}`} />
            </div>
          </div>
        </div>
      </div>
      {saving && <NewVersion name={prompt.name} template={text} onClose={() => setSaving(false)} />}
    </>
  );
}

/** The text with its variables marked. */
function Template({ text }: { text: string }) {
  const parts = text.split(/(\{\{\s*[\w.]+\s*\}\})/);
  return <div className="diff" dir="auto">{parts.map((p, i) => (i % 2 ? <mark key={i} style={{ background: "var(--selected)", color: "var(--accent)", borderRadius: 3 }}>{p}</mark> : p))}</div>;
}
