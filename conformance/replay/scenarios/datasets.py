"""Evaluation datasets and scorers."""

import json

D = "3.0/mlflow/datasets"
S = "3.0/mlflow/scorers/"


def play(p):
    p.post(D + "/create", {"name": "golden", "experiment_ids": ["$exp"], "tags": json.dumps({"team": "red"})}, save={"data_a": "dataset.dataset_id"})
    p.post(D + "/create", {"name": "Golden 2", "tags": json.dumps({"team": "blue"})}, save={"data_b": "dataset.dataset_id"})
    p.post(D + "/create", {"name": "third", "experiment_ids": ["$exp", "$exp_b"]}, save={"data_c": "dataset.dataset_id"})
    p.post(D + "/create", {"name": "golden"}, save={"data_twin": "dataset.dataset_id"}, label="a name twice")
    p.delete(f"{D}/$data_twin", label="the twin")
    for body in ({}, {"name": ""}, {"name": "x", "tags": "not json"}, {"name": "z", "experiment_ids": "no list"}):
        p.post(D + "/create", body)
    for path in ("$data_a", "!d-" + "0" * 32, "!odd"):
        p.get(f"{D}/{path}")
    records = [{"inputs": {"q": f"question {i}"}, "expectations": {"answer": i}, "tags": {"n": str(i)}} for i in range(4)]
    p.post(f"{D}/$data_a/records", {"records": json.dumps(records)})
    p.post(f"{D}/$data_a/records", {"records": json.dumps(records[:2] + [{"inputs": {"q": "new"}, "outputs": {"a": 1}}])}, label="two known, one new")
    p.post(f"{D}/$data_a/records", {"records": json.dumps([{"inputs": {"q": "question 0"}, "expectations": {"more": 2}, "tags": {"x": "y"}}])}, label="merging into a known one")
    p.post(f"{D}/$data_b/records", {"records": json.dumps([{"inputs": {"q": "from a trace"}, "source": {"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}}}])}, label="with a source")
    for body in ({"records": "not json"}, {}, {"records": "{}"}, {"records": "[]"}, {"records": json.dumps([{"expectations": {}}])}):
        p.post(f"{D}/$data_a/records", body)
    p.post(f"{D}/!d-{'0' * 32}/records", {"records": json.dumps(records)}, label="no such dataset")
    p.get(f"{D}/$data_a/records", unordered=("records",), save={"record": "records"})
    p.get(f"{D}/$data_b/records")
    p.get(f"{D}/$data_b/records", {"max_results": 1}, label="a page")
    p.get(f"{D}/$data_c/records", label="none")
    p.get(f"{D}/!d-{'0' * 32}/records", label="no such dataset")
    p.delete(f"{D}/$data_a/records", {"dataset_record_ids": ["dr-nobody"]}, label="no such record")
    p.delete(f"{D}/$data_a/records", {}, label="no ids")
    p.patch(f"{D}/$data_a/tags", {"tags": json.dumps({"stage": "one", "team": "green"})})
    p.patch(f"{D}/$data_a/tags", {"tags": "not json"}, label="not JSON")
    p.patch(f"{D}/!d-{'0' * 32}/tags", {"tags": "{}"}, label="no such dataset")
    p.delete(f"{D}/$data_a/tags/!stage")
    p.delete(f"{D}/$data_a/tags/!stage", label="again")
    p.get(f"{D}/$data_a", label="after tags and records")
    p.post(f"{D}/$data_b/add-experiments", {"experiment_ids": ["$exp", "$exp_b"]})
    p.post(f"{D}/$data_b/add-experiments", {"experiment_ids": ["$exp"]}, label="again")
    p.post(f"{D}/$data_b/add-experiments", {"experiment_ids": ["424242"]}, label="no such experiment")
    p.get(f"{D}/$data_b/experiment-ids")
    p.post(f"{D}/$data_b/remove-experiments", {"experiment_ids": ["$exp_b"]})
    p.post(f"{D}/$data_b/remove-experiments", {"experiment_ids": ["$exp_b"]}, label="again")
    p.get(f"{D}/!d-{'0' * 32}/experiment-ids", label="no such dataset")
    search(p)
    p.post(D + "/create", {"name": "y", "experiment_ids": ["424242"]}, label="no such experiment")
    p.delete(f"{D}/$data_c")
    p.delete(f"{D}/$data_c", label="again")
    p.get(f"{D}/$data_c", label="deleted")


def search(p):
    for text in ("", "name = 'golden'", "name != 'golden'", "name LIKE 'g%'", "name LIKE 'G%'", "name ILIKE 'G%'", "tags.team = 'green'", "tags.team != 'green'", "tags.team LIKE 'g%'", "tags.team ILIKE 'G%'", "created_time > 0", "created_time <= 5", "last_update_time > 0", "last_update_time != 5", "name = 'golden' AND tags.team = 'green'", "created_by = 'x'", "created_by != 'x'", "last_updated_by LIKE '%'",
                 "name IN ('golden')", "name > 'a'", "colour = 'x'", "tags.team IS NULL", "name = golden", "name = 'golden' OR name = 'third'", "created_time LIKE '5'", "attributes.name = 'golden'"):
        p.post(D + "/search", {"filter_string": text, "order_by": ["name"]})
    for order in (["name"], ["name DESC"], ["created_time"], ["last_update_time DESC"], ["colour"], ["name", "name"]):
        p.post(D + "/search", {"order_by": order})
    for ids in (["$exp"], ["$exp_b"], ["424242"], []):
        p.post(D + "/search", {"experiment_ids": ids, "order_by": ["name"]})
    p.get(D + "/search", {"filter_string": "name = 'golden'"}, label="by GET")
    p.post(D + "/search", {"max_results": 2, "order_by": ["name"]}, save={"page_data": "next_page_token"}, label="page 1")
    p.post(D + "/search", {"max_results": 2, "order_by": ["name"], "page_token": "$page_data"}, label="page 2")
    for count in (0, -1, 1000, 1001):
        p.post(D + "/search", {"max_results": count, "order_by": ["name"]})


def scorers(p):
    serialized = json.dumps({"name": "tone", "mlflow_version": "3.17.2", "serialization_version": 1, "instructions_judge_pydantic_data": {"instructions": "Is {{ outputs }} polite?", "model": "openai:/gpt-4o"}})
    p.post(S + "register", {"experiment_id": "$exp", "name": "tone", "serialized_scorer": serialized})
    p.post(S + "register", {"experiment_id": "$exp", "name": "tone", "serialized_scorer": serialized}, label="a second version")
    p.post(S + "register", {"experiment_id": "$exp", "name": "length", "serialized_scorer": serialized}, label="another name")
    for body in ({"experiment_id": "424242", "name": "x", "serialized_scorer": serialized}, {"experiment_id": "$exp", "name": "x"}, {"experiment_id": "$exp", "serialized_scorer": serialized}, {"experiment_id": "$exp", "name": "x", "serialized_scorer": "not json"}, {"experiment_id": "$exp", "name": "", "serialized_scorer": serialized},
                 {"experiment_id": "$exp", "name": "code", "serialized_scorer": json.dumps({"name": "code", "call_source": "return 1", "call_signature": "()", "original_func_name": "f"})}):
        p.post(S + "register", body, label=str(body)[:100])
    p.get(S + "list", {"experiment_id": "$exp"}, unordered=("scorers",))
    p.get(S + "list", {"experiment_id": "424242"}, label="no such experiment")
    p.get(S + "list", label="no experiment")
    for name in ("tone", "nobody"):
        p.get(S + "versions", {"experiment_id": "$exp", "name": name}, unordered=("scorers",))
        p.get(S + "get", {"experiment_id": "$exp", "name": name})
    for version in (1, 2, 9):
        p.get(S + "get", {"experiment_id": "$exp", "name": "tone", "version": version})
    p.delete(S + "delete", {"experiment_id": "$exp", "name": "tone", "version": 1})
    p.delete(S + "delete", {"experiment_id": "$exp", "name": "tone", "version": 1}, label="again")
    p.get(S + "versions", {"experiment_id": "$exp", "name": "tone"}, label="after deleting one", unordered=("scorers",))
    p.delete(S + "delete", {"experiment_id": "$exp", "name": "tone"}, label="all versions")
    p.delete(S + "delete", {"experiment_id": "$exp", "name": "nobody"}, label="no such scorer")
    p.get(S + "list", {"experiment_id": "$exp"}, label="after deleting", unordered=("scorers",))
    p.get(S + "online-configs", {"scorer_ids": "nobody"}, label="no such scorer")
    p.get(S + "online-configs", label="no ids")
