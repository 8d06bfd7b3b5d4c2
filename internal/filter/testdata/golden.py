"""Writes golden.json: what the server in mlflow 3.17.2 makes of each filter.

Run once with an interpreter that has mlflow:  python golden.py
Each case is searched for in an empty SQLite store, so the verdict is that of
the whole server path and not only of its parser; the clauses are the parser's.
"""

import json
import logging
import os
import tempfile
from pathlib import Path

os.environ["MLFLOW_TRACKING_URI"] = ""
logging.disable(logging.CRITICAL)

from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking
from mlflow.entities import ViewType
from mlflow.utils import search_logged_model_utils as logged
from mlflow.utils import search_utils as su

STRINGS = ["= 'a'", "!= 'a'", "LIKE 'a%'", "ILIKE 'A%'", "like 'a'", "RLIKE 'a'", "IN ('a', 'b')",
           "NOT IN ('a')", "in ('a')", "IS NULL", "IS NOT NULL", "is not null", "> 'a'", "= 1", "NOT LIKE 'a'",
           "== 'a'", "<> 'a'", "= NULL", "= a", "= ('a')", "IN 'a'", "REGEXP 'a'"]
NUMBERS = ["= 1", "!= 1", "< 1", "<= 1", "> 1", ">= 1", "= -1", "> 1.5", "> .5", "> 1e-3", "> 5.", "= '1'",
           "= '1.5'", "= 'x'", "LIKE 'a'", "IN (1)", "IS NULL", "= abc", "> 1e+5", "> 0x1F", "=> 1", "> 1 2",
           "> 99999999999", "BETWEEN 1 AND 2"]

FIELDS = {
    "runs": (["attributes.run_name", "attribute.status", "attr.user_id", "run.artifact_uri", "run_id",
              "attributes.`run name`", "params.a", "parameter.a", "tags.a", "tag.`a b`", "dataset.name",
              "datasets.digest", "dataset.context"],
             ["metrics.a", "metric.`a/b c`", "attributes.start_time", "end_time", "created"]),
    "experiments": (["name", "attribute.name", "experiment_id", "tags.a", "tag.`a b`"],
                    ["creation_time", "attribute.last_update_time"]),
    "registered models": (["name", "attribute.name", "tags.a", "tag.`a b`"], []),
    "model versions": (["name", "run_id", "source_path", "tags.a"], ["version_number"]),
    "logged models": (["name", "attributes.model_type", "status", "params.a", "tags.`a b`"],
                      ["metrics.a", "creation_timestamp", "last_updated_timestamp"]),
    "traces": (["name", "trace.status", "request_id", "attributes.client_request_id", "run_id", "tags.a", "tag.`a b`",
                "metadata.a", "request_metadata.`a b`", "metadata.mlflow.trace.session", "span.name",
                "span.type", "span.status", "span.content", "span.attributes.a.b", "span.attributes.`a b`",
                "trace.text", "feedback.a", "expectation.`a b`", "issue.id", "metadata.`mlflow.sourceRun`",
                "tags.`mlflow.traceName`", "metadata.`mlflow.trace.tokenUsage`"],
               ["timestamp", "timestamp_ms", "trace.timestamp", "execution_time_ms", "attributes.end_time",
                "feedback.a", "expectation.b"]),
    "trace metrics": (["trace.status", "trace.tag.a", "trace.tag.`a b`", "trace.metadata.a.b", "span.name", "span.status",
                       "span.type", "assessment.name", "assessment.type"], []),
    "datasets": (["name", "created_by", "last_updated_by", "tags.a"], ["created_time", "last_update_time"]),
}

