// The saved views of a page: which one is open, whether it was changed, and
// what can be done with it. A page mounts it in its head:
//
//	<SavedViews page="traces" />
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { api } from "../api/client";
import { toast, toastError } from "../app/toast";
import { parseSearch, stringifySearch, useUrl, useWs } from "../app/url";
import { Icon } from "../kit/icons";
import { Menu } from "../kit/menu";
import { Dialog } from "../kit/states";
import { may, useSession } from "../session/session";
import { sameState, type SavedView, stateOf, useView, useViews, type ViewPage, viewsKey } from "./data";

export function SavedViews({ page }: { page: ViewPage }) {
  const ws = useWs();
  const { search } = useUrl();
  const [open, setOpen] = useState(false);
  const [dialog, setDialog] = useState<"save" | "rename" | null>(null);
  const id = search.view;
  const view = useView(ws, id);
  const { apply, lost } = useOpening(page, view.data, view.error);
  const named = view.data && view.data.name && view.data.page === page ? view.data : null;
  const state = stateOf(search);
  const dirty = !!named && !sameState(named.state, state);
  return (
    <>
      <Menu open={open} onToggle={setOpen} align="left" className="button" label="Saved views"
        button={<><Icon name="eye" size={12} /><span className="clip" style={{ maxWidth: 180 }} dir="auto">{named ? named.name : "Views"}</span>{dirty && <span title="Changed since it was saved"><span aria-hidden="true">•</span><span className="sr">, changed</span></span>}<Icon name="down" size={10} /></>}>
        {open && <ViewMenu page={page} current={named} dirty={dirty} state={state} apply={apply} close={() => setOpen(false)} ask={setDialog} />}
      </Menu>
      {lost && <span className="status warning" role="status" title={lost}><Icon name="warning" size={12} />That view is gone or not shared</span>}
      {dialog && <NameDialog page={page} state={state} rename={dialog === "rename" ? named : null} apply={apply} onClose={() => setDialog(null)} />}
    </>
  );
}

/** Opens the view that the address names, once, and says when it cannot. */
function useOpening(page: ViewPage, view: SavedView | undefined, error: unknown) {
  const router = useRouter();
  const { search } = useUrl();
  const opened = useRef<string | undefined>(undefined);
  const [lost, setLost] = useState("");
  const go = (v: SavedView, how: "push" | "replace") => {
    opened.current = v.view_id;
    const { pathname } = router.history.location;
    // A link is no view to be in: its state stands in the address again.
    router.history[how](pathname + stringifySearch({ ...parseSearch(v.state), ...(v.name ? { view: v.view_id } : {}) }));
  };
  useEffect(() => {
    if (!search.view) { opened.current = undefined; return; }
    if (error) {
      setLost(error instanceof Error ? error.message : String(error));
      return;
    }
    setLost("");
    if (!view || view.view_id !== search.view || view.page !== page || opened.current === view.view_id) return;
    const given = stateOf(search);
    if (given === "") go(view, "replace");
    else opened.current = view.view_id; // a reload of a view that was changed
  }, [search.view, view, error]);
  return { apply: (v: SavedView) => go(v, "push"), lost: search.view ? lost : "" };
}

interface MenuProps { page: ViewPage; current: SavedView | null; dirty: boolean; state: string; apply: (v: SavedView) => void; close: () => void; ask: (d: "save" | "rename") => void; }

