// The form of a new prompt, or of the next version of a known one. It says at
// once which variables the template has, and which came or went.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, type Schemas } from "../api/client";
import { useGo } from "../app/link";
import { to, useWs } from "../app/url";
import { Icon } from "../kit/icons";
import { Chip, Dialog, Segments } from "../kit/states";
import { promptsKey, variablesOf } from "./data";

type Turn = { role: string; content: string };

export function NewVersion({ name, template = "", onClose }: { name?: string; template?: Schemas["Template"]; onClose: () => void }) {
  const ws = useWs();
  const go = useGo();
  const client = useQueryClient();
  const [chat, setChat] = useState(typeof template !== "string");
  const [text, setText] = useState(typeof template === "string" ? template : template.map((t) => t.content).join("\n\n"));
  const [turns, setTurns] = useState<Turn[]>(typeof template === "string" ? [{ role: "system", content: template }, { role: "user", content: "" }] : template.map((t) => ({ role: t.role, content: t.content })));
  const before = useMemo(() => variablesOf(typeof template === "string" ? template : template.map((t) => t.content).join("\n")), [template]);
  const now = useMemo(() => variablesOf(chat ? turns.map((t) => t.content).join("\n") : text), [chat, turns, text]);
  const broken = /\{\{(?![^{}]*\}\})|(?<!\{\{[^{}]*)\}\}/.test(chat ? turns.map((t) => t.content).join("\n") : text);
  const save = useMutation({
    mutationFn: (v: { name: string; message: string }) => api.post("/w/{ws}/prompts/{name}/versions", { path: { ws, name: v.name }, body: { template: chat ? turns.filter((t) => t.content) : text, commit_message: v.message } }),
    onSuccess: (v) => { void client.invalidateQueries({ queryKey: promptsKey(ws) }); onClose(); go(`${to(ws, "prompts", v.name)}?v=${v.version}`); },
  });
  const turn = (i: number, patch: Partial<Turn>) => setTurns(turns.map((t, k) => (k === i ? { ...t, ...patch } : t)));
  return (
    <Dialog title={name ? `New version of ${name}` : "New prompt"} onClose={onClose}>
      <form className="stack" style={{ gap: 10 }} onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget);
        save.mutate({ name: name ?? String(f.get("name")).trim(), message: String(f.get("message")) });
      }} onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.currentTarget.requestSubmit(); }}>
        {save.error && <div className="banner error" role="alert"><Icon name="error" />{save.error.message}</div>}
        {!name && <div className="field"><label htmlFor="prompt-name">Name</label><input id="prompt-name" name="name" className="input" required pattern="[A-Za-z0-9._\-]+" title="Letters, digits, dots, dashes and underscores" autoFocus /></div>}
        <div className="row"><span className="grow" style={{ fontWeight: 500 }}>Template; variables in double braces</span><Segments label="Kind of template" value={chat ? "chat" : "text"} onChange={(v) => setChat(v === "chat")} options={[["text", "Text"], ["chat", "Chat"]] as const} /></div>
        {chat ? turns.map((t, i) => (
          <div key={i} className="row" style={{ alignItems: "flex-start" }}>
            <select className="input" aria-label={`Role of turn ${i + 1}`} value={t.role} onChange={(e) => turn(i, { role: e.target.value })}>{[...new Set(["system", "user", "assistant", t.role])].map((r) => <option key={r}>{r}</option>)}</select>
            <textarea className="input mono grow" aria-label={`Turn ${i + 1}`} rows={4} value={t.content} onChange={(e) => turn(i, { content: e.target.value })} />
            <button type="button" className="icon-button" aria-label={`Take turn ${i + 1} away`} disabled={turns.length === 1} onClick={() => setTurns(turns.filter((_, k) => k !== i))}><Icon name="close" /></button>
          </div>
        )) : <textarea id="prompt-template" aria-label="Template" className="input mono" rows={12} required value={text} onChange={(e) => setText(e.target.value)} autoFocus={!!name} />}
        {chat && <button type="button" className="button" style={{ alignSelf: "flex-start" }} onClick={() => setTurns([...turns, { role: turns.at(-1)?.role === "user" ? "assistant" : "user", content: "" }])}><Icon name="plus" />Turn</button>}
        <div className="chips" role="status" aria-label="Variables">
          <span className="muted label">Variables</span>
          {now.map((v) => <Chip key={v} {...(name && !before.includes(v) ? { tone: "accent" as const } : {})}>{v}{name && !before.includes(v) && " (new)"}</Chip>)}
          {now.length === 0 && <span className="muted label">none</span>}
          {before.filter((v) => !now.includes(v)).map((v) => <span key={v} className="status warning"><Icon name="warning" size={12} />{v} is gone: callers that pass it will not see it</span>)}
          {broken && <span className="status warning"><Icon name="warning" size={12} />a double brace has no partner</span>}
        </div>
        <div className="field"><label htmlFor="prompt-message">What changed</label><input id="prompt-message" name="message" className="input" /></div>
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button primary" disabled={save.isPending || (chat && !turns.some((t) => t.content))}>Save version</button></div>
      </form>
    </Dialog>
  );
}
