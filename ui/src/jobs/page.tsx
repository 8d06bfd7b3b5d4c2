// All jobs of the workspace, with their logs.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, type Schemas } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { useUrl, useWs } from "../app/url";
import { CopyAs } from "../kit/copyas";
import { Icon } from "../kit/icons";
import { Empty, Load, Segments } from "../kit/states";
import { JobCard, jobsKey } from "./jobs";

const states: Record<string, Schemas["JobState"][]> = { all: [], active: ["queued", "running", "canceling"], failed: ["failed"], done: ["succeeded", "canceled"] };

export default function JobsPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const which = search.state && states[search.state] ? search.state : "all";
  const kind = search.kind ?? "";
  useCrumbs({ label: "Jobs" });
  const query = { limit: 50, ...(states[which]!.length ? { state: states[which]! } : {}), ...(kind ? { kind } : {}) };
  const jobs = useInfiniteQuery({
    queryKey: [...jobsKey(ws), "list", which, kind],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/jobs", { path: { ws }, query: { ...query, ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    refetchInterval: (q) => ((q.state.data?.pages[0]?.active ?? 0) > 0 ? 5_000 : 60_000),
  });
  const all = jobs.data?.pages.flatMap((p) => p.jobs) ?? [];
  // A link to one job shows it first, on whatever page of the list it is.
  const linked = search.job && !all.some((j) => j.job_id === search.job) ? search.job : undefined;
  const one = useQuery({
    queryKey: [...jobsKey(ws), "one", linked],
    queryFn: ({ signal }) => api.get("/w/{ws}/jobs/{job_id}", { path: { ws, job_id: linked! }, signal }),
    enabled: !!linked && !!jobs.data,
  });
  const kinds = [...new Set([...(kind ? [kind] : []), ...all.map((j) => j.kind)])].sort();
  const toggle = (id: string) => set({ job: search.job === id ? undefined : id }, { replace: true });
  return (
    <div className="page scroll">
      <div className="page-head">
        <h1>Jobs</h1>
        <Segments label="Which jobs" value={which} onChange={(v) => set({ state: v === "all" ? undefined : v })} options={[["all", "All"], ["active", "Active"], ["failed", "Failed"], ["done", "Ended"]] as const} />
        {kinds.length > 0 && <select className="input" aria-label="Kind of job" value={kind} onChange={(e) => set({ kind: e.target.value || undefined })}><option value="">All kinds</option>{kinds.map((k) => <option key={k}>{k}</option>)}</select>}
        <span className="grow" />
        <CopyAs cli={["job", "list", ...(query.state ?? []).flatMap((s) => ["--state", s]), ...(kind ? ["--kind", kind] : [])]} call={{ path: `/w/${encodeURIComponent(ws)}/jobs?${new URLSearchParams([["limit", "50"], ...(query.state ?? []).map((s) => ["state", s]), ...(kind ? [["kind", kind]] : [])])}` }} />
      </div>
      <div className="page-body" style={{ maxWidth: 880, gap: 8 }}>
        {linked && one.error ? <div className="banner warning" role="status"><Icon name="warning" />The job {linked} does not exist.</div> : null}
        {one.data && linked && <JobCard job={one.data} ws={ws} open onToggle={() => set({ job: undefined }, { replace: true })} />}
        <Load query={jobs}>{() => {
          if (all.length === 0) return which === "all" && !kind
            ? <Empty title="No jobs" text="Imports, exports, deletions and deliveries show here while they run, with progress, cost and a log." />
            : <Empty title="No job matches"><button className="button" onClick={() => set({ state: undefined, kind: undefined })}>All jobs</button></Empty>;
          return <>
            {all.map((j) => <JobCard key={j.job_id} job={j} ws={ws} open={search.job === j.job_id} onToggle={() => toggle(j.job_id)} />)}
            {jobs.hasNextPage && <button className="button" disabled={jobs.isFetchingNextPage} onClick={() => void jobs.fetchNextPage()}>More</button>}
          </>;
        }}</Load>
      </div>
    </div>
  );
}
