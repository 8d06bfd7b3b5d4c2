"""Starts the servers the suites talk to: Assay from this checkout, or stock MLflow."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("CONFORMANCE_CACHE", ROOT / ".cache"))


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def assay_binary() -> Path:
    """The binary named by ASSAY_BIN, else one built from this checkout."""
    if named := os.environ.get("ASSAY_BIN"):
        return Path(named)
    binary = CACHE / "conformance" / "assay"
    binary.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["go", "build", "-o", str(binary), "./cmd/assay"], cwd=ROOT, check=True, env={**os.environ, "CGO_ENABLED": "0"}
    )
    return binary


def stock_mlflow() -> Path:
    """The mlflow command of the environment that has the pinned recent version."""
    named = os.environ.get("MLFLOW_BIN")
    return Path(named) if named else CACHE / "venv-v3" / "bin" / "mlflow"


class Server:
    """A child process with a directory of its own; `stop` may be called twice."""

    def __init__(self, name: str, command: list[str], url: str, directory: Path, env: dict[str, str] | None = None):
        self.name, self.url, self.directory = name, url, directory
        self.log = directory / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env={**os.environ, **(env or {})}
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self, seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, urllib.error.URLError):
                with urllib.request.urlopen(self.url + "/health", timeout=5) as answer:
                    if answer.status == 200:
                        return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not become healthy:\n{self.tail()}")

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if not os.environ.get("CONFORMANCE_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


def start_assay(*flags: str, env: dict[str, str] | None = None) -> Server:
    directory = Path(tempfile.mkdtemp(prefix="assay-conformance-"))
    address = f"127.0.0.1:{free_port()}"
    grpc, http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    command = [str(assay_binary()), "serve", "--addr", address, "--data", str(directory / "data"), *flags]
    own = {"ASSAY_OTLP_GRPC_ADDR": grpc, "ASSAY_OTLP_HTTP_ADDR": http, **(env or {})}
    server = Server("assay", command, f"http://{address}", directory, own)
    server.otlp_grpc, server.otlp_http = grpc, f"http://{http}"
    return server


def start_mlflow() -> Server:
    directory = Path(tempfile.mkdtemp(prefix="mlflow-conformance-"))
    port = free_port()
    command = [
        str(stock_mlflow()), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{directory}/mlflow.db", "--artifacts-destination", str(directory / "artifacts"),
    ]  # fmt: skip
    return Server("mlflow", command, f"http://127.0.0.1:{port}", directory)


if __name__ == "__main__":
    # `python servers.py assay|mlflow` runs one until interrupted, for hand work.
    with {"assay": start_assay, "mlflow": start_mlflow}[sys.argv[1]]() as running:
        print(running.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            running.process.wait()
