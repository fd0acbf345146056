"""Examples to token ids with the stretches that are learnt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from ecomct.tuning.examples import Example

TOO_LONG = "too_long"


@dataclass(frozen=True)
class Encoded:
    """`ids` of an example; `ends` of its stretches, by turns read only and trained; tokens that the prompt lost."""

    ids: list[int]
    ends: list[int]
    cut: int

    @property
    def trained(self) -> int:
        """Tokens in the loss."""
        return sum(self.ends[1::2]) - sum(self.ends[::2])


def encode_examples(
    examples: Sequence[Example], tokenizer: Tokenizer, eos: int, length: int, most_cut: float
) -> list[Encoded | None]:
    """Encode every example into at most `length` tokens; None for one that cannot be made to fit.

    Each turn is encoded alone, so that no token spans the joint of prompt and completion and the prompt's tokens are
    those that a later question has, trailing space included. A learnt turn ends with `eos`, which is learnt too. Too long an
    example loses the beginning of its first read stretch (the evaluation cuts there as well), at most the
    share `most_cut` of it; completions are never cut.
    """
    texts = [turn.text for example in examples for turn in example.turns]
    encodings = iter(tokenizer.encode_batch_fast(texts, add_special_tokens=False))
    found = []
    for example in examples:
        ids: list[int] = []
        ends: list[int] = []
        for turn in example.turns:
            if turn.trained and len(ends) % 2 == 0:
                ends.append(len(ids))  # two learnt turns in a row: nothing is read between them
            ids += next(encodings).ids
            if turn.trained:
                ids.append(eos)
            ends.append(len(ids))
        found.append(_fit(ids, ends, length, most_cut))
    return found


def _fit(ids: list[int], ends: list[int], length: int, most_cut: float) -> Encoded | None:
    prompt, cut = ends[0], max(0, len(ids) - length)
    # Something must be read before the first token that is predicted.
    if prompt - cut < max(1, math.ceil((1 - most_cut) * prompt)):
        return None
    return Encoded(ids[cut:], [end - cut for end in ends], cut)
