"""Runs the finance assistant's whole story against a tracking server.

    MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python script.py OUT.json

Writes the ids of all it made to OUT.json. Runs with mlflow 2.20.2 and with
mlflow 3: steps that a version has no call for are left out and named in
"skipped".
"""

import contextlib
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
os.chdir(HERE)  # `evaluate` finds ./rouge here, tiktoken finds ./tiktoken_ext
sys.path.insert(0, str(HERE))

os.environ.setdefault("PROJECT", "AgentOps")
os.environ.setdefault("VERSION", "1.3.2")
os.environ.setdefault("MODELID", "scripted-finance-1")
os.environ.setdefault("PROMPT_REGISTRY_ID", "assistant-system-prompt")

import mlflow  # noqa: E402

# mlflow.evaluate registers its evaluators under mlflow's import-hook lock and
# imports scikit-learn there, while trace export threads import under the module
# lock and wait for the hooks: a deadlock unless all of it is loaded beforehand.
import mlflow.models.evaluation.evaluator_registry  # noqa: E402, F401
import pandas as pd  # noqa: E402
from mlflow.metrics import latency, rouge1, rougeL, token_count  # noqa: E402

from finance import prompts, ragas_scores  # noqa: E402

EXPERIMENT = os.environ.get("ASSISTANT_EXPERIMENT", "customer_support_genai_app")
RAGAS_EXPERIMENT = os.environ.get("ASSISTANT_RAGAS_EXPERIMENT", "customer_support_genai_ragas")
MODEL_NAME = "customer_support_agent"
V3 = int(mlflow.__version__.split(".")[0]) >= 3


def run_tags() -> dict[str, str]:
    return {"project": os.environ["PROJECT"], "model": os.environ["MODELID"], "version": os.environ["VERSION"]}


def experiment_id(name: str) -> str:
    found = mlflow.get_experiment_by_name(name)
    return found.experiment_id if found else mlflow.create_experiment(name)


def register_prompts() -> dict:
    """Three versions, each loaded back by number, and the alias Production on the second."""
    name = os.environ["PROMPT_REGISTRY_ID"]
    loaded = []
    for version in prompts.VERSIONS:
        made = mlflow.genai.register_prompt(name=name, tags=prompts.TAGS, **version)
        back = mlflow.genai.load_prompt(name, version=made.version)
        loaded.append({"version": back.version, "template": back.template, "variables": sorted(back.variables)})
    mlflow.genai.set_prompt_alias(name, "Production", loaded[1]["version"])
    by_alias = mlflow.genai.load_prompt(f"prompts:/{name}@Production")
    return {"name": name, "versions": loaded, "production": by_alias.version}


def golden_frame() -> pd.DataFrame:
    return pd.read_json(HERE / "golden_questions.jsonl", lines=True).reset_index()


