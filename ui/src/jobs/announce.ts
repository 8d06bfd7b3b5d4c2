// What a screen reader and a toast say of jobs: at each quarter, and at the end.
import type { Schemas } from "../api/client";

export type Job = Schemas["Job"];
export interface Seen { quarter: number; active: boolean; }
export interface News { job: Job; text: string; ended: boolean; }

export const isActive = (j: Job) => j.state === "running" || j.state === "queued" || j.state === "canceling";

/** What is new since the last look, which it brings up to date; what is seen for the first time is none. */
export function newsOf(seen: Map<string, Seen>, jobs: readonly Job[]): News[] {
  const news: News[] = [];
  for (const job of jobs) {
    const quarter = job.total ? Math.min(4, Math.floor((4 * job.done) / job.total)) : 0, active = isActive(job), old = seen.get(job.job_id);
    seen.set(job.job_id, { quarter, active });
    if (!old) continue;
    if (old.active && !active) news.push({ job, ended: true, text: `${job.title} ${job.state === "succeeded" ? "is done" : job.state === "failed" ? "failed" : "was canceled"}` });
    else if (active && quarter > old.quarter && quarter < 4) news.push({ job, ended: false, text: `${job.title}: ${quarter * 25}%` });
  }
  return news;
}
