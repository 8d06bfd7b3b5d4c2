// What a view shows when it has nothing, not yet, or a failure to show; and the
// small marks used everywhere.
import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { ApiError } from "../api/client";
import { copy } from "../app/toast";
import { type ShortcutId, keyLabels, keysOf } from "../app/shortcuts";
import { usePrefs } from "../app/prefs";
import { ago, iso } from "./format";
import { Icon, type IconName } from "./icons";

/** Lines to run, with a copy button. */
export function Lines({ code, label = "Copy" }: { code: string; label?: string }) {
  return (
    <div className="lines">
      <pre tabIndex={0}>{code}</pre>
      <button className="icon-button" aria-label={label} title={label} onClick={() => void copy(code)}><Icon name="copy" /></button>
    </div>
  );
}

export function Empty({ title, text, code, children }: { title: string; text?: ReactNode; code?: string; children?: ReactNode }) {
  return (
    <div className="state">
      <h2>{title}</h2>
      {text && <p className="prose">{text}</p>}
      {code && <Lines code={code} />}
      {children}
    </div>
  );
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const e = error instanceof ApiError ? error : null;
  return (
    <div className="state" role="alert">
      <Icon name={e?.code === "not_found" ? "search" : "error"} size={28} />
      <h2>{e?.code === "not_found" ? "Not found" : e?.code === "denied" ? "Not allowed" : "That did not work"}</h2>
      <p className="prose">{error instanceof Error ? error.message : String(error)}</p>
      {e?.requestId && <p className="micro muted">request <code>{e.requestId}</code></p>}
      {retry && <button className="button" onClick={retry}><Icon name="refresh" />Retry</button>}
    </div>
  );
}

/** An error above data that is still shown. */
export function Stale({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <div className="banner error" role="alert">
      <Icon name="error" />
      <span className="grow">{error instanceof Error ? error.message : String(error)} Shown is what was read before.</span>
      <button className="link" onClick={retry}>Retry</button>
    </div>
  );
}

export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div className="stack" style={{ padding: 16, gap: 14 }} aria-busy="true" aria-label="Loading" role="status">
      {Array.from({ length: rows }, (_, i) => <span key={i} className="skeleton" style={{ width: `${90 - ((i * 37) % 50)}%` }} />)}
    </div>
  );
}

/** Chooses among loading, failed, and shown; keeps stale data beneath an error. */
export function Load<T>({ query, rows, children }: {
  query: { data: T | undefined; error: unknown; refetch: () => unknown };
  rows?: number;
  children: (data: T) => ReactNode;
}) {
  if (query.data === undefined) return query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : <Skeleton rows={rows ?? 6} />;
  return <>{query.error ? <Stale error={query.error} retry={() => void query.refetch()} /> : null}{children(query.data)}</>;
}

type Tone = "ok" | "error" | "running" | "warning" | "unknown";
const statuses: Record<string, [Tone, string, IconName | null]> = {
  OK: ["ok", "OK", "check"], ERROR: ["error", "Error", "close"], IN_PROGRESS: ["running", "Running", "clock"], UNSET: ["unknown", "Unset", null],
  RUNNING: ["running", "Running", "clock"], SCHEDULED: ["unknown", "Scheduled", "clock"], FINISHED: ["ok", "Finished", "check"], FAILED: ["error", "Failed", "close"], KILLED: ["warning", "Killed", "close"],
  READY: ["ok", "Ready", "check"], PENDING_REGISTRATION: ["running", "Pending", "clock"], FAILED_REGISTRATION: ["error", "Failed", "close"],
  queued: ["unknown", "Queued", "clock"], running: ["running", "Running", "clock"], canceling: ["warning", "Canceling", "clock"], succeeded: ["ok", "Done", "check"], failed: ["error", "Failed", "close"], canceled: ["warning", "Canceled", "close"],
};

export function Status({ value, tint = false, bare = false }: { value: string; tint?: boolean; bare?: boolean }) {
  const [tone, label, icon] = statuses[value] ?? ["unknown", value, null];
  return (
    <span className={`status ${tone}${tint ? " tint" : ""}`} title={bare ? label : undefined}>
      {icon ? <Icon name={icon} size={12} /> : <Icon name="more" size={12} />}
      {bare ? <span className="sr">{label}</span> : label}
    </span>
  );
}

export function Time({ ms, short: text }: { ms: number | null | undefined; short?: string }) {
  return <time title={iso(ms)} dateTime={ms ? new Date(ms).toISOString() : undefined}>{text ?? ago(ms)}</time>;
}

export function Keys({ id }: { id: ShortcutId }) {
  usePrefs(); // they can be changed
  return <span className="keys" aria-hidden="true">{keyLabels(id).map((k, i) => <kbd key={i}>{k}</kbd>)}</span>;
}