def answer_all(invoke_agent, frame: pd.DataFrame) -> pd.DataFrame:
    """Asks every question, one thread per core, and adds the column `answer`."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        replies = pool.map(lambda q: invoke_agent(q)[-1].content, frame["inputs"])
        return frame.assign(answer=list(replies))


def offline_tokens() -> None:
    """Lets the local encoding stand in for cl100k_base, which needs the network.

    A question-answering evaluation counts tokens with cl100k_base whatever the
    caller passes, so the stand-in takes that name in tiktoken's own cache.
    """
    import tiktoken

    tiktoken.registry.ENCODINGS["cl100k_base"] = tiktoken.get_encoding("assay_conformance")


def evaluation_run(invoke_agent) -> dict:
    frame = golden_frame()
    with mlflow.start_run(
        experiment_id=experiment_id(EXPERIMENT), run_name=time.strftime("%Y%m%d%H%M%S"), tags=run_tags()
    ) as run:
        dataset = mlflow.data.from_pandas(frame, name="Langgraph agent evaluation input dataset")
        mlflow.log_input(dataset, "prompt")
        answered = answer_all(invoke_agent, frame)
        result = mlflow.evaluate(
            lambda data: data["answer"],
            answered,
            targets="ground_truth",
            model_type="question-answering",
            extra_metrics=[latency(), rouge1(), rougeL(), token_count()],
        )
        mlflow.log_artifact(os.environ["GRAPH_PICTURE"])
        mlflow.log_param("domain", "RegulatedFinance")
        mlflow.log_param("BU", "Trading and Investment Banking")
        named = {"name": MODEL_NAME} if V3 else {"artifact_path": MODEL_NAME}
        model = mlflow.langchain.log_model(
            lc_model=str(HERE / "finance_agent.py"), code_paths=[str(HERE / "finance")], **named
        )
    return {
        "run_id": run.info.run_id,
        "model_uri": model.model_uri,
        "metrics": result.metrics,
        "tables": {name: list(table.columns) for name, table in result.tables.items()},
        "answers": list(answered["answer"]),
    }


def load_back(model_uri: str) -> str:
    from langchain_core.messages import HumanMessage

    app = mlflow.langchain.load_model(model_uri)
    return app.invoke({"messages": [HumanMessage("How much is one share of MSFT?")]})["messages"][-1].content


def ragas_run(answers: list[str]) -> dict:
    frame = golden_frame()
    frame = pd.DataFrame({
        "question": frame["inputs"],
        "contexts": frame["context"],
        "answer": answers,
        "ground_truth": frame["ground_truth"],
    })
    scores = ragas_scores.judge(frame)
    logged = {}
    with mlflow.start_run(
        experiment_id=experiment_id(RAGAS_EXPERIMENT), run_name=time.strftime("%Y%m%d%H%M%S"), tags=run_tags()
    ) as run:
        mlflow.log_input(mlflow.data.from_pandas(frame, name="ragas answers"), context="ragas_eval_results")
        for name in scores.columns:
            logged[f"ragas_{name}_score/v1/mean"] = scores[name].mean()
            logged[f"ragas_{name}_score/v1/p90"] = scores[name].quantile(0.9)
            logged[f"ragas_{name}_score/v1/variance"] = scores[name].var()
        for name, value in logged.items():
            mlflow.log_metric(name, value)
    return {"run_id": run.info.run_id, "metrics": logged}


def flush_traces() -> None:
    with contextlib.suppress(AttributeError):
        mlflow.flush_trace_async_logging()


def traces_of(name: str) -> list:
    """The experiment's traces with this root span, newest first."""
    found = mlflow.search_traces(
        experiment_ids=[experiment_id(EXPERIMENT)], filter_string=f"tags.`mlflow.traceName` = '{name}'",
        **({"return_type": "list"} if V3 else {}),
    )
    return found if V3 else [mlflow.get_trace(i) for i in found["request_id"]]


def review_traces() -> dict:
    """A person's verdict, a judge's score and an expected answer on the newest agent trace."""
    from mlflow.entities import AssessmentSource

    trace_id = traces_of("invokeAgent")[0].info.trace_id
    person = AssessmentSource(source_type="HUMAN", source_id="reviewer@example.com")
    judge = AssessmentSource(source_type="LLM_JUDGE", source_id="scripted-judge-1")
    mlflow.log_feedback(
        trace_id=trace_id, name="on_topic", value=True, source=person, rationale="It kept to finance.",
        metadata={"round": "1"},
    )
    mlflow.log_feedback(trace_id=trace_id, name="helpfulness", value=0.75, source=judge)
    mlflow.log_expectation(
        trace_id=trace_id, name="expected_answer", value={"symbols": ["AMZN"], "price": 226.70}, source=person
    )
    return {"trace_id": trace_id}


def main(out: Path) -> None:
    offline_tokens()
    made: dict = {"mlflow": mlflow.__version__, "skipped": []}
    os.environ.setdefault("GRAPH_PICTURE", str(Path(tempfile.mkdtemp()) / "graph_diagram.png"))
    if V3:
        made["prompts"] = register_prompts()
    else:
        made["skipped"].append("prompt registry (mlflow >= 2.21)")
        os.environ.pop("PROMPT_REGISTRY_ID")

    made["experiment_id"] = mlflow.set_experiment(EXPERIMENT).experiment_id
    from finance_agent import invoke_agent  # builds the app once, in a trace of its own

    for question in golden_frame()["inputs"][:4]:
        invoke_agent(question)
    invoke_agent("How much is one share of ZZZZ?")  # the tool fails, the model says so

    made["evaluation"] = evaluation_run(invoke_agent)
    made["loaded_answer"] = load_back(made["evaluation"]["model_uri"])
    made["ragas"] = ragas_run(made["evaluation"]["answers"])
    flush_traces()

    made["traces"] = [t.info.request_id for t in traces_of("invokeAgent")]
    if V3:
        made["review"] = review_traces()
    else:
        made["skipped"].append("log_feedback and log_expectation (mlflow >= 3.2)")
    found = mlflow.search_runs(
        experiment_ids=[made["experiment_id"]], filter_string=f"tags.project = '{os.environ['PROJECT']}'"
    )
    made["found_runs"] = list(found["run_id"])
    out.write_text(json.dumps(made, indent=2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
