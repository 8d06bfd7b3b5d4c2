"""What the finance assistant is made of: market data, prompts, a scripted model."""
