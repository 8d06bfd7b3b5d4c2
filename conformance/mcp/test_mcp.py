"""The official Python and Go clients of the Model Context Protocol against the
MCP endpoint and against `assay mcp`, in both eras of the protocol."""

import asyncio
import json
import os
import pathlib
import re
import subprocess
import sys

import mlflow
import pytest
from mcp import MCPError, StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client

HERE = pathlib.Path(__file__).resolve().parent
ERAS = ["2026-07-28", "legacy"]
WAYS = ["http", "stdio"]


@pytest.fixture(scope="module")
def filled(url):
    """Traces with a failing tool, runs and a prompt."""
    mlflow.set_tracking_uri(url)
    mlflow.set_experiment("mcp")

    @mlflow.trace(name="lookup", span_type="TOOL")
    def lookup(symbol):
        raise KeyError(symbol)

    @mlflow.trace(name="mcp-agent", span_type="AGENT")
    def agent(question):
        try:
            lookup(question)
        finally:
            mlflow.update_current_trace(tags={"suite": "mcp"})

    for i in range(25):
        with pytest.raises(KeyError):
            agent(f"question {i}")
    mlflow.flush_trace_async_logging()
    for name, rate in (("slow", 0.1), ("fast", 0.9)):
        with mlflow.start_run(run_name=name):
            mlflow.log_params({"rate": rate, "model": "nova"})
            for step in range(50):
                mlflow.log_metric("loss", 1 / (1 + rate * step), step=step)
    mlflow.genai.register_prompt("mcp-system", "Be kind.\nAnswer {{ question }}.")
    mlflow.genai.register_prompt("mcp-system", "Be brief.\nAnswer {{ question }}.")
    mlflow.genai.set_prompt_alias("mcp-system", "prod", 1)
    return url


def client(way, era, url):
    target = f"{url.rstrip('/')}/mcp"
    if way == "stdio":
        binary = os.environ.get("ASSAY_BIN")
        if not binary:
            pytest.skip("ASSAY_BIN is not set")
        target = stdio_client(StdioServerParameters(command=binary, args=["mcp", "--server", url]))
    return Client(target, mode=era)


def run(way, era, url, ask):
    async def main():
        async with client(way, era, url) as c:
            return await ask(c)

    return asyncio.run(main())


def data(result):
    assert not result.is_error, result.content[0].text
    return json.loads(result.content[0].text)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("way", WAYS)
def test_everything_is_listed(filled, way, era):
    async def ask(c):
        tools = (await c.list_tools()).tools
        assert len(tools) >= 17 and all(t.annotations.read_only_hint for t in tools)
        assert all(t.input_schema["additionalProperties"] is False for t in tools)
        assert [r.uri for r in (await c.list_resources()).resources] == ["assay://help/filters"]
        assert len((await c.list_resource_templates()).resource_templates) == 5
        prompts = {p.name: p for p in (await c.list_prompts()).prompts}
        assert "question" in {a.name for a in prompts["mcp-system"].arguments}
        return c.protocol_version

    assert run(way, era, filled, ask) == ("2025-11-25" if era == "legacy" else era)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("way", WAYS)
def test_from_a_search_to_the_payload(filled, way, era):
    async def ask(c):
        seen, cursor = [], None
        while True:
            arguments = {"filter": "tag.suite = 'mcp'", "limit": 10, "max_characters": 2000, **({"cursor": cursor} if cursor else {})}
            page = data(await c.call_tool("search_traces", arguments))
            seen += [t["trace_id"] for t in page["traces"]]
            cursor = page.get("next_cursor")
            if not cursor:
                break
        assert len(seen) == len(set(seen)) == 25
        trace = data(await c.call_tool("get_trace", {"trace_id": seen[0]}))
        assert trace["first_error"]["name"] == "lookup" and any("[TOOL] lookup" in line for line in trace["outline"])
        span = data(await c.call_tool("get_span", {"trace_id": seen[0], "span_id": trace["first_error"]["span_id"]}))
        assert "question" in span["input"]
        assert data(await c.call_tool("find_in_trace", {"trace_id": seen[0], "text": "QUESTION"}))["matches"]
        return True

    assert run(way, era, filled, ask)


@pytest.mark.parametrize("era", ERAS)
def test_runs_prompts_and_resources(filled, era):
    async def ask(c):
        runs = data(await c.call_tool("search_runs", {"filter": "params.model = 'nova'", "order_by": ["metrics.loss ASC"]}))["runs"]
        assert [r["name"] for r in runs[:2]] == ["fast", "slow"]
        rows = data(await c.call_tool("compare_runs", {"run_ids": [r["run_id"] for r in runs[:2]]}))["rows"]
        assert {"param rate", "metric loss"} <= {f"{r['kind']} {r['key']}" for r in rows}
        curve = data(await c.call_tool("metric_history", {"run_id": runs[0]["run_id"], "key": "loss", "max_points": 10}))
        assert curve["total_points"] == 50 and curve["points"][0] == [0, 1]
        assert data(await c.call_tool("get_prompt", {"name": "mcp-system", "version": "@prod"}))["template"].startswith("Be kind")
        assert "+ Be brief." in data(await c.call_tool("diff_prompt", {"name": "mcp-system", "from": "1", "to": "2"}))["lines"]
        said = await c.get_prompt("mcp-system", {"question": "why"})
        assert said.messages[0].content.text == "Be brief.\nAnswer why."
        help_text = (await c.read_resource("assay://help/filters")).contents[0].text
        assert "span.type" in help_text
        assert runs[0]["run_id"] in (await c.read_resource(f"assay://run/{runs[0]['run_id']}")).contents[0].text
        return True

    assert run("http", era, filled, ask)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("way", WAYS)
def test_errors_say_how_to_mend_the_call(filled, way, era):
    async def ask(c):
        wrong = await c.call_tool("search_traces", {"filter": "staus = 'ERROR'"})
        assert wrong.is_error and "assay://help/filters" in wrong.content[0].text
        for call in (c.call_tool("drop_table", {}), c.read_resource("assay://trace/tr-none"), c.get_prompt("nobody", {})):
            with pytest.raises(MCPError):
                await call
        return True

    assert run(way, era, filled, ask)


def test_the_go_client(filled, tmp_path):
    binary = tmp_path / "client"
    built = subprocess.run(["go", "build", "-o", str(binary), "."], cwd=HERE / "go", capture_output=True, text=True, env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"})
    assert built.returncode == 0, built.stderr
    command = [str(binary), filled, os.environ.get("ASSAY_BIN", "")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("read ") >= (2 if command[2] else 1)


def test_the_example_of_the_guide_runs(url, tmp_path):
    text = (HERE.parents[1] / "docs" / "guides" / "mcp.md").read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(code) == 1 and "assert" in code[0]
    script = tmp_path / "guide.py"
    script.write_text(code[0].replace("http://127.0.0.1:5000", url.rstrip("/")))
    result = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
