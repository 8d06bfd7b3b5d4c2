"""Autologging of scikit-learn and LangChain."""

import mlflow
import pytest

from client_version import VERSION

V3 = VERSION >= (3, 0)


def test_sklearn(client, experiment):
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import GridSearchCV

    x, y = make_classification(60, random_state=1)
    mlflow.set_experiment(experiment_id=experiment)
    mlflow.sklearn.autolog(log_datasets=True)
    try:
        with mlflow.start_run() as run:
            fitted = RandomForestClassifier(n_estimators=3, random_state=1).fit(x, y)
        with mlflow.start_run() as search:
            GridSearchCV(RandomForestClassifier(n_estimators=2, random_state=1), {"max_depth": [1, 2, 3]}, cv=2).fit(x, y)
    finally:
        mlflow.sklearn.autolog(disable=True)
    got = client.get_run(run.info.run_id)
    assert got.data.params["n_estimators"] == "3"
    assert got.data.metrics["training_accuracy_score"] > 0.5
    assert {f.path for f in client.list_artifacts(run.info.run_id)} >= {"estimator.html"}
    assert len(got.inputs.dataset_inputs) == 1
    uri = f"models:/{got.outputs.model_outputs[0].model_id}" if V3 else f"runs:/{run.info.run_id}/model"
    assert list(mlflow.sklearn.load_model(uri).predict(x[:5])) == list(fitted.predict(x[:5]))
    children = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{search.info.run_id}'")
    assert sorted(r.data.params["max_depth"] for r in children) == ["1", "2", "3"]


def test_langchain(client, experiment):
    from langchain_core.language_models.fake_chat_models import FakeListChatModel
    from langchain_core.prompts import ChatPromptTemplate

    mlflow.set_experiment(experiment_id=experiment)
    mlflow.langchain.autolog()
    try:
        chain = ChatPromptTemplate.from_messages([("system", "Be short."), ("human", "{q}")]) | FakeListChatModel(responses=["fine"])
        assert chain.invoke({"q": "how are you?"}).content == "fine"
        chain.batch([{"q": "one"}, {"q": "two"}])
    finally:
        mlflow.langchain.autolog(disable=True)
    if V3:
        mlflow.flush_trace_async_logging()
    traces = client.search_traces(**({"locations": [experiment]} if V3 else {"experiment_ids": [experiment]}))
    assert len(traces) == 3
    oldest = min(traces, key=lambda t: t.info.timestamp_ms)
    types = [s.span_type for s in oldest.data.spans]
    assert types[0] == "CHAIN" and "CHAT_MODEL" in types
    assert "how are you?" in str(oldest.data.spans[0].inputs)
    assert "fine" in str(oldest.data.spans[0].outputs)


@pytest.mark.skipif(not V3, reason="models by name are mlflow 3")
def test_model_metrics_belong_to_the_model(client, experiment):
    mlflow.set_experiment(experiment_id=experiment)
    model = mlflow.create_external_model(name="agent")
    mlflow.set_active_model(model_id=model.model_id)

    @mlflow.trace
    def answer(q):
        return q

    answer("x")
    mlflow.flush_trace_async_logging()
    found = client.search_traces(locations=[experiment], filter_string=f"request_metadata.`mlflow.modelId` = '{model.model_id}'")
    assert len(found) == 1
    mlflow.clear_active_model()
