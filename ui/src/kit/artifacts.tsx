// A folder of artifacts and a viewer for what is in it: text, JSON, tables,
// images, Markdown; HTML in a frame that can do nothing.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, type Schemas } from "../api/client";
import { useUrl } from "../app/url";
import { bytes } from "./format";
import { Icon } from "./icons";
import { Json, Payload } from "./json";
import { Markdown } from "./markdown";
import { Empty, Failure, Skeleton } from "./states";
import { table, type TableData } from "./tabledata";

type File = Schemas["ArtifactFile"];
export interface Source {
  key: unknown[];
  list: (path: string, signal: AbortSignal) => Promise<{ root_uri: string; files: File[]; next_page_token: string | null }>;
  url: (path: string, download?: boolean) => string;
}

const previewBytes = 2_000_000;

export function Artifacts({ source }: { source: Source }) {
  const { search, set } = useUrl();
  const root = useFolder(source, "");
  if (root.error) return <Failure error={root.error} retry={() => void root.refetch()} />;
  if (!root.data) return <Skeleton />;
  if (root.data.files.length === 0) return <Empty title="No artifacts" text="Files logged to it show here." code={`mlflow.log_artifact("graph_diagram.png")\nmlflow.log_text("…", "notes.md")\nmlflow.log_table(data, artifact_file="eval_results_table.json")`} />;
  const path = search.path ?? "";
  return (
    <>
      <div className="files">
        <nav aria-label="Files"><Folder source={source} path="" depth={0} current={path} onSelect={(p) => set({ path: p }, { replace: true })} /></nav>
        <div style={{ minWidth: 0 }}>{path ? <Viewer key={path} source={source} path={path} /> : <p className="muted">Choose a file.</p>}</div>
      </div>
      <p className="muted micro">Stored at <code>{root.data.root_uri}</code></p>
    </>
  );
}

function useFolder(source: Source, path: string, enabled = true) {
  return useQuery({ queryKey: [...source.key, "artifacts", path], queryFn: ({ signal }) => source.list(path, signal), enabled });
}

function Folder({ source, path, depth, current, onSelect }: { source: Source; path: string; depth: number; current: string; onSelect: (p: string) => void }) {
  const folder = useFolder(source, path);
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
  if (!folder.data) return folder.error ? <p className="status error">{(folder.error as Error).message}</p> : <p className="muted label" style={{ padding: 8 }}>Loading…</p>;
  return (
    <ul style={{ "--depth": depth } as React.CSSProperties}>
      {folder.data.files.map((f) => {
        const open = toggled.get(f.path) ?? current.startsWith(`${f.path}/`);
        return (
          <li key={f.path}>
            <button className="menu-item" aria-expanded={f.is_dir ? open : undefined} aria-current={f.path === current ? "true" : undefined} onClick={() => (f.is_dir ? setToggled(new Map(toggled).set(f.path, !open)) : onSelect(f.path))}>
              <Icon name={f.is_dir ? (open ? "down" : "folder") : "file"} size={14} /><span className="clip" dir="auto" title={f.path}>{f.path.slice(f.path.lastIndexOf("/") + 1)}</span>{!f.is_dir && <span className="size">{bytes(f.size)}</span>}
            </button>
            {f.is_dir && open && <Folder source={source} path={f.path} depth={depth + 1} current={current} onSelect={onSelect} />}
          </li>
        );
      })}
      {folder.data.next_page_token && <li className="muted label" style={{ padding: 8 }}>Only the first {folder.data.files.length} are listed.</li>}
    </ul>
  );
}

const image = /\.(png|jpe?g|gif|webp|avif|bmp|ico|svg)$/i;

