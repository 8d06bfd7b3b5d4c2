// Who is asking: one query that everything else waits for.
import { type QueryClient, useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { api, type Schemas } from "../api/client";

export type Session = Schemas["Session"];
export const sessionKey = ["session"];

export function useSessionQuery() {
  return useQuery({ queryKey: sessionKey, queryFn: ({ signal }) => api.get("/session", { signal }), staleTime: 5 * 60_000 });
}

export const SessionContext = createContext<Session | null>(null);
export function useSession(): Session {
  const s = useContext(SessionContext);
  if (!s) throw new Error("no session above");
  return s;
}

/** Forget everything that was read as somebody else. */
export function adopt(client: QueryClient, s: Session): void {
  client.clear();
  client.setQueryData(sessionKey, s);
}

const rank: Record<Schemas["Role"], number> = { viewer: 0, annotator: 1, editor: 2, approver: 3, admin: 4 };

/** Whether the caller may do what needs `role`; without accounts everyone may. */
export function may(s: Session, ws: string, role: Schemas["Role"]): boolean {
  if (!s.auth_required) return true;
  const have = s.workspaces.find((w) => w.name === ws)?.role ?? s.user?.role ?? "viewer";
  return rank[have] >= rank[role];
}
