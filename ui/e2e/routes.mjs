// Every address of the application, filled in with what the server under test
// holds. The tests that walk all pages (axe, states, reflow, keyboard) and the
// screenshots read this one list: a new page is added here.
import { base, call, search, ws } from "./server.mjs";

/** [name, path below /w/{ws}] of each page and of its main views. */
export async function routes() {
  const { traces } = await search("traces", { filter: "name = 'invokeAgent' AND status = 'ERROR'", limit: 1 }), { runs } = await search("runs", { limit: 50 });
  const { prompts } = await call(`/w/${ws}/prompts`), { models } = await call(`/w/${ws}/models`);
  const { traces: [other] } = await search("traces", { filter: "name = 'invokeAgent' AND status = 'OK'", limit: 1 }), { sessions } = await call(`/w/${ws}/sessions?limit=1`);
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
    ["trace-nodes", `/traces/${trace}?view=nodes&tab=events`],
    ["trace-critical", `/traces/${trace}?view=timeline&path=critical`],
    ["traces-compare", `/traces/compare?a=${trace}&b=${other.trace_id}`],
    ["sessions", "/sessions"],
    ["monitor", "/monitor?from=-30d"],
    ["monitor-by", "/monitor?from=-30d&by=model"],
    ["session", `/sessions/${name(sessions[0].session)}`],
    ["experiments", "/experiments"],
    ["experiments-tree", "/experiments?as=tree"],
    ["runs", "/runs"],
    ["runs-groups", "/runs?group=params.model"],
    ["runs-chart", "/runs?chart=latency%252Fmean&spark=1&nest=1"],
    ["run", `/runs/${run.run_id}`],
    ["run-evaluation", `/runs/${run.run_id}?tab=evaluation`],
    ["run-code", `/runs/${run.run_id}?tab=code`],
    ["run-metrics", `/runs/${run.run_id}?tab=metrics`],
    ["run-artifacts", `/runs/${run.run_id}?tab=artifacts`],
    ["compare", `/runs/compare?ids=${ids}`],
    ["compare-curves", `/runs/compare?ids=${ids}&panel=curves`],
    ["compare-scatter", `/runs/compare?ids=${ids}&panel=scatter`],
    ["compare-parallel", `/runs/compare?ids=${ids}&panel=parallel`],
    ["compare-rows", `/runs/compare?ids=${ids}&panel=rows`],
    ["datasets", "/datasets"],
    ["datasets-logged", "/datasets?tab=logged"],
    ...(await datasetRoutes()),
    ["models", "/models"],
    ["model", `/models/${name(model.name)}`],
    ["model-version", `/models/${name(model.name)}/${model.latest_version}`],
    ["prompts", "/prompts"],
    ["prompt", `/prompts/${name(prompt.name)}`],
    ["prompt-diff", `/prompts/${name(prompt.name)}?v=2&against=1`],
    ["alerts", "/alerts"],
    ["alerts-channels", "/alerts?tab=channels"],
    ["alert-new", "/alerts/new"],
    ...await alertRoutes(),
    ["jobs", "/jobs"],
    ["lineage", `/lineage?of=run:${run.run_id}`],
    ["lineage-list", `/lineage?of=trace:${trace}&view=list`],
    ["people", "/people"],
    ["people-tokens", "/people?tab=tokens"],
    ["audit", "/audit"],
    ["imports", "/imports"],
    ["import", `/imports/${await importRoute()}`],
    ["settings", "/settings"],
    ["settings-retention", "/settings?tab=retention"],
    ["settings-masking", "/settings?tab=masking"],
    ["settings-deletion", "/settings?tab=deletion"],
    ["settings-export", "/settings?tab=export"],
  ];
}

/** An import of the server into itself, made once: it copies nothing. */
async function importRoute() {
  const { imports } = await call(`/w/${ws}/imports`);
  const one = imports[0] ?? (await call(`/w/${ws}/imports`, { source: base, verify_only: true, no_traces: true }));
  return one.import_id;
}

/** A dataset with records, made once, and one that a run logged if there is any. */
async function datasetRoutes() {
  const { datasets } = await call(`/w/${ws}/datasets`), { inputs } = await call(`/w/${ws}/inputs`), out = [];
  let one = datasets.find((d) => d.records > 0);
  if (!one) {
    one = await call(`/w/${ws}/datasets`, { name: "golden questions" });
    const { traces } = await search("traces", { limit: 20 });
    await call(`/w/${ws}/datasets/${one.dataset_id}/traces`, { trace_ids: traces.map((t) => t.trace_id) });
    await call(`/w/${ws}/datasets/${one.dataset_id}/records`, { records: [{ inputs: { question: "Written by hand" }, expectations: { answer: "42" }, tags: { split: "dev" } }] });
  }
  const { records } = await call(`/w/${ws}/datasets/${one.dataset_id}/records?limit=1`);
  out.push(["dataset", `/datasets/${one.dataset_id}`], ["dataset-record", `/datasets/${one.dataset_id}?row=${records[0].record_id}`]);
  if (inputs[0]) out.push(["dataset-logged", `/datasets/logged/${encodeURIComponent(inputs[0].name)}`]);
  return out;
}

/** A rule, made once. */
async function alertRoutes() {
  const { alerts } = await call(`/w/${ws}/alerts`);
  const one = alerts[0] ?? await call(`/w/${ws}/alerts`, { name: "Errors of everything", signal: "error_rate", fire: 0.02, clear: 0.01, window_ms: 86_400_000, min_traces: 5 });
  return [["alert", `/alerts/${one.alert_id}`], ["alert-edit", `/alerts/${one.alert_id}?edit=1`]];
}
