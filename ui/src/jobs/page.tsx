import { useInfiniteQuery } from "@tanstack/react-query";
import { api, type Schemas } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { useUrl, useWs } from "../app/url";
import { Empty, Load, Segments } from "../kit/states";
import { JobCard, JobEvents, jobsKey } from "./jobs";

const states: Record<string, Schemas["JobState"][]> = { all: [], active: ["queued", "running", "canceling"], failed: ["failed"], done: ["succeeded", "canceled"] };

export default function JobsPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const which = search.state && states[search.state] ? search.state : "all";
  useCrumbs({ label: "Jobs" });
  const jobs = useInfiniteQuery({
    queryKey: [...jobsKey(ws), "list", which],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/jobs", { path: { ws }, query: { limit: 50, ...(states[which]!.length ? { state: states[which]! } : {}), ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
  });
  return (
    <div className="page scroll">
      <div className="page-head">
        <h1 className="grow">Jobs</h1>
        <Segments label="Which jobs" value={which} onChange={(v) => set({ state: v === "all" ? undefined : v })} options={[["all", "All"], ["active", "Active"], ["failed", "Failed"], ["done", "Ended"]] as const} />
      </div>
      <div className="page-body" style={{ maxWidth: 880, gap: 8 }}>
        <Load query={jobs}>{(d) => {
          const all = d.pages.flatMap((p) => p.jobs);
          if (all.length === 0) return <Empty title="No jobs" text="Evaluations, imports, training and deliveries show here while they run, with progress, cost and a log." />;
          return <>
            {all.map((j) => (
              <div key={j.job_id} onClick={(e) => { if (!(e.target as HTMLElement).closest("a,button")) set({ job: search.job === j.job_id ? undefined : j.job_id }, { replace: true }); }}>
                <JobCard job={j} ws={ws} open={search.job === j.job_id} />
                {search.job === j.job_id && <div className="card" style={{ margin: "4px 0 8px 16px" }}><JobEvents job={j} ws={ws} /></div>}
              </div>
            ))}
            {jobs.hasNextPage && <button className="button" onClick={() => void jobs.fetchNextPage()}>More</button>}
          </>;
        }}</Load>
      </div>
    </div>
  );
}
