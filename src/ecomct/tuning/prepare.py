"""From the recipe's instruction sets to packed sequences and the questions that are asked afterwards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ecomct.errors import InputError
from ecomct.ledger import Account
from ecomct.recipe.model import Recipe
from ecomct.recipe.tuning import Tuning
from ecomct.seeded import hash_text
from ecomct.tokens.tokenizer import load_tokenizer
from ecomct.tuning.encode import TOO_LONG, Encoded, encode_examples
from ecomct.tuning.examples import Example
from ecomct.tuning.pack import Packed, pack_epochs, write_sequences
from ecomct.tuning.questions import write_questions
from ecomct.tuning.sets import LoadedSet, load_set
from ecomct.tuning.split import blocked_texts, keep_apart, require_split


@dataclass
class _Gathered:
    """Examples of all sets that can be trained on, and the set of each."""

    encoded: list[Encoded] = field(default_factory=list)
    identities: list[int] = field(default_factory=list)
    of: list[str] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)


def prepare_tuning(recipe: Recipe, tokenizer: Path, out: Path) -> dict[str, Any]:
    """Write `out`/sequences (packed, all epochs in training order) and `out`/tests/SET (task folders of what is asked).

    Returns {"ledger": {"tune": {set: account}}, "steps", "measures"}: every example of a file is trained on, or
    counted under the reason why not; the account of a set counts its test items as left over.

    Raises:
        InputError: a set that cannot be read, a held-in set of a held-out task, nothing left to train on,
            or fewer sequences than one batch.
    """
    tuning = recipe.tuning
    assert tuning is not None
    sets = [load_set(recipe, name) for name in tuning.sets]
    require_split(sets, tuning.split)
    blocked = blocked_texts(recipe, sets)
    length = tuning.length or recipe.sequences.length
    encoder, eos = load_tokenizer(tokenizer)
    gathered = _Gathered()
    for one in sets:
        examples = _choose(one, blocked, recipe.seed, gathered)
        found = encode_examples(examples, encoder, eos, length, tuning.most_cut)
        account = gathered.accounts[one.name]
        for example, encoded in zip(examples, found, strict=True):
            if encoded is None:
                account.rejected[TOO_LONG] += 1
                continue
            gathered.encoded.append(encoded)
            gathered.identities.append(hash_text(f"{one.name} {example.line}"))
            gathered.of.append(one.name)
        write_questions(one, out / "tests" / one.name)
    if not gathered.encoded:
        raise InputError("tuning.sets: no example is left to train on; see role, test_share and length")

    identities = np.array(gathered.identities, dtype=np.uint64)
    packed = pack_epochs([len(one.ids) for one in gathered.encoded], identities, length, tuning.epochs, recipe.seed)
    steps = _steps(tuning, packed)
    write_sequences(out / "sequences", packed, gathered.encoded, identities, length, eos)
    _close(gathered, packed.seen(steps * tuning.batch_size))
    ledger = {name: account.facts() for name, account in gathered.accounts.items()}
    return {"ledger": {"tune": ledger}, "steps": steps, "measures": _measures(tuning, gathered, packed, sets, length)}


def _choose(one: LoadedSet, blocked: dict[str, str], seed: int, gathered: _Gathered) -> list[Example]:
    """Examples of a set that may be trained on; all others go to its account."""
    account = gathered.accounts[one.name] = Account(rows_in=one.rows, duplicates=one.repeats)
    kept, account.rejected = keep_apart(one.train, blocked)
    reason = "held_out" if one.setting.role == "held-out" else "kept_for_testing"
    account.leftovers = Counter({reason: len(one.test)} if one.test else {})
    if one.setting.limit is not None and len(kept) > one.setting.limit:
        account.leftovers["over_limit"] = len(kept) - one.setting.limit
        ranked = sorted(kept, key=lambda example: (hash_text(f"tuning limit {example.record}", seed), example.line))
        kept = sorted(ranked[: one.setting.limit], key=lambda example: example.line)
    return kept


def _steps(tuning: Tuning, packed: Packed) -> int:
    """Steps of all epochs; the last batch is filled from the first sequences, so that no example is dropped."""
    if len(packed) < tuning.batch_size:
        raise InputError(
            f"tuning.batch_size: {tuning.batch_size} sequences a step, but the examples of {tuning.epochs} epochs fill "
            f"{len(packed)}; lower tuning.batch_size or raise tuning.epochs"
        )
    every = -(-len(packed) // tuning.batch_size)
    return every if tuning.max_steps is None else min(every, tuning.max_steps)


def _close(gathered: _Gathered, seen: set[int]) -> None:
    """Count what is trained on, and what the steps do not reach."""
    for example, name in enumerate(gathered.of):
        account = gathered.accounts[name]
        if example in seen:
            account.kept += 1
        else:
            account.leftovers["beyond_max_steps"] += 1
    for name, account in gathered.accounts.items():
        assert account.closes, f"account of {name} does not close: {account.facts()}"


def _measures(tuning: Tuning, gathered: _Gathered, packed: Packed, sets: list[LoadedSet], length: int) -> dict[str, Any]:
    by_set: dict[str, dict[str, Any]] = {
        one.name: {"role": one.setting.role, "task": one.task, "dataset": one.dataset, "test": len(one.test)}
        | dict.fromkeys(("examples", "tokens", "trained_tokens", "prompts_cut", "tokens_cut"), 0)
        for one in sets
    }
    for one, name in zip(gathered.encoded, gathered.of, strict=True):
        facts = by_set[name]
        facts["examples"] += 1
        facts["tokens"] += len(one.ids)
        facts["trained_tokens"] += one.trained
        facts["prompts_cut"] += one.cut > 0
        facts["tokens_cut"] += one.cut
    tokens = tuning.epochs * sum(len(one.ids) for one in gathered.encoded)
    return {"sets": by_set, "sequences": len(packed), "tokens": tokens, "fill": round(tokens / (len(packed) * length), 6)}
