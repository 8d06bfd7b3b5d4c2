"""Experiments: lifecycle, tags, search with every operator."""

M = "2.0/mlflow/"


def play(p):
    p.get("/health")
    p.get(M + "experiments/get", {"experiment_id": "0"}, label="the default experiment")
    p.post(M + "experiments/create", {"name": "alpha", "tags": [{"key": "team", "value": "red"}]}, save={"exp": "experiment_id"})
    p.post(M + "experiments/create", {"name": "Beta_1", "tags": [{"key": "team", "value": "blue"}, {"key": "x y", "value": "%"}]}, save={"exp_b": "experiment_id"})
    p.post(M + "experiments/create", {"name": "gamma%ray"}, save={"exp_c": "experiment_id"})
    p.post(M + "experiments/create", {"name": "elsewhere", "artifact_location": "s3://bucket/some/prefix"}, save={"exp_d": "experiment_id"})
    for body in (
        {"name": "alpha"}, {"name": ""}, {}, {"name": None}, {"name": 7}, {"name": "x" * 501}, {"name": "y" * 500},
        {"name": "bad location", "artifact_location": "mlflow-artifacts:/x?y=1#frag"},
        {"name": "bad tag", "tags": [{"key": "k" * 251, "value": "v"}]},
        {"name": "bad tag value", "tags": [{"key": "k", "value": "v" * 5001}]},
        {"name": "bad tags", "tags": "no list"},
        {"name": "unknown field", "surprise": True},
    ):  # fmt: skip
        p.post(M + "experiments/create", body)
    p.post(M + "experiments/create", raw=b"{not json", headers={"Content-Type": "application/json"}, label="torn body")
    p.post(M + "experiments/create", raw=b"", headers={"Content-Type": "application/json"}, label="empty body")
    p.post(M + "experiments/create", raw=b"[1]", headers={"Content-Type": "application/json"}, label="not an object")
    for wanted in ("$exp", "$exp_b", "$exp_d", "999999", "not-a-number", ""):
        p.get(M + "experiments/get", {"experiment_id": wanted})
    p.get(M + "experiments/get", label="no id")
    for name in ("alpha", "ALPHA", "nobody", ""):
        p.get(M + "experiments/get-by-name", {"experiment_name": name})

    p.post(M + "experiments/set-experiment-tag", {"experiment_id": "$exp", "key": "stage", "value": "one"})
    p.post(M + "experiments/set-experiment-tag", {"experiment_id": "$exp", "key": "stage", "value": "two"}, label="again")
    for body in (
        {"experiment_id": "999999", "key": "k", "value": "v"}, {"experiment_id": "$exp", "value": "v"},
        {"experiment_id": "$exp", "key": "k"}, {"experiment_id": "$exp", "key": "", "value": "v"},
        {"experiment_id": "$exp", "key": "a/../b", "value": "v"}, {"experiment_id": "$exp", "key": "long", "value": "v" * 5001},
    ):  # fmt: skip
        p.post(M + "experiments/set-experiment-tag", body)
    p.post(M + "experiments/delete-experiment-tag", {"experiment_id": "$exp", "key": "stage"})
    p.post(M + "experiments/delete-experiment-tag", {"experiment_id": "$exp", "key": "stage"}, label="again")
    p.post(M + "experiments/update", {"experiment_id": "$exp_b", "new_name": "beta_2"})
    for body in ({"experiment_id": "$exp_b", "new_name": "alpha"}, {"experiment_id": "$exp_b", "new_name": ""}, {"experiment_id": "$exp_b"}, {"experiment_id": "424242", "new_name": "zeta"}):
        p.post(M + "experiments/update", body)
    p.get(M + "experiments/get", {"experiment_id": "$exp_b"}, label="after the updates")

    p.post(M + "experiments/delete", {"experiment_id": "$exp_c"})
    p.post(M + "experiments/delete", {"experiment_id": "$exp_c"}, label="again")
    p.post(M + "experiments/delete", {"experiment_id": "424242"})
    p.post(M + "experiments/update", {"experiment_id": "$exp_c", "new_name": "gone"}, label="rename a deleted one")
    p.post(M + "experiments/create", {"name": "gamma%ray"}, label="the name of a deleted one")
    p.get(M + "experiments/get", {"experiment_id": "$exp_c"}, label="deleted")
    p.get(M + "experiments/get-by-name", {"experiment_name": "gamma%ray"}, label="deleted")
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", "SIDEWAYS"):
        p.post(M + "experiments/search", {"max_results": 100, "view_type": view, "order_by": ["name ASC"]}, label=view)
    p.post(M + "experiments/restore", {"experiment_id": "$exp_c"})
    p.post(M + "experiments/restore", {"experiment_id": "$exp_c"}, label="again")
    p.post(M + "experiments/restore", {"experiment_id": "424242"})
    search(p)


