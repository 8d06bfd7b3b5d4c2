"""Evaluation datasets, scorers and evaluations."""

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from client_version import needs

pytestmark = needs("3.4", "evaluation datasets and scorers")


def test_dataset(client, experiment, name):
    from mlflow.genai.datasets import create_dataset, delete_dataset, get_dataset, search_datasets

    dataset = create_dataset(name=name, experiment_id=[experiment], tags={"team": "red"})
    dataset.merge_records([{"inputs": {"q": f"question {i}"}, "expectations": {"a": i}, "tags": {"n": str(i)}} for i in range(5)])
    dataset.merge_records([{"inputs": {"q": "question 0"}, "expectations": {"b": 9}}, {"inputs": {"q": "new"}}])
    got = get_dataset(dataset_id=dataset.dataset_id)
    frame = got.to_df()
    assert len(frame) == 6
    merged = next(r for r in frame.to_dict("records") if r["inputs"]["q"] == "question 0")
    assert merged["expectations"] == {"a": 0, "b": 9}
    assert got.tags["team"] == "red"
    assert got.experiment_ids == [experiment]
    assert [d.name for d in search_datasets(experiment_ids=[experiment])] == [name]
    assert [d.name for d in search_datasets(filter_string=f"name = '{name}' AND tags.team = 'red'")] == [name]
    assert [d.name for d in search_datasets(filter_string=f"name = '{name}' AND tags.team = 'blue'")] == []
    delete_dataset(dataset_id=dataset.dataset_id)
    with pytest.raises(MlflowException) as refused:
        client.get_dataset(dataset.dataset_id)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_dataset_tags_and_experiments(client, experiment, name):
    from mlflow.genai.datasets import add_dataset_to_experiments, create_dataset, delete_dataset_tag, get_dataset, remove_dataset_from_experiments, set_dataset_tags

    second = client.create_experiment(name + " second")
    dataset = create_dataset(name=name, experiment_id=[experiment])
    set_dataset_tags(dataset_id=dataset.dataset_id, tags={"a": "1", "b": "2"})
    delete_dataset_tag(dataset_id=dataset.dataset_id, key="a")
    add_dataset_to_experiments(dataset_id=dataset.dataset_id, experiment_ids=[second])
    got = get_dataset(dataset_id=dataset.dataset_id)
    assert got.tags.get("b") == "2" and "a" not in got.tags
    assert sorted(got.experiment_ids) == sorted([experiment, second])
    remove_dataset_from_experiments(dataset_id=dataset.dataset_id, experiment_ids=[experiment])
    assert get_dataset(dataset_id=dataset.dataset_id).experiment_ids == [second]


def test_dataset_from_traces(client, experiment, name):
    from mlflow.genai.datasets import create_dataset, get_dataset

    mlflow.set_experiment(experiment_id=experiment)

    @mlflow.trace
    def ask(q):
        return q.upper()

    ask("one"), ask("two")
    mlflow.flush_trace_async_logging()
    dataset = create_dataset(name=name, experiment_id=[experiment])
    dataset.merge_records(mlflow.search_traces(locations=[experiment], return_type="list"))
    assert sorted(r["inputs"]["q"] for r in get_dataset(dataset_id=dataset.dataset_id).to_df().to_dict("records")) == ["one", "two"]


def test_scorers(experiment):
    from mlflow.genai.scorers import Guidelines, delete_scorer, get_scorer, list_scorers

    for text in ("Be polite.", "Be polite and short."):
        Guidelines(name="tone", guidelines=text, model="openai:/gpt-4o").register(experiment_id=experiment)
    assert [s.name for s in list_scorers(experiment_id=experiment)] == ["tone"]
    assert get_scorer(name="tone", experiment_id=experiment).guidelines == "Be polite and short."
    assert get_scorer(name="tone", experiment_id=experiment, version=1).guidelines == "Be polite."
    delete_scorer(name="tone", experiment_id=experiment, version="all")
    assert list_scorers(experiment_id=experiment) == []


def test_genai_evaluate(client, experiment):
    """flow c: scores become assessments on traces and metrics of the run."""
    from mlflow.entities import Feedback
    from mlflow.genai.scorers import scorer

    @scorer
    def right(outputs, expectations):
        return outputs == expectations["expected_response"]

    @scorer
    def length(outputs):
        return Feedback(value=float(len(outputs)), rationale="characters")

    mlflow.set_experiment(experiment_id=experiment)
    result = mlflow.genai.evaluate(
        data=[{"inputs": {"q": q}, "expectations": {"expected_response": a}} for q, a in (("a", "A"), ("b", "B"), ("c", "x"))],
        predict_fn=lambda q: q.upper(),
        scorers=[right, length],
    )
    assert result.metrics["right/mean"] == pytest.approx(2 / 3)
    assert client.get_run(result.run_id).data.metrics["length/mean"] == 1.0
    mlflow.flush_trace_async_logging()
    traces = mlflow.search_traces(locations=[experiment], run_id=result.run_id, return_type="list")
    assert len(traces) == 3
    assert sorted(a.feedback.value for t in traces for a in t.info.assessments if a.name == "right") == [False, True, True]
    wrong = mlflow.search_traces(locations=[experiment], filter_string="feedback.right = 'false'", return_type="list")
    assert len(wrong) == 1