/** A title attribute with the shortcut in it. */
export function hint(text: string, id: ShortcutId): string {
  return `${text} (${keyLabels(id).join(/\w\+/.test(keysOf(id)) ? "+" : " ")})`;
}

export function Chip({ children, title, tone, onRemove, removeLabel }: { children: ReactNode; title?: string; tone?: "accent" | "outline"; onRemove?: () => void; removeLabel?: string }) {
  return (
    <span className={`chip ${tone ?? ""}`} title={title} dir="auto">
      <span className="clip">{children}</span>
      {onRemove && <button aria-label={removeLabel ?? "Remove"} onClick={onRemove}><Icon name="close" size={10} /></button>}
    </span>
  );
}

export interface TabDef { id: string; label: string; n?: number | string | undefined; }

/** A tab list; arrows move, and the panel is the caller's. */
export function Tabs({ tabs, current, onSelect, label, children }: { tabs: TabDef[]; current: string; onSelect: (id: string) => void; label: string; children?: ReactNode }) {
  const ref = useRef<HTMLDivElement>(null);
  function onKeyDown(e: React.KeyboardEvent) {
    const i = tabs.findIndex((t) => t.id === current);
    const j = e.key === "ArrowRight" ? i + 1 : e.key === "ArrowLeft" ? i - 1 : e.key === "Home" ? 0 : e.key === "End" ? tabs.length - 1 : NaN;
    if (Number.isNaN(j)) return;
    e.preventDefault();
    const t = tabs[(j + tabs.length) % tabs.length]!;
    onSelect(t.id);
    ref.current?.querySelector<HTMLElement>(`[data-tab="${t.id}"]`)?.focus();
  }
  return (
    <div className="row tabs" style={{ gap: 0 }}>
      <div className="row" role="tablist" aria-label={label} ref={ref} onKeyDown={onKeyDown} style={{ gap: 2 }}>
        {tabs.map((t) => (
          <button key={t.id} role="tab" data-tab={t.id} aria-selected={t.id === current} tabIndex={t.id === current ? 0 : -1} onClick={() => onSelect(t.id)}>
            {t.label}{t.n !== undefined && <span className="n">{t.n}</span>}
          </button>
        ))}
      </div>
      {children && <div className="row grow" style={{ justifyContent: "flex-end" }}>{children}</div>}
    </div>
  );
}

export function Segments<T extends string>({ options, value, onChange, label }: { options: readonly (readonly [T, string])[]; value: T; onChange: (v: T) => void; label: string }) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {options.map(([id, text]) => <button type="button" key={id} aria-pressed={id === value} onClick={() => onChange(id)}>{text}</button>)}
    </div>
  );
}

/** A modal dialog; Escape and the scrim close it, focus returns by itself. */
export function Dialog({ title, onClose, children, footer, className }: { title: ReactNode; onClose: () => void; children: ReactNode; footer?: ReactNode; className?: string }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  // A layout effect: it is closed while it is still in the document, and only
  // then does the browser give focus back to what opened it.
  useLayoutEffect(() => {
    const d = ref.current!;
    if (!d.open) d.showModal();
    // The browser chose the first button; who opens a form wants its first field.
    d.querySelector<HTMLElement>(":scope > .body :is(input:not([type]), input[type=text], input[type=search], input[type=password], input[type=number], textarea):not([readonly], [hidden], :disabled)")?.focus();
    return () => d.close();
  }, []);
  return (
    <dialog ref={ref} className={className} aria-labelledby={id} onCancel={(e) => { e.preventDefault(); onClose(); }} onClick={(e) => { if (e.target === ref.current) onClose(); }}
      onKeyDown={(e) => e.stopPropagation()}>
      <header>
        <h2 id={id} className="grow">{title}</h2>
        <button className="icon-button" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
      </header>
      <div className="body">{children}</div>
      {footer && <footer>{footer}</footer>}
    </dialog>
  );
}

/** Asks for the name of what is about to go for good. */
export function ConfirmName({ title, name, consequence, action = "Delete", onConfirm, onClose }: { title: string; name: string; consequence: string; action?: string; onConfirm: () => void; onClose: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const submit = useRef<HTMLButtonElement>(null);
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); if (input.current?.value === name) { onConfirm(); onClose(); } }}>
        <p>{consequence} This cannot be undone.</p>
        <div className="field">
          <label htmlFor="confirm-name">Type <b>{name}</b> to confirm</label>
          <input id="confirm-name" ref={input} className="input" autoComplete="off" autoFocus onChange={(e) => { submit.current!.disabled = e.target.value !== name; }} />
        </div>
        <div className="row" style={{ justifyContent: "flex-end" }}>
          <button type="button" className="button" onClick={onClose}>Keep it</button>
          <button ref={submit} className="button danger primary" disabled>{action}</button>
        </div>
      </form>
    </Dialog>
  );
}
