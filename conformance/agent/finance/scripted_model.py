"""A chat model that needs no key and no network and always says the same.

It plays the part of a hosted model: it asks for tools, reads their answers and
reports the tokens it used, so everything around it (graph, tool node, tracing,
evaluation) is the real thing.
"""

import re
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool

OFF_TOPIC = (
    "I am sorry, that is outside my field: I only deal with finance and the stock market. "
    "I would be glad to talk about share prices, investing or the economy instead."
)
CAVEAT = "Prices move all day, so please check a live source before you act on this."


class ScriptedChatModel(BaseChatModel):
    """Answers questions about prices through a tool and declines the rest."""

    model_name: str = "scripted-finance-1"

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=[convert_to_openai_tool(t) for t in tools], **kwargs)

    def _generate(self, messages: list[BaseMessage], stop=None, run_manager=None, **kwargs) -> ChatResult:
        answer = reply(messages)
        answer.usage_metadata = usage(messages, answer)
        answer.response_metadata = {"model_name": self.model_name, "finish_reason": "stop"}
        return ChatResult(generations=[ChatGeneration(message=answer)])


def reply(messages: list[BaseMessage]) -> AIMessage:
    question = next(m.content for m in reversed(messages) if isinstance(m, HumanMessage))
    asked = symbols(question)
    if not asked:
        return AIMessage(content=OFF_TOPIC)
    results = tool_results(messages)
    if not results:
        return AIMessage(
            content="Let me look that up.",
            tool_calls=[
                {"name": "get_stock_price_data", "args": {"symbol": s}, "id": f"call_{s}", "type": "tool_call"}
                for s in asked
            ],
        )
    parts = [sentence(s, r, shares(question)) for s, r in zip(asked, results)]
    return AIMessage(content=" ".join([*parts, CAVEAT]))


def tool_results(messages: list[BaseMessage]) -> list[ToolMessage]:
    """The tool messages the conversation ends with, in order."""
    results: list[ToolMessage] = []
    for message in reversed(messages):
        if not isinstance(message, ToolMessage):
            break
        results.insert(0, message)
    return results


def symbols(question: str) -> list[str]:
    """Words in capitals, as tickers are written; a lone I is English."""
    return [w for w in re.findall(r"\b[A-Z]{1,5}(?:\.[A-Z])?\b", question) if w != "I"]


def shares(question: str) -> int:
    count = re.search(r"\b\d+\b", question)
    return int(count.group()) if count else 1


def sentence(symbol: str, result: ToolMessage, count: int) -> str:
    try:
        price = float(result.content)
    except ValueError:
        return f"I have no price for {symbol}."
    if count == 1:
        return f"One share of {symbol} costs ${price:,.2f}."
    return f"{count} shares of {symbol} at ${price:,.2f} each cost ${price * count:,.2f}."


def usage(messages: list[BaseMessage], answer: AIMessage) -> dict[str, int]:
    """Words stand in for tokens; a tool call counts as four."""
    sent = sum(len(str(m.content).split()) for m in messages)
    received = len(str(answer.content).split()) + 4 * len(answer.tool_calls)
    return {"input_tokens": sent, "output_tokens": received, "total_tokens": sent + received}
