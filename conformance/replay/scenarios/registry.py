"""The model registry: models, versions, stages, aliases, search; prompts ride on it."""

M = "2.0/mlflow/"


def play(p):
    R, V = M + "registered-models/", M + "model-versions/"
    p.post(R + "create", {"name": "fraud", "description": "finds it", "tags": [{"key": "team", "value": "red"}]})
    p.post(R + "create", {"name": "Churn_1", "tags": [{"key": "team", "value": "blue"}]})
    p.post(R + "create", {"name": "a%b"})
    for body in ({"name": "fraud"}, {"name": ""}, {}, {"name": "a/b"}, {"name": "a:b"}, {"name": "x" * 257}, {"name": "tagged", "tags": [{"key": "k" * 251, "value": "v"}]}, {"name": 5},
                 {"name": "twice", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}):
        p.post(R + "create", body, label=str(body)[:100])
    for name in ("fraud", "FRAUD", "nobody", ""):
        p.get(R + "get", {"name": name})
    p.patch(R + "update", {"name": "fraud", "description": "finds more of it"})
    p.patch(R + "update", {"name": "nobody", "description": "x"})
    p.patch(R + "update", {"name": "fraud"}, label="no description")
    p.post(R + "set-tag", {"name": "fraud", "key": "tier", "value": "1"})
    p.post(R + "set-tag", {"name": "fraud", "key": "tier", "value": "2"}, label="again")
    for body in ({"name": "nobody", "key": "a", "value": "b"}, {"name": "fraud", "value": "b"}, {"name": "fraud", "key": "a"}, {"name": "fraud", "key": "big", "value": "v" * 100_001}):
        p.post(R + "set-tag", body, label=str(body)[:80])
    p.delete(R + "delete-tag", {"name": "fraud", "key": "tier"})
    p.delete(R + "delete-tag", {"name": "fraud", "key": "tier"}, label="again")

    p.post(V + "create", {"name": "fraud", "source": "runs:/$run/model", "run_id": "$run", "description": "v1", "tags": [{"key": "phase", "value": "dev"}]})
    p.post(V + "create", {"name": "fraud", "source": "s3://bucket/two", "tags": [{"key": "phase", "value": "prod"}]})
    p.post(V + "create", {"name": "fraud", "source": "models:/fraud/1"})
    p.post(V + "create", {"name": "Churn_1", "source": "s3://bucket/churn"})
    p.post(V + "create", {"name": "a%b", "source": "models:/$model_a", "model_id": "$model_a"}, label="from a logged model")
    for body in ({"name": "nobody", "source": "s3://x"}, {"name": "fraud"}, {"source": "s3://x"}, {"name": "fraud", "source": ""}, {"name": "fraud", "source": "/etc/passwd"}, {"name": "fraud", "source": "file:///etc/passwd"},
                 {"name": "fraud", "source": "mlflow-artifacts:/../../x"}, {"name": "fraud", "source": "s3://a/../b"}, {"name": "fraud", "source": "models:/nobody/1"}, {"name": "fraud", "source": "runs:/$run/../x", "run_id": "$run"},
                 {"name": "fraud", "source": "s3://x", "run_id": "0" * 32}, {"name": "fraud", "source": "dbfs:/a#frag"}):
        p.post(V + "create", body)
    for body in ({"name": "fraud", "version": "1"}, {"name": "fraud", "version": "9"}, {"name": "fraud", "version": "latest"}, {"name": "fraud", "version": ""}, {"name": "fraud"}, {"name": "nobody", "version": "1"}):
        p.get(V + "get", body)
    for version in ("1", "2", "3", "9", "x"):
        p.get(V + "get-download-uri", {"name": "fraud", "version": version})
    p.patch(V + "update", {"name": "fraud", "version": "1", "description": "first"})
    p.patch(V + "update", {"name": "fraud", "version": "9", "description": "none"})
    p.post(V + "set-tag", {"name": "fraud", "version": "1", "key": "phase", "value": "test"})
    p.post(V + "set-tag", {"name": "fraud", "version": "9", "key": "phase", "value": "test"})
    p.delete(V + "delete-tag", {"name": "fraud", "version": "2", "key": "phase"})
    p.delete(V + "delete-tag", {"name": "fraud", "version": "2", "key": "phase"}, label="again")
    for body in ({"version": "1", "stage": "Staging"}, {"version": "2", "stage": "Production"}, {"version": "3", "stage": "production", "archive_existing_versions": True}, {"version": "1", "stage": "Nowhere"}, {"version": "9", "stage": "Staging"},
                 {"version": "1", "stage": "None", "archive_existing_versions": True}, {"version": "1"}, {"version": "2", "stage": "Archived"}):
        p.post(V + "transition-stage", {"name": "fraud", **body})
    for body in ({"name": "fraud"}, {"name": "fraud", "stages": ["Production"]}, {"name": "fraud", "stages": ["None", "staging"]}, {"name": "fraud", "stages": ["Nowhere"]}, {"name": "nobody"}):
        p.post(R + "get-latest-versions", body, unordered=("model_versions",))
    p.get(R + "get-latest-versions", {"name": "fraud", "stages": ["Production"]})
    for alias, version in (("champion", "1"), ("champion", "2"), ("Beta-1", "1"), ("latest", "1"), ("v3", "1"), ("", "1"), ("bad alias", "1"), ("x", "9"), ("y" * 256, "1"), ("1", "1")):
        p.post(R + "alias", {"name": "fraud", "alias": alias, "version": version}, label=f"{alias[:10]} -> {version}")
    for alias in ("champion", "CHAMPION", "nobody", ""):
        p.get(R + "alias", {"name": "fraud", "alias": alias})
    p.delete(R + "alias", {"name": "fraud", "alias": "Beta-1"})
    p.delete(R + "alias", {"name": "fraud", "alias": "Beta-1"}, label="again")
    p.delete(R + "alias", {"name": "nobody", "alias": "a"})
    p.get(R + "get", {"name": "fraud"}, label="with versions and aliases", unordered=("latest_versions",))
    search(p, R, V)

    p.post(R + "rename", {"name": "fraud", "new_name": "fraud two"})
    for body in ({"name": "fraud two", "new_name": "a%b"}, {"name": "nobody", "new_name": "x"}, {"name": "fraud two"}, {"name": "fraud two", "new_name": "a/b"}):
        p.post(R + "rename", body)
    p.get(V + "get", {"name": "fraud two", "version": "1"}, label="after the rename")
    p.get(R + "alias", {"name": "fraud two", "alias": "champion"}, label="after the rename")
    p.delete(V + "delete", {"name": "fraud two", "version": "2"})
    p.delete(V + "delete", {"name": "fraud two", "version": "2"}, label="again")
    p.get(R + "alias", {"name": "fraud two", "alias": "champion"}, label="its version is deleted")
    p.post(V + "create", {"name": "fraud two", "source": "s3://bucket/four"}, label="after a deletion")
    p.delete(R + "delete", {"name": "fraud two"})
    p.delete(R + "delete", {"name": "fraud two"}, label="again")
    p.get(V + "get", {"name": "fraud two", "version": "1"}, label="its model is deleted")


