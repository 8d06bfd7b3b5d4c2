"""The model registry: models, versions, aliases, stages, tags, search."""

import warnings

import mlflow
import numpy as np
import pytest
from mlflow.exceptions import MlflowException

from client_version import needs


@pytest.fixture
def model(client, name) -> str:
    client.create_registered_model(name, tags={"team": "red"}, description="a model")
    return name


@pytest.fixture
def versions(client, model, run_id) -> str:
    """Three versions; the first from a run."""
    client.create_model_version(model, f"runs:/{run_id}/model", run_id=run_id, tags={"phase": "dev"})
    client.create_model_version(model, "s3://bucket/two", tags={"phase": "prod"})
    client.create_model_version(model, "s3://bucket/three")
    return model


def test_create_get_update_delete(client, model):
    got = client.get_registered_model(model)
    assert (got.name, got.description, got.tags) == (model, "a model", {"team": "red"})
    client.update_registered_model(model, description="better")
    client.set_registered_model_tag(model, "tier", "1")
    client.delete_registered_model_tag(model, "team")
    got = client.get_registered_model(model)
    assert (got.description, got.tags) == ("better", {"tier": "1"})
    assert got.last_updated_timestamp >= got.creation_timestamp
    client.delete_registered_model(model)
    with pytest.raises(MlflowException) as refused:
        client.get_registered_model(model)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_duplicate(client, model):
    with pytest.raises(MlflowException) as refused:
        client.create_registered_model(model)
    assert refused.value.error_code == "RESOURCE_ALREADY_EXISTS"


def test_versions_count_up(client, versions, run_id):
    first = client.get_model_version(versions, "1")
    assert (first.version, first.status, first.current_stage) in (("1", "READY", "None"), (1, "READY", "None"))
    assert (first.run_id, first.tags) == (run_id, {"phase": "dev"})
    client.delete_model_version(versions, "3")
    assert str(client.create_model_version(versions, "s3://bucket/four").version) in ("3", "4")
    with pytest.raises(MlflowException) as refused:
        client.get_model_version(versions, "9")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_download_uri(client, versions, run_id, experiment):
    assert client.get_model_version_download_uri(versions, "2") == "s3://bucket/two"
    assert client.get_model_version_download_uri(versions, "1") == f"runs:/{run_id}/model"


def test_aliases(client, versions):
    client.set_registered_model_alias(versions, "champion", "1")
    client.set_registered_model_alias(versions, "champion", "2")
    client.set_registered_model_alias(versions, "challenger", "2")
    assert str(client.get_model_version_by_alias(versions, "champion").version) == "2"
    assert sorted(client.get_model_version(versions, "2").aliases) == ["challenger", "champion"]
    assert {k: str(v) for k, v in client.get_registered_model(versions).aliases.items()} == {"champion": "2", "challenger": "2"}
    client.delete_registered_model_alias(versions, "champion")
    with pytest.raises(MlflowException):
        client.get_model_version_by_alias(versions, "champion")
    for bad in ("latest", "v1"):
        with pytest.raises(MlflowException) as refused:
            client.set_registered_model_alias(versions, bad, "1")
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_stages(client, versions):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client.transition_model_version_stage(versions, "1", "Production")
        client.transition_model_version_stage(versions, "2", "Production", archive_existing_versions=True)
        assert client.get_model_version(versions, "1").current_stage == "Archived"
        latest = {v.current_stage: str(v.version) for v in client.get_latest_versions(versions)}
        assert latest == {"Archived": "1", "Production": "2", "None": "3"}
        assert [str(v.version) for v in client.get_latest_versions(versions, ["Production"])] == ["2"]


def test_version_tags_and_description(client, versions):
    client.set_model_version_tag(versions, "1", "phase", "test")
    client.update_model_version(versions, "1", description="first")
    client.delete_model_version_tag(versions, "2", "phase")
    assert (client.get_model_version(versions, "1").tags, client.get_model_version(versions, "1").description) == ({"phase": "test"}, "first")
    assert client.get_model_version(versions, "2").tags == {}


