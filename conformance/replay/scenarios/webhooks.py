"""Webhooks: the resource and what it refuses."""

W = "2.0/mlflow/webhooks"


def play(p):
    created = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
    target = "https://192.0.43.8/hook"  # only stored: no event follows
    p.post(W, {"name": "first", "url": target, "events": [created], "description": "tells", "secret": "s3cret"}, save={"hook": "webhook.webhook_id"})
    p.post(W, {"name": "second", "url": target, "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}, {"entity": "MODEL_VERSION_ALIAS", "action": "DELETED"}, {"entity": "PROMPT_VERSION", "action": "CREATED"}], "status": "DISABLED"}, save={"hook_b": "webhook.webhook_id"})
    for body in ({"url": target, "events": [created]}, {"name": "x", "events": [created]}, {"name": "x", "url": target}, {"name": "x", "url": target, "events": []}, {"name": "bad name!", "url": target, "events": [created]}, {"name": "x" * 64, "url": target, "events": [created]},
                 {"name": "x", "url": "ftp://192.0.43.8/", "events": [created]}, {"name": "x", "url": "nonsense", "events": [created]}, {"name": "x", "url": "", "events": [created]}, {"name": "x", "url": target, "events": [{"entity": "REGISTERED_MODEL", "action": "DELETED"}]}, {"name": "x", "url": target, "events": [{"entity": "ALIEN", "action": "CREATED"}]},
                 {"name": "first", "url": target, "events": [created]}):
        p.post(W, body)
    p.get(W, unordered=("webhooks",))
    p.get(W, {"max_results": 1}, label="a page")
    for count in (0, -1, 1000, 1001):
        p.get(W, {"max_results": count}, unordered=("webhooks",))
    p.get(W + "/$hook")
    p.get(W + "/!nobody", label="no such webhook")
    for body in ({"description": "says"}, {"status": "DISABLED"}, {"url": "https://192.0.43.8/other"}, {"events": [{"entity": "MODEL_VERSION_TAG", "action": "SET"}]}, {"name": "renamed"}, {"secret": "other"}, {}, {"url": "nonsense"}, {"name": "bad name!"}):
        p.patch(W + "/$hook", {"webhook_id": "$hook", **body}, label=str(body))
    p.patch(W + "/!nobody", {"description": "x"}, label="no such webhook")
    p.get(W + "/$hook", label="after the updates")
    p.post(W + "/!nobody/test", {}, label="no such webhook")
    p.delete(W + "/$hook")
    p.delete(W + "/$hook", label="again")
    p.delete(W + "/$hook_b")
    p.get(W, label="none left")
    # Last, since the servers are known to differ on whether these come to be.
    for url in ("https://127.0.0.1/hook", "http://192.0.43.8/hook", "https://10.0.0.1/"):
        p.post(W, {"name": "x", "url": url, "events": [created]}, label="calls " + url)
    p.post(W, {"name": "x", "url": target, "events": [created], "status": "ODD"}, label="an unknown status")