def search(p, R, V):
    for text in ("", "name = 'fraud'", "name != 'fraud'", "name LIKE 'fr%'", "name LIKE 'FR%'", "name ILIKE 'FR%'", "name LIKE 'a\\%b'", "name LIKE '%'", "attribute.name = 'fraud'", "tags.team = 'red'", "tags.team != 'red'", "tags.team LIKE 'r%'", "tags.team ILIKE 'R%'",
                 "tags.`team` = 'blue'", "name = 'fraud' AND tags.team = 'red'", "name = 'fraud' AND tags.team = 'blue'", "name IN ('fraud')", "name > 'a'", "tags.team IS NULL", "colour = 'x'", "name = fraud", "name = 'fraud' OR name = 'x'", "name =", "version_number = 1"):
        p.get(R + "search", {"filter": text, "max_results": 50}, unordered=("latest_versions",))
    for order in (["name"], ["name DESC"], ["last_updated_timestamp DESC"], ["timestamp DESC"], ["name", "name"], ["colour"], ["creation_timestamp"], ["name SIDEWAYS"]):
        p.get(R + "search", {"order_by": order, "max_results": 50}, unordered=("latest_versions",) + (("registered_models",) if "name" not in order[0] else ()))
    for count in (0, 1, -1, 1000, 1001):
        p.get(R + "search", {"max_results": count}, unordered=("latest_versions",))
    p.get(R + "search", {"max_results": 2}, save={"page_reg": "next_page_token"}, label="page 1", unordered=("latest_versions",))
    p.get(R + "search", {"max_results": 2, "page_token": "$page_reg"}, label="page 2", unordered=("latest_versions",))
    p.get(R + "search", {"page_token": "garbage"}, label="garbage token")
    for text in ("", "name = 'fraud'", "name != 'fraud'", "name LIKE 'fr%'", "name ILIKE 'FR%'", "name IN ('fraud')", "version_number = 1", "version_number != 1", "version_number > 1", "version_number >= 2", "version_number < 3", "version_number <= 1", "run_id = '$run'", "run_id != '$run'", "run_id IN ('$run')", "run_id IN ('$run', '$run_child')",
                 "run_id NOT IN ('$run')", "run_id LIKE '%'", "source_path = 's3://bucket/two'", "source_path LIKE 's3:%'", "source_path ILIKE 'S3:%'", "source_path != 's3://bucket/two'", "tags.phase = 'test'", "tags.phase != 'test'", "tags.phase LIKE 't%'", "tags.phase ILIKE 'T%'", "name = 'fraud' AND version_number = 2", "name = 'fraud' AND tags.phase = 'test'",
                 "version_number = '1'", "version_number LIKE '1'", "version = 1", "colour = 'x'", "name = 'fraud' OR run_id = 'x'", "source = 'x'", "current_stage = 'Production'", "name >", "tags.phase IN ('test')", "tags.phase IS NULL", "run_id IN (1)", "run_id IN ()"):
        p.get(V + "search", {"filter": text, "max_results": 50, "order_by": ["name", "version_number"]})
    for order in (["name ASC"], ["name DESC", "version_number DESC"], ["version_number", "name"], ["creation_timestamp DESC"], ["last_updated_timestamp"], ["colour"], ["version_number SIDEWAYS"]):
        p.get(V + "search", {"filter": "name = 'fraud'", "order_by": order})
    for count in (0, 1, -1, 200_000, 200_001):
        p.get(V + "search", {"max_results": count, "order_by": ["name", "version_number"]})
    p.get(V + "search", {"max_results": 2, "order_by": ["name", "version_number"]}, save={"page_ver": "next_page_token"}, label="page 1")
    p.get(V + "search", {"max_results": 2, "order_by": ["name", "version_number"], "page_token": "$page_ver"}, label="page 2")


