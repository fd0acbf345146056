"""Metrics as ratios of two per-item sums, so that one formula gives every value its error.

==========  ===================================  ==========================
metric      numerator of an item                 denominator of an item
==========  ===================================  ==========================
accuracy    1 if the prediction is a gold label  1
f1          2 x matched spans                    predicted + gold spans
rouge_l     best ROUGE-L F1 over references      1
loss        negative log-likelihood (nats)       predicted tokens
==========  ===================================  ==========================

Texts are compared after NFKC normalisation and stripping: a full-width digit, colon or comma
equals its half-width form. With several references the best counts, for each metric. What the usual
packages give instead, and where that is wrong: docs/evaluation.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

METRICS = {"choice": "accuracy", "spans": "f1", "rouge": "rouge_l"}

# Han ideographs with extensions A-I and the compatibility block; a run of Latin letters and digits.
_TOKEN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]|[a-z0-9]+")


def normalise(text: str) -> str:
    """NFKC, stripped."""
    return unicodedata.normalize("NFKC", text).strip()


def rouge_tokens(text: str) -> list[str]:
    """Tokens of `text`, NFKC-normalised and lower-cased: one Han ideograph, or one run of [a-z0-9].

    Everything else (punctuation, space, other scripts) separates tokens and is not counted. The
    usual packages either delete Chinese or take an unsegmented title for one word.
    """
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).lower())


def lcs_length(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, bit-parallel (Hyyrö, 2004): O(len(a) len(b) / word)."""
    places: dict[str, int] = {}
    for i, token in enumerate(a):
        places[token] = places.get(token, 0) | (1 << i)
    mask = (1 << len(a)) - 1
    row = mask
    for token in b:
        hit = row & places.get(token, 0)
        row = ((row + hit) | (row - hit)) & mask
    return len(a) - row.bit_count()


def rouge_l_tokens(prediction: Sequence[str], reference: Sequence[str]) -> float:
    """ROUGE-L F1 = 2 LCS / (len(prediction) + len(reference)) in [0, 1]; 0 where either is empty."""
    if not prediction or not reference:
        return 0.0
    return 2 * lcs_length(reference, prediction) / (len(prediction) + len(reference))


def _zh(prediction: str, reference: str) -> float:
    return rouge_l_tokens(rouge_tokens(prediction), rouge_tokens(reference))


def _characters(prediction: str, reference: str) -> float:
    """Every character but white space is a token, punctuation too."""
    return rouge_l_tokens(*("".join(unicodedata.normalize("NFKC", text).lower().split()) for text in (prediction, reference)))


def _rouge_score(prediction: str, reference: str) -> float:
    """As Google's rouge-score (0.1.2, no stemmer), hence lm-eval and evaluate: all but [a-z0-9] is deleted, Chinese too."""
    return rouge_l_tokens(*(re.findall("[a-z0-9]+", text.lower()) for text in (prediction, reference)))


def _pltrdy(prediction: str, reference: str) -> float:
    """As the package rouge (1.0.1), which EcomGPT's code calls on raw text.

    Words stand between spaces, so a Chinese title is one; "." ends a sentence; each word counts once, however often it
    stands there; a word is matched if it is in the LCS of any two sentences. The package raises where a text is empty.
    """
    read, wanted = ([sentence.split() or [""] for sentence in text.split(".") if sentence] for text in (prediction, reference))
    if not read or not wanted:
        return 0.0
    matched = {word for right in wanted for left in read for word in _lcs_words(right, left)}
    p, r = (len(matched) / len({word for sentence in text for word in sentence}) for text in (read, wanted))
    return 2 * p * r / (p + r + 1e-8)


