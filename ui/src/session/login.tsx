// Login and the first account, in place of the page that asked for them, so
// that the link one came by still leads there.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { Icon } from "../kit/icons";
import { adopt } from "./session";

export function Login() {
  const client = useQueryClient();
  const login = useMutation({
    mutationFn: (body: { username: string; password: string }) => api.post("/session/login", { body }),
    onSuccess: (s) => adopt(client, s),
  });
  return (
    <main className="login">
      <form aria-labelledby="login-title" onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget);
        login.mutate({ username: String(f.get("username")), password: String(f.get("password")) });
      }}>
        <h1 id="login-title"><img src="/ui/icon.svg" alt="" /> Sign in to Assay</h1>
        {login.error && <div className="banner error" role="alert"><Icon name="error" />{login.error.message}</div>}
        <div className="field"><label htmlFor="username">User name</label><input id="username" name="username" className="input" autoComplete="username" required autoFocus /></div>
        <div className="field"><label htmlFor="password">Password</label><input id="password" name="password" type="password" className="input" autoComplete="current-password" required /></div>
        <button className="button primary big" disabled={login.isPending}>{login.isPending ? "Signing in…" : "Sign in"}</button>
        <p className="muted label">No account? Ask an admin of this server, or run <code>assay user add</code> on it.</p>
      </form>
    </main>
  );
}

/** The first account: from then on every protocol asks for credentials. */
export function FirstUserForm({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const [mismatch, setMismatch] = useState(false);
  const create = useMutation({
    mutationFn: (body: { username: string; password: string }) => api.post("/session/first-user", { body }),
    onSuccess: (s) => { adopt(client, s); onDone(); },
  });
  return (
    <form className="stack" onSubmit={(e) => {
      e.preventDefault();
      const f = new FormData(e.currentTarget);
      const password = String(f.get("password"));
      setMismatch(password !== f.get("again"));
      if (password === f.get("again")) create.mutate({ username: String(f.get("username")), password });
    }}>
      <p>This account is an admin. From then on the interface, the MLflow API and OTLP all ask for credentials; give your clients a service token.</p>
      {create.error && <div className="banner error" role="alert"><Icon name="error" />{create.error.message}</div>}
      {mismatch && <div className="banner error" role="alert"><Icon name="error" />The two passwords differ.</div>}
      <div className="field"><label htmlFor="first-username">User name</label><input id="first-username" name="username" className="input" autoComplete="username" required maxLength={100} autoFocus /></div>
      <div className="field"><label htmlFor="first-password">Password, at least 10 characters</label><input id="first-password" name="password" type="password" className="input" autoComplete="new-password" required minLength={10} /></div>
      <div className="field"><label htmlFor="first-again">Password again</label><input id="first-again" name="again" type="password" className="input" autoComplete="new-password" required minLength={10} /></div>
      <div className="row" style={{ justifyContent: "flex-end" }}><button className="button primary" disabled={create.isPending}>Create account</button></div>
    </form>
  );
}
