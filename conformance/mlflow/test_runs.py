"""Runs: logging, limits, lifecycle, metric history, search, inputs, nested runs."""

import math
import os
import time

import mlflow
import pandas as pd
import pytest
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

from client_version import needs


def test_fluent_run(experiment):
    with mlflow.start_run(experiment_id=experiment, run_name="first", tags={"a": "b"}, description="what it is") as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({"depth": 3, "kind": "x"})
        mlflow.log_metric("loss", 0.5, step=1)
        mlflow.log_metrics({"acc": 0.9, "f1": 0.8}, step=2)
        mlflow.set_tag("colour", "red")
    got = mlflow.get_run(run.info.run_id)
    assert got.info.status == "FINISHED"
    assert got.info.run_name == "first"
    assert got.info.end_time >= got.info.start_time
    assert got.data.params == {"lr": "0.1", "depth": "3", "kind": "x"}
    assert got.data.metrics == {"loss": 0.5, "acc": 0.9, "f1": 0.8}
    assert got.data.tags["colour"] == "red"
    assert got.data.tags["mlflow.note.content"] == "what it is"


def test_failed_run(experiment):
    with pytest.raises(ZeroDivisionError):
        with mlflow.start_run(experiment_id=experiment) as run:
            1 / 0
    assert mlflow.get_run(run.info.run_id).info.status == "FAILED"


def test_nested_runs(experiment):
    with mlflow.start_run(experiment_id=experiment) as parent:
        with mlflow.start_run(experiment_id=experiment, nested=True) as child:
            pass
    found = mlflow.search_runs([experiment], filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert list(found["run_id"]) == [child.info.run_id]
    assert mlflow.get_parent_run(child.info.run_id).info.run_id == parent.info.run_id


def test_params_never_change(client, run_id):
    client.log_param(run_id, "lr", "0.1")
    client.log_param(run_id, "lr", "0.1")
    with pytest.raises(MlflowException) as refused:
        client.log_param(run_id, "lr", "0.2")
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run_id).data.params == {"lr": "0.1"}


def test_metric_history_with_odd_values(client, run_id):
    values = [1.0, math.nan, math.inf, -math.inf, 0.0, 1e-300]
    for step, value in enumerate(values):
        client.log_metric(run_id, "m", value, timestamp=1000 + step, step=step)
    history = sorted(client.get_metric_history(run_id, "m"), key=lambda m: m.step)
    assert math.isnan(history[1].value)
    # Infinities come back as the largest double, as MLflow's own store has it.
    assert [m.value for m in history if not math.isnan(m.value)] == [1.0, 1.7976931348623157e308, -1.7976931348623157e308, 0.0, 1e-300]
    assert client.get_run(run_id).data.metrics["m"] == 1e-300


def test_latest_metric_is_by_step_then_time(client, run_id):
    for value, timestamp, step in ((1.0, 50, 3), (2.0, 90, 1), (3.0, 40, 3), (4.0, 50, 3)):
        client.log_metric(run_id, "m", value, timestamp=timestamp, step=step)
    assert client.get_run(run_id).data.metrics["m"] == 4.0
    assert len(client.get_metric_history(run_id, "m")) == 4


def test_history_of_many_points(client, run_id):
    client.log_batch(run_id, metrics=[Metric("m", i, 1000 + i, i) for i in range(1000)])
    client.log_batch(run_id, metrics=[Metric("m", i, 1000 + i, i) for i in range(500, 1500)])  # half of it known
    assert len(client.get_metric_history(run_id, "m")) == 1500


def test_log_batch_limits(client, run_id):
    client.log_batch(run_id, metrics=[Metric(f"m{i}", i, 1, 0) for i in range(800)], params=[Param(f"p{i}", "x") for i in range(100)], tags=[RunTag(f"t{i}", "x") for i in range(100)])
    data = client.get_run(run_id).data
    assert (len(data.metrics), len(data.params)) == (800, 100)
    assert sum(k.startswith("t") for k in data.tags) == 100


def test_log_batch_is_all_or_nothing(client, run_id, is_assay):
    if not is_assay:
        pytest.skip("stock MLflow's log_batch is not one transaction")
    client.log_param(run_id, "p", "1")
    with pytest.raises(MlflowException) as refused:
        client.log_batch(run_id, metrics=[Metric("m", 1, 1, 0)], params=[Param("q", "new"), Param("p", "2")], tags=[RunTag("t", "1")])
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    data = client.get_run(run_id).data
    assert (data.metrics, data.params) == ({}, {"p": "1"})
    assert "t" not in data.tags


def test_long_values(client, run_id):
    client.log_param(run_id, "long", "v" * 6000)
    client.set_tag(run_id, "long", "v" * 8000)
    run = client.get_run(run_id)
    assert (len(run.data.params["long"]), len(run.data.tags["long"])) == (6000, 8000)


