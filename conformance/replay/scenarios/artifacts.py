"""Artifacts: the proxy with upload, list, download, delete, and the run view of it."""

M = "2.0/mlflow/"
A = "2.0/mlflow-artifacts/"


def play(p):
    root = "$exp/$run/artifacts"
    p.put(f"{A}artifacts/!{root}/note.txt", raw=b"hello\n", headers={"Content-Type": "text/plain"}, label="note.txt")
    p.put(f"{A}artifacts/!{root}/note.txt", raw=b"hello again\n", label="overwrite")
    p.put(f"{A}artifacts/!{root}/deep/er/data.json", raw=b'{"a": 1}', label="nested")
    p.put(f"{A}artifacts/!{root}/with space & ünï.bin", raw=bytes(range(256)), label="odd name")
    p.put(f"{A}artifacts/!{root}/empty", raw=b"", label="empty file")
    for path in ("", "deep", "deep/er", "nowhere", "note.txt", "../", "/etc", "deep/../deep", "deep%2Fer", "..%2f..", "with space & ünï.bin"):
        p.get(M + "artifacts/list", {"run_id": "$run", "path": path}, label=f"path {path!r}")
    p.get(M + "artifacts/list", {"run_id": "$run"}, label="root")
    p.get(M + "artifacts/list", {"run_uuid": "$run"}, label="by run_uuid")
    p.get(M + "artifacts/list", {"run_id": "0" * 32}, label="no such run")
    p.get(M + "artifacts/list", label="no run")
    for path in (root, root + "/deep", root + "/nowhere", "", "../x", "%2e%2e/x", root + "/note.txt"):
        p.get(A + "artifacts", {"path": path}, label=f"path {path!r}")
    p.get(A + "artifacts", label="no path")
    for path in ("note.txt", "deep/er/data.json", "with space & ünï.bin", "empty", "nowhere.txt", "deep"):
        p.get(f"{A}artifacts/!{root}/{path}", label=path)
    for path in ("../secret", "..%2Fsecret", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "a//b", "a/./b", "C:/x", "file:///etc/passwd", "x%00y", "a%5C..%5Cb", "#frag", "x?y"):
        p.get(f"{A}artifacts/{path}", label="hostile " + path)
        p.put(f"{A}artifacts/{path}", raw=b"x", label="hostile " + path)
    p.get("/get-artifact", {"run_id": "$run", "path": "note.txt"})
    p.get("/get-artifact", {"run_id": "$run", "path": "nowhere"}, label="absent")
    p.get("/get-artifact", {"run_id": "$run", "path": "../../x"}, label="hostile")
    p.get("/get-artifact", {"run_id": "0" * 32, "path": "note.txt"}, label="no such run")
    p.delete(f"{A}artifacts/!{root}/note.txt", label="note.txt")
    p.delete(f"{A}artifacts/!{root}/note.txt", label="again")
    p.delete(f"{A}artifacts/!{root}/deep", label="a directory")
    p.delete(f"{A}artifacts/../x", label="hostile")
    p.get(M + "artifacts/list", {"run_id": "$run"}, label="after deleting")
    for step in ("create", "complete", "abort"):
        p.post(f"{A}mpu/{step}/!{root}", {"path": "big.bin", "num_parts": 2, "upload_id": "u", "parts": []}, label="multipart")
