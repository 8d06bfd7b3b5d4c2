"""One server for a whole session of tests.

--url (or ASSAY_URL) names a running server; otherwise --target says which one
to start: assay, built from this checkout, or the stock mlflow server, against
which the suites themselves are proved.
"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# An unexpected 5xx must fail a test at once; the client's default is to retry
# for minutes. Telemetry would try to leave the machine.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "60"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
# Logging a model starts it in a process of its own to see what it imports;
# past this many seconds the client takes the flavour's own list.
os.environ["MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT"] = "1"


def pytest_addoption(parser):
    parser.addoption("--url", default=os.environ.get("ASSAY_URL"), help="server to test; started when absent")
    parser.addoption("--target", default="assay", choices=["assay", "mlflow"], help="server to start")


@pytest.fixture(scope="session")
def running(request):
    """The server process, or None when its URL was given."""
    if request.config.getoption("--url"):
        yield None
        return
    import servers

    start = servers.start_assay if request.config.getoption("--target") == "assay" else servers.start_mlflow
    with start() as server:
        yield server


@pytest.fixture(scope="session")
def url(request, running) -> str:
    return running.url if running else request.config.getoption("--url").rstrip("/")


@pytest.fixture(scope="session")
def is_assay(request) -> bool:
    """False only when the suites are being proved against stock MLflow."""
    return request.config.getoption("--target") == "assay"
