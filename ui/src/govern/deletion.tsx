// Deletion of people's data and of what nothing refers to.
import { useState } from "react";
import { PurgeDialog, type Purge } from "./purge";

export function Deletion() {
  const [user, setUser] = useState("");
  const [what, setWhat] = useState<{ purge: Purge; name: string; title: string } | null>(null);
  return (
    <>
      <section className="card"><header><h2>Data of a user</h2></header><div className="body stack">
        <p>Every trace of a user id, the conversations it stands in, dataset records made from them, and assessments by that user. Where ids are masked, the pseudonym is found as well.</p>
        <form className="row wrap" onSubmit={(e) => { e.preventDefault(); if (user.trim()) setWhat({ purge: { kind: "user", user: user.trim() }, name: user.trim(), title: "Delete the data of a user" }); }}>
          <div className="field grow"><label htmlFor="purge-user">User id, as clients send it</label><input id="purge-user" className="input" value={user} onChange={(e) => setUser(e.target.value)} autoComplete="off" placeholder="jane@example.com" dir="auto" /></div>
          <button className="button danger" disabled={!user.trim()} style={{ alignSelf: "flex-end" }}>Count what goes</button>
        </form>
      </div></section>
      <section className="card"><header><h2>Garbage</h2></header><div className="body stack">
        <p>Files of experiments, runs, models and traces that no longer exist, and payload of deleted traces. What a model version refers to stays.</p>
        <div><button className="button danger" onClick={() => setWhat({ purge: { kind: "garbage" }, name: "garbage", title: "Delete garbage" })}>Count what goes</button></div>
      </div></section>
      <p className="muted">Experiments, runs and traces are deleted permanently from their own pages, or with <code>assay purge</code>. Every deletion is a job and stands in the audit log.</p>
      {what && <PurgeDialog what={what.purge} name={what.name} title={what.title} onClose={() => setWhat(null)} />}
    </>
  );
}
