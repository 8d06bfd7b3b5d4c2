"""Which differences are allowed, and the table that says so."""

import fnmatch
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import yaml

from pair import Difference, Exchange


@dataclass
class Allowed:
    """One entry of mlflow-differences.yaml; every given part must match."""

    id: str
    reason: str
    endpoint: str = "*"  # glob over "METHOD route"
    label: str = "*"  # glob over the request's own words
    path: str = "*"  # glob over the dotted path of the difference, or "status"
    left: str | None = None  # regular expression over stock MLflow's value
    right: str | None = None  # the same for Assay's
    left_status: int | None = None

    def covers(self, exchange: Exchange, d: Difference) -> bool:
        return (
            fnmatch.fnmatchcase(exchange.endpoint, self.endpoint)
            and fnmatch.fnmatchcase(exchange.label, self.label)
            and fnmatch.fnmatchcase(d.path, self.path)
            and (self.left is None or re.fullmatch(self.left, str(d.left), re.DOTALL) is not None)
            and (self.right is None or re.fullmatch(self.right, str(d.right), re.DOTALL) is not None)
            and (self.left_status is None or exchange.left.status == self.left_status)
        )


def load_allowed(path: Path) -> list[Allowed]:
    if not path.exists():
        return []
    return [Allowed(**entry) for entry in yaml.safe_load(path.read_text())["differences"]]


@dataclass
class Verdict:
    exchange: Exchange
    reasons: list[str]  # ids of the entries that explain its differences
    unexplained: list[Difference]


def judge(exchanges: list[Exchange], allowed: list[Allowed]) -> list[Verdict]:
    verdicts = []
    for exchange in exchanges:
        reasons, unexplained = [], []
        for d in exchange.differences:
            entry = next((a for a in allowed if a.covers(exchange, d)), None)
            if entry is None:
                unexplained.append(d)
            elif entry.id not in reasons:
                reasons.append(entry.id)
        verdicts.append(Verdict(exchange, reasons, unexplained))
    return verdicts


def stale(verdicts: list[Verdict], allowed: list[Allowed]) -> list[str]:
    used = {r for v in verdicts for r in v.reasons}
    return [a.id for a in allowed if a.id not in used]


def table(verdicts: list[Verdict], allowed: list[Allowed], version: str, out_of_scope: dict[str, str]) -> str:
    rows: dict[str, Counter] = defaultdict(Counter)
    reasons: dict[str, set] = defaultdict(set)
    for v in verdicts:
        rows[v.exchange.endpoint]["sent"] += 1
        rows[v.exchange.endpoint]["equal"] += not v.exchange.differences
        reasons[v.exchange.endpoint].update(v.reasons)
    total, equal = len(verdicts), sum(not v.exchange.differences for v in verdicts)
    lines = [
        "# Assay beside stock MLflow",
        "",
        f"Written by `conformance/run.sh replay`: the same {total} requests sent to stock MLflow {version} and to",
        f"Assay, ids and times normalised, statuses and JSON compared. {equal} answers are equal; the other",
        f"{total - equal} differ only where a reason below says why (`mlflow-differences.yaml`).",
        "Lists whose order the API leaves open are compared as sets; error messages are each server's own words,",
        "and page tokens are opaque: of those only their presence is compared.",
        "",
        "| Endpoint | Requests | Equal | Explained | Reasons |",
        "|---|---:|---:|---:|---|",
    ]
    for endpoint in sorted(rows, key=lambda e: (e.split(" ", 1)[1], e)):
        sent, same = rows[endpoint]["sent"], rows[endpoint]["equal"]
        names = ", ".join(f"[{r}](#{r})" for r in sorted(reasons[endpoint]))
        lines.append(f"| `{endpoint}` | {sent} | {same} | {sent - same} | {names} |")
    used = {r for v in verdicts for r in v.reasons}
    if used:
        lines += ["", "## Reasons", ""]
        for a in allowed:
            if a.id in used:
                lines += [f"### {a.id}", "", a.reason.strip(), ""]
    if out_of_scope:
        lines += ["", "## Not offered", "", "| Calls | Why |", "|---|---|"]
        lines += [f"| {calls} | {why} |" for calls, why in out_of_scope.items()]
    return "\n".join(lines).rstrip() + "\n"
