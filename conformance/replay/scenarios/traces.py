"""Traces: v3 info, OTLP spans, assessments, search; the v2 routes old clients use."""

import base64
import json

T = 1_720_000_000_000  # milliseconds
V3 = "3.0/mlflow/traces"
V2 = "2.0/mlflow/traces"


def location(experiment="$exp_t"):
    return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}


def stamp(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    hours, rem = divmod(seconds - 1_719_964_800, 3600)  # from 2024-07-03T00:00:00Z
    minutes, secs = divmod(rem, 60)
    return f"2024-07-03T{hours:02}:{minutes:02}:{secs:02}.{rest:03}Z"


def info(i: int, **more):
    return {
        "trace_id": f"tr-{i:032x}", "trace_location": location(), "request_preview": f"question {i}", "response_preview": f"answer {i}",
        "request_time": stamp(T + i * 1000), "execution_duration": f"{i / 10}s" if i % 2 else f"{i}s", "state": ["OK", "ERROR", "IN_PROGRESS"][i % 3],
        "trace_metadata": {"mlflow.trace_schema.version": "3", "mlflow.trace.session": f"s{i % 2}"}, "tags": {"mlflow.traceName": ["chat", "Chat", "search"][i % 3], "colour": ["red", "green"][i % 2]}, **more,
    }  # fmt: skip


def attribute(key, value):
    kind = {bool: "boolValue", int: "intValue", float: "doubleValue"}.get(type(value), "stringValue")
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def spans(i: int):
    """A root, a model call and a tool that fails when i is even."""
    def identify(value: int, size: int) -> str:
        return f"{value:0{size * 2}x}"

    start = (T + i * 1000) * 1_000_000

    def span(n, name, kind, parent=None, code=1, **attributes):
        return {
            "traceId": identify(i, 16), "spanId": identify(i * 16 + n, 8), "name": name, "kind": 1, **({"parentSpanId": identify(i * 16 + parent, 8)} if parent else {}),
            "startTimeUnixNano": str(start + n * 1000), "endTimeUnixNano": str(start + i * 100_000_000 - n * 1000), "status": {"code": code, **({"message": "no such symbol"} if code == 2 else {})},
            "attributes": [attribute("mlflow.spanType", json.dumps(kind)), attribute("mlflow.traceRequestId", json.dumps(f"tr-{i:032x}")), *(attribute(k.replace("__", "."), v) for k, v in attributes.items())],
            "events": [{"name": "exception", "timeUnixNano": str(start + 5000), "attributes": [attribute("exception.message", "no such symbol")]}] if code == 2 else [],
        }  # fmt: skip

    usage = json.dumps({"input_tokens": 10 + i, "output_tokens": 5, "total_tokens": 15 + i})
    return {"resourceSpans": [{"resource": {"attributes": [attribute("service.name", "replay")]}, "scopeSpans": [{"scope": {"name": "replay"}, "spans": [
        span(1, "root", "CHAIN", mlflow__spanInputs=json.dumps({"q": f"question {i}"}), mlflow__spanOutputs=json.dumps(f"answer {i}")),
        span(2, "model", "CHAT_MODEL", parent=1, mlflow__chat__tokenUsage=usage, mlflow__llm__model=json.dumps("scripted-1"), temperature=0.5, retries=3),
        span(3, "lookup price", "TOOL", parent=1, code=2 if i % 2 == 0 else 1, mlflow__spanInputs=json.dumps({"symbol": "ÄMZN 日本"})),
    ]}]}]}  # fmt: skip


def otlp(p, payload, label, experiment="$exp_t", **headers):
    p.send("POST", "/v1/traces", raw=json.dumps(payload).encode(), label=label,
           headers={"Content-Type": "application/json", **({"x-mlflow-experiment-id": experiment} if experiment else {}), **headers})


def play(p):
    p.post("2.0/mlflow/experiments/create", {"name": "traced"}, save={"exp_t": "experiment_id"})
    p.post("2.0/mlflow/experiments/create", {"name": "traced too"}, save={"exp_t2": "experiment_id"})
    p.post("2.0/mlflow/runs/create", {"experiment_id": "$exp_t", "run_name": "source", "start_time": T}, save={"run_t": "run.info.run_id"})
    for i in range(1, 7):
        more = {"trace_metadata": {"mlflow.trace_schema.version": "3", "mlflow.sourceRun": "$run_t"}, "client_request_id": "client-6"} if i == 6 else {}
        if i == 2:  # spans first, then the info
            otlp(p, spans(i), f"spans of trace {i} before its info")
        p.post(V3, {"trace": {"trace_info": info(i, **more)}}, label=f"info of trace {i}")
        if i != 2:
            otlp(p, spans(i), f"spans of trace {i}")
    otlp(p, spans(1), "the same spans again")
    p.post(V3, {"trace": {"trace_info": info(1)}}, label="the same info again")
    otlp(p, spans(9), "spans alone")
    p.get(f"{V3}/!tr-{9:032x}", label="made by spans alone")
    for body in ({}, {"trace": {}}, {"trace": {"trace_info": {"trace_id": "tr-" + "e" * 32}}}, {"trace": {"trace_info": {**info(7), "trace_location": location("424242")}}},
                 {"trace": {"trace_info": {**info(7), "state": "SIDEWAYS"}}}, {"trace": {"trace_info": {**info(7), "request_time": "yesterday"}}}, {"trace": {"trace_info": {**info(7), "tags": {"k" * 300: "v"}}}}):
        p.post(V3, body, label=str(body)[:120])
    for label, payload in (("no spans", {"resourceSpans": []}), ("not OTLP", {"hello": 1}), ("bad ids", {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz", "spanId": "1"}]}]}]})):
        otlp(p, payload, label)
    otlp(p, spans(8), "no such experiment", experiment="424242")
    otlp(p, spans(8), "no experiment header", experiment=None)
    p.send("POST", "/v1/traces", raw=b"\x0a\xff\xff", headers={"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": "$exp_t"}, label="torn protobuf")
    p.send("POST", "/v1/traces", raw=b"{", headers={"Content-Type": "application/json", "x-mlflow-experiment-id": "$exp_t"}, label="torn JSON")
    p.send("POST", "/v1/traces", raw=b"x", headers={"Content-Type": "text/plain", "x-mlflow-experiment-id": "$exp_t"}, label="plain text")
    p.send("POST", "/v1/traces", raw=b"x", headers={"Content-Type": "application/json", "Content-Encoding": "gzip", "x-mlflow-experiment-id": "$exp_t"}, label="not gzip")
    one, two = f"tr-{1:032x}", f"tr-{2:032x}"
    for i in (1, 2, 3, 6):
        p.get(f"{V3}/!tr-{i:032x}", label=f"trace {i}")
        p.get(V3 + "/get", {"trace_id": f"tr-{i:032x}", "allow_partial": "true"}, label=f"with spans, trace {i}")
    p.get(V3 + "/!tr-" + "f" * 32, label="no such trace")
    p.get(V3 + "/get", {"trace_id": "tr-" + "f" * 32, "allow_partial": "true"}, label="no such trace")
    p.get(V3 + "/batchGet", {"trace_ids": [one, two, "tr-" + "f" * 32]}, unordered=("traces",), label="two and one absent")
    p.get(V3 + "/batchGet", label="none")
    p.post(V3 + "/batchGetInfos", {"trace_ids": [one, two, "tr-" + "f" * 32]}, label="two and one absent")
    p.post(V3 + "/batchGetInfos", {}, label="none")
    tags(p, one)
    assessments(p, one, two)
    p.post(V2 + "/link-to-run", {"trace_ids": [one, two], "run_id": "$run_t"})
    p.post(V2 + "/link-to-run", {"trace_ids": [one], "run_id": "0" * 32}, label="no such run")
    p.post(V2 + "/link-to-run", {"trace_ids": [], "run_id": "$run_t"}, label="no traces")
    p.post(V2 + "/link-to-run", {"trace_ids": [f"tr-{i:032x}" for i in range(101)], "run_id": "$run_t"}, label="101 traces")
    p.post("2.0/mlflow/registered-models/create", {"name": "linked", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]})
    p.post("2.0/mlflow/model-versions/create", {"name": "linked", "source": "dummy-source", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "mlflow.prompt.text", "value": "hi"}]})
    p.post(V2 + "/link-prompts", {"trace_id": one, "prompt_versions": [{"name": "linked", "version": "1"}]})
    p.get(f"{V3}/!{one}", label="after tags, assessments and links")


def tags(p, one):
    for version in ("2.0", "3.0"):
        path = f"{version}/mlflow/traces"
        p.patch(f"{path}/!{one}/tags", {"key": "stage " + version, "value": "one"})
        p.patch(f"{path}/!{one}/tags", {"key": "stage " + version, "value": "two"}, label="again")
        for body in ({"key": "k" * 251, "value": "v"}, {"key": "long", "value": "v" * 8001}, {"value": "v"}, {"key": "novalue"}, {"key": "a/../b", "value": "v"}):
            p.patch(f"{path}/!{one}/tags", body, label=str(body)[:60])
        p.patch(f"{path}/!tr-{'f' * 32}/tags", {"key": "a", "value": "b"}, label="no such trace")
        p.delete(f"{path}/!{one}/tags", {"key": "stage " + version})
        p.delete(f"{path}/!{one}/tags", {"key": "stage " + version}, label="again")
        p.delete(f"{path}/!tr-{'f' * 32}/tags", {"key": "a"}, label="no such trace")


def assessments(p, one, two):
    path = f"{V3}/!{one}/assessments"
    human, judge, code = ({"source_type": t, "source_id": s} for t, s in (("HUMAN", "ann"), ("LLM_JUDGE", "judge-1"), ("CODE", "check.py")))

    def make(body, save=None, label="", where=path, trace=one):
        p.post(where, {"assessment": {"trace_id": trace, **body}}, save=save, label=label or str(body)[:120])

    time = {"create_time": stamp(T), "last_update_time": stamp(T)}
    make({"assessment_name": "correct", "source": human, "feedback": {"value": True}, "rationale": "looks right", "metadata": {"round": "1"}, **time}, save={"as_a": "assessment.assessment_id"})
    make({"assessment_name": "quality", "source": judge, "feedback": {"value": 0.75}, **time}, save={"as_b": "assessment.assessment_id"})
    make({"assessment_name": "verdict", "source": code, "feedback": {"value": "good"}, "span_id": f"{17:016x}", **time}, save={"as_c": "assessment.assessment_id"})
    make({"assessment_name": "labels", "source": code, "feedback": {"value": ["a", "b", {"c": 1}]}, **time})
    make({"assessment_name": "broken", "source": judge, "feedback": {"value": None, "error": {"error_code": "TIMEOUT", "error_message": "too slow", "stack_trace": "…"}}, **time})
    make({"assessment_name": "expected", "source": human, "expectation": {"value": "42"}, **time}, save={"as_e": "assessment.assessment_id"})
    make({"assessment_name": "expected object", "source": human, "expectation": {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"a": [1]}'}}, **time})
    make({"assessment_name": "quality", "source": judge, "feedback": {"value": 0.25}, **time}, where=f"{V3}/!{two}/assessments", trace=two)
    make({"assessment_name": "correct", "source": human, "feedback": {"value": False}, "overrides": "$as_a", **time}, label="overriding")
    make({"assessment_name": "none", "source": human, **time}, label="neither feedback nor expectation")
    make({"source": human, "feedback": {"value": 1}, **time}, label="no name")
    make({"assessment_name": "no source", "feedback": {"value": 1}, **time}, label="no source")
    make({"assessment_name": "bad source", "source": {"source_type": "ALIEN", "source_id": "x"}, "feedback": {"value": 1}, **time}, label="bad source")
    make({"assessment_name": "x", "source": human, "feedback": {"value": 1}, **time}, where=f"{V3}/!tr-{'f' * 32}/assessments", trace="tr-" + "f" * 32, label="no such trace")
    for name in ("$as_a", "$as_b", "$as_e", "!a-" + "0" * 32):
        p.get(f"{path}/{name}")
    update = f"{path}/$as_b"
    for mask, body in (("feedback", {"feedback": {"value": 0.5}}), ("rationale", {"rationale": "on reflection"}), ("metadata", {"metadata": {"k": "v"}}), ("assessmentName", {"assessment_name": "renamed"}), ("feedback,rationale", {"feedback": {"value": 1}, "rationale": "both"}), ("expectation", {"expectation": {"value": 1}}), ("colour", {"rationale": "x"})):
        p.patch(update, {"assessment": {"assessment_id": "$as_b", "trace_id": one, **body}, "update_mask": mask}, label="mask " + mask)
    p.patch(f"{path}/!a-{'0' * 32}", {"assessment": {"trace_id": one, "rationale": "x"}, "update_mask": "rationale"}, label="no such assessment")
    p.delete(f"{path}/$as_c")
    p.delete(f"{path}/$as_c", label="again")
    p.get(f"{path}/$as_c", label="deleted")


def search(p):
    def find(**body):
        p.post(V3 + "/search", {"locations": [location()], **body})

    for text in filters():
        find(filter=text, max_results=50)
    for order in (["timestamp"], ["timestamp_ms DESC"], ["timestamp ASC"], ["execution_time DESC"], ["execution_time_ms", "timestamp"], ["end_time DESC"], ["status", "timestamp"], ["name", "timestamp"], ["request_id DESC"], ["run_id", "timestamp"], ["experiment_id", "timestamp"], ["tag.colour", "timestamp"], ["tags.colour DESC", "timestamp"],
                  ["metadata.`mlflow.trace.session`", "timestamp"], ["colour"], ["timestamp", "timestamp"], ["timestamp SIDEWAYS"], ["feedback.quality DESC"], ["span.name"]):
        find(order_by=order, max_results=50)
    for count in (0, 1, 500, 501, -1):
        find(max_results=count)
    for body in ({}, {"locations": []}, {"locations": [location("424242")]}, {"locations": [location("$exp_t2")]}, {"locations": [location()], "page_token": "garbage"}, {"locations": [{"type": "INFERENCE_TABLE", "inference_table": {"full_table_name": "x"}}]}):
        p.post(V3 + "/search", body, label=str(body)[:120])
    find_page = {"locations": [location()], "max_results": 2}
    p.post(V3 + "/search", find_page, save={"page_tr": "next_page_token"}, label="page 1")
    p.post(V3 + "/search", {**find_page, "page_token": "$page_tr"}, save={"page_tr": "next_page_token"}, label="page 2")
    p.post(V3 + "/search", {**find_page, "page_token": "$page_tr"}, label="page 3")
    for first, second in (("trace.status = 'OK'", "tags.colour = 'red'"), ("feedback.correct = 'true'", "span.type = 'TOOL'"), ("tags.colour = 'none'", "trace.status = 'OK'")):
        p.post(V3 + "/calculate-filter-correlation", {"experiment_ids": ["$exp_t"], "filter_string1": first, "filter_string2": second})
    measure(p)


def measure(p):
    def ask(view, metric, aggregations, **more):
        kinds = [{"aggregation_type": a} if isinstance(a, str) else {"aggregation_type": "PERCENTILE", "percentile_value": a} for a in aggregations]
        p.post(V3 + "/metrics", {"experiment_ids": ["$exp_t"], "view_type": view, "metric_name": metric, "aggregations": kinds, **more}, label=f"{view} {metric} {aggregations} {more}")

    ask("TRACES", "trace_count", ["COUNT"])
    ask("TRACES", "trace_count", ["COUNT"], dimensions=["trace_name"])
    ask("TRACES", "trace_count", ["COUNT"], dimensions=["trace_status"])
    ask("TRACES", "trace_count", ["COUNT"], time_interval_seconds=60, start_time_ms=T, end_time_ms=T + 600_000)
    ask("TRACES", "trace_count", ["COUNT"], filters=["trace.status = 'OK'"])
    ask("TRACES", "latency", ["AVG", "MIN", "MAX", 50.0, 99.0])
    ask("TRACES", "total_tokens", ["SUM", "AVG"])
    ask("TRACES", "input_tokens", ["SUM"])
    ask("SPANS", "span_count", ["COUNT"], dimensions=["span_type"])
    ask("SPANS", "span_count", ["COUNT"], dimensions=["span_name"])
    ask("SPANS", "latency", ["AVG"], dimensions=["span_name"])
    ask("ASSESSMENTS", "assessment_count", ["COUNT"], dimensions=["assessment_name"])
    ask("ASSESSMENTS", "assessment_value", ["AVG"], dimensions=["assessment_name"])
    ask("TRACES", "colour", ["COUNT"])
    ask("TRACES", "latency", [101.0])
    ask("SPANS", "trace_count", ["COUNT"])


def filters():
    yield from ("", "trace.status = 'OK'", "status = 'OK'", "attributes.status = 'ERROR'", "status != 'OK'", "status IN ('OK', 'ERROR')", "status NOT IN ('OK')", "status = 'ok'", "status LIKE 'O%'")
    yield from (f"timestamp {op} {T + 3000}" for op in ("=", "!=", ">", ">=", "<", "<="))
    yield from (f"timestamp_ms > {T}", f"attributes.timestamp_ms > {T + 4000}", f"trace.timestamp_ms < {T + 4000}", "execution_time > 1000", "execution_time_ms <= 500", "trace.execution_time_ms = 2000", f"end_time > {T + 4000}", f"trace.end_time_ms <= {T + 4000}", "timestamp = 'x'")
    yield from ("name = 'chat'", "trace.name = 'Chat'", "name != 'chat'", "name LIKE 'c%'", "name ILIKE 'c%'", "name IN ('chat', 'search')", "name NOT IN ('chat')", "name RLIKE '^[cC]hat$'", "name RLIKE '('")
    yield from ("request_id = 'tr-00000000000000000000000000000001'", "trace.request_id IN ('tr-00000000000000000000000000000001')", "request_id LIKE 'tr-%1'", "client_request_id = 'client-6'", "client_request_id LIKE 'client%'", "client_request_id != 'client-6'", "run_id = '$run_t'", "trace.run_id != '$run_t'", "run_id IN ('$run_t')", "prompt = 'linked/1'", "prompt = 'linked/2'", "prompt LIKE 'l%'")
    yield from (f"tags.colour {tail}" for tail in ("= 'red'", "!= 'red'", "LIKE 'r%'", "ILIKE 'R%'", "RLIKE 'r.d'", "IS NULL", "IS NOT NULL", "IN ('red')"))
    yield from ("tag.colour = 'green'", "tags.`mlflow.traceName` = 'chat'", "tags.none IS NULL", "tags.none IS NOT NULL", "tags.none != 'x'")
    yield from (f"metadata.`mlflow.trace.session` {tail}" for tail in ("= 's1'", "!= 's1'", "LIKE 's%'", "ILIKE 'S%'", "IS NULL", "IS NOT NULL"))
    yield from ("request_metadata.`mlflow.trace.session` = 's0'", "metadata.none IS NULL", "request_metadata.`mlflow.sourceRun` = '$run_t'")
    yield from ("span.name = 'model'", "span.name != 'model'", "span.name LIKE 'look%'", "span.name ILIKE 'LOOK%'", "span.name IN ('model', 'x')", "span.name NOT IN ('model')", "span.name RLIKE '^mod'", "span.type = 'TOOL'", "span.type = 'CHAT_MODEL' AND span.name = 'model'", "span.type IN ('TOOL')", "span.status = 'ERROR'", "span.status != 'ERROR'", "span.status = 'ERROR' AND span.type = 'TOOL'")
    yield from ("span.attributes.temperature = '0.5'", "span.attributes.temperature LIKE '0%'", "span.attributes.retries != '3'", "span.attributes.`mlflow.llm.model` LIKE '%scripted%'", "span.attributes.none = 'x'", "span.content LIKE '%question 3%'", "span.content ILIKE '%QUESTION 3%'", "span.content = 'x'", "span.colour = 'x'", "span.attributes.`mlflow.spanInputs` LIKE '%AMZN%'")
    yield from ("text LIKE '%question 3%'", "trace.text ILIKE '%QUESTION 3%'", "trace.text LIKE '%日本%'", "text LIKE '%nowhere%'", "text = 'question 3'", "text RLIKE 'question [35]'")
    yield from ("feedback.correct = 'true'", "feedback.correct = 'false'", "feedback.correct != 'true'", "feedback.quality = '0.25'", "feedback.quality > 0.2", "feedback.quality >= 0.25", "feedback.quality < 1", "feedback.quality <= 0.25", "feedback.verdict = 'good'", "feedback.labels LIKE '%a%'", "feedback.correct IS NULL", "feedback.correct IS NOT NULL", "feedback.none IS NULL",
                "feedback.quality RLIKE '0'", "feedback.correct ILIKE 'TRUE'", "feedback.correct = true", "feedback.quality > 'x'", "expectation.expected = '42'", "expectation.expected LIKE '4%'", "expectation.expected != '41'", "expectation.expected IS NOT NULL", "expectation.none IS NULL", "expectation.`expected object` IS NOT NULL")
    yield from ("issue.id = 'iss-1'", "issue.id != 'iss-1'", "issue.colour = 'x'")
    yield from ("status = 'OK' AND tags.colour = 'green'", "status = 'OK' AND span.type = 'TOOL' AND feedback.quality > 0", "status = 'OK' OR status = 'ERROR'", "(status = 'OK')", "NOT status = 'OK'", "colour = 'x'", "status", "status =", "= 'OK'", "status = OK", "tags.", "status = 'OK' AND", "status = 'OK", "metrics.x > 1", "span.name", "feedback. = 'x'", "timestamp > 'now'", "name > 'a'", "tags.colour > 'a'", "status == 'OK'")


def version_2(p):
    """What an mlflow 2 client sends: info in two halves, spans as an artifact."""
    start = {"experiment_id": "$exp_t2", "timestamp_ms": T, "request_metadata": [{"key": "mlflow.traceInputs", "value": '{"q": 1}'}, {"key": "mlflow.trace_schema.version", "value": "2"}], "tags": [{"key": "mlflow.traceName", "value": "old"}, {"key": "colour", "value": "red"}]}
    p.post(V2, start, save={"old": "trace_info.request_id"})
    p.post(V2, {**start, "timestamp_ms": T + 5, "tags": []}, save={"old_b": "trace_info.request_id"}, label="a second")
    p.post(V2, {**start, "experiment_id": "424242"}, label="no such experiment")
    p.post(V2, {"experiment_id": "$exp_t2"}, label="no time")
    p.post(V2, {}, label="nothing")
    p.patch(V2 + "/$old", {"request_id": "$old", "timestamp_ms": T + 1500, "status": "OK", "request_metadata": [{"key": "mlflow.traceOutputs", "value": "7"}], "tags": [{"key": "end", "value": "yes"}]})
    p.patch(V2 + "/$old_b", {"request_id": "$old_b", "timestamp_ms": T + 900, "status": "ERROR", "request_metadata": [], "tags": []})
    p.patch(V2 + "/!nobody", {"request_id": "nobody", "timestamp_ms": T, "status": "OK"}, label="no such trace")
    p.patch(V2 + "/$old", {"request_id": "$old", "timestamp_ms": T, "status": "SIDEWAYS"}, label="bad status")
    p.get(V2 + "/$old/info")
    p.get(V2 + "/!nobody/info", label="no such trace")
    p.get(V2 + f"/!tr-{1:032x}/info", label="a trace of v3")
    p.patch(V2 + "/$old/tags", {"key": "late", "value": "1"})
    p.delete(V2 + "/$old/tags", {"key": "late"})
    p.get(V3 + "/$old", label="by v3")
    for text in ("", "tags.colour = 'red'", "status = 'ERROR'", "timestamp_ms > 0", "name = 'old'", "attribute.status = 'OK'", "bad filter"):
        p.get(V2, {"experiment_ids": ["$exp_t2"], "filter": text, "max_results": 10})
    p.get(V2, {"experiment_ids": ["$exp_t2"], "order_by": ["timestamp_ms ASC"]})
    p.get(V2, {"experiment_ids": ["$exp_t2"], "max_results": 1}, label="page 1")
    p.get(V2, label="no experiments")
    p.get(V2, {"experiment_ids": ["$exp_t"], "max_results": 3}, label="traces of v3")
    for path in (V2, V3):
        p.post(path + "/delete-traces", {"experiment_id": "$exp_t2"}, label="neither time nor ids")
        p.post(path + "/delete-traces", {"experiment_id": "$exp_t2", "request_ids": ["x"], "max_timestamp_millis": 5}, label="both time and ids")
        p.post(path + "/delete-traces", {"experiment_id": "$exp_t2", "max_timestamp_millis": T, "max_traces": 0}, label="max_traces 0")
        p.post(path + "/delete-traces", {"request_ids": ["x"]}, label="no experiment")
    p.post(V2 + "/delete-traces", {"experiment_id": "$exp_t2", "request_ids": ["$old_b", "nobody"]}, label="by id")
    p.post(V3 + "/delete-traces", {"experiment_id": "$exp_t2", "max_timestamp_millis": T + 10, "max_traces": 5}, label="by time")
    p.get(V2 + "/$old/info", label="deleted")
