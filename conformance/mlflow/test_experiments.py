"""Experiments through the client: lifecycle, tags, search, paging."""

import mlflow
import pytest
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException


def test_default_experiment(client):
    default = client.get_experiment("0")
    assert (default.name, default.lifecycle_stage) == ("Default", "active")


def test_create_and_get(client, name):
    made = client.create_experiment(name, tags={"team": "red"})
    by_id, by_name = client.get_experiment(made), client.get_experiment_by_name(name)
    assert by_id.experiment_id == by_name.experiment_id == made
    assert by_id.tags == {"team": "red"}
    assert by_id.creation_time <= by_id.last_update_time
    assert by_id.artifact_location == f"mlflow-artifacts:/{made}"


def test_own_artifact_location(client, name):
    made = client.create_experiment(name, artifact_location="s3://bucket/prefix")
    assert client.get_experiment(made).artifact_location == "s3://bucket/prefix"


def test_duplicate_name(client, name):
    client.create_experiment(name)
    with pytest.raises(MlflowException) as refused:
        client.create_experiment(name)
    assert refused.value.error_code == "RESOURCE_ALREADY_EXISTS"


def test_absent(client):
    assert client.get_experiment_by_name("no such experiment") is None
    with pytest.raises(MlflowException) as refused:
        client.get_experiment("987654321")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_rename_and_tags(client, experiment, name):
    client.rename_experiment(experiment, name + " renamed")
    client.set_experiment_tag(experiment, "a", "1")
    client.set_experiment_tag(experiment, "a", "2")
    got = client.get_experiment(experiment)
    assert (got.name, got.tags) == (name + " renamed", {"a": "2"})


def test_delete_takes_runs_along_and_restore_brings_them_back(client, experiment):
    run_id = client.create_run(experiment).info.run_id
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException):
        client.create_run(experiment)
    client.restore_experiment(experiment)
    assert client.get_run(run_id).info.lifecycle_stage == "active"


def test_views(client, name):
    kept, gone = client.create_experiment(name + " kept"), client.create_experiment(name + " gone")
    client.delete_experiment(gone)
    wanted = f"name LIKE '{name}%'"
    for view, ids in ((ViewType.ACTIVE_ONLY, {kept}), (ViewType.DELETED_ONLY, {gone}), (ViewType.ALL, {kept, gone})):
        assert {e.experiment_id for e in client.search_experiments(view, filter_string=wanted)} == ids


@pytest.mark.parametrize(
    "tail,found",
    [
        ("name = '{n} One'", ["One"]),
        ("name != '{n} One' AND name LIKE '{n}%'", ["two", "_3"]),
        ("name LIKE '{n} o%'", []),
        ("name ILIKE '{n} o%'", ["One"]),
        ("tags.colour = 'red' AND name LIKE '{n}%'", ["One"]),
        ("tags.colour != 'red' AND name LIKE '{n}%'", ["two"]),
        ("tags.colour LIKE 'b%' AND name LIKE '{n}%'", ["two"]),
        ("tags.colour ILIKE 'B%' AND name LIKE '{n}%'", ["two"]),
        ("creation_time > 0 AND name LIKE '{n}%'", ["One", "two", "_3"]),
        ("last_update_time < 5 AND name LIKE '{n}%'", []),
    ],
)
def test_search(client, name, tail, found):
    for suffix, tags in (("One", {"colour": "red"}), ("two", {"colour": "blue"}), ("_3", {})):
        client.create_experiment(f"{name} {suffix}", tags=tags)
    got = client.search_experiments(filter_string=tail.format(n=name), order_by=["name"])
    assert sorted(e.name for e in got) == sorted(f"{name} {s}" for s in found)


@pytest.mark.parametrize("bad", ["name > 'a'", "colour = 'x'", "name = 'a' OR name = 'b'", "name =", "metrics.x > 1"])
def test_bad_filter(client, bad):
    with pytest.raises(MlflowException) as refused:
        client.search_experiments(filter_string=bad)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_paging(client, name):
    for i in range(5):
        client.create_experiment(f"{name} {i}")
    seen, token = [], None
    while True:
        page = client.search_experiments(filter_string=f"name LIKE '{name}%'", max_results=2, order_by=["name DESC"], page_token=token)
        assert len(page) <= 2
        seen += [e.name for e in page]
        token = page.token
        if not token:
            break
    assert seen == [f"{name} {i}" for i in (4, 3, 2, 1, 0)]


def test_set_experiment_is_fluent(name):
    first = mlflow.set_experiment(name)
    assert mlflow.set_experiment(name).experiment_id == first.experiment_id
