"""What the client depends on below its own API: status codes, headers, errors."""

import pytest
import requests

JSON = {"Content-Type": "application/json"}


def test_health_and_version(url):
    assert requests.get(url + "/health").text == "OK"
    # From 3.4 on the client sends spans to the server and not to artifacts.
    version = requests.get(url + "/version").text
    assert tuple(int(p) for p in version.split(".")[:2]) >= (3, 4)


@pytest.mark.parametrize("prefix", ["api", "ajax-api"])
def test_both_prefixes(url, prefix):
    got = requests.get(f"{url}/{prefix}/2.0/mlflow/experiments/get", {"experiment_id": "0"})
    assert got.json()["experiment"]["experiment_id"] == "0"


@pytest.mark.parametrize("method,path", [("GET", "/api/2.0/mlflow/nonsense"), ("POST", "/api/3.0/mlflow/nonsense"), ("GET", "/api/2.0/mlflow/runs/search"), ("DELETE", "/api/2.0/mlflow/runs/get"), ("GET", "/api/4.0/mlflow/traces/x")])
def test_unknown_routes(url, method, path):
    """RESOURCE_DOES_NOT_EXIST here would stop the client's fallback to older calls."""
    got = requests.request(method, url + path, json={} if method == "POST" else None)
    assert got.status_code in (404, 405)
    assert "RESOURCE_DOES_NOT_EXIST" not in got.text


@pytest.mark.parametrize(
    "path,body,status,code",
    [
        ("experiments/create", b"{", 400, "INVALID_PARAMETER_VALUE"),
        ("experiments/create", b"{}", 400, "INVALID_PARAMETER_VALUE"),
        ("experiments/create", b'{"name": 7}', 400, "INVALID_PARAMETER_VALUE"),
        ("runs/log-batch", b'{"run_id": "x", "metrics": "no"}', 400, "INVALID_PARAMETER_VALUE"),
        ("runs/search", b'{"max_results": "many"}', 400, "INVALID_PARAMETER_VALUE"),
        ("runs/delete", b'{"run_id": "00000000000000000000000000000000"}', 404, "RESOURCE_DOES_NOT_EXIST"),
        ("registered-models/create", b'{"name": ""}', 400, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_errors(url, path, body, status, code):
    got = requests.post(f"{url}/api/2.0/mlflow/{path}", data=body, headers=JSON)
    assert (got.status_code, got.json()["error_code"]) == (status, code)
    assert got.json()["message"]


def test_integers_are_json_numbers(url, run_id, client):
    client.log_metric(run_id, "m", 1, timestamp=1_700_000_000_123, step=7)
    metric = requests.get(f"{url}/api/2.0/mlflow/metrics/get-history", {"run_id": run_id, "metric_key": "m"}).json()["metrics"][0]
    assert (metric["timestamp"], metric["step"]) == (1_700_000_000_123, 7)


def test_double_encoded_body(url, name):
    """Old clients sent a JSON string that holds JSON."""
    import json

    got = requests.post(f"{url}/api/2.0/mlflow/experiments/create", data=json.dumps(json.dumps({"name": name})), headers=JSON)
    assert got.status_code == 200 and got.json()["experiment_id"]


def test_download_headers(url, run_id, client, tmp_path):
    (tmp_path / "page.html").write_text("<script>alert(1)</script>")
    client.log_artifact(run_id, str(tmp_path / "page.html"))
    got = requests.get(f"{url}/get-artifact", {"run_id": run_id, "path": "page.html"})
    assert got.text == "<script>alert(1)</script>"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "attachment" in got.headers["Content-Disposition"]
