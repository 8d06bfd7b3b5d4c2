// Login and the first account, in place of the page that asked for them, so
// that the link one came by still leads there.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ApiError } from "../api/client";
import { Icon } from "../kit/icons";
import { adopt, wasSignedIn } from "./session";

/** Seconds left of a refusal such as "try again in 4m10s"; 0 without one. */
export function waitOf(e: unknown): number {
  if (!(e instanceof ApiError) || e.code !== "limited") return 0;
  const m = /(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)/.exec(e.message);
  return m ? Number(m[1] ?? 0) * 3600 + Number(m[2] ?? 0) * 60 + Number(m[3]) : 60;
}

/** A countdown that restarts with each refusal. */
function useWait(error: unknown): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const until = Date.now() + waitOf(error) * 1000;
    const tick = () => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    tick();
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, [error]);
  return left;
}

export function Login() {
  const client = useQueryClient();
  const login = useMutation({
    mutationFn: (body: { username: string; password: string }) => api.post("/session/login", { body }),
    onSuccess: (s) => adopt(client, s),
  });
  const wait = useWait(login.error);
  useEffect(() => { document.title = "Sign in · Assay"; }, []);
  const wrong = login.error instanceof ApiError && login.error.code === "unauthenticated";
  return (
    <main className="login">
      <form method="post" aria-labelledby="login-title" onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget);
        login.mutate({ username: String(f.get("username")), password: String(f.get("password")) });
      }}>
        <h1 id="login-title"><img src="/ui/icon.svg" alt="" /> Sign in to Assay</h1>
        {!login.error && wasSignedIn() && <div className="banner info" role="status"><Icon name="info" />Your session has ended. Sign in again to go on where you were.</div>}
        {login.error && <div className="banner error" role="alert"><Icon name="error" /><span>{wait > 0 ? `Too many failed sign-ins. Try again in ${wait >= 60 ? `${Math.ceil(wait / 60)} min` : `${wait} s`}.` : login.error.message}</span></div>}
        <div className="field"><label htmlFor="username">User name</label><input id="username" name="username" className="input" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus aria-invalid={wrong || undefined} /></div>
        <div className="field"><label htmlFor="password">Password</label><Password id="password" name="password" autoComplete="current-password" invalid={wrong} /></div>
        <button className="button primary big" disabled={login.isPending || wait > 0}>{login.isPending ? "Signing in…" : "Sign in"}</button>
        <p className="muted label">No account, or the password forgotten? Ask an admin of this server, or run <code>assay user</code> on it.</p>
      </form>
    </main>
  );
}

/** A password field that can show what was typed, and says when Caps Lock is on. */
function Password({ id, name, autoComplete, minLength, invalid = false }: { id: string; name: string; autoComplete: string; minLength?: number; invalid?: boolean }) {
  const [shown, setShown] = useState(false);
  const [caps, setCaps] = useState(false);
  const look = (e: React.KeyboardEvent) => setCaps(e.getModifierState("CapsLock"));
  return (
    <>
      <div className="row" style={{ position: "relative" }}>
        <input id={id} name={name} type={shown ? "text" : "password"} className="input grow" autoComplete={autoComplete} required minLength={minLength} aria-invalid={invalid || undefined} aria-describedby={caps ? `${id}-caps` : undefined} onKeyDown={look} onKeyUp={look} style={{ paddingRight: 44 }} />
        <button type="button" className="icon-button" aria-label={shown ? "Hide the password" : "Show the password"} aria-pressed={shown} onClick={() => setShown(!shown)} style={{ position: "absolute", right: 2 }}><Icon name="eye" /></button>
      </div>
      {caps && <span id={`${id}-caps`} className="label status warning" role="status">Caps Lock is on</span>}
    </>
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
    <form method="post" className="stack" onSubmit={(e) => {
      e.preventDefault();
      const f = new FormData(e.currentTarget);
      const password = String(f.get("password"));
      setMismatch(password !== f.get("again"));
      if (password === f.get("again")) create.mutate({ username: String(f.get("username")), password });
    }}>
      <p>This account is an admin. From then on the interface, the MLflow API and OTLP all ask for credentials; give your clients a service token.</p>
      {create.error && <div className="banner error" role="alert"><Icon name="error" />{create.error.message}</div>}
      {mismatch && <div className="banner error" role="alert"><Icon name="error" />The two passwords differ.</div>}
      <div className="field"><label htmlFor="first-username">User name</label><input id="first-username" name="username" className="input" autoComplete="username" autoCapitalize="none" spellCheck={false} required maxLength={100} autoFocus /></div>
      <div className="field"><label htmlFor="first-password">Password, at least 10 characters</label><Password id="first-password" name="password" autoComplete="new-password" minLength={10} /></div>
      <div className="field"><label htmlFor="first-again">Password again</label><Password id="first-again" name="again" autoComplete="new-password" minLength={10} /></div>
      <div className="row" style={{ justifyContent: "flex-end" }}><button className="button primary" disabled={create.isPending}>Create account</button></div>
    </form>
  );
}

/** Lets a person change their own password; their other sessions end. */
export function PasswordForm({ onDone }: { onDone: () => void }) {
  const [mismatch, setMismatch] = useState(false);
  const save = useMutation({
    mutationFn: (body: { old_password: string; new_password: string }) => api.put("/me/password", { body }),
    onSuccess: onDone,
  });
  return (
    <form method="post" className="stack" onSubmit={(e) => {
      e.preventDefault();
      const f = new FormData(e.currentTarget), text = (n: string) => String(f.get(n));
      setMismatch(text("new") !== text("again"));
      if (text("new") === text("again")) save.mutate({ old_password: text("old"), new_password: text("new") });
    }}>
      {save.error && <div className="banner error" role="alert"><Icon name="error" />{save.error.message}</div>}
      {mismatch && <div className="banner error" role="alert"><Icon name="error" />The two new passwords differ.</div>}
      <div className="field"><label htmlFor="old-password">Password now</label><Password id="old-password" name="old" autoComplete="current-password" /></div>
      <div className="field"><label htmlFor="my-password">New password, at least 10 characters</label><Password id="my-password" name="new" autoComplete="new-password" minLength={10} /></div>
      <div className="field"><label htmlFor="my-again">New password again</label><Password id="my-again" name="again" autoComplete="new-password" minLength={10} /></div>
      <div className="row" style={{ justifyContent: "flex-end" }}><button className="button primary" disabled={save.isPending}>Change password</button></div>
    </form>
  );
}
