"""Differential replay: the same requests to stock MLflow and to Assay.

    python replay.py [--right assay|mlflow|URL] [--left mlflow|URL] [--only GROUP,…] [--report FILE] [-v]

Exits 1 when an answer differs and no entry of mlflow-differences.yaml says why.
`--right mlflow` replays MLflow against itself and must find nothing: that is the
proof that the normalisation hides no noise.
"""

import argparse
import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import requests  # noqa: E402

import report  # noqa: E402
import scenarios  # noqa: E402
import servers  # noqa: E402
from pair import Pair, Side  # noqa: E402

COMPAT = HERE.parent.parent / "docs" / "compat"


def side(name: str, what: str, stack: ExitStack) -> Side:
    if what.startswith("http"):
        return Side(name, what.rstrip("/"))
    start = {"assay": servers.start_assay, "mlflow": servers.start_mlflow}[what]
    return Side(name, stack.enter_context(start()).url)


def unplayed(pair: Pair) -> list[str]:
    """Routes of stock MLflow (routes.txt) that are offered and no scenario calls."""
    played = {e.endpoint.replace("{path}", "{}") for e in pair.exchanges}
    routes = (HERE / "routes.txt").read_text().splitlines()
    return [r for r in routes if r not in played and not any(n in r for n in scenarios.NOT_OFFERED_ROUTES)]


def show(verdict) -> str:
    e = verdict.exchange
    lines = [f"{e.group}: {e.endpoint}  {e.label}", f"   request {json.dumps(e.request)[:400]}"]
    lines += [f"   {d.path}: {str(d.left)[:300]!r} -> {str(d.right)[:300]!r}" for d in verdict.unexplained[:8]]
    if len(verdict.unexplained) > 8:
        lines.append(f"   … and {len(verdict.unexplained) - 8} more")
    return "\n".join(lines)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--left", default="mlflow")
    options.add_argument("--right", default="assay")
    options.add_argument("--only", default="", help="comma-separated groups")
    options.add_argument("--report", type=Path, help="write the table here")
    options.add_argument("--allow", type=Path, default=COMPAT / "mlflow-differences.yaml")
    options.add_argument("--dump", type=Path, help="write every exchange here, one JSON object per line")
    args = options.parse_args()

    allowed = [] if args.right == "mlflow" else report.load_allowed(args.allow)
    wanted = set(filter(None, args.only.split(",")))
    started = time.monotonic()
    with ExitStack() as stack:
        left, right = side("left", args.left, stack), side("right", args.right, stack)
        version = requests.get(left.url + "/version", timeout=30).text.strip()
        pair = Pair(left, right)
        for group, play in scenarios.ALL:
            if not wanted or group in wanted:
                pair.group = group
                play(pair)

    verdicts = report.judge(pair.exchanges, allowed)
    failed = [v for v in verdicts if v.unexplained]
    if args.dump:
        args.dump.write_text("".join(
            json.dumps({"endpoint": e.endpoint, "label": e.label, "request": e.request, "left": [e.left.status, e.left.body],
                        "right": [e.right.status, e.right.body]}) + "\n" for e in pair.exchanges))  # fmt: skip
    for verdict in failed:
        print(show(verdict), file=sys.stderr)
    if not wanted and allowed:
        for entry in report.stale(verdicts, allowed):
            print(f"replay: nothing differs any more as {entry} says; remove it", file=sys.stderr)
    if args.report and not wanted:
        args.report.write_text(report.table(verdicts, allowed, version, scenarios.NOT_OFFERED))
    missing = [] if wanted else unplayed(pair)
    for route in missing:
        print(f"replay: no scenario calls {route}", file=sys.stderr)
    equal = sum(not e.differences for e in pair.exchanges)
    print(
        f"replay: {len(pair.exchanges)} requests, {equal} equal, {len(pair.exchanges) - equal - len(failed)} explained, "
        f"{len(failed)} unexplained, {time.monotonic() - started:.0f} s"
    )
    return 1 if failed or missing else 0


if __name__ == "__main__":
    sys.exit(main())