def test_tags(client, run_id):
    client.set_tag(run_id, "a", "1")
    client.set_tag(run_id, "a", "2")
    client.set_tag(run_id, "b", "ünï 日本")
    assert client.get_run(run_id).data.tags["a"] == "2"
    assert client.get_run(run_id).data.tags["b"] == "ünï 日本"
    client.delete_tag(run_id, "a")
    assert "a" not in client.get_run(run_id).data.tags
    with pytest.raises(MlflowException) as refused:
        client.delete_tag(run_id, "a")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_lifecycle(client, experiment, run_id):
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException) as refused:
        client.log_metric(run_id, "m", 1)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert client.search_runs([experiment]) == []
    assert [r.info.run_id for r in client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)] == [run_id]
    client.restore_run(run_id)
    assert [r.info.run_id for r in client.search_runs([experiment])] == [run_id]


def test_update_run(client, run_id):
    client.update_run(run_id, status="RUNNING", name="renamed")
    client.set_terminated(run_id, "KILLED", end_time=5)
    info = client.get_run(run_id).info
    assert (info.status, info.run_name, info.end_time) == ("KILLED", "renamed", 5)


def test_absent_run(client):
    with pytest.raises(MlflowException) as refused:
        client.get_run("0" * 32)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.fixture(scope="module")
def searched(url):
    """Six runs: one without a metric, one NaN, one +Inf; names that differ in case."""
    mlflow.set_tracking_uri(url)
    client = mlflow.MlflowClient(url)
    experiment = client.create_experiment(f"searched {time.time_ns()}")
    values = [0.1, 0.5, math.nan, None, math.inf, 0.9]
    for i, value in enumerate(values):
        run = client.create_run(experiment, run_name=["alpha", "Alpha", "b_c", "b%c", "it", "zz"][i], start_time=1000 + i, tags={"colour": "red" if i % 2 else "Blue"} if i else {})
        client.log_batch(run.info.run_id, metrics=[] if value is None else [Metric("acc", value, 1, 0)], params=[Param("kind", "odd" if i % 2 else "even")])
        client.set_terminated(run.info.run_id, "FINISHED" if i < 3 else "FAILED", end_time=2000 + i)
        if i < 2:
            data = mlflow.data.from_pandas(pd.DataFrame({"x": [i]}), name=f"data {i}")._to_mlflow_entity()
            context = InputTag("mlflow.data.context", "training" if i else "eval")
            client.log_inputs(run.info.run_id, [DatasetInput(data, [context])])
    return experiment


@pytest.mark.parametrize(
    "filter_string,found",
    [
        ("metrics.acc = 0.5", "1"), ("metrics.acc != 0.5", "0245"), ("metrics.acc > 0.1", "145"), ("metrics.acc >= 0.1", "0145"),
        ("metrics.acc < 0.5", "0"), ("metrics.acc <= 0.5", "01"), ("metrics.acc > 1e308", "4"),
        ("params.kind = 'odd'", "135"), ("params.kind != 'odd'", "024"), ("params.kind LIKE 'o%'", "135"), ("params.kind LIKE 'O%'", ""), ("params.kind ILIKE 'O%'", "135"),
        ("tags.colour = 'red'", "135"), ("tags.colour != 'red'", "24"), ("tags.colour LIKE 'B%'", "24"), ("tags.colour ILIKE 'b%'", "24"),
        ("attributes.run_name = 'alpha'", "0"), ("attributes.run_name ILIKE 'alpha'", "01"), ("attributes.run_name LIKE 'b_c'", "23"), ("attributes.run_name != 'alpha'", "12345"),
        ("attributes.status = 'FAILED'", "345"), ("attributes.status != 'FAILED'", "012"), ("attributes.start_time > 1003", "45"), ("attributes.start_time <= 1001", "01"), ("attributes.end_time = 2005", "5"),
        ("dataset.name = 'data 0'", "0"), ("dataset.name LIKE 'data%'", "01"), ("dataset.context = 'training'", "1"), ("dataset.name IN ('data 0', 'data 1')", "01"),
        ("metrics.acc > 0.1 AND params.kind = 'odd' AND attributes.status = 'FAILED'", "5"),
    ],
)  # fmt: skip
def test_search_filter(client, searched, filter_string, found):
    names = ["alpha", "Alpha", "b_c", "b%c", "it", "zz"]
    got = client.search_runs([searched], filter_string)
    assert sorted(r.info.run_name for r in got) == sorted(names[int(i)] for i in found)


@needs("3.0", "filter on missing keys (IS NULL)")
@pytest.mark.parametrize("filter_string,count", [("tags.colour IS NULL", 1), ("tags.colour IS NOT NULL", 5), ("params.none IS NULL", 6)])
def test_search_null(client, searched, filter_string, count):
    assert len(client.search_runs([searched], filter_string)) == count


@pytest.mark.parametrize(
    "order_by,names",
    [
        (["metrics.acc DESC"], "it zz Alpha alpha b_c b%c"),
        (["metrics.acc ASC"], "alpha Alpha zz it b_c b%c"),
        (["attributes.start_time ASC"], "alpha Alpha b_c b%c it zz"),
        (["params.kind DESC", "attributes.start_time"], "Alpha b%c zz alpha b_c it"),
        ([], "zz it b%c b_c Alpha alpha"),
    ],
)
def test_search_order(client, searched, order_by, names):
    assert [r.info.run_name for r in client.search_runs([searched], order_by=order_by)] == names.split()


