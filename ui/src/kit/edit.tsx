// Editing in place: a description in Markdown, a name, and tags. What may not
// be edited is only shown.
import { type FormEvent, useState } from "react";
import { line } from "./format";
import { Icon } from "./icons";
import { Markdown } from "./markdown";
import { Chip } from "./states";

export function EditText({ value, label, allowed, save }: { value: string; label: string; allowed: boolean; save: (text: string) => Promise<unknown> }) {
  const [editing, setEditing] = useState(false), [busy, setBusy] = useState(false);
  async function submit(e: FormEvent<HTMLFormElement>) {
    e.preventDefault();
    setBusy(true);
    const done = await save(String(new FormData(e.currentTarget).get("text"))).then(() => true, () => false);
    setBusy(false);
    if (done) setEditing(false);
  }
  if (editing) return (
    <form className="stack" style={{ gap: 8, maxWidth: 760 }} onSubmit={(e) => void submit(e)} onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.currentTarget.requestSubmit(); if (e.key === "Escape") { e.stopPropagation(); setEditing(false); } }}>
      <textarea name="text" className="input" rows={5} defaultValue={value} aria-label={`${label}, in Markdown`} autoFocus />
      <div className="row"><button className="button primary" disabled={busy}>Save</button><button type="button" className="button" onClick={() => setEditing(false)}>Cancel</button><span className="muted label">Markdown; Ctrl Enter saves</span></div>
    </form>
  );
  if (!value) return allowed ? <button className="link label" style={{ alignSelf: "flex-start" }} onClick={() => setEditing(true)}>Add a {label.toLowerCase()}</button> : null;
  return <div><Markdown text={value} />{allowed && <button className="link label" onClick={() => setEditing(true)}>Edit the {label.toLowerCase()}</button>}</div>;
}

/** A name in a heading; a pencil beside it, Enter saves, Escape leaves it. */
export function EditName({ value, shown, allowed, save }: { value: string; shown?: string; allowed: boolean; save: (name: string) => Promise<unknown> }) {
  const [editing, setEditing] = useState(false);
  if (editing) return (
    <form className="row" style={{ gap: 4, flex: "1 1 240px", maxWidth: 520 }} onSubmit={(e) => { e.preventDefault(); const name = String(new FormData(e.currentTarget).get("name")).trim(); if (!name || name === value) setEditing(false); else void save(name).then(() => setEditing(false), () => {}); }}>
      <input name="name" className="input grow" aria-label="Name" defaultValue={value} autoFocus maxLength={500} onFocus={(e) => e.target.select()} onKeyDown={(e) => { if (e.key === "Escape") { e.stopPropagation(); setEditing(false); } }} />
      <button className="button primary">Rename</button>
    </form>
  );
  return <><h1 className="clip" dir="auto" title={value}>{shown ?? value}</h1>{allowed && <button className="link label" onClick={() => setEditing(true)}>Rename</button>}</>;
}

export function EditTags({ tags, allowed, set, remove, hide }: { tags: Record<string, string>; allowed: boolean; set: (key: string, value: string) => Promise<unknown>; remove: (key: string) => Promise<unknown>; hide?: (key: string) => boolean }) {
  const [adding, setAdding] = useState(false);
  const shown = Object.entries(tags).filter(([k]) => !hide?.(k));
  return (
    <div className="chips">
      {shown.map(([k, v]) => <Chip key={k} title={`${k} = ${v}`} {...(allowed ? { onRemove: () => void remove(k).catch(() => {}), removeLabel: `Remove the tag ${k}` } : {})}>{k}{v && <> = {line(v).slice(0, 120)}</>}</Chip>)}
      {shown.length === 0 && !adding && <span className="muted">No tags.</span>}
      {allowed && (adding ? (
        <form className="row" style={{ gap: 4 }} onSubmit={(e) => { e.preventDefault(); const f = new FormData(e.currentTarget), key = String(f.get("key")).trim(); if (key) void set(key, String(f.get("value"))).then(() => setAdding(false), () => {}); else setAdding(false); }} onKeyDown={(e) => { if (e.key === "Escape") { e.stopPropagation(); setAdding(false); } }}>
          <input name="key" className="input" style={{ width: 110, height: 24 }} aria-label="Key of the tag" placeholder="key" autoFocus maxLength={250} />
          <input name="value" className="input" style={{ width: 130, height: 24 }} aria-label="Value of the tag" placeholder="value" />
          <button className="button" style={{ height: 24 }}>Add</button>
        </form>
      ) : <button className="icon-button" style={{ minWidth: 22, height: 22, padding: 0 }} aria-label="Add a tag" title="Add a tag" onClick={() => setAdding(true)}><Icon name="plus" size={12} /></button>)}
    </div>
  );
}
