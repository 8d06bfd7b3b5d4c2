// Toasts: what a command did, with a link to it. Errors stay until dismissed.
import { useSyncExternalStore } from "react";
import { Icon } from "../kit/icons";

interface Toast { id: number; text: string; kind: "done" | "error"; action?: { label: string; run: () => void } | undefined; }

let toasts: Toast[] = [];
let serial = 0;
const listeners = new Set<() => void>();
const emit = () => listeners.forEach((f) => f());

export function dismiss(id: number): void {
  toasts = toasts.filter((t) => t.id !== id);
  emit();
}

export function toast(text: string, o: { kind?: Toast["kind"]; action?: Toast["action"]; ms?: number } = {}): void {
  const id = ++serial;
  toasts = [...toasts.slice(-3), { id, text, kind: o.kind ?? "done", action: o.action }];
  emit();
  if (o.kind !== "error") setTimeout(() => dismiss(id), o.ms ?? (o.action ? 10_000 : 4_000));
}

export function toastError(e: unknown): void {
  toast(e instanceof Error ? e.message : String(e), { kind: "error" });
}

export function Toasts() {
  const items = useSyncExternalStore((f) => (listeners.add(f), () => void listeners.delete(f)), () => toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {items.map((t) => (
        <div key={t.id} className={`toast ${t.kind}`}>
          <Icon name={t.kind === "error" ? "error" : "check"} />
          <span className="grow">{t.text}</span>
          {t.action && <button className="link" onClick={() => { t.action!.run(); dismiss(t.id); }}>{t.action.label}</button>}
          <button className="icon-button" aria-label="Dismiss" onClick={() => dismiss(t.id)}><Icon name="close" /></button>
        </div>
      ))}
    </div>
  );
}

/** Copies text, also over plain HTTP where the clipboard API is absent. */
export async function copy(text: string, what = "Copied"): Promise<void> {
  try {
    if (navigator.clipboard && window.isSecureContext) await navigator.clipboard.writeText(text);
    else copyBySelection(text);
    toast(what);
  } catch {
    copyBySelection(text);
    toast(what);
  }
}

function copyBySelection(text: string): void {
  const area = document.createElement("textarea");
  area.value = text;
  area.style.cssText = "position:fixed;opacity:0";
  const back = document.activeElement as HTMLElement | null;
  // Outside an open dialog everything is inert, and nothing can be selected.
  (back?.closest("dialog") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  back?.focus();
}