def test_rename(client, versions):
    client.set_registered_model_alias(versions, "champion", "1")
    client.rename_registered_model(versions, versions + "-new")
    assert str(client.get_model_version_by_alias(versions + "-new", "champion").version) == "1"
    with pytest.raises(MlflowException):
        client.get_registered_model(versions)


@pytest.mark.parametrize(
    "tail,count",
    [("name = '{n}'", 1), ("name LIKE '{n}%'", 1), ("name ILIKE '{u}%'", 1), ("name LIKE '{u}%'", 0), ("name = '{n}' AND tags.team = 'red'", 1), ("name = '{n}' AND tags.team != 'red'", 0), ("name = '{n}' AND tags.team LIKE 'r%'", 1)],
)
def test_search_models(client, model, tail, count):
    assert len(client.search_registered_models(tail.format(n=model, u=model.upper()))) == count


@pytest.mark.parametrize(
    "tail,found",
    [
        ("name = '{n}'", "123"), ("name = '{n}' AND version_number = 2", "2"), ("name = '{n}' AND version_number > 1", "23"), ("name = '{n}' AND version_number <= 2", "12"), ("name = '{n}' AND run_id = '{r}'", "1"), ("run_id IN ('{r}')", "1"),
        ("name = '{n}' AND source_path = 's3://bucket/two'", "2"), ("name = '{n}' AND source_path LIKE 's3:%'", "23"), ("name = '{n}' AND tags.phase = 'prod'", "2"), ("name = '{n}' AND tags.phase != 'prod'", "1"), ("name = '{n}' AND tags.phase ILIKE 'P%'", "2"),
    ],
)  # fmt: skip
def test_search_versions(client, versions, run_id, tail, found):
    got = client.search_model_versions(tail.format(n=versions, r=run_id))
    assert sorted(str(v.version) for v in got) == list(found)


def test_paging(client, versions):
    seen, token = [], None
    while True:
        page = client.search_model_versions(f"name = '{versions}'", max_results=2, order_by=["version_number ASC"], page_token=token)
        seen += [str(v.version) for v in page]
        token = page.token
        if not token:
            break
    assert seen == ["1", "2", "3"]


def test_register_a_trained_model(client, experiment, name):
    """flow d: train, log, register, load by alias, predict."""
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    with mlflow.start_run(experiment_id=experiment):
        info = mlflow.sklearn.log_model(fitted, "model", input_example=np.array([[1.0]]), pip_requirements=["scikit-learn"])
    version = mlflow.register_model(info.model_uri, name, tags={"a": "b"})
    client.set_registered_model_alias(name, "champion", version.version)
    loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    assert loaded.predict(np.array([[3.0]]))[0] == pytest.approx(7.0)
    assert mlflow.models.get_model_info(f"models:/{name}/1").signature is not None


@needs("3.0", "logged models")
def test_logged_models(client, experiment, name):
    from mlflow.entities import LoggedModelStatus, Metric

    run_id = client.create_run(experiment).info.run_id
    made = client.create_logged_model(experiment, name="first", source_run_id=run_id, tags={"team": "red"}, params={"depth": "3"}, model_type="Agent")
    other = client.create_logged_model(experiment, name="second", params={"depth": "5"})
    assert made.status == LoggedModelStatus.PENDING
    client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
    client.set_logged_model_tags(made.model_id, {"a": "1", "team": "blue"})
    client.delete_logged_model_tag(made.model_id, "a")
    client.log_batch(run_id, metrics=[Metric("acc", 0.9, 1, 0, model_id=made.model_id), Metric("acc", 0.4, 1, 0, model_id=other.model_id)])
    got = client.get_logged_model(made.model_id)
    assert (got.status, got.tags["team"], got.params, got.model_type) == (LoggedModelStatus.READY, "blue", {"depth": "3"}, "Agent")
    assert "a" not in got.tags
    assert {m.key: m.value for m in got.metrics} == {"acc": 0.9}

    def find(text, **more):
        return [m.name for m in client.search_logged_models([experiment], filter_string=text, **more)]

    assert find("name = 'first'") == ["first"]
    assert find("params.depth = '5'") == ["second"]
    assert find("tags.team = 'blue'") == ["first"]
    assert find("metrics.acc > 0.5") == ["first"]
    assert find("", order_by=[{"field_name": "metrics.acc", "ascending": True}]) == ["second", "first"]
    assert find("name IN ('first', 'second')", order_by=[{"field_name": "name", "ascending": False}]) == ["second", "first"]
    client.delete_logged_model(other.model_id)
    assert find("") == ["first"]


