"""The three versions of the system prompt, oldest first."""

TAGS = {"task": "question-and-answering", "language": "en", "BU": "Digital-marketing"}

FIRST = "You help people and you know your way around shares and money."

ON_TOPIC = (
    "You are a finance specialist who follows the stock market closely. "
    "Answer questions on markets, shares, investing and the economy, and use your tools for prices. "
    "When somebody asks about anything else, say kindly that it is outside your field "
    "and offer to talk about finance."
)

# Single braces on purpose: the registry takes only double ones for variables,
# so this version must come back with no template variables at all.
LLAMA_3 = (
    "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
    + ON_TOPIC
    + "\n\nBackground: {context}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
    "{question}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
)

VERSIONS = [
    {"template": FIRST, "commit_message": "First prompt"},
    {"template": ON_TOPIC, "commit_message": "Fine-tune response topic adherence"},
    {"template": LLAMA_3, "commit_message": None},
]
