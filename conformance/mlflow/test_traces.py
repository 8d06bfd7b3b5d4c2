"""Traces and assessments as each client version writes and reads them."""

import time

import mlflow
import pytest
from mlflow.entities import SpanEvent, SpanType
from mlflow.exceptions import MlflowException

from client_version import VERSION, needs

V3 = VERSION >= (3, 0)


def flush():
    if V3:
        mlflow.flush_trace_async_logging()


def trace_id(trace):
    return trace.info.trace_id if V3 else trace.info.request_id


def find(experiment, **more):
    flush()
    client = mlflow.MlflowClient()
    return client.search_traces(**({"locations": [experiment]} if V3 else {"experiment_ids": [experiment]}), **more)


@pytest.fixture
def traced(experiment):
    mlflow.set_experiment(experiment_id=experiment)
    return experiment


def work(question="hi", fail=False):
    @mlflow.trace(name="tool", span_type=SpanType.TOOL, attributes={"cost": 0.5, "tier": "gold"})
    def tool(x):
        if fail:
            raise ValueError("no such symbol")
        return {"value": x}

    @mlflow.trace(name="agent", span_type=SpanType.AGENT)
    def agent(q):
        return tool(q)

    return agent(question)


def test_spans_come_back(traced):
    work("ünï 日本")
    (found,) = find(traced)
    trace = mlflow.get_trace(trace_id(found))
    agent, tool = trace.data.spans
    assert (agent.name, agent.span_type, agent.parent_id) == ("agent", "AGENT", None)
    assert (tool.name, tool.span_type, tool.parent_id) == ("tool", "TOOL", agent.span_id)
    assert agent.inputs == {"q": "ünï 日本"}
    assert tool.outputs == {"value": "ünï 日本"}
    assert tool.attributes["cost"] == 0.5
    assert agent.start_time_ns <= tool.start_time_ns <= tool.end_time_ns <= agent.end_time_ns
    assert str(trace.info.status).endswith("OK")
    assert trace.info.experiment_id == traced


def test_errors_and_events(traced):
    with pytest.raises(ValueError):
        work(fail=True)
    (found,) = find(traced)
    trace = mlflow.get_trace(trace_id(found))
    assert str(trace.info.status).endswith("ERROR")
    tool = next(s for s in trace.data.spans if s.name == "tool")
    assert [e.attributes["exception.message"] for e in tool.events] == ["no such symbol"]


def test_manual_spans(traced):
    with mlflow.start_span("outer") as outer:
        outer.set_inputs({"a": [1, None, {"b": True}]})
        outer.set_attributes({"text": "x", "number": 1.5, "list": [1, 2], "flag": False})
        outer.add_event(SpanEvent("cache", attributes={"hit": True}))
        outer.set_outputs("done")
    (found,) = find(traced)
    span = mlflow.get_trace(trace_id(found)).data.spans[0]
    assert span.inputs == {"a": [1, None, {"b": True}]}
    assert {k: span.attributes[k] for k in ("text", "number", "list", "flag")} == {"text": "x", "number": 1.5, "list": [1, 2], "flag": False}
    assert span.events[0].name == "cache"


def test_trace_in_a_run(traced, client):
    with mlflow.start_run(experiment_id=traced) as run:
        work()
    work()
    found = find(traced, filter_string=f"run_id = '{run.info.run_id}'") if V3 else [t for t in find(traced) if t.info.request_metadata.get("mlflow.sourceRun") == run.info.run_id]
    assert len(found) == 1
    if not V3:
        assert len(client.search_traces([traced], run_id=run.info.run_id)) == 1


def test_tags(traced, client):
    work()
    (found,) = find(traced)
    client.set_trace_tag(trace_id(found), "colour", "red")
    client.set_trace_tag(trace_id(found), "colour", "blue")
    client.set_trace_tag(trace_id(found), "other", "x")
    client.delete_trace_tag(trace_id(found), "other")
    (found,) = find(traced)
    tags = found.info.tags
    assert tags["colour"] == "blue" and "other" not in tags
    assert len(find(traced, filter_string="tags.colour = 'blue'")) == 1
    assert find(traced, filter_string="tags.colour = 'red'") == []


