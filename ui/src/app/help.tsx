import { Dialog, Keys } from "../kit/states";
import { type ShortcutId, shortcuts } from "./shortcuts";

export function Help({ onClose }: { onClose: () => void }) {
  const ids = Object.keys(shortcuts) as ShortcutId[];
  const groups = [...new Set(ids.map((id) => shortcuts[id].group))];
  return (
    <Dialog title="Shortcuts" onClose={onClose}>
      <div className="sheet-keys">
        {groups.map((g) => (
          <section key={g}>
            <h3>{g}</h3>
            <ul>{ids.filter((id) => shortcuts[id].group === g).map((id) => <li key={id}><span>{shortcuts[id].label}</span><Keys id={id} /><span className="sr">{shortcuts[id].keys}</span></li>)}</ul>
          </section>
        ))}
      </div>
      <p className="muted label">Single-letter keys never fire while you type. They can be switched off in the command palette.</p>
    </Dialog>
  );
}