# Shape, quoting and whitespace, which hardly depend on the entity.
SHAPES = [
    "", "   ", "\n\t", "{f} = 'a' AND {f} = 'b'", "{f} = 'a' and {f} = 'b'", "{f} = 'a' OR {f} = 'b'",
    "{f} = 'a' {f} = 'b'", "AND {f} = 'a'", "{f} = 'a' AND", "({f} = 'a')", "{f} = 'a';", "{f} = 'a'; {f} = 'b'",
    "{f}='a'", "{f}\n=\n'a'", "{f} = 'a' -- note", "'a' = {f}", "{f}", "= 'a'", "{f} =", "{f} = 'a", "{f} = \"a\"",
    "{f} = `a`", "{f} = 'a b AND c'", "{f} = 'it''s'", "{f} = \"it's\"", "{f} = 'say \"a\"'", "{f} = 'it\\'s'",
    "{f} = 'C:\\'", "{f} = ''", "{f} = 'é日本'", "{f} = 'a' 'b'", "{f} = 'a', {f} = 'b'", "{f} LIKE '100\\%'",
    "nosuch = 'a'", "nosuch.key = 'a'", "{f} = 'a'AND {f} = 'b'",
]
EXTRA = {
    "runs": ["metrics.a > 0.5 AND params.b = 'c' AND tags.d LIKE '%e%'", "metrics.a.b > 1", "metrics.a-b > 1",
             "metrics.a/b > 1", "metrics.\"a-b\" > 1", "metrics.'a-b' > 1", "`metrics`.a > 1", "metrics.1 > 1",
             "metrics.1a > 1", "metrics._a > 1", "Metrics.a > 1", "metrics. a > 1", "metrics . a > 1", "metrics.a>-1",
             "metrics.a > inf", "metrics.a > nan", "params.key = 'a'", "tags.version = 'a'", "tags.in = 'a'",
             "tags.mlflow.user = 'a'", "tags.日本 = 'a'", "\"run_id\" = 'a'", "`run_id` = 'a'", "'run_id' = 'a'",
             "run_id IN ()", "run_id IN ('a',)", "run_id IN ('a' 'b')", "run_id IN (a)", "run_id IN ('a', 1)",
             "run_id IN ('it\\'s', \"b\")", "run_id IN ('a'", "run_id IN('a')", "run_id NOT IN ('a', 'b') AND status = 'x'",
             "run_id IN ('\\u00e9', '\\n')", "run_id IN ('C:\\\\a')", "status IN ('a')", "dataset.other = 'a'",
             "attributes.lifecycle_stage = 'active'", "attributes.experiment_id = '1'", "metrics.a > 1e400",
             "metrics.a > 1e5 AND metrics.b < 1.5E-2", "tags.a$b = 'a'", "tags.a#b = 'a'", "tags.*  = 'a'", "tags. = 'a'",
             "params.a = 'x' AND params.a IS NOT NULL AND tags.b IS NULL", "attributes.start_time > 1.5"],
    "experiments": ["experiment_id = '1'", "experiment_id IN ('1', '2')", "experiment_id != '1'", "experiment_id LIKE '1'",
                    "experiment_id = 'x'", "attributes.name = 'a'", "`attribute`.name = 'a'", "creation_time > 1.5",
                    "`name` = 'a'", "name ILIKE '%a%' AND tags.b = 'c'", "metrics.a > 1"],
    "registered models": ["name LIKE '%a%' AND tags.b = 'c'", "tags.`mlflow.prompt.is_prompt` = 'true'", "attributes.name = 'a'",
                          "creation_timestamp > 1", "`name` = 'a'", "name IN ('a', \"b\")"],
    "model versions": ["name = 'a' AND version_number > 3", "version_number = '3'", "run_id IN ('a', 'b')",
                       "source_path IN ('a')", "version_number IN ('1')", "creation_timestamp > 1", "attribute.run_id = 'a'",
                       "tags.`mlflow.prompt.is_prompt` = 'true' AND name = 'p'"],
    "logged models": ["metrics.loss > 0.1 AND params.lr = 0.01", "params.lr = abc", "tags.a = \"b\"", "attribute.name = 'a'",
                      "metric.a > 1", "params.a IN (1, 2)", "name IN ('a')", "nosuch = 'a'", "metrics.`a b` > 1",
                      "creation_time > 5", "experiment_id = '1'", "lifecycle_stage = 'active'", "model_id = 'm-1'",
                      "source_run_id = 'a'", "metrics.a = '1'", "last_updated_time > 5"],
    "traces": ["prompt = 'p/1'", "prompt = 'p'", "prompt = 'p/1/2'", "prompt != 'p/1'", "prompt IS NULL", "text LIKE '%a%'",
               "trace.text ILIKE '%a%'", "trace.text = 'a'", "timestamp > 1 AND timestamp < 2", "timestamp >= 1.5",
               "timestamp > '1'", "status IN ('OK', 'ERROR')", "feedback.a = 0.5", "feedback.a >= 0.5", "feedback.a >= '1'",
               "feedback.a = 'yes'", "feedback.a = true", "expectation.a != 'x'", "span.kind = 'a'", "span.attributes.a IN ('x')",
               "span.attributes.model.name RLIKE '^gpt'", "issue.id = 'iss-1'", "issue.name = 'a'", "issue.id != 'a'",
               "metadata.mlflow.trace.session = 's' AND name = 'a'", "tags.name = 'a'", "metadata.run_id = 'a'",
               "feedback.text = 'good'", "feedback.a IN ('x')", "execution_time > 100 AND status = 'ERROR'",
               "tag.a RLIKE '('", "experiment_id = '1'", "span.content LIKE '%refund%' AND span.type = 'LLM'"],
    "trace metrics": ["trace.tag = 'a'", "trace.name = 'a'", "span.status.x = 'a'", "status = 'OK'", "span.attributes.a = 'b'",
                      "trace.status = 'OK' AND span.name = 'a'", "trace.status = \"OK\"", "other.status = 'OK'"],
    "datasets": ["name IN ('a', 'b')", "name NOT IN ('a')", "created_time > 1.5", "attribute.name = 'a'", "tag.a = 'b'",
                 "tags.`a b` = 'c'", "created_by IN ('a')"],
}
ORDERS = {
    "runs": ["start_time", "start_time DESC", "attributes.start_time desc", "metrics.acc ASC", "metrics.`a b` DESC",
             "params.lr", "tags.a desc", "created", "dataset.name", "nosuch", "metrics.a SIDEWAYS", "metrics.a, metrics.b",
             "metrics.a DESC NULLS LAST", "", "`metrics`.a", "run_name asc", "attributes.`Created`", "attributes.`run name`",
             "metric.a b", "end_time  DESC", "metrics.\"a b\" asc"],
    "experiments": ["name", "experiment_id DESC", "creation_time", "attribute.last_update_time desc", "tags.a", "nosuch"],
    "registered models": ["name", "timestamp DESC", "last_updated_timestamp", "creation_timestamp", "attribute.name", "`name`"],
    "model versions": ["name", "version_number DESC", "creation_timestamp", "attribute.last_updated_timestamp", "tags.a", "run_id"],
    "traces": ["timestamp", "timestamp DESC", "timestamp_ms ASC", "execution_time_ms DESC", "execution_time", "status", "name",
               "run_id desc", "tags.a", "metadata.b DESC", "feedback.a", "span.name", "experiment_id", "request_id", "nosuch",
               "metadata.`mlflow.trace.tokenUsage`", "client_request_id", "end_time"],
    "datasets": ["name", "created_time DESC", "last_update_time", "tags.a", "created_by"],
}


