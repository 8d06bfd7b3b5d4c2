"""What is replayed, in order; later groups use what earlier ones made."""

from . import artifacts, datasets, experiments, logged_models, registry, routes, run_search, runs, traces, webhooks

ALL = [
    ("experiments", experiments.play),
    ("runs", runs.play),
    ("run search", run_search.play),
    ("artifacts", artifacts.play),
    ("logged models", logged_models.play),
    ("registry", registry.play),
    ("prompts", registry.prompts),
    ("traces", traces.play),
    ("trace search", traces.search),
    ("traces v2", traces.version_2),
    ("evaluation datasets", datasets.play),
    ("scorers", datasets.scorers),
    ("webhooks", webhooks.play),
    ("routes", routes.play),
]

NOT_OFFERED = {
    "`gateway/*`": "Assay's gateway has its own API; MLflow's gateway resources are not part of the tracking flows.",
    "`review-queues/*`, `label-schemas/*`, `issues*`": "Experimental in MLflow; review is a domain of its own in Assay.",
    "`prompt-optimization/*`, `jobs/*`, `*/invoke`, `demo/*`": "Server-side jobs of MLflow's own user interface.",
    "`workspaces*`": "Assay's workspaces are managed through its own API and accounts.",
    "`/graphql`": "Used only by MLflow's user interface, which Assay does not host.",
    "`artifacts/presigned-*`, `mlflow-artifacts/presigned/*`": "Needs object storage that signs URLs; stock MLflow on a "
    "local directory does not answer them either.",
    "`unified-traces`, `get-online-trace-details`": "Databricks only; stock MLflow does not implement them.",
}
