"""Search over runs: every entity of the grammar with every operator it takes."""

from .experiments import page

M = "2.0/mlflow/"
T = 1_710_000_000_000


def play(p):
    fill(p)
    for text in filters():
        p.post(M + "runs/search", {"experiment_ids": ["$exp_s"], "filter": text, "max_results": 50})
    for order in orders():
        p.post(M + "runs/search", {"experiment_ids": ["$exp_s"], "order_by": order, "max_results": 50},
               unordered=("runs",) if order == ["run_id"] else ())
    for count in (0, 1, -1, 50000, 50001, "3"):
        p.post(M + "runs/search", {"experiment_ids": ["$exp_s"], "max_results": count}, label=f"max_results {count!r}")
    for body in ({}, {"experiment_ids": []}, {"experiment_ids": ["424242"]}, {"experiment_ids": ["$exp_s", "$exp"], "filter": "attributes.run_name = 'run 1'"},
                 {"experiment_ids": ["$exp_s"], "run_view_type": "SIDEWAYS"}, {"experiment_ids": ["$exp_s"], "page_token": "garbage"}):
        p.post(M + "runs/search", body, label=str(body))
    page(p, M + "runs/search", "runs", {"experiment_ids": ["$exp_s"], "max_results": 3})
    page(p, M + "runs/search", "by_metric", {"experiment_ids": ["$exp_s"], "max_results": 3, "order_by": ["metrics.acc DESC"]})
    page(p, M + "runs/search", "filtered", {"experiment_ids": ["$exp_s"], "max_results": 2, "filter": "params.kind = 'even'", "order_by": ["params.kind", "metrics.acc"]})


def fill(p):
    """Ten runs; some lack the metric, one has NaN, one +Inf, names clash in case."""
    p.post(M + "experiments/create", {"name": "searched"}, save={"exp_s": "experiment_id"})
    values = [0.1, 0.2, "NaN", 0.4, None, "Infinity", 0.1, 0.8, None, -1.5]
    names = ["run 0", "run 1", "RUN 1", "a_b", "a%b", "it's", "ünï", "run 7", "run 8", "zz"]
    for i, (value, name) in enumerate(zip(values, names)):
        p.post(M + "runs/create", {"experiment_id": "$exp_s", "run_name": name, "user_id": "ann" if i % 3 else "Bob", "start_time": T + i}, save={f"run_s{i}": "run.info.run_id"})
        batch = {
            "run_id": f"$run_s{i}",
            "params": [{"key": "kind", "value": "odd" if i % 2 else "even"}, {"key": "Depth of tree", "value": str(i)}],
            "tags": [{"key": "colour", "value": ["red", "Red", "green"][i % 3]}] if i != 4 else [],
            "metrics": [] if value is None else [{"key": "acc", "value": value, "timestamp": T, "step": 1}, {"key": "val/loss 2", "value": i, "timestamp": T, "step": 0}],
        }
        p.post(M + "runs/log-batch", batch, label=f"run {i}")
    for i, status in ((0, "FINISHED"), (1, "FAILED"), (3, "KILLED")):
        p.post(M + "runs/update", {"run_id": f"$run_s{i}", "status": status, "end_time": T + 100 + i})
    for i, (name, digest, context) in enumerate((("train", "d1", "training"), ("Train", "d2", "eval"), ("test", "d1", "training"))):
        p.post(M + "runs/log-inputs", {"run_id": f"$run_s{i}", "datasets": [{"dataset": {"name": name, "digest": digest, "source_type": "local", "source": "{}"},
               "tags": [{"key": "mlflow.data.context", "value": context}]}]})