def search(p):
    filters = [
        "", "name = 'alpha'", "name != 'alpha'", "name = 'ALPHA'", "name LIKE 'al%'", "name LIKE 'AL%'", "name ILIKE 'AL%'",
        "name LIKE '%\\%%'", "name LIKE '_eta__'", "attribute.name = 'alpha'", "attributes.name ILIKE '%A'",
        "tags.team = 'red'", "tags.team != 'red'", "tags.team LIKE 'r%'", "tags.team ILIKE 'R%'", "tag.team = 'blue'",
        "tags.`x y` = '%'", 'tags."x y" = "%"', "tags.team IS NULL", "tags.team IS NOT NULL", "name = 'alpha' AND tags.team = 'red'",
        "name LIKE '%a%' and name != 'alpha'", "creation_time > 0", "creation_time >= 0", "creation_time < 99999999999999", "creation_time = 5",
        "last_update_time > 0", "last_update_time <= 99999999999999", "creation_time != 5",
        # refused
        "name IN ('alpha')", "name > 'alpha'", "creation_time LIKE '5'", "creation_time = 'abc'", "colour = 'red'",
        "name = alpha", "name = 'alpha' OR name = 'beta_2'", "(name = 'alpha')", "name =", "name", "= 'alpha'", "name = 'alpha' AND",
        "metrics.x > 1", "name = 'alpha", "tags.team = 5", "name == 'alpha'", ";", "name = 'a'; DROP TABLE experiments",
        "name = 'naïve café'", "name LIKE '%日本%'",
    ]  # fmt: skip
    for text in filters:
        p.post(M + "experiments/search", {"max_results": 50, "filter": text, "order_by": ["name ASC"]})
    for order in (["name"], ["name DESC"], ["name asc"], ["creation_time ASC"], ["experiment_id DESC"], ["last_update_time DESC", "name"],
                  ["name", "name"], ["name SIDEWAYS"], ["colour"], ["tags.team"], [""]):
        p.post(M + "experiments/search", {"max_results": 50, "order_by": order})
    for count in (0, 1, -1, 50000, 50001, None, "7", "many"):
        p.post(M + "experiments/search", {"max_results": count, "order_by": ["name"]}, label=f"max_results {count!r}")
    page(p, M + "experiments/search", "experiments", {"max_results": 2, "order_by": ["name"]})
    p.post(M + "experiments/search", {"max_results": 2, "page_token": "garbage"}, label="garbage page token")
    p.get(M + "experiments/search", {"max_results": 2, "filter": "name = 'alpha'"}, label="by GET")


def page(p, path, noun, body):
    """Walks four pages; the token of each side is its own."""
    first = p.post(path, body, label=f"{noun}, page 1", save={f"page_{noun}": "next_page_token"})
    for number in range(2, 5):
        if any("next_page_token" not in (a.body if isinstance(a.body, dict) else {}) for a in first):
            return
        first = p.post(path, {**body, "page_token": f"$page_{noun}"}, label=f"{noun}, page {number}", save={f"page_{noun}": "next_page_token"})
