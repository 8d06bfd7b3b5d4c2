"""Logged models: create, finalise, tags, params, outputs, search."""

M = "2.0/mlflow/"
T = 1_710_000_000_000


def play(p):
    L = M + "logged-models"
    p.post(M + "experiments/create", {"name": "models live here"}, save={"exp_m": "experiment_id"})
    p.post(M + "runs/create", {"experiment_id": "$exp_m", "run_name": "trainer", "start_time": T}, save={"run_m": "run.info.run_id"})
    p.post(L, {"experiment_id": "$exp_m", "name": "m one", "model_type": "Agent", "source_run_id": "$run_m",
               "params": [{"key": "depth", "value": "3"}], "tags": [{"key": "team", "value": "red"}]}, save={"model_a": "model.info.model_id"})
    p.post(L, {"experiment_id": "$exp_m", "name": "m two", "params": [{"key": "depth", "value": "5"}]}, save={"model_b": "model.info.model_id"})
    p.post(L, {"experiment_id": "$exp_m", "name": "m three", "tags": [{"key": "team", "value": "blue"}]}, save={"model_c": "model.info.model_id"})
    for body in ({"experiment_id": "424242", "name": "x"}, {"name": "x"}, {"experiment_id": "$exp_b", "name": ""}, {"experiment_id": "$exp_m", "name": "a/b"}, {"experiment_id": "$exp_m", "name": "a:b"},
                 {"experiment_id": "$exp_b", "name": "dup", "params": [{"key": "k" * 251, "value": "v"}]}):
        p.post(L, body)
    p.get(L + "/$model_a")
    p.get(L + "/!m-" + "0" * 32, label="no such model")
    p.get(L + "/!odd", label="odd id")
    p.patch(L + "/$model_a", {"model_id": "$model_a", "status": "LOGGED_MODEL_READY"})
    p.patch(L + "/$model_b", {"model_id": "$model_b", "status": "LOGGED_MODEL_UPLOAD_FAILED"})
    p.post(L, {"experiment_id": "$exp_b", "name": "spare"}, save={"model_d": "model.info.model_id"})
    p.patch(L + "/$model_d", {"model_id": "$model_d", "status": "NO_STATUS"}, label="bad status")
    p.patch(L + "/!m-" + "0" * 32, {"model_id": "m-" + "0" * 32, "status": "LOGGED_MODEL_READY"}, label="no such model")
    p.patch(L + "/$model_b/tags", {"model_id": "$model_b", "tags": [{"key": "team", "value": "green"}, {"key": "x", "value": "y"}]})
    p.patch(L + "/!m-" + "0" * 32 + "/tags", {"model_id": "m-" + "0" * 32, "tags": [{"key": "a", "value": "b"}]}, label="no such model")
    p.delete(L + "/$model_b/tags/!x")
    p.delete(L + "/$model_b/tags/!x", label="again")
    p.post(L + "/$model_d/params", {"model_id": "$model_d", "params": [{"key": "width", "value": "7"}]}, label="while pending")
    p.get(L + "/$model_d", label="with a param")
    p.post(L + "/$model_d/params", {"model_id": "$model_d", "params": [{"key": "width", "value": "8"}]}, label="while pending, another value")
    p.post(L + "/$model_b/params", {"model_id": "$model_b", "params": [{"key": "width", "value": "7"}]}, label="already finalised")
    p.get(L + "/$model_b")
    p.get(L + "/$model_a/artifacts/directories")
    p.put("2.0/mlflow-artifacts/artifacts/!$exp_m/models/$model_a/artifacts/MLmodel", raw=b"flavors: {}\n", label="MLmodel")
    p.get(L + "/$model_a/artifacts/directories", label="with a file")
    p.get(L + "/$model_a/artifacts/directories", {"artifact_directory_path": "none"}, label="a directory that is absent")
    p.post(M + "runs/outputs", {"run_id": "$run_m", "models": [{"model_id": "$model_a", "step": 0}]})
    p.post(M + "runs/outputs", {"run_id": "$run_m", "models": [{"model_id": "$model_b", "step": 3}]})
    p.post(M + "runs/outputs", {"run_id": "0" * 32, "models": [{"model_id": "$model_a", "step": 0}]}, label="no such run")
    p.post(M + "runs/log-inputs", {"run_id": "$run_m", "models": [{"model_id": "$model_c"}]}, label="model input")
    for model, key, value, dataset in (("$model_a", "acc", 0.9, "train"), ("$model_b", "acc", 0.5, "train"), ("$model_a", "acc", 0.7, "test"), ("$model_c", "acc", 0.6, None)):
        body = {"run_id": "$run_m", "key": key, "value": value, "timestamp": T + (dataset == "test"), "step": 1, "model_id": model}
        p.post(M + "runs/log-metric", {**body, **({"dataset_name": dataset, "dataset_digest": "d1"} if dataset else {})}, label=f"{key} of {model} on {dataset}")
    p.get(M + "runs/get", {"run_id": "$run_m"}, label="with inputs and outputs")
    p.get(L + "/$model_a", label="with metrics")
    search(p, L + "/search")
    p.delete(L + "/$model_c")
    p.delete(L + "/$model_c", label="again")
    p.get(L + "/$model_c", label="deleted")
    p.post(L + "/search", {"experiment_ids": ["$exp_m"]}, label="one is deleted")


