"""`assay import mlflow` from a stock server and from a directory, interrupted on
the way, and every item compared through the stock client on both sides.

IMPORT_RUNS and IMPORT_TRACES change the size; IMPORT_BIG the MiB of the one big
file.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import servers

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from compare import differences  # noqa: E402

RUNS, TRACES, BIG = (int(os.environ.get(f"IMPORT_{n}", d)) for n, d in [("RUNS", 500), ("TRACES", 1000), ("BIG", 30)])
V3, V2 = (servers.CACHE / f"venv-{v}" / "bin" / "python" for v in ("v3", "v2"))
QUIET = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore", "MLFLOW_LOGGING_LEVEL": "ERROR"}


class Restartable:
    """A server at a fixed address whose data outlives it."""

    def __init__(self, name: str, command: list[str], port: int, directory: Path, env: dict | None = None):
        self.name, self.command, self.directory, self.env = name, command, directory, env or {}
        self.url, self.server = f"http://127.0.0.1:{port}", None

    def start(self):
        os.environ["CONFORMANCE_KEEP"] = "1"  # its directory is needed again
        self.server = servers.Server(self.name, self.command, self.url, self.directory, self.env)
        return self

    def kill(self):
        """As a power cut would: no chance to tidy up."""
        os.killpg(self.server.process.pid, signal.SIGKILL)
        self.server.process.wait()

    def stop(self):
        if self.server:
            self.server.stop()


def new_mlflow(directory: Path, binary: Path | None = None, store: str = "sqlite:///{}/mlflow.db") -> Restartable:
    port = servers.free_port()
    command = [
        str(binary or servers.stock_mlflow()), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", store.format(directory), "--artifacts-destination", str(directory / "artifacts"),
    ]  # fmt: skip
    return Restartable("mlflow", command, port, directory)


def new_assay(directory: Path) -> Restartable:
    port = servers.free_port()
    command = [str(servers.assay_binary()), "serve", "--addr", f"127.0.0.1:{port}", "--data", str(directory / "data")]
    return Restartable("assay", command, port, directory, {"ASSAY_OTLP_GRPC_ADDR": "", "ASSAY_OTLP_HTTP_ADDR": ""})


def script(python: Path, name: str, *args) -> None:
    done = subprocess.run([str(python), str(HERE / name), *map(str, args)], capture_output=True, text=True, env={**os.environ, **QUIET})
    assert done.returncode == 0, done.stderr[-4000:]


def dump(python: Path, uri: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        script(python, "dump.py", uri, Path(folder) / "out.json")
        return json.loads((Path(folder) / "out.json").read_text())


def cli(assay: Restartable, *args) -> dict:
    command = [str(servers.assay_binary()), "import", *args, "--server", assay.url, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def show(assay: Restartable, import_id: str) -> dict:
    return cli(assay, "show", import_id)


def wait(assay: Restartable, import_id: str, what: str, until, seconds: int = 600) -> dict:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen = show(assay, import_id)
        if until(seen):
            return seen
        assert seen["job"]["ended_ms"] is None, f"it ended before {what}: {seen['job']}"
        time.sleep(0.02)
    raise AssertionError(f"not {what} in {seconds} s: {seen['job']}")


def finish(assay: Restartable, import_id: str) -> dict:
    seen = wait(assay, import_id, "at its end", lambda i: i["job"]["ended_ms"] is not None, 900)
    assert seen["job"]["state"] == "succeeded", seen["job"]
    return seen


def unexplained(there: dict, here: dict) -> list[str]:
    """Differences but for what Assay makes of spans where the source has nothing:
    previews, token usage and cost."""
    made = ("/metadata/mlflow.trace.tokenUsage: only here", "/metadata/mlflow.trace.cost: only here")
    return [d for d in differences(there, here) if not ("/previews[" in d and ": null there" in d or any(m in d for m in made))]


def nothing_wrong(report: dict) -> None:
    assert report["findings"] == []
    for kind, n in report["counts"].items():
        assert n["different"] == n["failed"] == 0, (kind, n)
    for kind, n in report["verified"].items():
        assert n["different"] == 0, (kind, n)


@pytest.fixture(scope="module")
def both():
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        source, assay = new_mlflow(Path(one)).start(), new_assay(Path(two)).start()
        try:
            yield source, assay
        finally:
            source.stop()
            assay.stop()


def test_server(both):
    source, assay = both
    began = time.monotonic()
    script(V3, "fill.py", source.url, "--runs", RUNS, "--traces", TRACES, "--big", BIG)
    filled = time.monotonic()

    counted = cli(assay, "mlflow", source.url, "--dry-run")["report"]["counts"]
    assert counted["run"]["found"] >= RUNS and counted["trace"]["found"] == TRACES
    import_id = cli(assay, "mlflow", source.url, "--detach")["import_id"]

    # Assay is killed in the middle of the runs,
    wait(assay, import_id, "among the runs", lambda i: i["phase"] == "runs" and i["job"]["done"] >= RUNS // 10)
    assay.kill()
    assay.start()
    # and the source goes away in the middle of the traces, or, with few of
    # them, while both sides are compared.
    early = (None, "count", "runs", "logged models", "registry", "prompts")
    wait(assay, import_id, "among the traces", lambda i: i["phase"] not in early and i["report"]["counts"].get("trace", {}).get("found", 0) > 0)
    source.kill()
    time.sleep(12)  # longer than one call is tried again
    assert show(assay, import_id)["job"]["ended_ms"] is None
    source.start()

    done = finish(assay, import_id)
    copied = time.monotonic()
    report = done["report"]
    assert done["job"]["attempt"] >= 3, "it was interrupted twice"
    nothing_wrong(report)
    for kind in ("run", "trace", "logged_model", "model_version", "prompt_version", "dataset", "scorer"):
        n = report["counts"][kind]
        assert n["copied"] == n["found"] == counted[kind]["found"] == report["verified"][kind]["compared"], (kind, n)

    there, here = dump(V3, source.url), dump(V3, assay.url)
    assert len(there["runs"]) >= RUNS and len(there["traces"]) == TRACES
    assert unexplained(there, here) == []
    print(f"\nfilled in {filled - began:.0f} s, imported and verified with two interruptions in {copied - filled:.0f} s, "
          f"{report['bytes'] / 1e6:.0f} MB, seconds by phase {({k: round(v, 1) for k, v in report['seconds'].items()})}")  # fmt: skip


def test_commands_of_the_guide_run(both):
    source, assay = both
    guide = (servers.ROOT / "docs" / "guides" / "import.md").read_text()
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", guide, re.S))
    code = f'set -euo pipefail\nassay() {{ {servers.assay_binary()} "$@"; }}\n{lines}'
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, env={**os.environ, "SOURCE": source.url, "ASSAY_SERVER": assay.url})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("succeeded") == 3, done.stdout


def test_again_changes_nothing(both):
    source, assay = both
    before = dump(V3, assay.url)
    report = cli(assay, "mlflow", source.url)["report"]
    nothing_wrong(report)
    for kind, n in report["counts"].items():
        assert n["copied"] == n["updated"] == 0 and n["already"] == n["found"], (kind, n)
    assert report["bytes"] == report["points"] == 0
    assert differences(before, dump(V3, assay.url)) == []


def test_growth_is_taken_and_what_is_ours_is_left_alone(both):
    source, assay = both
    script(V3, "fill.py", source.url, "--runs", 12, "--traces", 5, "--big", 0, "--offset", 7)
    grow = """
