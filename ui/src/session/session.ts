// Who is asking: one query that everything else waits for.
import { type QueryClient, useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { api, type Schemas } from "../api/client";

export type Session = Schemas["Session"];
export const sessionKey = ["session"];

export function useSessionQuery() {
  return useQuery({
    queryKey: sessionKey,
    queryFn: async ({ signal }) => {
      const s = await api.get("/session", { signal });
      signedIn ||= !!s.user;
      return s;
    },
    staleTime: 5 * 60_000,
  });
}

let signedIn = false;
/** Whether somebody was signed in since the page was loaded; their session then ended. */
export function wasSignedIn(): boolean { return signedIn; }

export const SessionContext = createContext<Session | null>(null);
export function useSession(): Session {
  const s = useContext(SessionContext);
  if (!s) throw new Error("no session above");
  return s;
}

/**
 * Forgets everything that was read as somebody else. The session itself stays,
 * so that whoever looks at it is told of the new one.
 */
export function adopt(client: QueryClient, s: Session): void {
  client.removeQueries({ predicate: (q) => q.queryKey[0] !== sessionKey[0] });
  signedIn = !!s.user;
  client.setQueryData(sessionKey, s);
}

const rank: Record<Schemas["Role"], number> = { viewer: 0, annotator: 1, editor: 2, approver: 3, admin: 4 };

/** The caller's role in a workspace. */
export function roleIn(s: Session, ws: string): Schemas["Role"] {
  return s.workspaces.find((w) => w.name === ws)?.role ?? s.user?.role ?? "viewer";
}

/** Whether the caller may do what needs `role`; without accounts everyone may. */
export function may(s: Session, ws: string, role: Schemas["Role"]): boolean {
  return !s.auth_required || rank[roleIn(s, ws)] >= rank[role];
}

/** Whether the caller is an admin of the whole server. */
export function administers(s: Session): boolean {
  return !s.auth_required || s.user?.roles["*"] === "admin";
}
