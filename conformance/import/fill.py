"""Fills a tracking server, or a directory, with one of everything and many of
most, through its own client. Works with the 2.20 client and the newest one.

    fill.py URI [--runs N] [--traces N] [--big MIB]
"""

import argparse
import math
import os
import random
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

V3 = int(mlflow.__version__.split(".")[0]) >= 3
WORDS = "amber bold calm deft eager frank grand hardy keen lucid mild noble plain quick robust sober tidy vivid wise".split()


def metrics(rng: random.Random, run: int) -> list[Metric]:
    """Some curves; among them what JSON has no number for."""
    points = [Metric("loss", 1 / (step + 1) + rng.random() / 10, 1_700_000_000_000 + step * 1000 + run, step) for step in range(20)]
    points += [Metric("val/acc", rng.random(), 1_700_000_000_000 + step * 977, step) for step in range(0, 20, 5)]
    if run % 7 == 0:
        points.append(Metric("odd", math.nan, 1_700_000_000_500, 0))
    if run % 11 == 0:
        points += [Metric("odd", math.inf, 1_700_000_000_600, 1), Metric("odd", -math.inf, 1_700_000_000_700, 2)]
    if run % 13 == 0:  # a later step that was logged before an earlier one
        points += [Metric("late", 2.0, 1_700_000_009_000, 9), Metric("late", 1.0, 1_700_000_010_000, 3)]
    return points


def artifacts(run: int, folder: Path, big: int) -> bool:
    """Files of a run; most have none."""
    if run % 5:
        return False
    (folder / "notes.txt").write_text(f"run {run}\n" * (run % 50 + 1))
    (folder / "empty.bin").write_bytes(b"")
    deep = folder / "plots" / "räume und レポート"
    deep.mkdir(parents=True)
    (deep / "größe 100%.json").write_text('{"rün": %d}' % run)
    (deep / "data 1+2.bin").write_bytes(random.Random(run).randbytes(20_000 + run))
    if run == 0 and big:
        (folder / "weights.bin").write_bytes(random.Random(1).randbytes(big << 20))
    return True


def fill_run(client: MlflowClient, experiments: list[str], run: int, parents: list[str], big: int, offset: int) -> str:
    rng = random.Random(run)
    experiment = experiments[run % len(experiments)]
    tags = {"team": WORDS[run % len(WORDS)], "note": "mit Umlauten: äöü 評価"}
    if parents and run % 10 == 3 and experiment == experiments[0]:
        tags["mlflow.parentRunId"] = parents[0]
    name = f"{WORDS[run % len(WORDS)]}-{run}"
    made = client.create_run(experiment, start_time=1_700_000_000_000 + offset + run * 60_000, tags=tags, run_name=name)
    run_id = made.info.run_id
    client.log_batch(
        run_id,
        metrics(rng, run),
        [Param("lr", str(rng.random())), Param("model/name", rng.choice(WORDS)), Param("empty-ish", "x" * (run % 400 + 1))],
        [RunTag("late tag", str(run))],
    )
    with tempfile.TemporaryDirectory() as folder:
        if artifacts(run, Path(folder), big):
            client.log_artifacts(run_id, folder)
    if run % 6 == 0:
        dataset = mlflow.data.from_numpy(__import__("numpy").arange(4 + run % 3), name=f"numbers-{run % 3}")
        from mlflow.entities import DatasetInput, InputTag

        client.log_inputs(run_id, [DatasetInput(dataset._to_mlflow_entity(), [InputTag("mlflow.data.context", "training")])])
    if run % 17 != 5:  # some are still running
        client.set_terminated(run_id, ["FINISHED", "FAILED", "KILLED"][run % 3], 1_700_000_000_000 + offset + run * 60_000 + 5000)
    return run_id


def fill_models(client: MlflowClient, runs: list[str], uri_of) -> None:
    """Registered models with gaps in their numbers, aliases, stages and tags."""
    for name in ["credit scorer", "segmenter-ä"]:
        client.create_registered_model(name, {"owner": "risk", "ünï": "✓"}, f"What {name} does\n\nlong text")
        for n, run in enumerate(runs[:5]):
            v = client.create_model_version(name, uri_of(run), run, {"n": str(n)}, description=f"version {n + 1}" if n % 2 else None)
            client.set_model_version_tag(name, v.version, "checked", "yes")
        client.delete_model_version(name, "3")
        client.delete_model_version(name, "5")  # the highest number is not given again
        client.set_registered_model_alias(name, "champion", "2")
        client.set_registered_model_alias(name, "challenger", "4")
        client.transition_model_version_stage(name, "1", "Production")
    client.create_registered_model("without versions")


def fill_logged_models(client: MlflowClient, experiment: str) -> None:
    mlflow.set_experiment(experiment_id=experiment)
    for n in range(4):
        model = mlflow.initialize_logged_model(name=f"logged-{n}", model_type="agent", params={"depth": str(n)}, tags={"k": "v"})
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "MLmodel").write_text(f"model_uuid: {n}\n")
            Path(folder, "part").mkdir()
            Path(folder, "part", "weights.bin").write_bytes(random.Random(n).randbytes(4096))
            client.log_model_artifacts(model.model_id, folder)
        client.finalize_logged_model(model.model_id, "READY" if n else "FAILED")
        with mlflow.start_run(run_name=f"evaluates-{n}"):
            mlflow.log_metric("quality", 0.5 + n / 10, step=1, model_id=model.model_id)
        if n == 1:
            client.create_registered_model("from logged model")
            client.create_model_version("from logged model", f"models:/{model.model_id}", model_id=model.model_id)


