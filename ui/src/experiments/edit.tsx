// Name, description and tags of an experiment.
import { useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { toast, toastError } from "../app/toast";
import { useWs } from "../app/url";
import { EditTags, EditText } from "../kit/edit";
import { Dialog, Load } from "../kit/states";
import { experimentsKey, useExperiment } from "./data";

const noteTag = "mlflow.note.content";

export function EditExperiment({ id, onClose }: { id: string; onClose: () => void }) {
  const ws = useWs();
  const client = useQueryClient();
  const found = useExperiment(ws, id);
  const change = (body: { name?: string; set_tags?: Record<string, string>; delete_tags?: string[] }) =>
    api.patch("/w/{ws}/experiments/{experiment_id}", { path: { ws, experiment_id: id }, body }).then(() => client.invalidateQueries({ queryKey: experimentsKey(ws) }), (e: unknown) => { toastError(e); throw e; });
  return (
    <Dialog title="Experiment" onClose={onClose} footer={<button className="button primary" onClick={onClose}>Done</button>}>
      <Load query={found} rows={4}>{(e) => (
        <div className="stack" style={{ minWidth: "min(520px, 80vw)" }}>
          <form className="field" onSubmit={(ev) => { ev.preventDefault(); const name = String(new FormData(ev.currentTarget).get("name")).trim(); if (name && name !== e.name) void change({ name }).then(() => toast(`Renamed to ${name}`, { action: { label: "Undo", run: () => void change({ name: e.name }) } }), () => {}); }}>
            <label htmlFor="experiment-name">Name; slashes make folders</label>
            <div className="row"><input id="experiment-name" name="name" className="input grow" defaultValue={e.name} required maxLength={500} /><button className="button">Rename</button></div>
          </form>
          <div className="field"><span className="label">Description</span><EditText value={e.tags[noteTag] ?? ""} label="Description" allowed save={(text) => change(text ? { set_tags: { [noteTag]: text } } : { delete_tags: [noteTag] })} /></div>
          <div className="field"><span className="label">Tags</span><EditTags tags={e.tags} allowed hide={(k) => k.startsWith("mlflow.")} set={(key, value) => change({ set_tags: { [key]: value } })} remove={(key) => change({ delete_tags: [key] })} /></div>
          <p className="muted label">Id <code>{e.experiment_id}</code>, artifacts at <code>{e.artifact_uri}</code></p>
        </div>
      )}</Load>
    </Dialog>
  );
}
