// The sheet of shortcuts, made from their table; here they are also switched
// off and given other keys.
import { useEffect, useRef, useState } from "react";
import { Icon } from "../kit/icons";
import { Dialog, Keys } from "../kit/states";
import { setPrefs, usePrefs } from "./prefs";
import { clash, keysOf, labelsOf, type ShortcutId, shortcuts, spell } from "./shortcuts";

export function Help({ onClose }: { onClose: () => void }) {
  const prefs = usePrefs();
  const [editing, setEditing] = useState(false);
  const ids = Object.keys(shortcuts) as ShortcutId[];
  const groups = [...new Set(ids.map((id) => shortcuts[id].group))];
  const changed = Object.keys(prefs.keys).length;
  return (
    <Dialog title="Shortcuts" onClose={onClose} className="wide">
      <div className="row wrap" style={{ paddingBottom: 12 }}>
        <label className="row"><input type="checkbox" checked={prefs.letters === "on"} onChange={(e) => setPrefs({ letters: e.target.checked ? "on" : "off" })} />Single-letter shortcuts</label>
        <span className="grow" />
        {changed > 0 && <button className="button" onClick={() => setPrefs({ keys: {} })}>Usual keys again ({changed} changed)</button>}
        <button className="button" aria-pressed={editing} onClick={() => setEditing(!editing)}>{editing ? "Done" : "Change keys"}</button>
      </div>
      <div className="sheet-keys">
        {groups.map((g) => (
          <section key={g}>
            <h3>{g}</h3>
            <ul>{ids.filter((id) => shortcuts[id].group === g).map((id) => (
              <li key={id}><span className="grow">{shortcuts[id].label}</span>
                {editing ? <Rebind id={id} /> : <><Keys id={id} /><span className="sr">{labelsOf(keysOf(id)).join(" ")}</span></>}</li>
            ))}</ul>
          </section>
        ))}
      </div>
      <p className="muted label">Single-letter keys never act while you type. In text fields Ctrl+Enter submits.</p>
    </Dialog>
  );
}

/** Waits for the next key, or for two when the first is g; Escape gives up. */
function Rebind({ id }: { id: ShortcutId }) {
  const prefs = usePrefs();
  const [waiting, setWaiting] = useState(false);
  const [says, setSays] = useState("");
  const first = useRef("");
  useEffect(() => { first.current = ""; }, [waiting]);
  function onKeyDown(e: React.KeyboardEvent) {
    if (!waiting || e.nativeEvent.isComposing || ["Shift", "Control", "Alt", "Meta", "AltGraph", "Tab"].includes(e.key)) return;
    e.preventDefault();
    e.stopPropagation();
    if (e.key === "Escape") { setWaiting(false); setSays(""); return; }
    const key = spell(e.nativeEvent);
    if (key === "g" && !first.current) { first.current = key; setSays("g, and then?"); return; }
    const keys = first.current ? `${first.current} ${key}` : key;
    const taken = clash(id, keys);
    setWaiting(false);
    if (taken) { setSays(`${labelsOf(keys).join(" ")} is “${shortcuts[taken].label}”`); return; }
    setSays("");
    const { [id]: _, ...rest } = prefs.keys;
    setPrefs({ keys: keys === shortcuts[id].keys ? rest : { ...rest, [id]: keys } });
  }
  return (
    <span className="row" style={{ marginLeft: "auto", flex: "none" }}>
      {says && <span className="label muted" role="status">{says}</span>}
      <button className={`button ${prefs.keys[id] ? "on" : ""}`} onKeyDown={onKeyDown} onBlur={() => setWaiting(false)} onClick={() => { setWaiting(!waiting); setSays(""); }} aria-label={`Change the key of: ${shortcuts[id].label}`}>
        {waiting ? "Press a key" : labelsOf(keysOf(id)).join(" ")}
      </button>
      {prefs.keys[id] && <button className="icon-button" aria-label={`Usual key of: ${shortcuts[id].label}`} title="The usual key" onClick={() => { const { [id]: _, ...rest } = prefs.keys; setPrefs({ keys: rest }); }}><Icon name="refresh" /></button>}
    </span>
  );
}
