"""Writes golden.json: reference values from SciPy, NumPy and scikit-learn.

Run once with an interpreter that has them:  python golden.py
"""

import itertools
import json
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn.metrics import cohen_kappa_score

rng = np.random.default_rng(7)


def floats(a):
    return [float(x) for x in a]


def exact_signed_rank(d):
    """The p-value by trying all signs; for ties, which SciPy approximates."""
    d = np.array([x for x in d if x != 0])
    r = stats.rankdata(abs(d))
    low = min(r[d > 0].sum(), r[d < 0].sum())
    hits = sum(1 for s in itertools.product([0, 1], repeat=len(r)) if np.dot(s, r) <= low + 1e-9)
    return min(1.0, 2 * hits / 2 ** len(r))


def main():
    out = {"versions": {"scipy": scipy.__version__, "numpy": np.__version__, "sklearn": sklearn.__version__}}
    out["student"] = [[p, df, float(stats.t.ppf(p, df))] for p in (0.6, 0.9, 0.975, 0.995, 0.9999999) for df in (1, 2, 3, 10, 29, 500, 1e6)]
    out["studentCDF"] = [[t, df, float(stats.t.cdf(t, df))] for t in (-40, -3.2, -0.1, 0, 0.7, 2.5, 12) for df in (1, 4, 33.5, 1000)]
    out["normal"] = [[z, float(stats.norm.cdf(z))] for z in (-9, -3, -1, 0, 0.5, 1.96, 6)]
    out["describe"] = []
    for values in ([1.5], [1, 2, 3, 4], floats(rng.normal(1e9, 1, 25)), floats(rng.exponential(3, 40)), [0.1] * 10 + [5.0]):
        v = np.array(values)
        out["describe"].append({
            "values": values, "mean": float(v.mean()), "population": float(v.var()),
            "sample": float(v.var(ddof=1)) if len(v) > 1 else None,
            "quantiles": [[q, float(np.quantile(v, q))] for q in (0, 0.05, 0.25, 0.5, 0.9, 0.99, 1)],
            "t95": floats(stats.t.interval(0.95, len(v) - 1, loc=v.mean(), scale=stats.sem(v))) if len(v) > 1 else None,
        })
    out["wilson"] = []
    for k, n in ((0, 5), (5, 5), (1, 2), (3, 10), (81, 100), (1200, 1319), (0, 1)):
        for level in (0.9, 0.95, 0.99):
            ci = stats.binomtest(k, n).proportion_ci(level, method="wilson")
            out["wilson"].append([k, n, level, float(ci.low), float(ci.high)])
    out["mcnemar"] = [[b, c, float(stats.binomtest(min(b, c), b + c, 0.5).pvalue)] for b, c in ((1, 0), (5, 5), (2, 9), (14, 33), (120, 90), (0, 40), (5000, 5210))]
    out["pairs"] = []
    for n, shift, ties in ((3, 0, False), (6, 1, True), (10, 0.5, False), (12, 0.4, True), (40, 0.2, False), (80, 0.1, False), (120, 0.2, True)):
        a, b = rng.normal(shift, 1, n), rng.normal(0, 1, n)
        if ties:
            a, b = np.round(a), np.round(b)
        d = a - b
        if n > 50:
            p = float(stats.wilcoxon(a, b, method="asymptotic", correction=False).pvalue)
        elif ties:
            p = exact_signed_rank(d)
        else:
            p = float(stats.wilcoxon(a, b, method="exact").pvalue)
        t = stats.ttest_rel(a, b)
        out["pairs"].append({
            "a": floats(a), "b": floats(b), "wilcoxon": float(stats.wilcoxon(a, b, method="asymptotic", correction=False).statistic), "wilcoxonP": p,
            "t": float(t.statistic), "tP": float(t.pvalue),
            "signP": float(stats.binomtest(int((d > 0).sum()), int((d != 0).sum()), 0.5).pvalue),
        })
    out["kappa"] = []
    for n, c, agree in ((20, 2, 0.7), (50, 3, 0.5), (200, 5, 0.8), (30, 4, 0.0)):
        a = rng.integers(0, c, n)
        b = np.where(rng.random(n) < agree, a, rng.integers(0, c, n))
        out["kappa"].append({"a": [int(x) for x in a], "b": [int(x) for x in b],
                             "unweighted": float(cohen_kappa_score(a, b)),
                             "linear": float(cohen_kappa_score(a, b, weights="linear")),
                             "quadratic": float(cohen_kappa_score(a, b, weights="quadratic"))})
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items())
    (Path(__file__).parent / "golden.json").write_text("{\n" + lines + "\n}\n")


main()
