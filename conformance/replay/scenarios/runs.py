"""Runs: create, log, update, lifecycle, limits, metric history, inputs, outputs."""

M = "2.0/mlflow/"
T = 1_700_000_000_000


def play(p):
    p.post(M + "runs/create", {"experiment_id": "$exp", "user_id": "ann", "run_name": "first", "start_time": T,
                               "tags": [{"key": "colour", "value": "red"}]}, save={"run": "run.info.run_id"})
    p.post(M + "runs/create", {"experiment_id": "$exp", "start_time": T + 1,
                               "tags": [{"key": "mlflow.runName", "value": "by tag"}, {"key": "mlflow.parentRunId", "value": "$run"}]}, save={"run_child": "run.info.run_id"})
    for body in (
        {"experiment_id": "999999", "start_time": T}, {"experiment_id": "$exp_d", "start_time": T, "run_name": "on s3"},
        {"experiment_id": "$exp", "start_time": T, "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
        {"experiment_id": "$exp", "start_time": "soon"}, {"experiment_id": "$exp", "start_time": str(T), "run_name": "time as text"},
        {"experiment_id": "$exp", "start_time": T, "run_name": "bad tag", "tags": [{"key": "", "value": "x"}]},
        {"experiment_id": "$exp", "start_time": T, "run_name": "twice", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
    ):  # fmt: skip
        p.post(M + "runs/create", body)
    p.get(M + "runs/get", {"run_id": "$run"})
    p.get(M + "runs/get", {"run_uuid": "$run"}, label="by run_uuid")
    for wanted in ("0" * 32, "short", ""):
        p.get(M + "runs/get", {"run_id": wanted})
    p.get(M + "runs/get", label="no id")
    p.get(M + "runs/get", {"run_id": "$run_child"}, label="a child")

    parameters(p)
    metrics(p)
    tags(p)
    batch(p)
    update(p)
    lifecycle(p)
    inputs(p)
    p.get(M + "runs/get", {"run_id": "$run"}, label="after everything")


def parameters(p):
    for key, value in (("lr", "0.1"), ("lr", "0.1"), ("lr", "0.2"), ("empty", ""), ("with space", "x"), ("a/b", "x"), ("../x", "y"), ("k" * 250, "v"), ("k" * 251, "v"),
                       ("long", "v" * 6000), ("longer", "v" * 6001), ("", "v"), ("qu?estion", "v"), ("unicode", "naïve 日本 🙂"), ("colon:ok", "v")):
        p.post(M + "runs/log-parameter", {"run_id": "$run", "key": key, "value": value}, label=f"{key[:12]}({len(key)})={value[:8]}({len(value)})")
    p.post(M + "runs/log-parameter", {"run_id": "$run", "value": "v"}, label="no key")
    p.post(M + "runs/log-parameter", {"run_id": "$run", "key": "novalue"}, label="no value")
    p.post(M + "runs/log-parameter", {"run_id": "0" * 32, "key": "a", "value": "b"}, label="no such run")


def metrics(p):
    for i, (value, step) in enumerate(((0.5, 0), (0.25, 1), (0.125, 2), (0.75, 1))):
        p.post(M + "runs/log-metric", {"run_id": "$run", "key": "loss", "value": value, "timestamp": T + i, "step": step})
    p.post(M + "runs/log-metric", {"run_id": "$run", "key": "loss", "value": 0.5, "timestamp": T, "step": 0}, label="the same point again")
    for value in ("NaN", "Infinity", "-Infinity", 1e308, -0.0, 3, "4.5", "abc", None, True, 1e-320):
        p.post(M + "runs/log-metric", {"run_id": "$run", "key": f"odd {value}", "value": value, "timestamp": T}, label=f"value {value!r}")
    for body in (
        {"key": "m", "value": 1}, {"value": 1, "timestamp": T}, {"key": "m", "timestamp": T}, {"key": "m/../n", "value": 1, "timestamp": T},
        {"key": "k" * 251, "value": 1, "timestamp": T}, {"key": "m", "value": 1, "timestamp": -5}, {"key": "m", "value": 1, "timestamp": T, "step": -3},
        {"key": "m", "value": 1, "timestamp": 1.5}, {"key": "m", "value": 1, "timestamp": T, "step": "2"},
        {"key": "scored", "value": 1, "timestamp": T, "dataset_name": "d", "dataset_digest": "abc"},
    ):  # fmt: skip
        p.post(M + "runs/log-metric", {"run_id": "$run", **body}, label=str({k: str(v)[:14] for k, v in body.items()}))
    for key in ("loss", "odd NaN", "odd Infinity", "odd -Infinity", "nothing", ""):
        p.get(M + "metrics/get-history", {"run_id": "$run", "metric_key": key}, label=key or "empty key")
    p.get(M + "metrics/get-history", {"run_id": "$run"}, label="no key")
    p.get(M + "metrics/get-history", {"run_id": "0" * 32, "metric_key": "loss"}, label="no such run")
    p.get(M + "metrics/get-history", {"run_id": "$run", "metric_key": "loss", "max_results": 2}, save={"page_history": "next_page_token"}, label="page 1")
    p.get(M + "metrics/get-history", {"run_id": "$run", "metric_key": "loss", "max_results": 2, "page_token": "$page_history"}, label="page 2")
    p.get(M + "metrics/get-history", {"run_id": "$run", "metric_key": "loss", "max_results": 2, "page_token": "%%%"}, label="garbage token")
    bulk = M + "metrics/get-history-bulk-interval"
    p.get(bulk, {"run_ids": ["$run", "$run_child"], "metric_key": "loss", "max_results": 10}, label="two runs")
    p.get(bulk, {"run_ids": ["$run"], "metric_key": "loss", "start_step": 1, "end_step": 2, "max_results": 10}, label="steps 1 to 2")
    p.get(bulk, {"run_ids": ["$run"], "metric_key": "loss", "start_step": 1, "max_results": 10}, label="start alone")
    p.get(bulk, {"run_ids": ["$run"], "metric_key": "loss", "start_step": 2, "end_step": 1, "max_results": 10}, label="backwards")
    p.get(bulk, {"metric_key": "loss"}, label="no runs")
    p.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", {"run_id": ["$run", "$run_child"], "metric_key": "loss", "max_results": 3}, label="ajax")


def tags(p):
    for key, value in (("colour", "blue"), ("note", "x" * 8000), ("note2", "x" * 8001), ("k" * 251, "v"), ("", "v"), ("mlflow.runName", "renamed by tag"), ("empty", "")):
        p.post(M + "runs/set-tag", {"run_id": "$run", "key": key, "value": value}, label=f"{key[:16]}({len(key)})={len(value)}")
    p.get(M + "runs/get", {"run_id": "$run"}, label="after the tag mlflow.runName")
    p.post(M + "runs/delete-tag", {"run_id": "$run", "key": "empty"})
    p.post(M + "runs/delete-tag", {"run_id": "$run", "key": "empty"}, label="again")
    p.post(M + "runs/delete-tag", {"run_id": "0" * 32, "key": "empty"}, label="no such run")
    p.post(M + "runs/delete-tag", {"run_id": "$run"}, label="no key")


def batch(p):
    log = M + "runs/log-batch"

    def points(n, key="b"):
        return [{"key": f"{key}{i}", "value": i, "timestamp": T, "step": 0} for i in range(n)]

    pairs = [{"key": f"p{i}", "value": str(i)} for i in range(101)]
    p.post(log, {"run_id": "$run_child", "metrics": points(3), "params": pairs[:2], "tags": [{"key": "t", "value": "1"}]}, label="a little of each")
    p.post(log, {"run_id": "$run_child"}, label="nothing")
    p.post(log, {"run_id": "$run_child", "metrics": points(1000, "full")}, label="1000 metrics")
    p.post(log, {"run_id": "$run_child", "metrics": points(1001, "over")}, label="1001 metrics")
    p.post(log, {"run_id": "$run_child", "params": pairs}, label="101 params")
    p.post(log, {"run_id": "$run_child", "tags": pairs}, label="101 tags")
    p.post(log, {"run_id": "$run_child", "metrics": points(901, "many"), "params": pairs[:100]}, label="1001 in all")
    p.post(log, {"run_id": "$run_child", "params": [{"key": "p0", "value": "0"}]}, label="the same param again")
    p.post(log, {"run_id": "$run_child", "params": [{"key": "p0", "value": "other"}]}, label="another value for a param")
    p.post(log, {"run_id": "$run_child", "params": [{"key": "dup", "value": "1"}, {"key": "dup", "value": "2"}]}, label="two values in one batch")
    p.post(log, {"run_id": "$run_child", "params": [{"key": "dup2", "value": "1"}, {"key": "dup2", "value": "1"}]}, label="one value twice in one batch")
    for key, item in (("metrics", {"key": "x", "timestamp": T}), ("metrics", {"value": 1, "timestamp": T}), ("metrics", {"key": "x", "value": 1}),
                      ("metrics", {"key": "x", "value": "abc", "timestamp": T}), ("params", {"value": "1"}), ("params", {"key": "x/../y", "value": "1"}), ("tags", {"value": "1"}), ("tags", {"key": "t"}), ("params", "no object")):
        p.post(log, {"run_id": "$run_child", key: [item]}, label=f"bad {key} {item}")
    p.post(log, {"metrics": points(1)}, label="no run id")
    p.post(log, {"run_id": "0" * 32, "metrics": points(1)}, label="no such run")
    p.post(log, {"run_id": "$run_child", "metrics": [{"key": "nan", "value": "NaN", "timestamp": T, "step": 0}, {"key": "inf", "value": "Infinity", "timestamp": T, "step": 0}]}, label="NaN and Inf")
    p.get(M + "runs/search", {"experiment_ids": "$exp"}, label="wrong method")
    p.post(M + "runs/search", {"experiment_ids": ["$exp"], "filter": "metrics.b2 = 2"}, label="the batch is there")


def update(p):
    p.post(M + "runs/update", {"run_id": "$run", "status": "FINISHED", "end_time": T + 5000})
    p.post(M + "runs/update", {"run_id": "$run", "run_name": "renamed"})
    for body in ({"run_id": "$run", "status": "PERHAPS"}, {"run_id": "0" * 32, "status": "FINISHED"}, {"status": "FINISHED"}, {"run_id": "$run", "run_name": ""},
                 {"run_id": "$run_child", "status": "RUNNING"}, {"run_id": "$run_child", "status": "FAILED", "end_time": T + 9}, {"run_id": "$run_child", "status": "KILLED"}, {"run_id": "$run_child", "status": "SCHEDULED"}):
        p.post(M + "runs/update", body)
    p.get(M + "runs/get", {"run_id": "$run"}, label="after the updates")


def lifecycle(p):
    p.post(M + "runs/create", {"experiment_id": "$exp", "run_name": "doomed", "start_time": T + 7}, save={"run_gone": "run.info.run_id"})
    p.post(M + "runs/delete", {"run_id": "$run_gone"})
    p.post(M + "runs/delete", {"run_id": "$run_gone"}, label="again")
    p.post(M + "runs/delete", {"run_id": "0" * 32}, label="no such run")
    p.get(M + "runs/get", {"run_id": "$run_gone"}, label="deleted")
    p.post(M + "runs/log-metric", {"run_id": "$run_gone", "key": "m", "value": 1, "timestamp": T}, label="deleted run")
    p.post(M + "runs/log-parameter", {"run_id": "$run_gone", "key": "m", "value": "1"}, label="deleted run")
    p.post(M + "runs/set-tag", {"run_id": "$run_gone", "key": "m", "value": "1"}, label="deleted run")
    p.post(M + "runs/update", {"run_id": "$run_gone", "status": "FINISHED"}, label="deleted run")
    p.post(M + "runs/log-batch", {"run_id": "$run_gone", "tags": [{"key": "m", "value": "1"}]}, label="deleted run")
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL"):
        p.post(M + "runs/search", {"experiment_ids": ["$exp"], "run_view_type": view, "filter": "attributes.run_name = 'doomed'"}, label=view)
    p.post(M + "runs/restore", {"run_id": "$run_gone"})
    p.post(M + "runs/restore", {"run_id": "$run_gone"}, label="again")
    p.post(M + "runs/restore", {"run_id": "0" * 32}, label="no such run")

    p.post(M + "experiments/create", {"name": "short-lived"}, save={"exp_gone": "experiment_id"})
    p.post(M + "runs/create", {"experiment_id": "$exp_gone", "run_name": "inside", "start_time": T}, save={"run_inside": "run.info.run_id"})
    p.post(M + "experiments/delete", {"experiment_id": "$exp_gone"}, label="with a run")
    p.get(M + "runs/get", {"run_id": "$run_inside"}, label="its experiment is deleted")
    p.post(M + "runs/create", {"experiment_id": "$exp_gone", "start_time": T, "run_name": "late"}, label="in a deleted experiment")
    p.post(M + "experiments/set-experiment-tag", {"experiment_id": "$exp_gone", "key": "a", "value": "b"}, label="deleted experiment")
    p.post(M + "experiments/restore", {"experiment_id": "$exp_gone"}, label="with a run")
    p.get(M + "runs/get", {"run_id": "$run_inside"}, label="its experiment is back")


def inputs(p):
    dataset = {"name": "train", "digest": "abc123", "source_type": "local", "source": '{"uri": "file.csv"}', "schema": '{"columns": 2}', "profile": '{"num_rows": 5}'}
    p.post(M + "runs/log-inputs", {"run_id": "$run", "datasets": [{"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "training"}]}]})
    p.post(M + "runs/log-inputs", {"run_id": "$run", "datasets": [{"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "training"}]}]}, label="again")
    p.post(M + "runs/log-inputs", {"run_id": "$run_child", "datasets": [{"dataset": {**dataset, "name": "eval", "digest": "def"}, "tags": []}]}, label="another")
    for body in ({"run_id": "0" * 32, "datasets": [{"dataset": dataset}]}, {"run_id": "$run", "datasets": []}, {"run_id": "$run"},
                 {"run_id": "$run", "datasets": [{"dataset": {"name": "n"}}]}, {"run_id": "$run", "datasets": [{"tags": []}]}, {"datasets": [{"dataset": dataset}]},
                 {"run_id": "$run", "datasets": [{"dataset": {**dataset, "name": "n" * 501}}]}, {"run_id": "$run", "datasets": [{"dataset": {**dataset, "digest": "d" * 37}}]},
                 {"run_id": "$run", "datasets": [{"dataset": {**dataset, "name": "tagged"}, "tags": [{"key": "k" * 256, "value": "v"}]}]}):
        p.post(M + "runs/log-inputs", body, label=str(body)[:140])
    p.post("/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": ["$exp"]})
    p.post("/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": []}, label="none")
    p.post(M + "runs/log-model", {"run_id": "$run", "model_json": '{"artifact_path": "model", "flavors": {"sklearn": {}}, "utc_time_created": "2024-01-01", "run_id": "x"}'})
    for text in ("{}", "not json", "[]"):
        p.post(M + "runs/log-model", {"run_id": "$run", "model_json": text})
