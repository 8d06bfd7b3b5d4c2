import { expect, it } from "vitest";
import { type Job, newsOf, type Seen } from "./announce";

const job = (done: number, state: Job["state"] = "running") => ({ job_id: "j-1", title: "Import", state, done, total: 200 }) as Job;

it("announces quarters and ends once, and nothing that was there before", () => {
  const seen = new Map<string, Seen>();
  const said = [10, 49, 50, 99, 180, 200].map((n) => newsOf(seen, [job(n)]).map((x) => x.text));
  expect(said).toEqual([[], [], ["Import: 25%"], [], ["Import: 75%"], []]);
  expect(newsOf(seen, [job(200, "succeeded")])).toMatchObject([{ text: "Import is done", ended: true }]);
  expect(newsOf(seen, [job(200, "succeeded")])).toEqual([]);
  expect(newsOf(new Map(), [job(200, "failed")])).toEqual([]);
});
