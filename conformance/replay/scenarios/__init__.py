"""What is replayed, in order; later groups use what earlier ones made."""

from . import artifacts, datasets, experiments, issues, logged_models, registry, routes, run_search, runs, traces, webhooks

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
    ("smaller resources", issues.play),
    ("routes", routes.play),
]

NOT_OFFERED = {
    "`gateway/*`": "Assay's gateway has its own API; MLflow's gateway resources are not part of the tracking flows.",
    "`review-queues/*`, `label-schemas/*`": "Answered with NOT_IMPLEMENTED: experimental in MLflow; review is a domain of "
    "its own in Assay.",
    "`prompt-optimization/*`, `jobs/*`, `*/invoke`, `demo/*`": "Server-side jobs of MLflow's own user interface.",
    "`/graphql`": "Used only by MLflow's user interface, which Assay does not host.",
    "`unified-traces`, `get-online-trace-details`": "Databricks only; stock MLflow does not implement them.",
}
# The calls of NOT_OFFERED as the routes of stock MLflow spell them.
NOT_OFFERED_ROUTES = (
    "/gateway/", "/review-queues/", "/label-schemas/", "/prompt-optimization/", "/unified-traces", "/get-online-trace-details",
)  # fmt: skip
