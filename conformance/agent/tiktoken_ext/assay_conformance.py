"""A small tiktoken encoding that needs no download.

`mlflow.metrics.token_count()` uses cl100k_base, whose table tiktoken fetches
from the network; script.py lets this encoding stand in for it. tiktoken finds
this file by the namespace package `tiktoken_ext`. The counts are its own, not
OpenAI's.
"""

# Every byte, then each prefix of a few words, so that byte pairs merge up to
# the whole word one byte at a time.
WORDS = " the", " price", " prices", " share", " shares", " of", " and", " cost", " costs", " finance", " market"


def assay_conformance():
    ranks = {bytes([i]): i for i in range(256)}
    for word in WORDS:
        for end in range(2, len(word) + 1):
            ranks.setdefault(word[:end].encode(), len(ranks))
    return {
        "name": "assay_conformance",
        "pat_str": r" ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+",
        "mergeable_ranks": ranks,
        "special_tokens": {},
    }


ENCODING_CONSTRUCTORS = {"assay_conformance": assay_conformance}
