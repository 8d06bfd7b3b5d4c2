"""Issues, workspaces, signed artifact addresses, online scoring: the smaller resources."""

I = "3.0/mlflow/issues"
W = "3.0/mlflow/workspaces"


def play(p):
    p.post(I, {"experiment_id": "$exp_t", "name": "wrong prices", "description": "the tool is out of date", "severity": "high", "categories": ["tools"], "root_causes": ["cache"], "created_by": "ann"}, save={"issue": "issue.issue_id"})
    p.post(I, {"experiment_id": "$exp_t", "name": "slow", "description": "takes long"}, label="the least it needs")
    for body in ({}, {"experiment_id": "$exp_t", "name": "x"}, {"experiment_id": "424242", "name": "x", "description": "y"}, {"experiment_id": "$exp_t", "name": "x", "description": "y", "status": "odd"}):
        p.post(I, body)
    p.get(I + "/$issue")
    p.get(I + "/!iss-" + "0" * 32, label="no such issue")
    for body in ({"status": "resolved"}, {"name": "wrong or stale prices", "severity": "low"}, {"description": "a stale cache"}, {"status": "odd"}):
        p.patch(I + "/$issue", {"issue_id": "$issue", **body}, label=str(body))
    p.patch(I + "/!iss-" + "0" * 32, {"issue_id": "iss-" + "0" * 32, "name": "x"}, label="no such issue")
    p.get(I + "/$issue", label="after the updates")
    for body in ({"experiment_id": "$exp_t"}, {"experiment_id": "$exp_t", "filter_string": "status = 'resolved'"}, {"experiment_id": "$exp_t", "filter_string": "status = 'pending'"}, {"experiment_id": "$exp_t", "filter_string": "colour = 'x'"}, {"experiment_id": "424242"}, {"experiment_id": "$exp_t", "max_results": 1}):
        p.post(I + "/search", body, unordered=("issues",))

    for path, body in (("upload", {"run_id": "$run", "path": "x.txt"}), ("upload", {}), ("download", {"run_id": "$run", "path": "deep"}), ("download", {})):
        p.post(f"2.0/mlflow/artifacts/presigned-{path}-url", body)
    p.get("2.0/mlflow-artifacts/presigned/!x")
    p.put("3.0/mlflow/scorers/online-config", {}, label="nothing")
    p.put("3.0/mlflow/scorers/online-config", {"experiment_id": "$exp", "name": "nobody", "sample_rate": 0.5}, label="no such scorer")
    p.get(W)
    p.get(W + "/!default")
    p.get(W + "/!nobody", label="no such workspace")
    p.patch(W + "/!nobody", {"workspace_name": "nobody", "description": "x"}, label="no such workspace")
    p.delete(W + "/!nobody", label="no such workspace")
    p.post(W, {"name": "second"})
