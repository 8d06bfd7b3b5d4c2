"""ROUGE for `evaluate.load("rouge")` where no hub can be reached.

`evaluate` looks for ./rouge/rouge.py before it asks the hub, so a process that
runs in this directory gets the scores of the `rouge_score` package through the
stock `mlflow.metrics.rouge1()` and `rougeL()`.
"""

import datasets
import evaluate
from rouge_score import rouge_scorer


class Rouge(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description="F-measures of n-gram and longest-common-subsequence overlap.",
            citation="",
            inputs_description="predictions and references: one string each per row",
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions, references, rouge_types=("rouge1", "rougeL"), use_aggregator=True):
        scorer = rouge_scorer.RougeScorer(list(rouge_types))
        rows = [scorer.score(target=r, prediction=p) for p, r in zip(predictions, references)]
        scores = {name: [row[name].fmeasure for row in rows] for name in rouge_types}
        if not use_aggregator:
            return scores
        return {name: sum(values) / len(values) for name, values in scores.items()}