def _lcs_words(a: Sequence[str], b: Sequence[str]) -> list[str]:
    """One longest common subsequence; of several the one that the package rouge finds. O(len(a) len(b))."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    words, i, j = [], len(a), len(b)
    while i and j:
        if a[i - 1] == b[j - 1]:
            words.append(a[i - 1])
            i, j = i - 1, j - 1
        elif table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return words


# ROUGE-L by name. "zh" is the score; the others say what a published number may have meant.
ROUGE_L: dict[str, Callable[[str, str], float]] = {
    "zh": _zh,
    "characters": _characters,
    "rouge_score": _rouge_score,
    "ecomgpt": _pltrdy,
}


def rouge_l(prediction: str, references: Sequence[str], definition: str = "zh") -> float:
    """The best ROUGE-L F1 of `prediction` over `references`, by a definition of `ROUGE_L` (beta 1)."""
    return max((ROUGE_L[definition](prediction, reference) for reference in references), default=0.0)


def parse_spans(text: str) -> frozenset[tuple[str, str]]:
    """Read (label, span) pairs from lines ``label: a, b``; total on any text.

    A line is split at its first colon and the rest at commas; "None" in any case and empty spans
    say nothing; lines without a colon or with an empty label are skipped. The pairs are a set:
    naming a span twice neither helps nor costs. A label nobody asked for still counts as predicted.
    """
    pairs = set()
    for line in normalise(text).split("\n"):
        label, colon, rest = line.partition(":")
        label = label.strip()
        if not colon or not label:
            continue
        for span in rest.split(","):
            span = span.strip()
            if span and span.casefold() != "none":
                pairs.add((label, span))
    return frozenset(pairs)


@dataclass(frozen=True)
class ItemScore:
    """What one item adds to the two sums of its metric; the counts are those of the spans metric.

    `exact` says whether the whole answer is right: the text equals a reference, or the set of spans the gold set.
    """

    numerator: float
    denominator: float
    matched: int = 0
    predicted: int = 0
    gold: int = 0
    exact: bool = False


def score(scorer: str, prediction: str, answers: Sequence[str]) -> ItemScore:
    """Judge one prediction. Gold spans are read from the answer text by the parser of predictions."""
    if scorer == "spans":
        return max((_spans(parse_spans(prediction), parse_spans(answer)) for answer in answers), key=_quality)
    exact = normalise(prediction) in {normalise(answer) for answer in answers}
    value = float(exact) if scorer == "choice" else rouge_l(prediction, answers)
    return ItemScore(value, 1.0, exact=exact)


def macro_spans(predictions: Sequence[str], golds: Sequence[str]) -> tuple[float, float, float]:
    """Means of precision, recall and F1 over the types that any gold answer names; 0 where there is none.

    Each type's are those of its own sums over all items. A type that only predictions name lowers the micro precision alone.
    """
    counts: dict[str, Counter[str]] = {"matched": Counter(), "predicted": Counter(), "gold": Counter()}
    for prediction, gold in zip(predictions, golds, strict=True):
        found, wanted = parse_spans(prediction), parse_spans(gold)
        for name, pairs in (("matched", found & wanted), ("predicted", found), ("gold", wanted)):
            counts[name].update(label for label, _ in pairs)
    types = sorted(counts["gold"])
    if not types:
        return 0.0, 0.0, 0.0
    rows = [(counts["matched"][name], counts["predicted"][name], counts["gold"][name]) for name in types]
    precision = sum(matched / predicted if predicted else 0.0 for matched, predicted, _ in rows)
    recall = sum(matched / gold for matched, _, gold in rows)
    f1 = sum(2 * matched / (predicted + gold) for matched, predicted, gold in rows)
    return precision / len(types), recall / len(types), f1 / len(types)


def _spans(predicted: frozenset[tuple[str, str]], gold: frozenset[tuple[str, str]]) -> ItemScore:
    matched = len(predicted & gold)
    sizes = len(predicted), len(gold)
    return ItemScore(2.0 * matched, float(sum(sizes)), matched, *sizes, exact=predicted == gold)


def _quality(one: ItemScore) -> float:
    """F1 of one item; 1 where nothing was asked and nothing said."""
    return one.numerator / one.denominator if one.denominator else 1.0
