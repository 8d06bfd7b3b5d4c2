// Every address of the application, filled in with what the server under test
// holds. The tests that walk all pages (axe, states, reflow, keyboard) and the
// screenshots read this one list: a new page is added here.
import { call, search, ws } from "./server.mjs";

/** [name, path below /w/{ws}] of each page and of its main views. */
export async function routes() {
  const { traces } = await search("traces", { filter: "status = 'ERROR'", limit: 1 }), { runs } = await search("runs", { limit: 50 });
  const { prompts } = await call(`/w/${ws}/prompts`), { models } = await call(`/w/${ws}/models`);
  const run = runs.find((r) => Object.keys(r.metrics).length > 0) ?? runs[0], prompt = prompts.find((p) => p.versions > 1), model = models.find((m) => m.versions > 0), trace = traces[0].trace_id;
  const ids = runs.slice(0, 3).map((r) => r.run_id), name = encodeURIComponent;
  return [
    ["home", ""],
    ["traces", "/traces"],
    ["traces-peek", `/traces?peek=${trace}`],
    ["trace", `/traces/${trace}`],
    ["trace-graph", `/traces/${trace}?view=graph`],
    ["trace-transcript", `/traces/${trace}?view=transcript`],
    ["trace-log", `/traces/${trace}?view=log&tab=attributes`],
    ["sessions", "/sessions"],
    ["experiments", "/experiments"],
    ["runs", "/runs"],
    ["run", `/runs/${run.run_id}`],
    ["run-metrics", `/runs/${run.run_id}?tab=metrics`],
    ["run-artifacts", `/runs/${run.run_id}?tab=artifacts`],
    ["compare", `/runs/compare?ids=${ids}`],
    ["compare-curves", `/runs/compare?ids=${ids}&panel=curves`],
    ["compare-scatter", `/runs/compare?ids=${ids}&panel=scatter`],
    ["compare-parallel", `/runs/compare?ids=${ids}&panel=parallel`],
    ["compare-rows", `/runs/compare?ids=${ids}&panel=rows`],
    ["models", "/models"],
    ["model", `/models/${name(model.name)}`],
    ["model-version", `/models/${name(model.name)}/${model.latest_version}`],
    ["prompts", "/prompts"],
    ["prompt", `/prompts/${name(prompt.name)}`],
    ["prompt-diff", `/prompts/${name(prompt.name)}?v=2&against=1`],
    ["jobs", "/jobs"],
    ["people", "/people"],
    ["people-tokens", "/people?tab=tokens"],
    ["audit", "/audit"],
    ["settings", "/settings"],
  ];
}