def test_search_order_and_pages(traced):
    for i in range(5):
        work(f"q{i}")
        time.sleep(0.003)
    flush()
    seen, token = [], None
    while True:
        page = find(traced, max_results=2, order_by=["timestamp_ms ASC"], page_token=token)
        seen += [t.data.spans[0].inputs["q"] for t in page]
        token = page.token
        if not token:
            break
    assert seen == [f"q{i}" for i in range(5)]


def test_delete(traced, client):
    work("one"), work("two")
    ids = [trace_id(t) for t in find(traced)]
    wanted = {"trace_ids" if V3 else "request_ids": ids[:1]}
    assert client.delete_traces(traced, **wanted) == 1
    assert [trace_id(t) for t in find(traced)] == ids[1:]
    assert client.delete_traces(traced, max_timestamp_millis=int(time.time() * 1000) + 1000) == 1
    assert find(traced) == []


def test_absent_trace(traced):
    assert mlflow.get_trace(("tr-" if V3 else "") + "0" * 32) is None


@pytest.mark.parametrize("bad", ["colour = 'x'", "timestamp > 'now'", "status = 'OK' OR status = 'ERROR'"])
def test_bad_filter(traced, bad):
    with pytest.raises(MlflowException) as refused:
        find(traced, filter_string=bad)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


@needs("3.0", "v3 traces")
def test_preview_session_user_and_metadata(traced):
    @mlflow.trace
    def chat(q):
        mlflow.update_current_trace(tags={"a": "b"}, metadata={"mlflow.trace.session": "s1", "mlflow.trace.user": "ann", "k": "v"}, client_request_id="client-1")
        return "answer"

    chat("question")
    (found,) = find(traced, filter_string="metadata.`mlflow.trace.session` = 's1'")
    assert (found.info.client_request_id, found.info.request_metadata["k"], found.info.tags["a"]) == ("client-1", "v", "b")
    assert "question" in found.info.request_preview and "answer" in found.info.response_preview
    assert len(find(traced, filter_string="client_request_id = 'client-1'")) == 1
    assert find(traced, filter_string="metadata.`mlflow.trace.user` = 'bob'") == []


@needs("3.0", "v3 traces")
def test_token_usage_is_counted_once(traced):
    with mlflow.start_span("chain") as chain:
        for i in range(2):
            with mlflow.start_span("llm", span_type=SpanType.CHAT_MODEL) as llm:
                llm.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15})
        chain.set_outputs("x")
    (found,) = find(traced)
    assert {k: found.info.token_usage[k] for k in ("input_tokens", "output_tokens", "total_tokens")} == {"input_tokens": 20, "output_tokens": 10, "total_tokens": 30}


@needs("3.4", "full-text and span filters")
@pytest.mark.parametrize(
    "filter_string,count",
    [
        ("span.name = 'tool'", 2), ("span.type = 'TOOL' AND span.status = 'ERROR'", 1), ("span.attributes.tier LIKE '%gold%'", 2), ("trace.text LIKE '%giraffe%'", 1), ("trace.text ILIKE '%GIRAFFE%'", 1), ("trace.text LIKE '%キリン%'", 1),
        ("status = 'ERROR'", 1), ("trace.name = 'agent'", 2), ("execution_time >= 0", 2), ("timestamp > 0", 2), ("name RLIKE '^ag'", 2),
    ],
)  # fmt: skip
def test_search(traced, filter_string, count):
    work("a giraffe キリン")
    with pytest.raises(ValueError):
        work("a zebra", fail=True)
    flush()
    # Full text is indexed off the acknowledgement path.
    deadline = time.monotonic() + 10
    while len(find(traced, filter_string=filter_string)) != count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(find(traced, filter_string=filter_string)) == count


