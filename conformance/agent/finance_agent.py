"""The finance assistant: a ReAct loop in LangGraph, traced by MLflow.

The file is its own model definition (models from code): MLflow logs this source
and runs it again when the model is loaded.
"""

import os
from pathlib import Path
from typing import Annotated, TypedDict

import mlflow
from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode

from finance import prompts
from finance.market import get_stock_price_data
from finance.scripted_model import ScriptedChatModel

mlflow.langchain.autolog()


def load_system_prompt() -> str:
    """The prompt behind the alias Production; clients before 2.21 have no prompt registry."""
    name = os.environ.get("PROMPT_REGISTRY_ID")
    if not name or not hasattr(mlflow, "genai") or not hasattr(mlflow.genai, "load_prompt"):
        return prompts.ON_TOPIC
    return mlflow.genai.load_prompt(f"prompts:/{name}@Production").template


SYSTEM_PROMPT = load_system_prompt()
MODEL = ScriptedChatModel(model_name=os.environ.get("MODELID", "scripted-finance-1")).bind_tools([get_stock_price_data])


class GraphState(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


@mlflow.trace(name="assistant", span_type="AGENT", attributes={"workflow": "agent_assistant"})
def assistant(state: GraphState):
    # The prompt goes in as a human turn, so each call starts with two of them.
    return {"messages": [MODEL.invoke([HumanMessage(SYSTEM_PROMPT), *state["messages"]])]}


@mlflow.trace(name="should_continue", span_type="AGENT", attributes={"workflow": "agent_should_continue"})
def should_continue(state: GraphState):
    return "tools" if state["messages"][-1].tool_calls else END


@mlflow.trace(name="build_workflow", span_type="CHAIN", attributes={"workflow": "agent_build_workflow"})
def build_workflow():
    workflow = StateGraph(GraphState)
    workflow.add_node("assistant", assistant)
    # A failing tool is an answer to the model, not the end of the run.
    workflow.add_node("tools", ToolNode([get_stock_price_data], handle_tool_errors=True))
    workflow.add_edge(START, "assistant")
    workflow.add_conditional_edges("assistant", should_continue, ["tools", END])
    workflow.add_edge("tools", "assistant")
    return workflow


@mlflow.trace(name="build_app", span_type="AGENT", attributes={"workflow": "agent_build_app"})
def build_app():
    return build_workflow().compile()


def draw_graph(app, path: Path) -> None:
    """Draws the graph as a PNG without asking an on-line renderer."""
    from matplotlib.figure import Figure

    drawn = app.get_graph()
    heights = {name: -i for i, name in enumerate(drawn.nodes)}
    figure = Figure(figsize=(4, 5))
    axes = figure.add_subplot()
    axes.axis("off")
    axes.set_xlim(-1, 1)
    axes.set_ylim(min(heights.values()) - 0.5, 0.5)
    for name, y in heights.items():
        axes.text(0, y, name, ha="center", va="center", bbox={"boxstyle": "round", "facecolor": "white"})
    for edge in drawn.edges:
        arrow = {
            "arrowstyle": "->",
            "linestyle": "--" if edge.conditional else "-",
            "connectionstyle": f"arc3,rad={0.6 if edge.conditional else 0.2}",
        }
        axes.annotate("", (0, heights[edge.target]), (0, heights[edge.source]), arrowprops=arrow)
    figure.savefig(path, format="png")


@mlflow.trace(name="invokeAgent", span_type="utils_func", attributes={"workflow": "utils_invokeAgent"})
def invoke_agent(query: str):
    """Builds the graph, draws it, asks one question; returns the messages."""
    app = build_app()
    if picture := os.environ.get("GRAPH_PICTURE"):
        draw_graph(app, Path(picture))
    return app.invoke({"messages": [HumanMessage(query)]})["messages"]


mlflow.models.set_model(build_app())