function ViewMenu({ page, current, dirty, state, apply, close, ask }: MenuProps) {
  const ws = useWs();
  const session = useSession();
  const list = useViews(ws, page, true);
  const [q, setQ] = useState("");
  const { change, remove } = useChanges(ws, current, apply);
  const all = list.data?.views ?? [];
  const shown = all.filter((v) => v.name.toLowerCase().includes(q.trim().toLowerCase()));
  const own = current && (current.mine || may(session, ws, "admin"));
  const item = (icon: "check" | "plus" | "people" | "trash" | "prompts" | "swap", label: string, run: () => void) => <button key={label} className="menu-item" onClick={() => { close(); run(); }}><Icon name={icon} />{label}</button>;
  return (
    <div style={{ width: 280 }}>
      {all.length > 8 && <div style={{ padding: "4px 4px 6px" }}><input className="input" style={{ width: "100%" }} aria-label="Find a view" placeholder="Find a view" value={q} onChange={(e) => setQ(e.target.value)} /></div>}
      <div style={{ maxHeight: 280, overflow: "auto" }}>
        {list.error ? <p className="muted" style={{ padding: 8 }}>{(list.error as Error).message}</p> : list.data === undefined ? <p className="muted" style={{ padding: 8 }}>Loading…</p>
          : shown.length === 0 ? <p className="muted" style={{ padding: 8 }}>{all.length ? "No view is named so." : "No saved views yet. Filter, sort and choose columns, then save them here."}</p>
          : shown.map((v) => (
            <button key={v.view_id} className="menu-item" aria-current={v.view_id === current?.view_id} onClick={() => { close(); apply(v); }}>
              <span className="clip grow" dir="auto">{v.name}</span>
              {v.view_id === current?.view_id && <Icon name="check" size={12} label="open" />}
              {v.shared && <span className="muted label clip" style={{ maxWidth: 110 }} title={v.mine ? "Shared by you" : `Shared by ${v.owner}`}>{v.mine ? "shared" : v.owner || "shared"}</span>}
            </button>
          ))}
      </div>
      <div style={{ borderTop: "1px solid var(--hairline)", margin: "4px 0" }} />
      {current && dirty && own && item("check", `Save changes to “${current.name}”`, () => change.mutate({ state }))}
      {current && dirty && item("swap", "Discard changes", () => apply(current))}
      {item("plus", current ? "Save as a new view…" : "Save this view…", () => ask("save"))}
      {own && item("prompts", "Rename…", () => ask("rename"))}
      {own && may(session, ws, "editor") && item("people", current.shared ? "Make it mine alone" : "Share with the workspace", () => change.mutate({ shared: !current.shared }))}
      {own && item("trash", "Delete", () => remove.mutate(current))}
    </div>
  );
}

function useChanges(ws: string, current: SavedView | null, apply: (v: SavedView) => void) {
  const client = useQueryClient();
  const { set } = useUrl();
  const done = () => client.invalidateQueries({ queryKey: viewsKey(ws) });
  const change = useMutation({
    mutationFn: (body: { state?: string; shared?: boolean }) => api.patch("/w/{ws}/views/{view_id}", { path: { ws, view_id: current!.view_id }, body }),
    onSuccess: (v, body) => { void done(); toast(body.shared === undefined ? `“${v.name}” saved` : v.shared ? `“${v.name}” is shared with the workspace` : `“${v.name}” is yours alone`); },
    onError: toastError,
  });
  const remove = useMutation({
    mutationFn: (v: SavedView) => api.delete("/w/{ws}/views/{view_id}", { path: { ws, view_id: v.view_id } }),
    onSuccess: (_, v) => {
      set({ view: undefined }, { replace: true });
      // The lists only: the view itself is not there to be read again.
      void client.invalidateQueries({ queryKey: [...viewsKey(ws), v.page] });
      const back = async () => {
        try {
          const made = await api.post("/w/{ws}/views", { path: { ws }, body: { page: v.page as ViewPage, name: v.name, state: v.state, shared: v.shared } });
          await done();
          apply(made);
        } catch (e) { toastError(e); }
      };
      toast(`“${v.name}” deleted`, { action: { label: "Undo", run: () => void back() } });
    },
    onError: toastError,
  });
  return { change, remove };
}

function NameDialog({ page, state, rename, apply, onClose }: { page: ViewPage; state: string; rename: SavedView | null; apply: (v: SavedView) => void; onClose: () => void }) {
  const ws = useWs();
  const session = useSession();
  const client = useQueryClient();
  const id = useId();
  const [name, setName] = useState(rename?.name ?? "");
  const [shared, setShared] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []); // the dialog has taken the focus by now
  const save = useMutation({
    mutationFn: () => (rename ? api.patch("/w/{ws}/views/{view_id}", { path: { ws, view_id: rename.view_id }, body: { name } }) : api.post("/w/{ws}/views", { path: { ws }, body: { page, name, state, shared } })),
    onSuccess: (v) => {
      void client.invalidateQueries({ queryKey: viewsKey(ws) });
      if (!rename) apply(v);
      toast(`“${v.name}” saved`);
      onClose();
    },
  });
  const submit = (e: FormEvent) => { e.preventDefault(); if (name.trim()) save.mutate(); };
  return (
    <Dialog title={rename ? "Rename the view" : "Save this view"} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <div className="field">
          <label htmlFor={id}>Name</label>
          <input id={id} ref={input} className="input" maxLength={120} autoComplete="off" value={name} dir="auto" onChange={(e) => setName(e.target.value)} />
        </div>
        {!rename && may(session, ws, "editor") && <label className="row"><input type="checkbox" checked={shared} onChange={(e) => setShared(e.target.checked)} />Share with everyone in this workspace</label>}
        {save.error && <div className="banner error" role="alert"><Icon name="error" />{save.error.message}</div>}
        <div className="row" style={{ justifyContent: "flex-end" }}>
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button className="button primary" disabled={!name.trim() || save.isPending}>Save</button>
        </div>
      </form>
    </Dialog>
  );
}
