"""Artifacts through the proxy: upload, list, download, delete, multipart."""

import hashlib
import os

import mlflow
import pytest
import requests
from mlflow.artifacts import download_artifacts, list_artifacts
from mlflow.exceptions import MlflowException


def fresh(directory):
    directory.mkdir()
    return str(directory)


def test_up_list_and_down(client, run_id, tmp_path):
    source = tmp_path / "source"
    (source / "sub dir" / "deep").mkdir(parents=True)
    files = {"a.txt": b"a", "sub dir/ünï.bin": bytes(range(256)), "sub dir/deep/empty": b""}
    for path, content in files.items():
        (source / path).write_bytes(content)
    client.log_artifacts(run_id, str(source), "tree")
    assert [(f.path, f.is_dir) for f in client.list_artifacts(run_id)] == [("tree", True)]
    listed = {f.path: (f.is_dir, f.file_size) for f in client.list_artifacts(run_id, "tree")}
    assert listed["tree/a.txt"] == (False, 1)
    assert listed["tree/sub dir"][0] is True
    got = client.download_artifacts(run_id, "tree", fresh(tmp_path / "down"))
    assert {path: open(os.path.join(got, path), "rb").read() for path in files} == files


def test_one_file_and_overwrite(client, run_id, tmp_path):
    for content in (b"first", b"second and longer"):
        (tmp_path / "note.txt").write_bytes(content)
        client.log_artifact(run_id, str(tmp_path / "note.txt"))
    assert open(download_artifacts(f"runs:/{run_id}/note.txt"), "rb").read() == b"second and longer"
    assert [f.path for f in list_artifacts(run_id=run_id)] == ["note.txt"]


def test_large_file_streams_both_ways(client, run_id, tmp_path):
    path = tmp_path / "large.bin"
    block = os.urandom(1 << 20)
    with path.open("wb") as f:
        for _ in range(64):
            f.write(block)
    client.log_artifact(run_id, str(path))
    got = client.download_artifacts(run_id, "large.bin", fresh(tmp_path / "down"))
    assert hashlib.sha256(open(got, "rb").read()).digest() == hashlib.sha256(path.read_bytes()).digest()
    assert client.list_artifacts(run_id)[0].file_size == 64 << 20


def test_multipart_upload(client, run_id, tmp_path, monkeypatch):
    """With multipart on, the client splits a file; without support it falls back."""
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(1 << 20))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 << 20))
    path = tmp_path / "parts.bin"
    path.write_bytes(os.urandom(12 << 20))
    client.log_artifact(run_id, str(path))
    assert open(download_artifacts(f"runs:/{run_id}/parts.bin"), "rb").read() == path.read_bytes()


def test_delete(client, run_id, tmp_path):
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    for name in ("keep", "drop"):
        (tmp_path / name).write_text(name)
        client.log_artifact(run_id, str(tmp_path / name))
    get_artifact_repository(client.get_run(run_id).info.artifact_uri).delete_artifacts("drop")
    assert [f.path for f in client.list_artifacts(run_id)] == ["keep"]


def test_absent(client, run_id):
    assert client.list_artifacts(run_id) == []
    with pytest.raises(Exception, match="(?i)404|not found|no such|does not exist|failed to download"):
        download_artifacts(f"runs:/{run_id}/nowhere.txt")


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "..%2f..%2fx"])
def test_hostile_paths(client, run_id, path):
    with pytest.raises((MlflowException, requests.HTTPError), match="(?i)invalid|400"):
        client.list_artifacts(run_id, path)


def test_figure_and_image(client, run_id):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.add_subplot().plot([1, 2, 3])
    client.log_figure(run_id, figure, "plots/line.png")
    assert [f.path for f in client.list_artifacts(run_id, "plots")] == ["plots/line.png"]


def test_artifact_uri(experiment):
    with mlflow.start_run(experiment_id=experiment) as run:
        assert mlflow.get_artifact_uri("x") == f"mlflow-artifacts:/{experiment}/{run.info.run_id}/artifacts/x"