@needs("3.2", "assessments")
def test_feedback_and_expectation(traced):
    from mlflow.entities import AssessmentError, AssessmentSource

    work()
    (found,) = find(traced)
    trace = trace_id(found)
    human, judge = AssessmentSource(source_type="HUMAN", source_id="ann"), AssessmentSource(source_type="LLM_JUDGE", source_id="judge")
    for value in (True, 3, 0.5, "good", ["a", 1], {"k": "v"}):
        made = mlflow.log_feedback(trace_id=trace, name=f"f {type(value).__name__}", value=value, source=human, rationale="because", metadata={"m": "1"})
        back = mlflow.get_assessment(trace, made.assessment_id)
        assert back.feedback.value == value
        assert (back.rationale, back.metadata["m"], back.source.source_id) == ("because", "1", "ann")
    broken = mlflow.log_feedback(trace_id=trace, name="broken", source=judge, error=AssessmentError(error_code="TIMEOUT", error_message="slow"))
    assert mlflow.get_assessment(trace, broken.assessment_id).feedback.error.error_code == "TIMEOUT"
    expected = mlflow.log_expectation(trace_id=trace, name="expected", value={"a": [1, 2]}, source=human)
    assert mlflow.get_assessment(trace, expected.assessment_id).expectation.value == {"a": [1, 2]}
    assert len(mlflow.get_trace(trace).info.assessments) == 8


@needs("3.2", "assessments")
def test_update_override_and_delete_assessments(traced):
    from mlflow.entities import AssessmentSource, Feedback

    work()
    (found,) = find(traced)
    trace, source = trace_id(found), AssessmentSource(source_type="HUMAN", source_id="ann")
    made = mlflow.log_feedback(trace_id=trace, name="quality", value=1, source=source)
    mlflow.update_assessment(trace, made.assessment_id, Feedback(name="quality", value=2, source=source, rationale="again"))
    back = mlflow.get_assessment(trace, made.assessment_id)
    assert (back.feedback.value, back.rationale) == (2, "again")
    newer = mlflow.override_feedback(trace_id=trace, assessment_id=made.assessment_id, value=3, source=source)
    assert mlflow.get_assessment(trace, newer.assessment_id).overrides == made.assessment_id
    assert mlflow.get_assessment(trace, made.assessment_id).valid is False
    mlflow.delete_assessment(trace, newer.assessment_id)
    assert mlflow.get_assessment(trace, made.assessment_id).valid is True
    with pytest.raises(MlflowException) as refused:
        mlflow.get_assessment(trace, newer.assessment_id)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@needs("3.0", "v3 traces")
def test_many_traces_from_many_threads(traced):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: work(f"q{i}"), range(60)))
    found = find(traced, max_results=100)
    assert sorted(t.data.spans[0].inputs["q"] for t in found) == sorted(f"q{i}" for i in range(60))
    assert all(len(t.data.spans) == 2 for t in found)


@needs("3.0", "v3 traces")
def test_no_spans_as_artifacts(traced, client, is_assay):
    """The server keeps spans itself, so the client must not upload traces.json too."""
    if not is_assay:
        pytest.skip("stock MLflow sets the tag only once it has spans, so some uploads happen")
    for _ in range(10):
        work()
    for trace in find(traced):
        assert trace.info.tags["mlflow.trace.spansLocation"] == "TRACKING_STORE"
        repo = mlflow.store.artifact.artifact_repository_registry.get_artifact_repository(trace.info.tags["mlflow.artifactLocation"])
        assert repo.list_artifacts() == []


@needs("3.5", "linked prompts")
def test_prompt_linked_to_trace(traced, client, name):
    mlflow.genai.register_prompt(name, "Hello {{who}}")

    @mlflow.trace
    def greet(who):
        return mlflow.genai.load_prompt(name, version=1).format(who=who)

    greet("you")
    flush()
    deadline = time.monotonic() + 10
    while not find(traced, filter_string=f"prompt = '{name}/1'") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(find(traced, filter_string=f"prompt = '{name}/1'")) == 1
