// One prompt: its versions, the text of one, and the difference from another.
import { useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A } from "../app/link";
import { visited } from "../app/palette";
import { useShortcut } from "../app/shortcuts";
import { copy, toastError } from "../app/toast";
import { to, useUrl, useWs } from "../app/url";
import { py } from "../kit/code";
import { CopyAs } from "../kit/copyas";
import { EditTags, EditText } from "../kit/edit";
import { line } from "../kit/format";
import { DiffView } from "../kit/diffview";
import { Icon } from "../kit/icons";
import { Json } from "../kit/json";
import { Chip, hint, Lines, Load, Time } from "../kit/states";
import { Aliases } from "../models/aliases";
import { may, useSession } from "../session/session";
import { type Prompt, type PromptVersion, promptsKey, templateText, usePrompt, usePromptVersions } from "./data";
import { Changes } from "./changes";
import { NewVersion } from "./newversion";
import { Uses } from "./uses";
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
  const client = useQueryClient();
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
  const editor = may(session, ws, "editor");
  const change = (body: { description?: string; set_tags?: Record<string, string>; delete_tags?: string[] }) =>
    api.patch("/w/{ws}/prompts/{name}", { path: { ws, name: prompt.name }, body }).then(() => client.invalidateQueries({ queryKey: promptsKey(ws) }), (e: unknown) => { toastError(e); throw e; });
  const [old, young] = against && Number(against.version) < Number(v.version) ? [against, v] : [v, against ?? v];
  const alias = v.aliases[0];
  return (
    <>
      <div className="page-head">
        <h1 dir="auto">{prompt.name}</h1><LineageButton kind="prompt" id={`${prompt.name}/${v.version}`} />
        {prompt.aliases.map((a) => <button key={a.alias} className="chip accent" style={{ border: 0, cursor: "pointer" }} onClick={() => set({ v: a.version })}>@{a.alias} → v{a.version}</button>)}
        <span className="grow" />
        {versions.length > 1 && <button className="button" aria-pressed={!!against} onClick={compare} title={hint("Compare with the version before", "compare")}><Icon name="compare" />{against ? "Show the text" : "Compare"}</button>}
        <CopyAs cli={against ? ["prompt", "diff", prompt.name, old.version, young.version] : ["prompt", "show", prompt.name, v.version]} call={{ path: `/w/${encodeURIComponent(ws)}/prompts/${encodeURIComponent(prompt.name)}/versions/${v.version}` }} mlflow={`prompt = mlflow.genai.load_prompt(${py(`prompts:/${prompt.name}/${v.version}`)})\nprint(prompt.template)`} more={[["Template", text]]} />
        {editor && <button className="button primary" onClick={() => setSaving(true)}><Icon name="plus" />New version</button>}
      </div>
      <div className="page-body">
        <EditText value={prompt.description} label="Description" allowed={editor} save={(description) => change({ description })} />
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
                <div className="row wrap"><label className="row muted">Compare v{v.version} with<select className="input" value={against.version} onChange={(e) => set({ against: e.target.value }, { replace: true })}>{versions.filter((x) => x.version !== v.version).map((x) => <option key={x.version} value={x.version}>v{x.version}{x.aliases.length ? ` @${x.aliases.join(" @")}` : ""} {line(x.commit_message).slice(0, 40)}</option>)}</select></label></div>
                <DiffView key={`${old.version} ${young.version}`} before={templateText(old.template)} after={templateText(young.template)} names={[`v${old.version}`, `v${young.version}`]} />
                <Changes before={old} after={young} />
              </>
            ) : (
              <section className="card">
                <header className="wrap"><h2>v{v.version}</h2><Aliases kind="prompts" name={prompt.name} version={v.version} all={prompt.aliases} /><span className="grow" /><button className="icon-button" aria-label="Copy the template" title="Copy" onClick={() => void copy(text)}><Icon name="copy" /></button></header>
                {typeof v.template === "string" ? <Template text={v.template} /> : v.template.map((m, k) => <div key={k}><h3 className="muted" style={{ padding: "8px 16px 0" }}>{m.role}</h3><Template text={m.content} /></div>)}
              </section>
            )}
            <Uses name={prompt.name} version={v.version} onVersion={(x) => set({ v: x, against: search.against === x ? undefined : search.against })} />
            <div className="columns even">
              <section className="card"><header><h2>Version</h2></header><div className="body"><dl className="dl">
                <dt>Variables</dt><dd className="chips">{v.variables.length ? v.variables.map((x) => <Chip key={x}>{x}</Chip>) : <span className="muted">none</span>}</dd>
                <dt>Message</dt><dd>{v.commit_message || "—"}</dd><dt>By</dt><dd>{v.user || "—"}</dd><dt>Created</dt><dd><Time ms={v.created_ms} /></dd>
                <dt>Tags</dt><dd className="chips">{Object.keys(v.tags).length ? Object.entries(v.tags).map(([k, t]) => <Chip key={k}>{k} = {t}</Chip>) : <span className="muted">none on this version</span>}</dd>
                <dt>Prompt</dt><dd><EditTags tags={prompt.tags} allowed={editor} set={(key, value) => change({ set_tags: { [key]: value } })} remove={(key) => change({ delete_tags: [key] })} /></dd>
                <dt>Used in</dt><dd><A href={`${to(ws, "traces")}?q=${encodeURIComponent(`prompt = '${prompt.name}/${v.version}'`)}`}>traces</A></dd>
              </dl>{v.model_config !== null && v.model_config !== undefined && <Json value={v.model_config} label="Model configuration" />}{v.response_format !== null && v.response_format !== undefined && <Json value={v.response_format} label="Response format" />}</div></section>
              <Lines code={`import mlflow\n\nmlflow.set_tracking_uri("${session.server.address}")\nprompt = mlflow.genai.load_prompt("prompts:/${prompt.name}${alias ? `@${alias}` : `/${v.version}`}")${v.variables.length ? `\ntext = prompt.format(${v.variables.map((x) => `${x}="…"`).join(", ")})` : ""}`} />
            </div>
          </div>
        </div>
      </div>
      {saving && <NewVersion name={prompt.name} template={v.template} onClose={() => setSaving(false)} />}
    </>
  );
}

/** The text with its variables marked. */
function Template({ text }: { text: string }) {
  const parts = text.split(/(\{\{\s*[\p{L}_][\p{L}\p{N}_.]*\s*\}\})/u);
  return <div className="diff" dir="auto">{parts.map((p, i) => (i % 2 ? <mark key={i} style={{ background: "var(--selected)", color: "var(--accent)", borderRadius: 3 }}>{p}</mark> : p))}</div>;
}
