"""Routes that are not there, wrong methods, and the ajax prefix."""


def play(p):
    for method, path in (
        ("GET", "/api/2.0/mlflow/nonsense"), ("POST", "/api/2.0/mlflow/nonsense"), ("GET", "/api/2.0/mlflow/experiments"), ("POST", "/api/2.0/mlflow/experiments/get"), ("GET", "/api/2.0/mlflow/experiments/create"),
        ("DELETE", "/api/2.0/mlflow/runs/get"), ("GET", "/api/4.0/mlflow/traces"), ("GET", "/api/3.0/mlflow/experiments/get"), ("PATCH", "/api/2.0/mlflow/registered-models/create"), ("GET", "/api/2.0/preview/mlflow/experiments/get"), ("GET", "/api/3.0/mlflow/nonsense/x/y"), ("PUT", "/api/2.0/mlflow/runs/create"),
        ("GET", "/nowhere/at/all.json"),
    ):  # fmt: skip
        p.send(method, path, body={} if method in ("POST", "PUT", "PATCH") else None, label="unknown")
    p.get("/version")
    p.get("3.0/mlflow/server-info")
    p.get("/ajax-api/2.0/mlflow/experiments/get", {"experiment_id": "0"}, label="ajax")
    p.post("/ajax-api/2.0/mlflow/runs/search", {"experiment_ids": ["$exp_s"], "filter": "params.kind = 'even'"}, label="ajax")
    p.get("/ajax-api/2.0/mlflow/registered-models/search", {"filter": "name = 'Churn_1'"}, label="ajax", unordered=("latest_versions",))
    p.post("/ajax-api/3.0/mlflow/traces/search", {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "$exp_t"}}], "max_results": 1}, label="ajax")