@needs("3.0", "logged models")
def test_version_of_a_logged_model(client, experiment, name):
    class Echo(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input

    with mlflow.start_run(experiment_id=experiment):
        info = mlflow.pyfunc.log_model(name="echo", python_model=Echo(), pip_requirements=["mlflow"], registered_model_name=name)
    version = client.get_model_version(name, "1")
    assert version.source == f"models:/{info.model_id}"
    assert mlflow.pyfunc.load_model(f"models:/{info.model_id}").predict("x") == "x"
    assert mlflow.pyfunc.load_model(f"models:/{name}/1").predict("x") == "x"


@needs("3.3", "prompts in mlflow.genai with search")
def test_prompts(client, name):
    first = mlflow.genai.register_prompt(name, "Hello {{who}}", commit_message="one", tags={"task": "greet"})
    second = mlflow.genai.register_prompt(name, [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "{{question}}"}])
    assert (first.version, second.version) == (1, 2)
    assert first.variables == {"who"}
    assert first.format(who="you") == "Hello you"
    mlflow.genai.set_prompt_alias(name, "live", 1)
    assert mlflow.genai.load_prompt(f"prompts:/{name}@live").template == "Hello {{who}}"
    assert mlflow.genai.load_prompt(name, version=2).template[1]["content"] == "{{question}}"
    mlflow.genai.set_prompt_alias(name, "live", 2)
    assert client.get_prompt_version_by_alias(name, "live").version == 2
    assert [p.name for p in mlflow.genai.search_prompts(f"name = '{name}'")] == [name]
    client.set_prompt_tag(name, "owner", "ann")
    client.set_prompt_version_tag(name, "1", "grade", "A")
    assert client.get_prompt(name).tags["owner"] == "ann"
    assert client.get_prompt_version(name, "1").tags["grade"] == "A"
    assert {v.version for v in client.search_prompt_versions(name)} == {1, 2}
    assert name not in [m.name for m in client.search_registered_models()]
    mlflow.genai.delete_prompt_alias(name, "live")
    assert mlflow.genai.load_prompt(f"prompts:/{name}@live", allow_missing=True) is None
    client.delete_prompt_version(name, "1")
    client.delete_prompt_version(name, "2")
    client.delete_prompt(name)
    assert mlflow.genai.search_prompts(f"name = '{name}'") == []


@needs("3.3", "webhooks")
def test_webhooks(client, name):
    hook = client.create_webhook(name=name, url="https://192.0.43.8/hook", events=["registered_model.created", "model_version_alias.created"], description="tells", secret="s3cret")
    assert hook.status == "ACTIVE"
    assert name in [w.name for w in client.list_webhooks()]
    client.update_webhook(hook.webhook_id, status="DISABLED", description="says")
    got = client.get_webhook(hook.webhook_id)
    assert (got.status, got.description, len(got.events)) == ("DISABLED", "says", 2)
    client.delete_webhook(hook.webhook_id)
    with pytest.raises(MlflowException) as refused:
        client.get_webhook(hook.webhook_id)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(MlflowException):
        client.create_webhook(name=name, url="ftp://192.0.43.8/", events=["registered_model.created"])
