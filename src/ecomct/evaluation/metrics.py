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
equals its half-width form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
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


def rouge_l(prediction: str, references: Sequence[str]) -> float:
    """The best ROUGE-L F1 of `prediction` over `references` (beta 1; tokens of `rouge_tokens`)."""
    tokens = rouge_tokens(prediction)
    return max((rouge_l_tokens(tokens, rouge_tokens(reference)) for reference in references), default=0.0)


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
    """What one item adds to the two sums of its metric; the counts are those of the spans metric."""

    numerator: float
    denominator: float
    matched: int = 0
    predicted: int = 0
    gold: int = 0


def score(scorer: str, prediction: str, answers: Sequence[str]) -> ItemScore:
    """Judge one prediction. Gold spans are read from the answer text by the parser of predictions."""
    if scorer == "choice":
        return ItemScore(float(normalise(prediction) in {normalise(answer) for answer in answers}), 1.0)
    if scorer == "rouge":
        return ItemScore(rouge_l(prediction, answers), 1.0)
    predicted, gold = parse_spans(prediction), parse_spans(answers[0])
    matched = len(predicted & gold)
    return ItemScore(2.0 * matched, float(len(predicted) + len(gold)), matched, len(predicted), len(gold))
