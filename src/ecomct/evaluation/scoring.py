"""A causal LM as a scorer: log-likelihood of documents and of candidates, and greedy generation.

fp32 on the CPU, on token ids. Nothing here holds logits of all positions of a batch: the body of
the model runs once, and its output embedding only where a token is predicted, in chunks (a
vocabulary of 250,880 takes 1 MB a position).
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from ecomct.errors import InputError

# Logits held at once in the loss: 64 Mi values are 256 MiB in fp32.
_CHUNK_VALUES = 1 << 26
Ids = list[int]
Done = Callable[[int], None]


def _ignore(count: int) -> None:
    """The default progress callback."""


class ModelScorer:
    """One model, loaded once. Results depend on the batch size only by rounding noise.

    `eos` ends a generation and fills padding, which is masked. Raises InputError where `folder` is
    not a whole safetensors model, or has no embedding for some token below `tokens`.
    """

    def __init__(self, folder: Path, *, eos: int, tokens: int, batch_size: int) -> None:
        self._model = _load(folder)
        self._eos, self._batch_size = eos, batch_size
        rows = self._model.get_input_embeddings().num_embeddings
        if tokens > rows:
            raise InputError(
                f"{folder}: {rows} embeddings for {tokens} tokens; the model and the tokenizer do not belong together"
            )
        self._head = self._model.get_output_embeddings()
        self._split = self._head is not None and self._model.base_model is not self._model and self._splits(rows)
        self._body = self._model.base_model if self._split else self._model
        # Left padding moves the tokens; rotary and learned positions must be told, ALiBi reads the mask.
        self._positions = "position_ids" in inspect.signature(self._body.forward).parameters

    @torch.inference_mode()
    def _splits(self, rows: int) -> bool:
        """Whether logits are exactly body, then output embedding (some models scale or cap them)."""
        ids = torch.arange(8)[None] % rows
        states = self._model.base_model(ids, use_cache=False).last_hidden_state
        return torch.allclose(self._head(states), self._model(ids, use_cache=False).logits, rtol=1e-5, atol=1e-6)

    @torch.inference_mode()
    def document_losses(self, documents: Sequence[Ids], on_done: Done = _ignore) -> list[float]:
        """Return each document's negative log-likelihood in nats: the sum over its tokens after the first."""
        losses = [0.0] * len(documents)
        for batch in self._batches(documents):
            ids, mask = self._pad([documents[i] for i in batch], left=False)
            states, _ = self._run(ids, mask, None, use_cache=False)
            wanted = mask[:, 1:].bool()
            values = self._losses(states[:, :-1][wanted], ids[:, 1:][wanted])
            for i, part in zip(batch, values.split(wanted.sum(1).tolist()), strict=True):
                losses[i] = float(part.sum())
            on_done(len(batch))
        return losses

    @torch.inference_mode()
    def log_likelihoods(self, prompts: Sequence[Ids], candidates: Sequence[Ids], on_done: Done = _ignore) -> list[list[float]]:
        """Return the log-likelihood of every candidate after every prompt (nats, summed over its tokens).

        A prompt runs once: its last position predicts all first tokens, and its cache is shared by
        the rest of all candidates.
        """
        found = [[0.0] * len(candidates) for _ in prompts]
        for batch in self._batches(prompts):
            ids, mask = self._pad([prompts[i] for i in batch], left=True)
            states, cache = self._run(ids, mask, None)
            first = self._logits(states[:, -1]).log_softmax(-1)
            for row, i in enumerate(batch):
                found[i] = [float(first[row, candidate[0]]) for candidate in candidates]
            longer = [(row, c) for row in range(len(batch)) for c, candidate in enumerate(candidates) if len(candidate) > 1]
            for start in range(0, len(longer), self._batch_size):
                pairs = longer[start : start + self._batch_size]
                rows = torch.tensor([row for row, _ in pairs])
                rest, rest_mask = self._pad([candidates[c] for _, c in pairs], left=False)
                states, _ = self._run(rest[:, :-1], torch.cat([mask[rows], rest_mask[:, :-1]], 1), _fork(cache, rows))
                # Column j of the input predicts column j + 1 of `rest`.
                wanted = rest_mask[:, 1:].bool()
                values = self._losses(states[wanted], rest[:, 1:][wanted])
                for (row, c), part in zip(pairs, values.split(wanted.sum(1).tolist()), strict=True):
                    found[batch[row]][c] -= float(part.sum())
            on_done(len(batch))
        return found

    @torch.inference_mode()
    def generate(
        self, prompts: Sequence[Ids], max_new_tokens: int, finished: Callable[[Ids], bool], on_done: Done = _ignore
    ) -> list[Ids]:
        """Continue each prompt greedily; return the new tokens, without eos.

        A row ends at eos, when `finished(its new tokens)`, or after `max_new_tokens`.
        """
        found: list[Ids] = [[] for _ in prompts]
        for batch in self._batches(prompts):
            ids, mask = self._pad([prompts[i] for i in batch], left=True)
            cache: Any = None
            live = set(batch)
            for _ in range(max_new_tokens):
                states, cache = self._run(ids, mask, cache)
                ids = self._logits(states[:, -1]).argmax(-1, keepdim=True)
                mask = torch.cat([mask, torch.ones_like(ids)], 1)
                for i, token in zip(batch, ids[:, 0].tolist(), strict=True):
                    if i not in live:
                        continue
                    if token == self._eos:
                        live.remove(i)
                        continue
                    found[i].append(token)
                    if finished(found[i]):
                        live.remove(i)
                if not live:
                    break
            on_done(len(batch))
        return found

    def _batches(self, rows: Sequence[Ids]) -> list[list[int]]:
        """Indices by falling length, so that rows of a batch need little padding."""
        order = sorted(range(len(rows)), key=lambda i: (-len(rows[i]), i))
        return [order[start : start + self._batch_size] for start in range(0, len(order), self._batch_size)]

    def _pad(self, rows: Sequence[Ids], *, left: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ids and mask, both (rows, longest)."""
        width = max(map(len, rows))
        ids = torch.full((len(rows), width), self._eos)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            place = slice(width - len(row), width) if left else slice(0, len(row))
            ids[i, place] = torch.tensor(row)
            mask[i, place] = 1
        return ids, mask

    def _run(self, ids: torch.Tensor, mask: torch.Tensor, cache: Any, *, use_cache: bool = True) -> tuple[torch.Tensor, Any]:
        """Run `ids` after `cache`; return one state a position (logits where the head cannot be split off)."""
        extra: dict[str, Any] = {}
        if self._positions:
            extra["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        output = self._body(ids, attention_mask=mask, past_key_values=cache, use_cache=use_cache, **extra)
        return (output.last_hidden_state if self._split else output.logits), (output.past_key_values if use_cache else None)

    def _logits(self, states: torch.Tensor) -> torch.Tensor:
        return self._head(states) if self._split else states

    def _losses(self, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Negative log-likelihood of `targets` (positions,), summed later: float64."""
        step = max(1, _CHUNK_VALUES // self._model.get_input_embeddings().num_embeddings)
        parts = [
            cross_entropy(self._logits(some), wanted, reduction="none").double()
            for some, wanted in zip(states.split(step), targets.split(step), strict=True)
        ]
        return torch.cat(parts)


def _fork(cache: Any, rows: torch.Tensor) -> Any:
    """A cache of `rows` of `cache`. The selection makes new tensors, so the original is left as it is."""
    fork = copy.copy(cache)
    fork.layers = [copy.copy(layer) for layer in cache.layers]
    fork.batch_select_indices(rows)
    return fork


def _load(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from ecomct.training.attention import apply_exact_attention

    options: dict[str, Any] = {
        "dtype": torch.float32,
        "local_files_only": True,
        "trust_remote_code": False,
        "use_safetensors": True,
    }
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: cannot be loaded as a causal LM ({error})") from None
    finally:
        if bars:
            logging.enable_progress_bar()
    model, info = loaded
    if missing := sorted(info["missing_keys"]):
        # transformers would go on with random values.
        raise InputError(f"{folder}: the weights lack {', '.join(missing[:3])}; run the training stage again")
    # BLOOM is scored with the attention it is trained with; padding then costs no work either.
    apply_exact_attention(model)
    return model.eval()
