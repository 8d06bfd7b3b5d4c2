"""Sends one request to two servers and compares what comes back.

Each side hands out its own ids, so a scenario names what it learns (`save`) and
later writes `$name`; every side gets its own value. Answers are normalised the
other way round before they are compared: known values become `$name` again,
generated ids and times become placeholders, and lists whose order the API does
not promise are sorted.
"""

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

import requests

NAME = re.compile(r"\$([a-z][a-z0-9_]*)")

# Values the server makes up. Applied to strings, longest form first.
GENERATED = [
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b(tr|m|a|d|dr|iss|wh)-[0-9a-f]{32}\b"), r"<\1-id>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<hex32>"),
    (re.compile(r"^[a-z]+-[a-z]+-\d{1,3}$"), "<made-up name>"),
    (re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
]

# Lists of key-value entries come in whatever order the database had.
UNORDERED = {
    "tags", "params", "metrics", "aliases", "dataset_inputs", "model_inputs", "model_outputs", "dataset_summaries",
    "assessments", "experiment_ids", "request_metadata", "model_params", "model_metrics", "attributes", "events",
    "data_points", "trace_infos",
}  # fmt: skip
EXPERIMENT_KEYS = {"experiment_id", "experiment_ids"}
# Text for people, not for programs: both sides must have some, in own words.
# Page tokens are opaque, so only being there counts.
PRESENCE_ONLY = {"message", "next_page_token", "error_message", "stack_trace"}
# Fields of text that hold JSON.
JSON_STRINGS = {"tags", "profile", "schema", "source", "inputs", "expectations", "outputs", "experiment_ids", "records"}


@dataclass
class Side:
    name: str
    url: str
    values: dict[str, Any] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)

    def fill(self, value):
        """Puts this side's values where the scenario wrote $name."""
        if isinstance(value, str):
            whole = NAME.fullmatch(value)
            if whole:
                return self.values.get(whole[1], f"unlearnt-{whole[1]}")
            return NAME.sub(lambda m: str(self.values.get(m[1], f"unlearnt-{m[1]}")), value)
        if isinstance(value, dict):
            return {self.fill(k): self.fill(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.fill(v) for v in value]
        return value


@dataclass
class Answer:
    status: int
    body: Any  # parsed JSON, or text


@dataclass
class Difference:
    path: str
    left: Any
    right: Any


@dataclass
class Exchange:
    group: str
    endpoint: str  # method and route, parameters as {}
    label: str  # what tells this request from its neighbours
    request: dict
    left: Answer
    right: Answer
    differences: list[Difference]


class Pair:
    """Two servers that get the same requests; `exchanges` is the record."""

    def __init__(self, left: Side, right: Side):
        self.left, self.right = left, right
        self.group = ""
        self.exchanges: list[Exchange] = []

    def get(self, path, params=None, **options):
        return self.send("GET", path, params=params, **options)

    def post(self, path, body=None, **options):
        return self.send("POST", path, body=body, **options)

    def patch(self, path, body=None, **options):
        return self.send("PATCH", path, body=body, **options)

    def put(self, path, body=None, **options):
        return self.send("PUT", path, body=body, **options)

    def delete(self, path, body=None, **options):
        return self.send("DELETE", path, body=body, **options)

    def send(self, method, path, body=None, params=None, raw=None, headers=None, save=None, label="", unordered=()):
        """One request to both sides.

        path is below /api/ unless it starts with a slash. `$name` in it is a
        learnt value, `!text` a literal parameter. save maps names to the
        dotted path of the value in the answer.
        """
        self._space()
        answers = [
            self._one(side, method, path, body, params, raw, headers, save or {}) for side in (self.left, self.right)
        ]
        plain = [Normaliser(side, unordered).answer(a) for side, a in zip((self.left, self.right), answers)]
        self.exchanges.append(
            Exchange(
                group=self.group,
                endpoint=f"{method} {route(path)}",
                label=label or describe(params if body is None else body),
                request={"method": method, "path": path, "params": params, "body": body},
                left=plain[0],
                right=plain[1],
                differences=list(diff(plain[0], plain[1])),
            )
        )
        return answers

    def _space(self):
        """Keeps creation times of consecutive requests apart on either side."""
        time.sleep(0.002)

    def _one(self, side, method, path, body, params, raw, headers, save) -> Answer:
        where = side.fill(path.replace("!", ""))
        where = where if where.startswith("/") else "/api/" + where
        response = side.session.request(
            method,
            side.url + where,
            params=side.fill(params) if params else None,
            json=side.fill(body) if body is not None else None,
            data=raw,
            headers=side.fill(headers) if headers else None,
            timeout=60,
        )
        try:
            content = response.json()
        except ValueError:
            content = response.text
        for name, at in save.items():
            value = dig(content, at)
            if value is not None:
                side.values[name] = value
        return Answer(response.status_code, content)


def route(path: str) -> str:
    head, proxy, rest = path.partition("mlflow-artifacts/")
    if proxy and "/" in rest:
        call, step, _ = (rest + "//").split("/", 2)
        return head + proxy + (f"mpu/{step}/{{path}}" if call == "mpu" else f"{call}/{{path}}")
    return "/".join("{}" if p.startswith(("$", "!")) else p for p in path.split("?")[0].split("/"))


def describe(value) -> str:
    if not value:
        return ""
    if "filter" in value or "order_by" in value:
        value = {k: v for k, v in value.items() if k in ("filter", "order_by", "filter_string", "max_results")}
    return json.dumps(value, ensure_ascii=False)[:160]


def dig(content, path: str):
    for part in path.split("."):
        if isinstance(content, list) and part.isdigit() and int(part) < len(content):
            content = content[int(part)]
        elif isinstance(content, dict) and part in content:
            content = content[part]
        else:
            return None
    return content


class Normaliser:
    def __init__(self, side: Side, unordered=()):
        self.now_ms = time.time() * 1000
        self.unordered = UNORDERED | set(unordered)
        self.url = side.url
        # Short values (experiment ids, versions) are only recognised where the
        # key or the URI says what they are; long ones anywhere.
        self.long = {v: f"${k}" for k, v in side.values.items() if isinstance(v, str) and len(v) >= 16}
        self.experiments = {
            str(v): f"${k}" for k, v in side.values.items() if k.startswith("exp") and str(v).isdigit()
        }

    def answer(self, answer: Answer) -> Answer:
        return Answer(answer.status, self.value("", answer.body))

    def value(self, key, value):
        if key in PRESENCE_ONLY:
            return "<text>" if value else value
        if isinstance(value, dict):
            return {self.string(k): self.value(k, v) for k, v in value.items()}
        if isinstance(value, list):
            items = [self.value(key, v) for v in value]
            return sorted(items, key=lambda i: json.dumps(i, sort_keys=True)) if key in self.unordered else items
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return "<now>" if abs(value - self.now_ms) < 86_400_000 else value
        return self.text(key, value)

    def text(self, key, value: str):
        if key in EXPERIMENT_KEYS and value in self.experiments:
            return self.experiments[value]
        # An evaluation dataset's digest is made from its time of change.
        if key == "digest" and re.fullmatch(r"[0-9a-f]{8}", value):
            return "<digest>"
        if key in JSON_STRINGS and value[:1] in "{[":
            try:
                return self.value(key, json.loads(value))
            except ValueError:
                pass
        return self.string(value)

    def string(self, value: str) -> str:
        value = value.replace(self.url, "<server>")
        for known, name in self.long.items():
            value = value.replace(known, name)
        value = re.sub(
            r"(mlflow-artifacts:/)(\d+)", lambda m: m[1] + self.experiments.get(m[2], m[2]), value
        )
        for pattern, placeholder in GENERATED:
            value = pattern.sub(placeholder, value)
        if value.isdigit() and len(value) == 13 and abs(int(value) - self.now_ms) < 86_400_000:
            return "<now>"
        return value


def diff(left: Answer, right: Answer):
    if left.status != right.status:
        yield Difference("status", left.status, right.status)
    yield from diff_values("", left.body, right.body)


def diff_values(path, left, right):
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            if key not in left:
                yield Difference(f"{path}.{key}", "<absent>", right[key])
            elif key not in right:
                yield Difference(f"{path}.{key}", left[key], "<absent>")
            else:
                yield from diff_values(f"{path}.{key}", left[key], right[key])
    elif isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            yield Difference(f"{path}.length", len(left), len(right))
        for i, (a, b) in enumerate(zip(left, right)):
            yield from diff_values(f"{path}.{i}", a, b)
    elif type(left) is float or type(right) is float:
        same = isinstance(left, int | float) and isinstance(right, int | float) and close(left, right)
        if not same:
            yield Difference(path, left, right)
    elif type(left) is not type(right) or left != right:
        yield Difference(path, left, right)


def close(a, b) -> bool:
    return a == b or (a != a and b != b) or abs(a - b) <= 1e-9 * max(abs(a), abs(b))
