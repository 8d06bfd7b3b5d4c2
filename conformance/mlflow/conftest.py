"""Fixtures of the client suites; the same tests run in every client version."""

import re
import uuid

import mlflow
import pytest
from mlflow import MlflowClient


@pytest.fixture(autouse=True)
def tracking(url):
    mlflow.set_tracking_uri(url)
    mlflow.set_registry_uri(url)
    yield
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def client(url) -> MlflowClient:
    return MlflowClient(url)


@pytest.fixture
def name(request) -> str:
    """A name no other test uses, also when one server serves many sessions."""
    return re.sub("[^A-Za-z0-9]+", "-", request.node.name)[:60] + "-" + uuid.uuid4().hex[:8]


@pytest.fixture
def experiment(client, name) -> str:
    return client.create_experiment(name)


@pytest.fixture
def run_id(client, experiment) -> str:
    return client.create_run(experiment).info.run_id
