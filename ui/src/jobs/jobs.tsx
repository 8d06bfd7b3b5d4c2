// Jobs: one view of all long work, in a drawer that survives navigation and on
// a page of its own.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { A, useGo } from "../app/link";
import { api } from "../api/client";
import { toast, toastError } from "../app/toast";
import { to, useWs } from "../app/url";
import { clock, cost, count, duration, metric } from "../kit/format";
import { Icon } from "../kit/icons";
import { Dialog, Failure, Load, Skeleton, Status, Time } from "../kit/states";
import { useSession } from "../session/session";
import { isActive, type Job, newsOf, type Seen } from "./announce";

export type { Job };
export const jobsKey = (ws: string) => ["jobs", ws];

/** The newest jobs; events keep them current, and so does a slow poll. */
export function useJobs(ws: string, enabled = true) {
  return useQuery({
    queryKey: [...jobsKey(ws), "newest"],
    queryFn: ({ signal }) => api.get("/w/{ws}/jobs", { path: { ws }, query: { limit: 20 }, signal }),
    refetchInterval: (q) => ((q.state.data?.active ?? 0) > 0 ? 5_000 : 60_000),
    enabled,
  });
}

export function Progress({ job }: { job: Job }) {
  const share = job.total ? Math.min(1, job.done / job.total) : job.state === "succeeded" ? 1 : 0;
  const tone = job.state === "failed" ? "error" : job.state === "succeeded" ? "ok" : "";
  return (
    <div className={`progress ${tone}`} role="progressbar" aria-label={`Progress of ${job.title}`} aria-valuemin={0} aria-valuemax={100} aria-valuenow={job.total ? Math.round(share * 100) : undefined}>
      <i style={{ width: `${share * 100}%` }} />
    </div>
  );
}

function useJobActions(ws: string) {
  const client = useQueryClient();
  const done = () => client.invalidateQueries({ queryKey: jobsKey(ws) });
  const cancel = useMutation({ mutationFn: (job_id: string) => api.post("/w/{ws}/jobs/{job_id}/cancel", { path: { ws, job_id } }), onSuccess: () => { toast("Canceling"); void done(); }, onError: toastError });
  const retry = useMutation({ mutationFn: (job_id: string) => api.post("/w/{ws}/jobs/{job_id}/retry", { path: { ws, job_id } }), onSuccess: () => { toast("Queued again"); void done(); }, onError: toastError });
  return { cancel, retry };
}

export function JobCard({ job, ws, open, onToggle }: { job: Job; ws: string; open?: boolean; onToggle?: () => void }) {
  const { cancel, retry } = useJobActions(ws);
  const [own, setOwn] = useState(false);
  const logged = open ?? own, toggle = onToggle ?? (() => setOwn(!own));
  const active = isActive(job);
  return (
    <article className="card" aria-label={job.title}>
      <div className="body" style={{ display: "flex", flexDirection: "column", gap: 6 }}>
        <div className="row"><b className="grow clip" title={job.title} dir="auto">{job.title}</b><Status value={job.state} tint /></div>
        <Progress job={job} />
        <div className="row wrap label muted" style={{ gap: "2px 12px" }}>
          <span>{count(job.done)}{job.total !== null && ` of ${count(job.total)}`} {job.unit}</span>
          {active && job.rate !== null && <span>{metric(job.rate)}/s</span>}
          {active && job.eta_ms !== null && <span>{duration(job.eta_ms)} left</span>}
          {job.cost !== null && <span>{cost(job.cost)}{job.cost_cap !== null && ` of at most ${cost(job.cost_cap)}`}</span>}
          <span>{job.kind}</span>{job.owner && <span>by {job.owner}</span>}<Time ms={job.ended_ms ?? job.started_ms ?? job.created_ms} />
          {job.attempt > 1 && <span>attempt {job.attempt}</span>}
        </div>
        {job.error && <pre className="text error">{job.error}</pre>}
        <div className="row wrap">
          {job.result && <A className="button" href={job.result.path}>{job.result.label}</A>}
          {job.can_cancel && <button className="button" disabled={cancel.isPending} onClick={() => cancel.mutate(job.job_id)}>Cancel</button>}
          {job.can_retry && <button className="button" disabled={retry.isPending} title={job.done > 0 ? "What is done stays done" : undefined} onClick={() => retry.mutate(job.job_id)}>{job.done > 0 ? "Retry what is left" : "Retry"}</button>}
          <button className="button" aria-expanded={logged} onClick={toggle}>Log<Icon name={logged ? "up" : "down"} size={10} /></button>
        </div>
        {logged && <div className="log" role="region" aria-label={`Log of ${job.title}`} tabIndex={0}><JobEvents job={job} ws={ws} /></div>}
      </div>
    </article>
  );
}

/** Tells a screen reader of progress at quarters, and everybody of the end of their own jobs. */
export function JobsAnnouncer({ jobs }: { jobs: readonly Job[] | undefined }) {
  const session = useSession();
  const go = useGo();
  const seen = useRef(new Map<string, Seen>());
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!jobs) return;
    const news = newsOf(seen.current, jobs);
    if (news.length > 0) setSaid(news.map((n) => n.text).join(". "));
    for (const { job, text, ended } of news) {
      if (!ended || session.user && job.owner !== session.user.username) continue;
      const result = job.result;
      toast(text, { kind: job.state === "failed" ? "error" : "done", ...(result ? { action: { label: result.label, run: () => go(result.path) } } : {}) });
    }
  }, [jobs, session.user, go]);
  return <p className="sr" role="status">{said}</p>;
}

export function JobsDrawer({ onClose }: { onClose: () => void }) {
  const ws = useWs();
  const jobs = useJobs(ws);
  return (
    <Dialog title="Jobs" onClose={onClose} className="drawer">
      <div className="stack" style={{ gap: 8 }}>
        <Load query={jobs}>{(d) => d.jobs.length === 0 ? <p className="muted">Nothing runs. Long work such as imports, exports and deletions shows here.</p> : <>{d.jobs.map((j) => <JobCard key={j.job_id} job={j} ws={ws} />)}<A className="button" href={to(ws, "jobs")} onClick={onClose}>All jobs</A></>}</Load>
      </div>
    </Dialog>
  );
}

export function JobEvents({ job, ws }: { job: Job; ws: string }) {
  const events = useInfiniteQuery({
    queryKey: [...jobsKey(ws), "events", job.job_id],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/jobs/{job_id}/events", { path: { ws, job_id: job.job_id }, query: { limit: 200, ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
  });
  if (!events.data) return events.error ? <Failure error={events.error} retry={() => void events.refetch()} /> : <Skeleton rows={3} />;
  const all = events.data.pages.flatMap((p) => p.events);
  if (all.length === 0) return <p className="muted">No events yet.</p>;
  return (
    <>
      <table className="plain"><thead><tr><th scope="col">Time</th><th scope="col">Event</th></tr></thead>
        <tbody>{all.map((e) => <tr key={e.seq}><td className="muted" style={{ whiteSpace: "nowrap", width: 120 }}>{clock(e.time_ms)}</td><td>{e.level !== "info" && <span className={`status ${e.level}`}>{e.level} </span>}{e.message}</td></tr>)}</tbody></table>
      {events.hasNextPage && <button className="button" onClick={() => void events.fetchNextPage()}>More</button>}
    </>
  );
}