def parse(entity, text):
    """The parser's clauses as [type, key, comparator, value]."""
    if entity == "logged models":
        return [[c.entity.type.name.lower(), c.entity.key, c.op, c.value] for c in logged.parse_filter_string(text)]
    if entity == "trace metrics":
        c = su.SearchTraceMetricsUtils.parse_search_filter(text)
        group = "attribute" if (c.view_type, c.entity) == ("trace", "status") else c.entity if c.key else c.view_type
        return [[group, c.key or c.entity, c.comparator, c.value]]
    cls, method = {
        "runs": (su.SearchUtils, "parse_search_filter"),
        "experiments": (su.SearchExperimentsUtils, "parse_search_filter"),
        "registered models": (su.SearchModelUtils, "parse_search_filter"),
        "model versions": (su.SearchModelVersionUtils, "parse_search_filter"),
        "traces": (su.SearchTraceUtils, "parse_search_filter_for_search_traces"),
        "datasets": (su.SearchEvaluationDatasetsUtils, "parse_search_filter"),
    }[entity]
    return [[c["type"], c["key"], c["comparator"].upper(), c["value"]] for c in getattr(cls, method)(text)]


def main():
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as tmp:
        uri = f"sqlite:///{tmp}/m.db"
        tracking, registry = Tracking(uri, tmp), Registry(uri)
        search = {
            "runs": lambda f, o: tracking.search_runs(["0"], f, ViewType.ALL, 5, o),
            "experiments": lambda f, o: tracking.search_experiments(filter_string=f, order_by=o, max_results=5),
            "registered models": lambda f, o: registry.search_registered_models(f, 5, o),
            "model versions": lambda f, o: registry.search_model_versions(f, 5, o),
            "logged models": lambda f, o: tracking.search_logged_models(["0"], f),
            "traces": lambda f, o: tracking.search_traces(experiment_ids=["0"], filter_string=f, max_results=5, order_by=o),
            "trace metrics": lambda f, o: su.SearchTraceMetricsUtils.parse_search_filter(f),
            "datasets": lambda f, o: tracking.search_datasets(experiment_ids=["0"], filter_string=f, max_results=5, order_by=o),
        }

        def verdict(entity, f, o):
            try:
                search[entity](f, o)
                return "ok"
            except MlflowException as e:
                return "invalid" if e.error_code == "INVALID_PARAMETER_VALUE" else "internal"
            except Exception:
                return "internal"

        filters, seen = [], set()
        for entity, (strings, numbers) in FIELDS.items():
            texts = [f"{f} {s}" for f in strings for s in STRINGS] + [f"{f} {n}" for f in numbers for n in NUMBERS]
            texts += [s.replace("{f}", "tags.a") for s in SHAPES] + EXTRA.get(entity, [])
            for text in texts:
                if (entity, text) in seen:
                    continue
                seen.add((entity, text))
                case = {"entity": entity, "filter": text, "verdict": verdict(entity, text, None)}
                if case["verdict"] == "ok":
                    case["clauses"] = parse(entity, text)
                filters.append(case)
        orders = [{"entity": e, "order": o, "verdict": verdict(e, None, [o])} for e, list_ in ORDERS.items() for o in list_]
    with open(here / "golden.json", "w") as out:
        out.write('{"mlflow": "3.17.2",\n"filters": [\n')
        out.write(",\n".join(json.dumps(c, ensure_ascii=False) for c in filters))
        out.write('\n],\n"orders": [\n')
        out.write(",\n".join(json.dumps(c, ensure_ascii=False) for c in orders))
        out.write("\n]}\n")
    print(len(filters), "filters,", len(orders), "orders")


if __name__ == "__main__":
    main()
