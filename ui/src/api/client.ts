// The typed client of /api/assay/v1. Paths, parameters and answers are those
// of docs/api/openapi.yaml: `npm run api` regenerates schema.ts from it, and
// the compiler checks every call against that.
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type ErrorCode = Schemas["ErrorCode"];

const base = "/api/assay/v1";

/** A refusal by the server, in its own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: ErrorCode | "offline",
    message: string,
    readonly requestId: string | null,
    readonly position: { start: number; end: number } | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

type Method = "get" | "post" | "put" | "patch" | "delete";
type PathsWith<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never }[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;
type PathParams<O, I> = (O extends { parameters: { path: infer A } } ? A : unknown) & (I extends { parameters: { path: infer B } } ? B : unknown);
type QueryParams<O> = O extends { parameters: { query?: infer Q } } ? Q : never;
type Body<O> = O extends { requestBody: { content: { "application/json": infer B } } } ? B : never;
type Json<R> = R extends { content: { "application/json": infer T } } ? T : undefined;
type Answer<O> = O extends { responses: infer R }
  ? R extends { 200: infer A } ? Json<A> : R extends { 201: infer A } ? Json<A> : undefined
  : never;

export interface Options<P extends keyof paths, M extends Method> {
  path?: PathParams<Operation<P, M>, paths[P]>;
  query?: QueryParams<Operation<P, M>>;
  body?: Body<Operation<P, M>>;
  signal?: AbortSignal | undefined;
}

let onUnauthenticated = () => {};
/** What to do when the server asks for credentials; the frame shows the login form. */
export function whenUnauthenticated(f: () => void): void { onUnauthenticated = f; }

/** The URL of a path with its parameters; also for links and image sources. */
export function url(path: string, params: Record<string, unknown> = {}, query: Record<string, unknown> = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (params[name] === undefined) throw new Error(`${path} needs ${name}`);
    return encodeURIComponent(String(params[name]));
  });
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(query)) {
    if (v === undefined || v === null || v === "") continue;
    for (const one of Array.isArray(v) ? v : [v]) q.append(k, String(one));
  }
  const s = q.toString();
  return base + filled + (s ? `?${s}` : "");
}

async function call<P extends keyof paths, M extends Method>(method: M, path: P, o: Options<P, M> = {}): Promise<Answer<Operation<P, M>>> {
  const res = await send(method, path, o);
  if (res.status === 204) return undefined as Answer<Operation<P, M>>;
  return res.json();
}

/** A GET whose answer is read elsewhere: its bytes, typed as what they spell. */
export async function getBytes<P extends PathsWith<"get">>(path: P, o?: Options<P, "get">): Promise<ArrayBuffer & { spells?: Answer<Operation<P, "get">> }> {
  return (await send("get", path, o)).arrayBuffer();
}

async function send<P extends keyof paths, M extends Method>(method: M, path: P, o: Options<P, M> = {}): Promise<Response> {
  const init: RequestInit = { method: method.toUpperCase(), credentials: "same-origin", headers: { accept: "application/json" } };
  if (o.signal) init.signal = o.signal;
  if (o.body !== undefined) {
    init.body = JSON.stringify(o.body);
    init.headers = { ...init.headers, "content-type": "application/json" };
  }
  let res: Response;
  try {
    res = await fetch(url(path, o.path as Record<string, unknown>, o.query as Record<string, unknown>), init);
  } catch (e) {
    if (o.signal?.aborted) throw e;
    throw new ApiError(0, "offline", "The server does not answer. It may have stopped, or the network is down.", null);
  }
  if (!res.ok) throw await refusal(res, path);
  return res;
}

async function refusal(res: Response, path: string): Promise<ApiError> {
  let code: ErrorCode = res.status === 401 ? "unauthenticated" : res.status === 404 ? "not_found" : "internal";
  let message = `The server answered ${res.status} without saying why.`;
  let id = res.headers.get("x-request-id");
  let position: { start: number; end: number } | null = null;
  try {
    const e = ((await res.json()) as Schemas["Error"]).error;
    code = e.code;
    message = e.message;
    id = e.request_id || id;
    position = e.position ?? null;
  } catch {
    // Not JSON: something between the browser and the server answered.
  }
  if (res.status === 401 && !path.startsWith("/session")) onUnauthenticated();
  return new ApiError(res.status, code, message, id, position);
}

export const api = {
  get: <P extends PathsWith<"get">>(path: P, o?: Options<P, "get">) => call("get", path, o),
  post: <P extends PathsWith<"post">>(path: P, o?: Options<P, "post">) => call("post", path, o),
  put: <P extends PathsWith<"put">>(path: P, o?: Options<P, "put">) => call("put", path, o),
  patch: <P extends PathsWith<"patch">>(path: P, o?: Options<P, "patch">) => call("patch", path, o),
  delete: <P extends PathsWith<"delete">>(path: P, o?: Options<P, "delete">) => call("delete", path, o),
};
