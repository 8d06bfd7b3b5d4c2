"""Basic and Bearer credentials as the client sends them, once a user exists."""

import json
import subprocess
import time

import mlflow
import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException


@pytest.fixture(scope="module")
def locked(request):
    """A server of its own with one admin, one viewer and a service token."""
    if request.config.getoption("--target") != "assay":
        pytest.skip("accounts are Assay's own")
    import servers

    with servers.start_assay() as server:
        data = str(server.directory / "data")

        def assay(*args, **more):
            done = subprocess.run([str(servers.assay_binary()), *args, "--json"], capture_output=True, text=True, timeout=60, **more)
            assert done.returncode == 0, f"assay {' '.join(args)}: {done.stderr or done.stdout}"
            return json.loads(done.stdout) if done.stdout.strip() else None

        server.assay, server.data = assay, data
        yield server


@pytest.fixture
def credentials(monkeypatch):
    def use(**values):
        for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            monkeypatch.setenv("MLFLOW_TRACKING_" + name.upper(), value)

    return use


@pytest.fixture(scope="module")
def people(locked):
    """An admin, a viewer and a service token with the editor's rights."""
    locked.assay("user", "add", "ada", "--password-stdin", "--data", locked.data, input="correct horse battery\n")
    locked.assay("user", "add", "vic", "--role", "viewer", "--password-stdin", "--data", locked.data, input="staple stable table\n")
    # Another process made the first user; the server notices within seconds.
    deadline = time.monotonic() + 15
    while requests.get(locked.url + "/api/2.0/mlflow/experiments/get", {"experiment_id": "0"}, timeout=10).status_code != 401:
        assert time.monotonic() < deadline, "the server stayed open"
        time.sleep(0.1)
    token = locked.assay("token", "create", "ci", "--role", "editor", "--data", locked.data)
    return {"ada": "correct horse battery", "vic": "staple stable table", "token": token["secret"]}


def test_nobody_gets_in_without_credentials(locked, people, credentials):
    credentials()
    with pytest.raises(MlflowException) as refused:
        MlflowClient(locked.url).search_experiments()
    assert refused.value.error_code == "UNAUTHENTICATED" or "401" in str(refused.value)


def test_basic(locked, people, credentials):
    credentials(username="ada", password=people["ada"])
    made = MlflowClient(locked.url).create_experiment("made by ada")
    assert MlflowClient(locked.url).get_experiment(made).name == "made by ada"
    credentials(username="ada", password="wrong")
    with pytest.raises(MlflowException):
        MlflowClient(locked.url).search_experiments()


def test_bearer(locked, people, credentials):
    credentials(token=people["token"])
    made = MlflowClient(locked.url).create_experiment("made by ci")
    run = MlflowClient(locked.url).create_run(made)
    MlflowClient(locked.url).log_metric(run.info.run_id, "m", 1)
    credentials(token="not a token")
    with pytest.raises(MlflowException):
        MlflowClient(locked.url).search_experiments()


def test_a_viewer_reads_but_does_not_write(locked, people, credentials):
    credentials(username="vic", password=people["vic"])
    client = MlflowClient(locked.url)
    assert client.search_experiments()
    with pytest.raises(MlflowException) as refused:
        client.create_experiment("made by vic")
    assert refused.value.error_code == "PERMISSION_DENIED"


def test_traces_carry_credentials(locked, people, credentials):
    credentials(username="ada", password=people["ada"])
    mlflow.set_tracking_uri(locked.url)
    experiment = mlflow.set_experiment("traced by ada").experiment_id

    @mlflow.trace
    def work():
        return 1

    work()
    if hasattr(mlflow, "flush_trace_async_logging"):
        mlflow.flush_trace_async_logging()
    assert len(MlflowClient(locked.url).search_traces([experiment])) == 1
