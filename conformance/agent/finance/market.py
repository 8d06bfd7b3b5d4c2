"""The assistant's only data store, a table of prices, and the tool over it."""

import json
from pathlib import Path

from langchain_core.tools import tool

PRICES: dict[str, float] = json.loads((Path(__file__).parent / "prices.json").read_text())


@tool
def get_stock_price_data(symbol: str) -> float:
    """Current price of a stock symbol, in dollars."""
    wanted = symbol.strip().upper()
    if wanted not in PRICES:
        raise ValueError(f"no price for symbol {wanted}; known symbols: {', '.join(sorted(PRICES))}")
    return PRICES[wanted]