import sys, mlflow
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
c = MlflowClient()
running = c.search_runs(["0", "1", "2"], "attributes.status = 'RUNNING'", max_results=1)[0].info.run_id
c.log_metric(running, "loss", 0.001, step=99)
c.log_param(running, "added later", "1")
c.set_terminated(running)
c.set_registered_model_alias("credit scorer", "champion", "4")
c.create_model_version("without versions", "runs:/%s/model" % running, running)
print(running)
"""
    subprocess.run([str(V3), "-c", grow, source.url], check=True, capture_output=True, env={**os.environ, **QUIET})
    # A run of ours that has the id of one of theirs cannot be made by a client,
    # but an experiment, and a model, of the same name can.
    own = """
import sys, mlflow
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
c = MlflowClient()
c.create_registered_model("made on both sides", {"from": "here"})
"""
    subprocess.run([str(V3), "-c", own, assay.url], check=True, capture_output=True, env={**os.environ, **QUIET})
    subprocess.run([str(V3), "-c", own.replace("here", "there"), source.url], check=True, capture_output=True, env={**os.environ, **QUIET})
    report = cli(assay, "mlflow", source.url)["report"]
    runs = report["counts"]["run"]
    assert runs["copied"] == 12 + 3 and runs["updated"] == 1, runs
    assert report["counts"]["trace"]["copied"] == 5
    assert report["counts"]["model_version"]["copied"] == 1
    assert report["counts"]["registered_model"]["different"] == 1
    assert {(f["kind"], f["id"]) for f in report["findings"]} == {("registered_model", "made on both sides")}
    there, here = dump(V3, source.url), dump(V3, assay.url)
    rest = [d for d in unexplained(there, here) if not d.startswith("/registry/made on both sides/")]
    assert rest == []
    assert here["registry"]["made on both sides"]["tags"] == {"from": "here"}


def test_older_server():
    """A 2.20 server, whose traces lie in its artifacts. It keeps the rest in
    files: its release does not go with the database library of its environment."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        source, assay = new_mlflow(Path(one), V2.with_name("mlflow"), "{}/store").start(), new_assay(Path(two)).start()
        try:
            script(V2, "fill.py", source.url, "--runs", 30, "--traces", 10, "--big", 1)
            report = cli(assay, "mlflow", source.url)["report"]
            nothing_wrong(report)
            assert report["source"]["version"].startswith("2.20")
            there, here = dump(V2, source.url), dump(V2, assay.url)
            assert len(there["runs"]) >= 30 and len(there["traces"]) == 10
            assert unexplained(there, here) == []
        finally:
            source.stop()
            assay.stop()


def test_directory():
    """What the 2.20 client keeps without a server, read from its files."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        uri = f"file://{one}/mlruns"
        script(V2, "fill.py", uri, "--runs", 60, "--traces", 20, "--big", 3)
        odd = next(Path(one).glob("mlruns/*/*/artifacts/notes.txt")).with_name("a#b.txt")
        odd.write_text("a name that cannot be kept")
        assay = new_assay(Path(two)).start()
        try:
            report = cli(assay, "mlflow", one)["report"]
            assert [f["id"].split("/")[-1] for f in report["findings"] if f["outcome"] == "failed"] == ["a#b.txt"]
            odd.unlink()
            again = cli(assay, "mlflow", one)["report"]
            nothing_wrong(again)
            assert all(n["copied"] == n["updated"] == 0 for n in again["counts"].values()), again["counts"]
            there, here = dump(V2, uri), dump(V2, assay.url)
            assert len(there["runs"]) >= 60 and len(there["traces"]) == 20
            assert unexplained(there, here) == []
        finally:
            assay.stop()
