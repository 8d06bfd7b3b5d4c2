"""Runs the examples of docs/guides as a reader would: the Python blocks of a
guide in order, in one session, against a server with its own address; the
shell blocks of operating.md against a data directory of their own and, where
they ask a server, that one."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

GUIDES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "guides"


def blocks(name, language):
    text = (GUIDES / name).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


@pytest.mark.parametrize("guide", ["mlflow.md", "opentelemetry.md", "alerts.md"])
def test_python_examples_run(guide, url, tmp_path):
    code = "\n".join(blocks(guide, "python")).replace("http://127.0.0.1:5000", url.rstrip("/"))
    assert "assert" in code
    script = tmp_path / "guide.py"
    script.write_text(code)
    result = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                            env={**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"})
    assert result.returncode == 0, result.stdout + result.stderr


def test_operating_commands_run(url, tmp_path):
    binary = os.environ.get("ASSAY_BIN")
    if not binary:
        pytest.skip("ASSAY_BIN is not set")
    data = tmp_path / "data"
    script = "set -euo pipefail\nassay() { " + binary + ' "$@"; }\n' + "\n".join(blocks("operating.md", "sh"))
    result = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                            env={**os.environ, "DATA": str(data), "ASSAY_SERVER": url.rstrip("/")})
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "restored" / "control.db").exists()
