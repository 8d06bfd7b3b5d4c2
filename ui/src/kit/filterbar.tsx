// The filter bar: the server's grammar as text, with completion, and as chips
// to take conditions away. Words without an operator search the text.
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { api, ApiError, type Schemas } from "../api/client";
import { hint } from "./states";
import { ariaKeys, useShortcut } from "../app/shortcuts";
import { useWs } from "../app/url";
import { clauses, completionAt, fieldName, quote, tokens, withoutClause } from "./filter";
import { count, short } from "./format";
import { Icon } from "./icons";
import { Chip } from "./states";

type Entity = "runs" | "traces";
interface Item { text: string; label: string; note?: string | undefined; }

const ops = ["=", "!=", ">", ">=", "<", "<=", "LIKE", "ILIKE", "IS NOT NULL", "IS NULL"];

/** Whether a text is words to search for rather than a filter. */
export function isPlainText(s: string): boolean {
  const ts = tokens(s);
  return ts.length > 0 && !ts.some((t) => t.kind === "op");
}

export function FilterBar({ entity, value, onChange, experiments, error, tally, placeholder }: {
  entity: Entity;
  value: string;
  onChange: (v: string) => void;
  experiments?: string[];
  error?: unknown;
  tally?: string | undefined;
  placeholder: string;
}) {
  const ws = useWs();
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const [caret, setCaret] = useState(0);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  // Where the caret goes once the chosen completion is drawn; at once, so that
  // the next key lands behind it.
  const place = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (place.current === null) return;
    input.current?.setSelectionRange(place.current, place.current);
    place.current = null;
  }, [text]);
  useEffect(() => setText(value), [value]);
  useShortcut("filter", () => { input.current?.focus(); input.current?.select(); });

  const at = completionAt(text, caret);
  const field = at.want === "value" ? at.field : undefined;
  const asks = open && (at.want === "field" || at.want === "value");
  const prefix = at.prefix.replace(/^['"]|['"]$/g, "");
  const found = useQuery({
    queryKey: ["complete", ws, entity, field, prefix, experiments],
    queryFn: ({ signal }) => api.post("/w/{ws}/complete", { path: { ws }, body: { entity, prefix, limit: 20, ...(field ? { field } : {}), ...(experiments?.length ? { experiment_ids: experiments } : {}) }, signal }),
    enabled: asks,
    staleTime: 30_000,
    placeholderData: (old) => old,
  });
  const items: Item[] = !open ? [] : at.want === "op" || at.want === "and"
    ? (at.want === "and" ? ["AND"] : ops).filter((o) => o.startsWith(at.prefix.toUpperCase())).map((o) => ({ text: `${o} `, label: o }))
    : ((asks && found.data?.items) || []).filter((i) => i.value.toLowerCase().includes(prefix.toLowerCase())).map((i) => toItem(i, !!field));

  function choose(i: Item) {
    const end = caret;
    const next = text.slice(0, at.start) + i.text + text.slice(end);
    setText(next);
    const pos = at.start + i.text.length;
    setCaret(pos);
    setActive(-1);
    place.current = pos;
    input.current?.focus();
  }
  function commit(v: string) {
    setOpen(false);
    setActive(-1);
    onChange(v.trim());
  }
  function onKeyDown(e: KeyboardEvent<HTMLInputElement>) {
    if (e.nativeEvent.isComposing) return;
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      if (!open) setOpen(true);
      else if (items.length) setActive((a) => (e.key === "ArrowDown" ? (a + 1) % items.length : (a <= 0 ? items.length : a) - 1));
    } else if (e.key === "Tab" && open && items.length && at.prefix && !e.shiftKey) {
      e.preventDefault();
      choose(items[Math.max(0, active)]!);
    } else if (e.key === "Enter") {
      e.preventDefault();
      if (open && active >= 0 && items[active]) choose(items[active]!);
      else commit(text);
    } else if (e.key === "Escape") {
      e.preventDefault();
      if (open) setOpen(false);
      else { setText(value); input.current?.blur(); }
    }
  }
  const parsed = isPlainText(value) ? [] : clauses(value) ?? [];
  const refusal = error instanceof ApiError && error.code === "invalid" ? error : null;

  return (
    <div className="filterbar">
      <div className={`box${refusal ? " bad" : ""}`}>
        <Icon name="filter" />
        <input ref={input} role="combobox" aria-label={`Filter ${entity}`} aria-expanded={open && items.length > 0} aria-controls={id} aria-autocomplete="list" aria-keyshortcuts={ariaKeys("filter")}
          aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined} aria-invalid={!!refusal} title={hint("Filter", "filter")}
          value={text} placeholder={placeholder} spellCheck={false} autoComplete="off" autoCapitalize="off" dir="auto"
          onChange={(e) => { setText(e.target.value); setCaret(e.target.selectionStart ?? e.target.value.length); setOpen(true); setActive(-1); }}
          onSelect={(e) => setCaret(e.currentTarget.selectionStart ?? 0)}
          onFocus={() => setOpen(true)} onBlur={() => setTimeout(() => setOpen(false), 120)} onKeyDown={onKeyDown} />
        {text !== value && <button className="link" onMouseDown={(e) => e.preventDefault()} onClick={() => commit(text)}>Apply</button>}
        {(text || value) && <button className="icon-button" aria-label="Clear filter" onClick={() => { setText(""); commit(""); }}><Icon name="close" /></button>}
        {tally && <span className="tally">{tally}</span>}
      </div>
      <ul id={id} role="listbox" aria-label="Completions" className="popover" hidden={!open || items.length === 0}>
        {items.map((i, k) => (
          <li key={i.label + i.text} id={`${id}-${k}`} role="option" aria-selected={k === active} data-active={k === active} className="menu-item" onMouseDown={(e) => { e.preventDefault(); choose(i); }}>
            <code className="clip">{i.label}</code>
            {i.note && <span className="muted label" style={{ marginLeft: "auto" }}>{i.note}</span>}
          </li>
        ))}
      </ul>
      {refusal && <div className="filter-error" role="alert">{refusal.position ? <Marked text={value} range={refusal.position} /> : null} {refusal.message}</div>}
      {parsed.length > 0 && !refusal && (
        <div className="chips" style={{ paddingTop: 6 }}>
          {parsed.map((c) => <Chip key={c.text} onRemove={() => onChange(withoutClause(value, c.text))} removeLabel={`Remove ${c.text}`} title={c.text}>{c.field} {c.op === "=" ? "=" : c.op.toLowerCase()} {c.value.replace(/^'(.*)'$/s, "$1")}</Chip>)}
        </div>
      )}
    </div>
  );
}

function toItem(i: Schemas["Any"] & { value: string; kind: string; count: number | null }, isValue: boolean): Item {
  const note = i.count === null ? (isValue ? undefined : i.kind) : isValue ? count(i.count) : `${i.kind} · ${short(i.count)}`;
  if (isValue) return { text: `${/^-?\d+(\.\d+)?$/.test(i.value) ? i.value : quote(i.value)} `, label: i.value, note };
  const dot = i.value.indexOf(".");
  const name = i.value.includes("`") || dot < 0 ? i.value : fieldName(i.value.slice(0, dot), i.value.slice(dot + 1));
  return { text: `${name} `, label: i.value, note };
}

function Marked({ text, range }: { text: string; range: { start: number; end: number } }) {
  const chars = Array.from(text); // the server counts characters, not UTF-16 units
  const from = Math.max(0, range.start - 20), end = Math.max(range.end, range.start + 1);
  return (
    <code>
      {from > 0 && "…"}{chars.slice(from, range.start).join("")}
      <mark>{chars.slice(range.start, end).join("") || " "}</mark>
      {chars.slice(end, end + 12).join("")}
    </code>
  );
}