def filters():
    yield from (f"metrics.acc {op} 0.1" for op in ("=", "!=", ">", ">=", "<", "<="))
    yield from ("metric.acc > 0.15", "metrics.`acc` > -2", 'metrics."acc" > 0.3', "metrics.`val/loss 2` >= 3", "metrics.nothing > 1",
                "metrics.acc > 1e300", "metrics.acc = -1.5", "metrics.acc > 0.1 AND metrics.acc < 0.5", "metrics.acc >= 0.1 and params.kind = 'even'")
    yield from (f"params.kind {tail}" for tail in ("= 'odd'", "!= 'odd'", "LIKE 'o%'", "LIKE 'O%'", "ILIKE 'O%'", "IS NULL", "IS NOT NULL"))
    yield from ("param.kind = 'odd'", "parameter.kind = 'odd'", "parameters.kind = 'odd'", "params.`Depth of tree` = '3'", "params.nothing = 'x'", "params.nothing != 'x'", "params.nothing IS NULL")
    yield from (f"tags.colour {tail}" for tail in ("= 'red'", "!= 'red'", "LIKE 'r%'", "LIKE '%e%'", "ILIKE 'r%'", "IS NULL", "IS NOT NULL"))
    yield from ("tag.colour = 'green'", "tags.`colour` = 'red'", "tags.mlflow.runName = 'run 1'", "tags.`mlflow.runName` LIKE 'run%'")
    yield from (f"attributes.run_name {tail}" for tail in ("= 'run 1'", "!= 'run 1'", "LIKE 'run _'", "ILIKE 'run _'", "LIKE 'a\\_b'", "LIKE 'a_b'", "LIKE 'a%b'", "IN ('run 1', 'zz')", "NOT IN ('run 1', 'zz')", "= 'ünï'", "LIKE '%ï'"))
    yield from ("run_name = 'run 1'", "attr.run_name = 'zz'", "run.run_name = 'zz'", "attribute.`run name` = 'zz'", "attributes.`Run name` = 'zz'", 'attributes.run_name = "it\'s"', "attributes.\"run_name\" = 'zz'")
    yield from ("run_id = '$run_s1'", "attributes.run_id != '$run_s1'", "attributes.run_id IN ('$run_s1', '$run_s2')", "attributes.run_id NOT IN ('$run_s1')", "attributes.run_id LIKE '%'", "run_id IN ()")
    yield from (f"status {tail}" for tail in ("= 'FINISHED'", "!= 'RUNNING'", "LIKE 'F%'", "ILIKE 'f%'", "= 'finished'", "IN ('FINISHED', 'KILLED')"))
    yield from (f"attributes.user_id {tail}" for tail in ("= 'ann'", "!= 'ann'", "LIKE 'B%'", "ILIKE 'b%'"))
    yield from ("attributes.user = 'ann'", "attributes.artifact_uri LIKE 'mlflow-artifacts:%'", "artifact_uri = 'x'")
    yield from (f"attributes.start_time {op} {T + 2}" for op in ("=", "!=", ">", ">=", "<", "<="))
    yield from (f"end_time > {T}", "attributes.end_time < 5", f"created = {T}", f"attributes.created > {T}", f"attributes.Created > {T}", "start_time = '5'", "attributes.duration > 1")
    yield from (f"dataset.name {tail}" for tail in ("= 'train'", "!= 'train'", "LIKE 'tr%'", "ILIKE 'tr%'", "IN ('train', 'test')", "NOT IN ('train')"))
    yield from ("datasets.digest = 'd1'", "dataset.digest IN ('d1','d2')", "dataset.context = 'training'", "dataset.context LIKE 'ev%'", "dataset.context != 'eval'", "dataset.name = 'train' AND dataset.context = 'eval'", "dataset.colour = 'x'")
    # refused, or odd
    yield from ("metrics.acc LIKE '1'", "metrics.acc = 'x'", "metrics.acc > '0.1'", "metrics.acc IS NULL", "params.kind > 'a'", "params.kind = 5", "params.kind IN ('odd')", "tags.colour > 'a'", "tags.colour IN ('red')",
                "status > 'A'", "run_name = zz", "attributes.unknown = 'x'", "model.x = 'y'", "params.kind = 'odd' OR params.kind = 'even'", "NOT params.kind = 'odd'", "(params.kind = 'odd')",
                "params.kind = 'odd' AND", "AND", "params.kind", "params.", ".kind = 'odd'", "params.kind = ", "params.kind == 'odd'", "params.kind <> 'odd'", "params.kind = 'odd' params.kind = 'odd'", "'odd' = params.kind",
                "params.kind = 'odd", "params.kind = 'odd' -- comment", "metrics.acc > 0.1;", "metrics.acc > 0.1; SELECT 1", "metrics.acc > 1 AND metrics.acc > ", "attributes.run_name IN 'zz'", "attributes.run_name IN (5)", "attributes.run_name NOT LIKE 'r%'",
                "params.kind is null", "params.kind Is Not Null", "attributes.run_name in ('zz')", "params.kind like 'o%'", "  params.kind   =   'odd'  ", "params.kind='odd'", "metrics.acc>0.1", "metrics.acc > .5", "metrics.acc > +0.1", "metrics.acc > 1.", "metrics.acc > 0x10",
                "params.kind = 'o''dd'", "params.kind = \"odd\"", "params.`kind = 'odd'", "params.k\u0131nd = 'x'")  # fmt: skip


def orders():
    yield from (["start_time"], ["start_time ASC"], ["start_time DESC"], ["attributes.start_time"], ["end_time DESC"], ["run_name"], ["attributes.`Run name` DESC"], ["status", "run_name"], ["run_id"], ["user_id", "run_name"],
                ["metrics.acc"], ["metrics.acc ASC"], ["metrics.acc DESC"], ["metrics.`val/loss 2` DESC"], ["metrics.nothing DESC"], ["params.kind"], ["params.kind DESC", "metrics.acc"], ["params.`Depth of tree` DESC"], ["params.nothing"],
                ["tags.colour"], ["tags.colour DESC", "start_time"], ["tags.`mlflow.runName`"], ["dataset.name"], ["dataset.name DESC", "run_name"], ["dataset.digest", "run_name"], ["dataset.context", "run_name"], ["metrics.acc", "metrics.acc"], ["metrics.acc SIDEWAYS"], ["colour"], ["metrics.acc asc"],
                ["metrics.acc DESC NULLS FIRST"], [""], ["metric.acc"], ["created DESC"], ["attributes.unknown"], ["Created"], ["params"], ["'x'"])  # fmt: skip
