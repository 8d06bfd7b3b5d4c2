"""A scripted judge with the names and columns of three RAGAS metrics.

RAGAS asks a hosted model for these; here plain word overlap answers, so the
numbers are stable and the logging around them is what gets tested.
"""

import pandas as pd


def words(text: str) -> set[str]:
    return set(text.lower().replace(".", " ").replace(",", " ").split())


def overlap(part: str, whole: str) -> float:
    """Share of the words of `part` that occur in `whole`."""
    return len(words(part) & words(whole)) / len(words(part))


def judge(frame: pd.DataFrame) -> pd.DataFrame:
    """One row of scores in [0, 1] for each row of question, contexts, answer, ground_truth."""
    return pd.DataFrame({
        "faithfulness": [overlap(a, " ".join(c)) for a, c in zip(frame["answer"], frame["contexts"])],
        "answer_relevancy": [overlap(q, a) for q, a in zip(frame["question"], frame["answer"])],
        "answer_correctness": [
            (overlap(a, g) + overlap(g, a)) / 2 for a, g in zip(frame["answer"], frame["ground_truth"])
        ],
    })