def prompts(p):
    """The registry's calls as the prompt client makes them."""
    R, V = M + "registered-models/", M + "model-versions/"
    is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    p.post(R + "create", {"name": "greeting", "tags": [is_prompt, {"key": "_mlflow_prompt_type", "value": "text"}]})
    for i, text in enumerate(("Hello {{name}}", "Good day {{ name }}")):
        p.post(V + "create", {"name": "greeting", "source": "dummy-source", "description": f"commit {i}", "tags": [is_prompt, {"key": "mlflow.prompt.text", "value": text}, {"key": "task", "value": "greet"}]})
    p.post(V + "create", {"name": "greeting", "source": "dummy-source"}, label="a plain version under a prompt")
    p.post(R + "alias", {"name": "greeting", "alias": "Production", "version": "2"})
    p.get(R + "alias", {"name": "greeting", "alias": "Production"})
    p.get(R + "get", {"name": "greeting"}, unordered=("latest_versions",))
    p.get(V + "get", {"name": "greeting", "version": "1"})
    for text in ("", "tags.`mlflow.prompt.is_prompt` = 'true'", "tags.`mlflow.prompt.is_prompt` != 'true'", "tags.`mlflow.prompt.is_prompt` = 'true' AND name ILIKE '%greet%'", "name = 'greeting'", "tags.`_mlflow_prompt_type` = 'text'",
                 "tags.`mlflow.prompt.is_prompt` = 'false'", "tags.`mlflow.prompt.is_prompt` LIKE 'true'"):
        p.get(R + "search", {"filter": text, "max_results": 50}, unordered=("latest_versions",), label="prompts: " + text)
        p.get(V + "search", {"filter": text, "max_results": 50, "order_by": ["name", "version_number"]}, label="prompts: " + text)
    p.post(V + "set-tag", {"name": "greeting", "version": "1", "key": "mlflow.prompt.text", "value": "changed"}, label="a prompt's text")
    p.post(V + "transition-stage", {"name": "greeting", "version": "1", "stage": "Production"}, label="a prompt")
    p.post(M + "traces/link-prompts", {"trace_id": "tr-" + "0" * 32, "prompt_versions": [{"name": "greeting", "version": "1"}]}, label="no such trace")
    p.delete(V + "delete", {"name": "greeting", "version": "1"}, label="a prompt version")
    p.delete(R + "delete", {"name": "greeting"}, label="a prompt")
