// A button with a popover beneath it.
import { type ReactNode, useEffect, useLayoutEffect, useRef } from "react";

/**
 * Closes by Escape, by a press elsewhere and when focus leaves; arrows move
 * among its entries, and focus goes back to the button.
 */
export function Menu({ open, onToggle, label, button, children, className = "icon-button", align = "right", focusFirst = false }: {
  open: boolean; onToggle: (open: boolean) => void; label: string; button: ReactNode; children: ReactNode; className?: string; align?: "left" | "right";
  /** Whether the first entry has focus when it opens, for menus that a key opens. */
  focusFirst?: boolean;
}) {
  const host = useRef<HTMLDivElement>(null);
  const items = () => [...(host.current?.querySelectorAll<HTMLElement>(".popover .menu-item:not([aria-disabled=true])") ?? [])];
  useEffect(() => {
    if (!open) return;
    const away = (e: Event) => { if (!host.current?.contains(e.target as Node)) onToggle(false); };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open, onToggle]);
  // Fixed to the window, so that no table or rail cuts it off, and turned to
  // where there is room.
  useLayoutEffect(() => {
    const pop = host.current?.querySelector<HTMLElement>(":scope > .popover");
    if (!open || !pop) return;
    const at = host.current!.getBoundingClientRect(), gap = 4, edge = 8;
    const below = innerHeight - at.bottom - gap - edge, above = at.top - gap - edge, up = pop.offsetHeight > below && above > below;
    pop.style.maxHeight = `${Math.max(120, up ? above : below)}px`;
    const left = align === "left" ? at.left : at.right - pop.offsetWidth;
    pop.style.left = `${Math.max(edge, Math.min(left, innerWidth - edge - pop.offsetWidth))}px`;
    pop.style.top = up ? `${Math.max(edge, at.top - gap - pop.offsetHeight)}px` : `${at.bottom + gap}px`;
    const scrolled = (e: Event) => { if (!pop.contains(e.target as Node)) onToggle(false); };
    window.addEventListener("scroll", scrolled, true);
    window.addEventListener("resize", scrolled);
    return () => { window.removeEventListener("scroll", scrolled, true); window.removeEventListener("resize", scrolled); };
  }, [open, align, onToggle]);
  useEffect(() => { if (open && focusFirst) items()[0]?.focus(); }, [open, focusFirst]);
  const close = () => { onToggle(false); host.current?.querySelector("button")?.focus(); };
  return (
    <div ref={host} style={{ position: "relative" }}
      onBlur={(e) => { if (open && e.relatedTarget && !host.current?.contains(e.relatedTarget)) onToggle(false); }}
      onKeyDown={(e) => {
        if (!open) return;
        if (e.key === "Escape") { e.preventDefault(); close(); }
        if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
        const all = items(), at = all.indexOf(document.activeElement as HTMLElement);
        if (all.length === 0 || (e.target as HTMLElement).closest("input:not([type=checkbox]),textarea,select")) return;
        e.preventDefault();
        e.stopPropagation();
        all[(at + (e.key === "ArrowDown" ? 1 : -1) + all.length + (at < 0 && e.key === "ArrowUp" ? 1 : 0)) % all.length]!.focus();
      }}>
      <button className={className} aria-label={className === "icon-button" ? label : undefined} title={label} aria-expanded={open} aria-haspopup="true" onClick={() => onToggle(!open)}>{button}</button>
      {open && <div className="popover" style={{ position: "fixed", overflow: "auto" }}>{children}</div>}
    </div>
  );
}