def fill_prompts() -> None:
    for name in ["summarise", "classify"]:
        for n in range(3):
            mlflow.genai.register_prompt(name, f"Version {n}: {{{{text}}}} 要約", commit_message=f"change {n}", tags={"lang": "en"})
        mlflow.genai.set_prompt_alias(name, "production", 2)
    mlflow.genai.register_prompt("chat", [{"role": "system", "content": "Be {{style}}"}, {"role": "user", "content": "{{q}}"}])


def fill_trace(n: int) -> str:
    @mlflow.trace(name=f"agent-{n % 4}", span_type="AGENT")
    def agent(question: str, history: list):
        with mlflow.start_span("retrieve", span_type="RETRIEVER") as span:
            span.set_inputs({"query": question, "k": 3, "nested": {"a": [1, 2.5, None, True]}})
            span.set_outputs([{"page_content": "text " * (n % 20), "metadata": {"doc_uri": f"doc-{n}"}}])
            span.set_attribute("looks like json", "[1, 2]")
            span.set_attribute("score", 0.25)
        with mlflow.start_span("model", span_type="CHAT_MODEL") as span:
            span.set_inputs({"messages": [{"role": "user", "content": question}]})
            span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 10 + n, "output_tokens": 5, "total_tokens": 15 + n})
            from mlflow.entities import SpanEvent

            span.add_event(SpanEvent("cut", attributes={"reason": "length"}))
            if n % 25 == 24:
                raise ValueError(f"no answer to {question}")
            span.set_outputs({"choices": [{"message": {"content": f"answer {n} ✓"}}]})
        if V3:
            mlflow.update_current_trace(
                tags={"kind": "test", "ünï": "✓"}, metadata={"mlflow.trace.session": f"session-{n % 50}", "mlflow.trace.user": f"user-{n % 9}"}
            )
        else:
            mlflow.update_current_trace(tags={"kind": "test"})
        return f"answer {n}"

    try:
        agent(f"question {n}?", [{"turn": i} for i in range(3)])
    except ValueError:
        pass
    return mlflow.get_last_active_trace_id(thread_local=True) if V3 else mlflow.get_last_active_trace().info.request_id


def assess(trace_id: str, n: int) -> None:
    from mlflow.entities import AssessmentError, AssessmentSource

    human = AssessmentSource(source_type="HUMAN", source_id="ana@example.org")
    judge = AssessmentSource(source_type="LLM_JUDGE", source_id="judge-1")
    mlflow.log_feedback(trace_id=trace_id, name="correct", value=n % 2 == 0, rationale="weil", source=human, metadata={"k": "v"})
    mlflow.log_feedback(trace_id=trace_id, name="grade", value=n / 7, source=judge)
    mlflow.log_expectation(trace_id=trace_id, name="facts", value={"list": ["a", n], "deep": {"x": None}}, source=human)
    if n % 4 == 0:
        first = mlflow.log_feedback(trace_id=trace_id, name="tone", value="rude", source=judge)
        mlflow.override_feedback(trace_id=trace_id, assessment_id=first.assessment_id, value="fine", rationale="no", source=human)
    if n % 10 == 0:
        error = AssessmentError(error_code="RATE_LIMIT", error_message="slow down")
        mlflow.log_feedback(trace_id=trace_id, name="failed", error=error, source=judge)


def fill_evaluation(experiments: list[str]) -> None:
    from mlflow.genai.datasets import create_dataset

    for n in range(2):
        dataset = create_dataset(name=f"golden-{n}", experiment_id=experiments[: n + 1], tags={"owner": "qa"})
        dataset.merge_records(
            [{"inputs": {"q": f"question {i}", "k": i}, "expectations": {"answer": f"a{i}"}, "tags": {"t": "1"}} for i in range(30)]
        )
    from mlflow.genai.judges import make_judge

    for text in ["Is {{ outputs }} right?", "Is {{ outputs }} right and kind?"]:
        make_judge(name="kindness", instructions=text, model="openai:/gpt-4.1-mini").register(experiment_id=experiments[0])


def fill(uri: str, runs: int, traces: int, big: int, offset: int = 0, threads: int = 6) -> None:
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient()
    suffix = f"-{offset}" if offset else ""
    experiments = [client.create_experiment(f"fraud{suffix}", tags={"purpose": "täglich"}), client.create_experiment(f"churn{suffix}"), "0"]
    gone = client.create_experiment(f"abandoned{suffix}")
    first = fill_run(client, experiments, 0, [], big, offset)
    with ThreadPoolExecutor(threads) as pool:
        rest = list(pool.map(lambda n: fill_run(client, experiments, n, [first], 0, offset), range(1, runs)))
        list(pool.map(client.delete_run, rest[9::23]))
    for n in range(3):
        client.create_run(gone, tags={"n": str(n)})
    if not offset:
        alive = [r for n, r in enumerate(rest) if n % 23 != 9]
        fill_models(client, alive, lambda run: client.get_run(run).info.artifact_uri + "/model")
        if V3:
            fill_logged_models(client, experiments[0])
            fill_prompts()
            fill_evaluation(experiments)
    mlflow.set_experiment(experiment_id=experiments[0])
    with ThreadPoolExecutor(threads if V3 else 1) as pool:  # the older client knows the last trace of the process only
        ids = list(pool.map(fill_trace, range(traces)))
    if V3:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda p: assess(p[1], p[0]), list(enumerate(ids))[:: max(1, traces // 100)]))
    client.delete_experiment(gone)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("uri")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--traces", type=int, default=40)
    parser.add_argument("--big", type=int, default=3)
    parser.add_argument("--offset", type=int, default=0)
    a = parser.parse_args()
    fill(a.uri, a.runs, a.traces, a.big, a.offset)
