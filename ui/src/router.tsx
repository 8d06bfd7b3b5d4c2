// Every path of the application. Pages load when first visited.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, redirect as routeTo } from "@tanstack/react-router";
import { Frame } from "./app/frame";
import { recall, remember } from "./app/prefs";
import { redirect } from "./app/redirect";
import { parseSearch, stringifySearch, to } from "./app/url";
import { Empty, Failure, Skeleton } from "./kit/states";
import { Login } from "./session/login";
import { SessionContext, useSessionQuery } from "./session/session";

function Root() {
  const session = useSessionQuery();
  if (!session.data) return session.error ? <Failure error={session.error} retry={() => void session.refetch()} /> : <Skeleton />;
  if (session.data.auth_required && !session.data.user) return <Login />;
  return <SessionContext value={session.data}><Outlet /></SessionContext>;
}

const root = createRootRoute({
  component: Root,
  notFoundComponent: () => <Empty title="There is no such page" text={<a href="/">Go to Home</a>} />,
  errorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
});

const lastWs = "assay.workspace";

const index = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: ({ location }) => {
    const ws = recall(lastWs, "default");
    const path = redirect(location.hash ? `#${location.hash}` : "", ws) ?? to(ws);
    throw routeTo({ to: path.split("?")[0]!, search: parseSearch(path.split("?")[1] ?? "") as never, hash: "", replace: true });
  },
});

const ws = createRoute({
  getParentRoute: () => root,
  path: "/w/$ws",
  component: Frame,
  beforeLoad: ({ params }) => remember(lastWs, params.ws),
});

const page = (path: string, load: () => Promise<{ default: React.ComponentType }>) =>
  createRoute({ getParentRoute: () => ws, path, component: lazyRouteComponent(load) });

const tree = root.addChildren([
  index,
  ws.addChildren([
    page("/", () => import("./home/page")),
    page("/traces", () => import("./traces/page")),
    page("/traces/compare", () => import("./traces/compare")),
    page("/traces/$traceId", () => import("./traces/trace")),
    page("/sessions", () => import("./sessions/page")),
    page("/sessions/$session", () => import("./sessions/session")),
    page("/monitor", () => import("./monitor/page")),
    page("/experiments", () => import("./experiments/page")),
    page("/experiments/$experimentId", () => import("./experiments/redirect")),
    page("/runs", () => import("./runs/page")),
    page("/runs/compare", () => import("./runs/compare")),
    page("/runs/$runId", () => import("./runs/run")),
    page("/datasets", () => import("./datasets/page")),
    page("/datasets/logged/$name", () => import("./datasets/input")),
    page("/datasets/$datasetId", () => import("./datasets/dataset")),
    page("/models", () => import("./models/page")),
    page("/models/$name", () => import("./models/model")),
    page("/models/$name/$version", () => import("./models/version")),
    page("/prompts", () => import("./prompts/page")),
    page("/prompts/$name", () => import("./prompts/prompt")),
    page("/alerts", () => import("./alerts/page")),
    page("/alerts/new", () => import("./alerts/editor")),
    page("/alerts/$alertId", () => import("./alerts/rule")),
    page("/jobs", () => import("./jobs/page")),
    page("/lineage", () => import("./lineage/page")),
    page("/imports", () => import("./imports/page")),
    page("/imports/$importId", () => import("./imports/import")),
    page("/people", () => import("./govern/people")),
    page("/audit", () => import("./govern/audit")),
    page("/settings", () => import("./govern/settings")),
  ]),
]);

export function makeRouter() {
  return createRouter({
    routeTree: tree,
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    defaultPendingMs: 150,
    defaultPendingComponent: () => <Skeleton />,
    defaultErrorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
    scrollRestoration: false,
  });
}
