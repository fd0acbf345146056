"""Row to token span to row, fields to tokens and back, and why rows stand together."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import pyarrow.dataset as pads
import pytest
from tokenizers import Tokenizer

from ecomct.lineage.draw import svg, tree
from ecomct.lineage.explain import Explained, Explainer
from ecomct.lineage.locate import Located, open_run
from ecomct.lineage.show import sample_json, sample_lines
from ecomct.recipe import load_recipe

Samples = dict[str, list[tuple[dict[str, Any], Explained]]]


@pytest.fixture(scope="module")
def samples(packed: tuple[Path, Path]) -> Samples:
    """Every sample of two arms, with its sequence's record."""
    explainer = Explainer(open_run(load_recipe(packed[0]), packed[1]))
    found: Samples = {"mixed": [], "separate": []}
    for arm, explained in found.items():
        for number, record in enumerate(datasets.load_from_disk(str(explainer.run.sequences / arm))):
            segments = range(len(record["segments"]))
            explained += [(record, explainer.segment(arm, number, record, segment)) for segment in segments]
    return found


@pytest.mark.parametrize("arm", ["mixed", "separate"])
def test_every_token_leads_to_its_row_and_back(located: Located, samples: Samples, arm: str) -> None:
    tokenizer = Tokenizer.from_file(str(located.run.tokens / "tokenizer/tokenizer.json"))
    of_record: Counter[int] = Counter()
    pieces: set[tuple[int, int]] = set()
    repeated = False
    for record, one in samples[arm]:
        of_record[one.sequence] += one.end - one.start
        begin = [0, *record["segments"]][one.segment]
        assert (one.start, one.end) == (begin, record["segments"][one.segment])
        spans = {(row, start) for row, (start, _) in zip(record["rows"], pairwise([0, *record["row_ends"]]), strict=True)}
        for part in one.parts:
            assert (part.document.row, part.start) in spans
            ids = record["input_ids"][part.start : part.end]
            tokens = [one.token(position) for position in range(part.start, part.end)]
            assert all(token is not None and token.row == part.document.row for token in tokens)
            # The tokens' characters are the document's, in order and without a gap: those of the title, then those of the piece.
            title = part.window.piece.repeated
            for stretch in (slice(0, title), slice(title, None)):
                mine = [token for token in tokens[stretch] if token is not None]
                assert [token.start for token in mine] == sorted(token.start for token in mine)
                text = part.document.text[mine[0].start : mine[-1].end] if mine else ""
                decoded = tokenizer.decode(ids[stretch], skip_special_tokens=False)
                assert decoded.strip("\N{REPLACEMENT CHARACTER}") in text
                assert text.strip() in decoded or "\N{REPLACEMENT CHARACTER}" in decoded
            assert title == 0 or part.document.text.startswith(tokenizer.decode(ids[:title]))
            repeated |= title > 0
            pieces.add((part.document.row, part.piece))
            assert all(one.token(position) is None for position in range(part.end, part.end + part.joint))
    lengths = {
        number: record["length"] for number, record in enumerate(datasets.load_from_disk(str(located.run.sequences / arm)))
    }
    assert of_record == lengths
    assert len({piece for _, piece in pieces}) > 1, "a row was cut into pieces"
    assert repeated or arm != "mixed", "a title was repeated"


def test_fields_are_the_tokens_that_touch_them(located: Located, samples: Samples) -> None:
    tokenizer = Tokenizer.from_file(str(located.run.tokens / "tokenizer/tokenizer.json"))
    seen: set[str] = set()
    for record, one in samples["mixed"]:
        for part in one.parts:
            touched: dict[str, set[int]] = {}
            for position in range(part.start, part.end):
                for name in one.token(position).fields:  # type: ignore[union-attr]
                    touched.setdefault(name, set()).add(position)
            listed: dict[str, set[int]] = {}
            for field in part.fields:
                listed.setdefault(field.name, set()).update(range(field.start, field.end))
                if len(part.window.numbers) == len(part.tokens.ids):
                    assert field.text in tokenizer.decode(record["input_ids"][field.start : field.end])
            assert listed == touched
            seen |= listed.keys()
    assert {"title", "color", "weight", "question", "answer", "text", "stars"} <= seen


def test_every_sample_of_the_plan_is_found_and_explained_by_it(located: Located) -> None:
    explainer = Explainer(located)
    planned: dict[int, list[dict[str, Any]]] = {}
    for line in pads.dataset(located.run.mixture / "plan").to_table().to_pylist():
        planned.setdefault(line["sample"], []).append(line)
    chosen = sorted(planned)[::7]
    assert len(chosen) > 5
    for number in chosen:
        [one] = explainer.sample(str(number), "mixed")
        assert [part.document.row for part in one.parts] == [line["row"] for line in planned[number]]
        assert (one.why.number, one.why.reason) == (number, planned[number][0]["reason"])
        if one.why.reason == "clustered":
            [product] = one.why.products
            assert all(product in part.document.keys for part in one.parts)
            whole = sum(one.why.available.values()) == sum(
                line["home"] == planned[number][0]["home"] and line["reason"] == "clustered"
                for lines in planned.values()
                for line in lines
            )
            assert one.why.covered == one.why.bound or not whole, "the deal is at the bound"
        order = sorted((part.document.row, part.piece) for part in one.parts)
        assert [order[rank - 1] for rank in one.permutation] == [(part.document.row, part.piece) for part in one.parts]


def test_drawings_hold_every_row_and_escape_what_they_show(samples: Samples) -> None:
    one = max((one for _, one in samples["mixed"]), key=lambda one: len(one.parts))
    bad = "<script>&\"'\x07 石头 " * 9
    parts = [replace(part, document=replace(part.document, text=bad, keys=[*part.document.keys, bad])) for part in one.parts]
    drawn = svg(replace(one, parts=parts))
    root = ElementTree.fromstring(drawn)
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert all(
        any(text.startswith(f"{number}  {part.document.source}") for text in texts) for number, part in enumerate(parts, 1)
    )
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    lines = tree(one)
    assert len([line for line in lines if line.startswith(("├─", "└─", "──"))]) == len(one.parts)
    assert str(one.why.number) in "\n".join(sample_lines(one))
    assert sample_json(one)["permutation"] == one.permutation
