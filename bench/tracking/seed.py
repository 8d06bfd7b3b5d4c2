"""Puts runs into the SQLite database of a stock MLflow server, as its own API
would have written them: seed.py DATABASE EXPERIMENT_ID RUNS.jsonl
"""

import json
import sqlite3
import sys
import uuid

database, experiment, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
db = sqlite3.connect(database, timeout=60)
runs, metrics, params, tags = [], [], [], []
for line in open(path, encoding="utf-8"):
    run = json.loads(line)
    id = uuid.uuid4().hex
    at = run["start"] + 500
    runs.append((id, run["name"], "UNKNOWN", "", "", "", "RUNNING", run["start"], "", "active",
                 f"mlflow-artifacts:/{experiment}/{id}/artifacts", experiment))
    metrics += [(k, v, at, id, 0, False) for k, v in run["metrics"].items()]
    params += [(k, v, id) for k, v in run["params"].items()]
    tags += [(k, v, id) for k, v in run["tags"].items()]
    tags.append(("mlflow.runName", run["name"], id))
with db:
    db.executemany(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,"
        " source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", runs)
    for table in ("metrics", "latest_metrics"):
        db.executemany(f"INSERT INTO {table} (key, value, timestamp, run_uuid, step, is_nan) VALUES (?,?,?,?,?,?)", metrics)
    db.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?,?,?)", params)
    db.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?,?,?)", tags)
