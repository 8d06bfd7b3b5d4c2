"""Writes everything a tracking server or directory holds, as its own client
reads it, to a JSON file: what two sides that should be equal are compared by.

    dump.py URI FILE

Only what must differ is renamed: experiments stand by name instead of number,
and places of artifacts from the run or trace on.
"""

import hashlib
import json
import math
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

V3 = int(mlflow.__version__.split(".")[0]) >= 3
PLACE = re.compile(r"^[a-z-]+:/+.*?/((?:[0-9a-f]{32}|models/m-[0-9a-f]{32}|traces/(?:tr-)?[0-9a-f]{32})/artifacts.*)$")
BIG = 1.7976931348623157e308


def number(v: float):
    """A database keeps no infinities: the server clamps them."""
    if math.isnan(v):
        return "NaN"
    return max(-BIG, min(BIG, v))


def place(uri: str) -> str:
    found = PLACE.match(uri or "")
    return "…/" + found[1].replace("traces/tr-", "traces/") if found else uri


def files(client: MlflowClient, fetch) -> dict:
    """Size and hash of every file below an artifact root."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            root = Path(fetch(folder))
        except Exception as e:  # a run without files has no folder to fetch
            return {"unreadable": type(e).__name__} if "No such" not in str(e) else {}
        return {
            str(f.relative_to(root)): [f.stat().st_size, hashlib.sha256(f.read_bytes()).hexdigest()]
            for f in sorted(root.rglob("*"))
            if f.is_file()
        }


def has_files(client: MlflowClient, run_id: str) -> bool:
    return bool(client.list_artifacts(run_id))


def dump_run(client: MlflowClient, run, names: dict) -> dict:
    run = client.get_run(run.info.run_id)
    i = run.info
    history = {
        key: sorted([number(m.value), m.timestamp, m.step] for m in client.get_metric_history(i.run_id, key))
        if not any(math.isnan(m.value) for m in client.get_metric_history(i.run_id, key))
        else sorted(json.dumps([number(m.value), m.timestamp, m.step]) for m in client.get_metric_history(i.run_id, key))
        for key in run.data.metrics
    }
    inputs = [
        [d.dataset.name, d.dataset.digest, d.dataset.source_type, d.dataset.source, d.dataset.schema, d.dataset.profile,
         sorted([t.key, t.value] for t in d.tags)]
        for d in (run.inputs.dataset_inputs if run.inputs else [])
    ]  # fmt: skip
    out = {
        "experiment": names[i.experiment_id], "name": i.run_name, "status": i.status, "start": i.start_time, "end": i.end_time,
        "user": i.user_id, "stage": i.lifecycle_stage, "place": place(i.artifact_uri), "params": run.data.params, "tags": run.data.tags,
        "metrics": {k: number(v) for k, v in run.data.metrics.items()}, "history": history, "inputs": sorted(inputs),
    }  # fmt: skip
    if V3:
        out["models"] = [
            sorted(m.model_id for m in run.inputs.model_inputs), sorted([m.model_id, m.step] for m in run.outputs.model_outputs)
        ]  # fmt: skip
    if i.lifecycle_stage == "active" and has_files(client, i.run_id):
        out["files"] = files(client, lambda folder: client.download_artifacts(i.run_id, "", folder))
    return out


def pages(search):
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


def value(v):
    """A value of a span; tuples and keys as JSON has them."""
    return json.loads(json.dumps(v, default=str))


def dump_span(s) -> dict:
    attributes = {k: value(v) for k, v in s.attributes.items() if k != "mlflow.traceRequestId"}
    return {
        "id": s.span_id.removeprefix("0x"), "parent": (s.parent_id or "").removeprefix("0x"), "name": s.name, "type": s.span_type,
        "start": s.start_time_ns, "end": s.end_time_ns, "status": str(s.status.status_code), "message": s.status.description,
        "inputs": value(s.inputs), "outputs": value(s.outputs), "attributes": attributes,
        "events": [[e.name, e.timestamp, {k: v for k, v in e.attributes.items()}] for e in s.events],
    }  # fmt: skip


# What a server makes of the spans, or of where it keeps them.
DERIVED = {"mlflow.trace.spansLocation", "mlflow.trace.sizeStats", "mlflow.trace.sizeBytes", "mlflow.trace.infoFinalized"}


def dump_trace(t, names: dict) -> dict:
    i = t.info
    experiment = i.experiment_id
    tags = {k: place(v) if k == "mlflow.artifactLocation" else v for k, v in i.tags.items() if k not in DERIVED}
    metadata = i.trace_metadata if V3 else i.request_metadata
    out = {
        "experiment": names[experiment], "state": str(getattr(i, "state", None) or i.status), "time": i.timestamp_ms,
        "took": i.execution_time_ms, "tags": tags, "metadata": {k: v for k, v in metadata.items() if k not in DERIVED},
        "spans": sorted((dump_span(s) for s in t.data.spans), key=lambda s: s["id"]),
    }  # fmt: skip
    for key in ("mlflow.trace.tokenUsage", "mlflow.trace.cost"):
        if key in out["metadata"]:
            out["metadata"][key] = json.loads(out["metadata"][key])
    if V3:
        out["previews"] = [i.request_preview, i.response_preview, i.client_request_id]
        out["assessments"] = sorted((value(a.to_dictionary()) for a in i.assessments), key=lambda a: a["assessment_id"])
    return out


def dump_traces(client: MlflowClient, experiments: list, names: dict) -> dict:
    where = lambda e: {"locations": [e.experiment_id], "include_spans": True} if V3 else {"experiment_ids": [e.experiment_id]}  # noqa: E731
    out = {}
    for e in experiments:
        search = lambda token: client.search_traces(max_results=100, page_token=token, **where(e))  # noqa: B023
        for t in pages(search):
            out[(t.info.trace_id if V3 else t.info.request_id).removeprefix("tr-")] = dump_trace(t, names)
    return out


def dump_registry(client: MlflowClient, names: dict) -> dict:
    out = {}
    hidden = ["tags.`mlflow.prompt.is_prompt` = 'true'"] if V3 else []
    for only in [None, *hidden]:
        for m in pages(lambda token: client.search_registered_models(only, max_results=50, page_token=token)):  # noqa: B023
            tags = dict(m.tags)
            if listed := tags.get("_mlflow_experiment_ids"):
                tags["_mlflow_experiment_ids"] = sorted(names.get(n, n) for n in listed.split(",") if n)
            clause = f"name = '{m.name}'" + (f" AND {only}" if only else "")
            versions = {}
            for v in pages(lambda token: client.search_model_versions(clause, page_token=token)):  # noqa: B023
                versions[str(v.version)] = {
                    "source": place(v.source), "run": v.run_id or "", "description": v.description or "", "stage": v.current_stage,
                    "tags": v.tags, "created": v.creation_timestamp, "updated": v.last_updated_timestamp, "user": v.user_id or "",
                    "link": v.run_link or "", "status": v.status, "model": getattr(v, "model_id", None) or "",
                    # Stock searches leave aliases out, and prompts are not given this way.
                    "aliases": [] if only else sorted(client.get_model_version(m.name, v.version).aliases),
                }  # fmt: skip
            out[m.name] = {
                "description": m.description or "", "tags": tags, "aliases": {k: str(v) for k, v in m.aliases.items()},
                "created": m.creation_timestamp, "updated": m.last_updated_timestamp, "versions": versions,
            }  # fmt: skip
    return out


def dump_models(client: MlflowClient, experiments: list, names: dict) -> dict:
    out = {}
    for m in pages(lambda token: client.search_logged_models([e.experiment_id for e in experiments], max_results=50, page_token=token)):
        m = client.get_logged_model(m.model_id)
        metrics = [[p.key, p.value, p.step, p.timestamp, p.run_id, p.dataset_name, p.dataset_digest] for p in m.metrics or []]
        out[m.model_id] = {
            "experiment": names[m.experiment_id], "name": m.name, "type": m.model_type, "run": m.source_run_id, "status": str(m.status),
            "params": m.params, "tags": m.tags, "created": m.creation_timestamp, "updated": m.last_updated_timestamp,
            "metrics": sorted(map(json.dumps, metrics)), "place": place(m.artifact_location),
            "files": files(client, lambda folder: mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{m.model_id}", dst_path=folder)),  # noqa: B023
        }  # fmt: skip
    return out


def dump_datasets(names: dict) -> dict:
    from mlflow.genai.datasets import search_datasets

    out = {}
    for d in search_datasets(max_results=100):
        records = sorted((value(r.to_dict()) for r in d._mlflow_dataset.records), key=lambda r: r["dataset_record_id"])
        out[d.dataset_id] = {
            "name": d.name, "tags": d.tags, "digest": d.digest, "schema": json.loads(d.schema or "null"), "created": d.created_time,
            "updated": d.last_update_time, "by": [d.created_by, d.last_updated_by], "experiments": sorted(names[e] for e in d.experiment_ids),
            "records": records,
        }  # fmt: skip
    return out


def dump_scorers(experiments: list) -> dict:
    from mlflow.genai.scorers import list_scorers
    from mlflow.genai.scorers.registry import list_scorer_versions

    out = {}
    for e in experiments:
        if e.lifecycle_stage == "active":
            for s in list_scorers(experiment_id=e.experiment_id):
                for versioned, n in list_scorer_versions(name=s.name, experiment_id=e.experiment_id):
                    out[f"{e.name}/{s.name}/{n}"] = value(versioned.model_dump())
    return out


def dump(uri: str) -> dict:
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient()
    experiments = list(pages(lambda token: client.search_experiments(ViewType.ALL, page_token=token)))
    names = {e.experiment_id: e.name for e in experiments}
    runs = []
    for e in experiments:
        runs += pages(lambda token: client.search_runs([e.experiment_id], run_view_type=ViewType.ALL, max_results=500, page_token=token))  # noqa: B023
    with ThreadPoolExecutor(6) as pool:
        dumped = list(pool.map(lambda r: dump_run(client, r, names), runs))
    out = {
        "experiments": {e.name: {"stage": e.lifecycle_stage, "tags": e.tags, "created": e.creation_time} for e in experiments if e.name != "Default"},
        "runs": {r.info.run_id: d for r, d in zip(runs, dumped)},
        "registry": dump_registry(client, names),
        "traces": dump_traces(client, experiments, names),
    }
    if len(out["runs"]) != len(runs):
        out["runs listed twice"] = len(runs) - len(out["runs"])
    if V3 and "://" in uri and not uri.startswith("file"):
        out["logged models"] = dump_models(client, experiments, names)
        out["datasets"] = dump_datasets(names)
        out["scorers"] = dump_scorers(experiments)
    return out


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(dump(sys.argv[1]), sort_keys=True, default=str))