def test_search_pages(client, searched):
    seen, token = [], None
    while True:
        page = client.search_runs([searched], max_results=4, order_by=["metrics.acc DESC"], page_token=token)
        seen += [r.info.run_name for r in page]
        token = page.token
        if not token:
            break
    assert seen == "it zz Alpha alpha b_c b%c".split()


@pytest.mark.parametrize("bad", ["metrics.acc LIKE '1'", "params.kind > 'a'", "attributes.colour = 'x'", "params.kind = 'a' OR params.kind = 'b'", "params.kind ="])
def test_search_bad_filter(client, searched, bad):
    with pytest.raises(MlflowException) as refused:
        client.search_runs([searched], bad)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_search_as_frame(searched):
    frame = mlflow.search_runs([searched], filter_string="params.kind = 'even'", order_by=["start_time ASC"])
    assert list(frame["tags.mlflow.runName"]) == ["alpha", "b_c", "it"]
    assert frame["metrics.acc"].iloc[0] == 0.1


def test_dataset_inputs(client, experiment):
    frame = pd.DataFrame({"x": [1, 2], "y": ["a", "b"]})
    dataset = mlflow.data.from_pandas(frame, name="small", targets="y")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_input(dataset, context="training", tags={"split": "a"})
        mlflow.log_input(dataset, context="training")
    (logged,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == ("small", dataset.digest)
    assert {t.key: t.value for t in logged.tags}["mlflow.data.context"] == "training"
    assert mlflow.data.get_source(logged).__class__.__name__.endswith("Source")


def test_system_metrics(client, experiment):
    mlflow.set_system_metrics_sampling_interval(0.2)
    mlflow.set_system_metrics_samples_before_logging(1)
    try:
        with mlflow.start_run(experiment_id=experiment, log_system_metrics=True) as run:
            deadline = time.monotonic() + 30
            while "system/system_memory_usage_megabytes" not in client.get_run(run.info.run_id).data.metrics and time.monotonic() < deadline:
                time.sleep(0.2)
    finally:
        mlflow.set_system_metrics_sampling_interval(None)
        mlflow.set_system_metrics_samples_before_logging(None)
    metrics = client.get_run(run.info.run_id).data.metrics
    assert "system/system_memory_usage_megabytes" in metrics
    assert any(k.startswith("system/cpu_utilization") for k in metrics)


def test_async_logging(client, experiment):
    with mlflow.start_run(experiment_id=experiment) as run:
        for i in range(50):
            mlflow.log_metric("m", i, step=i, synchronous=False)
        mlflow.log_params({"a": 1}, synchronous=False)
        mlflow.flush_async_logging()
    assert len(client.get_metric_history(run.info.run_id, "m")) == 50
    assert client.get_run(run.info.run_id).data.params == {"a": "1"}


def test_concurrent_writers(client, experiment):
    from concurrent.futures import ThreadPoolExecutor

    run_id = client.create_run(experiment).info.run_id
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: client.log_metric(run_id, "m", i, timestamp=1000 + i, step=i), range(80)))
    assert sorted(m.step for m in client.get_metric_history(run_id, "m")) == list(range(80))


def test_log_table_and_dict(client, experiment):
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_run() as run:
        mlflow.log_dict({"a": [1, {"b": None}]}, "config/settings.json")
        mlflow.log_text("héllo", "note.txt")
        mlflow.log_table({"q": ["a", "b"], "n": [1, 2]}, "table.json")
    assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/config/settings.json") == {"a": [1, {"b": None}]}
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/note.txt") == "héllo"
    assert list(mlflow.load_table("table.json", run_ids=[run.info.run_id])["n"]) == [1, 2]


@needs("3.0", "model outputs of a run")
def test_outputs(client, experiment):
    from mlflow.entities import LoggedModelOutput

    run_id = client.create_run(experiment).info.run_id
    model = mlflow.initialize_logged_model(name="m", experiment_id=experiment, source_run_id=run_id) if hasattr(mlflow, "initialize_logged_model") else client.create_logged_model(experiment, name="m", source_run_id=run_id)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=3)])
    (output,) = client.get_run(run_id).outputs.model_outputs
    assert (output.model_id, output.step) == (model.model_id, 3)


def test_environment_picks_up_the_server(url, experiment, tmp_path):
    """What a script sees that only sets MLFLOW_TRACKING_URI."""
    import subprocess
    import sys

    script = tmp_path / "train.py"
    script.write_text("import mlflow\nwith mlflow.start_run() as r:\n    mlflow.log_metric('m', 1)\nprint(r.info.run_id)\n")
    done = subprocess.run([sys.executable, str(script)], env={**os.environ, "MLFLOW_TRACKING_URI": url, "MLFLOW_EXPERIMENT_ID": experiment}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = mlflow.search_runs([experiment])
    assert found["run_id"].iloc[0] in done.stdout