function Viewer({ source, path }: { source: Source; path: string }) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const isImage = image.test(name);
  const [at, setAt] = useState(0); // a large text is read a part at a time
  const body = useQuery({
    queryKey: [...source.key, "content", path, at],
    queryFn: async ({ signal }) => {
      const res = await fetch(source.url(path), { signal, headers: { range: `bytes=${at}-${at + previewBytes - 1}` }, credentials: "same-origin" });
      if (res.status === 416) return { text: "", cut: false, binary: false, size: 0 };
      if (!res.ok) throw new ApiError(res.status, res.status === 404 ? "not_found" : "internal", `The file could not be read (${res.status}).`, res.headers.get("x-request-id"));
      const buffer = new Uint8Array(await res.arrayBuffer());
      const size = Number(/\/(\d+)$/.exec(res.headers.get("content-range") ?? "")?.[1] ?? buffer.length);
      const binary = buffer.subarray(0, 4096).includes(0);
      return { text: binary ? "" : new TextDecoder().decode(buffer.subarray(0, previewBytes)), cut: size > previewBytes, binary: binary && at === 0, size };
    },
    enabled: !isImage,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
  return (
    <div className="card">
      <header><h3 className="clip grow" dir="auto" title={path}>{path}</h3>{body.data && <span className="muted label">{bytes(body.data.size)}</span>}<a className="button" href={source.url(path, true)} download={name}><Icon name="download" />Download</a></header>
      <div className="body checker">
        {isImage ? <img src={source.url(path)} alt={name} /> : body.error ? <Failure error={body.error} retry={() => void body.refetch()} /> : !body.data ? <Skeleton rows={4} /> : body.data.binary ? <p className="muted">A binary file of {bytes(body.data.size)}. Download it to see what is inside.</p>
          : <><Content name={name} text={body.data.text} whole={!body.data.cut} />{body.data.cut && <p className="row label" style={{ marginTop: 8 }}><button className="button" disabled={at === 0} onClick={() => setAt(Math.max(0, at - previewBytes))}>Part before</button><span className="muted">{bytes(at)} to {bytes(Math.min(body.data.size, at + previewBytes))} of {bytes(body.data.size)}</span><button className="button" disabled={at + previewBytes >= body.data.size} onClick={() => setAt(at + previewBytes)}>Next part</button></p>}</>}
      </div>
    </div>
  );
}

function Content({ name, text, whole }: { name: string; text: string; whole: boolean }) {
  if (/\.html?$/i.test(name)) return <iframe title={name} srcDoc={text} sandbox="" style={{ width: "100%", height: 560, border: 0, background: "#fff" }} />;
  const rows = whole ? table(name, text) : null;
  if (rows) return <TableView data={rows} />;
  if (/\.(json|ipynb)$/i.test(name) && whole) { try { return <Json value={JSON.parse(text)} label={name} />; } catch { /* shown as text */ } }
  if (/\.(md|markdown)$/i.test(name)) return <Markdown text={text} />;
  return text === "" ? <p className="muted">The file is empty.</p> : <pre className="text" tabIndex={0} dir="auto">{text}</pre>;
}

function TableView({ data }: { data: TableData }) {
  const [shown, setShown] = useState(200);
  return (
    <>
      <div style={{ overflow: "auto", maxHeight: 560 }} tabIndex={0} role="region" aria-label="Table">
        <table className="plain"><thead><tr><th scope="col" className="num">#</th>{data.columns.map((c, i) => <th key={i} scope="col">{c}</th>)}</tr></thead>
          <tbody>{data.rows.slice(0, shown).map((r, i) => <tr key={i}><td className="num muted">{i + 1}</td>{data.columns.map((_, k) => <td key={k} dir="auto" style={{ minWidth: 120, maxWidth: 420 }}><Cell value={r[k]} /></td>)}</tr>)}</tbody></table>
      </div>
      <p className="muted label" style={{ paddingTop: 8 }}>{Math.min(shown, data.rows.length)} of {data.rows.length} rows{shown < data.rows.length && <> · <button className="link" onClick={() => setShown(shown + 1000)}>Show more</button></>}</p>
    </>
  );
}

function Cell({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <span className="muted">—</span>;
  if (typeof value === "object") return <Payload value={value} label="cell" />;
  const s = String(value);
  return <>{s.length > 400 ? `${s.slice(0, 400)}…` : s}</>;
}