def search(p, path):
    scope = {"experiment_ids": ["$exp_m"]}
    for text in (
        "", "name = 'm one'", "name != 'm one'", "name LIKE 'm t%'", "name ILIKE 'M T%'", "name IN ('m one', 'm two')", "name NOT IN ('m one')",
        "attributes.name = 'm one'", "status = 'READY'", "status = 'LOGGED_MODEL_READY'", "status != 'READY'", "model_type = 'Agent'", "model_id = '$model_a'", "attributes.model_id IN ('$model_a', '$model_c')", "source_run_id = '$run_m'", "creation_timestamp > 0", "creation_time > 0",
        "creation_timestamp <= 5", "last_updated_timestamp > 0", "params.depth = '3'", "params.depth != '3'", "params.depth LIKE '%'", "params.depth > 3", "params.depth IN ('3')", "tags.team = 'red'", "tags.team != 'red'", "tags.team ILIKE 'R%'", "tags.team IN ('red', 'blue')", "tags.team IS NULL",
        "metrics.acc > 0.65", "metrics.acc >= 0.9", "metrics.acc = 0.6", "metrics.acc != 0.6", "metrics.acc < 0.65", "metrics.acc <= 0.5", "metrics.nothing > 0", "metrics.acc > 0.55 AND tags.team = 'red'",
        "metrics.acc LIKE '1'", "colour = 'x'", "name = 'm one' OR name = 'm two'", "name =", "creation_timestamp = 'x'", "attributes.unknown = 'x'", "params.depth = 3",
    ):  # fmt: skip
        p.post(path, {**scope, "filter": text})
    p.post(path, {**scope, "filter": "metrics.acc > 0.65", "datasets": [{"dataset_name": "test"}]}, label="scoped to a dataset")
    p.post(path, {**scope, "filter": "metrics.acc > 0.65", "datasets": [{"dataset_name": "train", "dataset_digest": "d1"}]}, label="scoped to a dataset and digest")
    p.post(path, {**scope, "datasets": [{"dataset_name": "train"}]}, label="a dataset without a filter")
    p.post(path, {**scope, "datasets": [{"dataset_digest": "d1"}]}, label="a dataset without a name")
    for order in ([{"field_name": "name"}], [{"field_name": "name", "ascending": True}], [{"field_name": "name", "ascending": False}], [{"field_name": "creation_timestamp"}], [{"field_name": "metrics.acc", "ascending": False}],
                  [{"field_name": "metrics.acc", "dataset_name": "train"}], [{"field_name": "metrics.acc", "dataset_name": "train", "dataset_digest": "d1"}], [{"field_name": "params.depth"}], [{"field_name": "colour"}], [{"field_name": "attributes.name"}], [{}]):
        p.post(path, {**scope, "order_by": order})
    for body in ({}, {"experiment_ids": []}, {"experiment_ids": ["424242"]}, {**scope, "max_results": 0}, {**scope, "max_results": 51}, {**scope, "max_results": -1}, {**scope, "page_token": "garbage"}):
        p.post(path, body, label=str(body))
    p.post(path, {**scope, "max_results": 2, "order_by": [{"field_name": "name"}]}, save={"page_models": "next_page_token"}, label="page 1")
    p.post(path, {**scope, "max_results": 2, "order_by": [{"field_name": "name"}], "page_token": "$page_models"}, label="page 2")
    p.post(path, {**scope, "max_results": 2, "order_by": [{"field_name": "creation_timestamp"}], "page_token": "$page_models"}, label="page 2 of another order")
