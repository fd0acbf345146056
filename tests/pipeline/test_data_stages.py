"""Tables to sequences: what goes in comes out once, in any number of workers, to the byte."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from run_files import digests, ledger, stages_run
from tokenizers import Tokenizer

from ecomct.errors import InputError
from ecomct.packing.sequence import LANGUAGES
from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe
from ecomct.training.batches import Sequences

Shop = Callable[..., Path]
Tables = dict[str, list[dict[str, Any]]]


def pack(recipe: Path, runs: Path, workers: int = 1) -> Path:
    """Run up to the sequences; return the run folder."""
    return run_recipe(load_recipe(recipe), runs, "pack", workers=workers).folder


def spans(folder: Path, arm: str) -> list[tuple[int, list[int]]]:
    """(row, token ids) of every span of an arm."""
    found = []
    for sequence in datasets.load_from_disk(str(folder / "sequences" / arm)):
        ends = [0, *sequence["row_ends"]]
        found += [(row, sequence["input_ids"][a:b]) for row, (a, b) in zip(sequence["rows"], pairwise(ends), strict=True)]
    return found


def documents(folder: Path) -> dict[int, dict[str, Any]]:
    """All documents by row."""
    return {row["row"]: row for row in pads.dataset(folder / "documents/shards").to_table().to_pylist()}


def fates(folder: Path) -> dict[int, str]:
    """What became of each document."""
    table = pads.dataset(folder / "links/shards").to_table(columns=["row", "fate"])
    return dict(zip(table["row"].to_pylist(), table["fate"].to_pylist(), strict=True))


_PLACES = ("the village", "the old town", "the harbour", "a valley", "the lower city")


def _page(number: int, chars: int) -> str:
    """General text of its own, of about this length."""
    return "".join(f"In {number} {place} saw the river rise by {7 * step + number} feet. " for step, place in enumerate(_PLACES))[
        :chars
    ]


def test_separate_and_mixed_hold_exactly_the_same_rows(shop: Shop, tmp_path: Path) -> None:
    # Little general text: the domain has to be cut, and must be cut alike.
    general = [{"text": _page(i, 100)} for i in range(12)]
    folder = pack(shop(tables={"general_en": general}), tmp_path / "runs")
    separate, mixed = (Counter(row for row, _ in spans(folder, arm)) for arm in ("separate", "mixed"))
    assert separate == mixed
    assert set(separate.values()) == {1}
    assert "over_budget" in ledger(folder)["mix"]["reviews"]["leftovers"]
    assert {row for row, _ in spans(folder, "domain-separate")} < set(separate)
    measures = json.loads((folder / "sequences/measures.json").read_text())["arms"]
    assert measures["separate"]["streams"]["domain-separate"]["tokens"] == measures["mixed"]["streams"]["domain-mixed"]["tokens"]
    for name in ("general-en", "general-zh"):
        assert measures["separate"]["streams"][name] == measures["mixed"]["streams"][name]


def test_every_row_is_somewhere_and_the_ledger_says_where(shop: Shop, tmp_path: Path) -> None:
    folder = pack(shop(), tmp_path / "runs")
    sources = load_recipe(tmp_path / "shop/recipe.yaml").sources
    stages = ledger(folder)
    for accounts in [stages["ingest"], stages["link"], stages["mix"], *stages["pack"].values()]:
        for account in accounts.values():
            gone = sum(account["rejected"].values()) + account["duplicates"] + sum(account["leftovers"].values())
            assert account["rows_in"] == account["kept"] + gone
    lines = {name: (tmp_path / "shop" / str(source.path)).read_text().count("\n") for name, source in sources.items()}
    assert {name: account["rows_in"] for name, account in stages["ingest"].items()} == lines
    for name in sources:
        assert stages["link"][name]["rows_in"] == stages["ingest"][name]["kept"]
    domain = [name for name, source in sources.items() if source.role == "domain"]
    assert {name: stages["mix"][name]["rows_in"] for name in domain} == {name: stages["link"][name]["kept"] for name in domain}
    trained = {row for row, fate in fates(folder).items() if fate == "train"}
    mixed = {row for row, _ in spans(folder, "mixed")}
    assert mixed <= trained
    for name in domain:
        left_out = stages["pack"]["mixed"][name]["leftovers"]
        assert left_out == {k: v for k, v in stages["mix"][name]["leftovers"].items() if k == "over_budget"}


def test_sequences_are_the_documents_token_for_token(shop: Shop, tmp_path: Path) -> None:
    folder = pack(shop(), tmp_path / "runs")
    tokenizer = Tokenizer.from_file(str(folder / "tokens/tokenizer/tokenizer.json"))
    texts = documents(folder)
    ids_of = {row: tokenizer.encode(text["text"], add_special_tokens=False).ids for row, text in texts.items()}
    table = pads.dataset(folder / "tokens/shards").to_table(columns=["row", "piece", "repeated", "tokens"]).to_pylist()
    pieces = {(piece["row"], piece["piece"]): (piece["repeated"], piece["tokens"]) for piece in table}
    for arm in ("mixed", "separate"):
        found: dict[int, dict[int, list[int]]] = {}
        for sequence in datasets.load_from_disk(str(folder / "sequences" / arm)):
            ends = pairwise([0, *sequence["row_ends"]])
            for row, piece, (begin, end) in zip(sequence["rows"], sequence["pieces"], ends, strict=True):
                repeated, tokens = pieces[row, piece]
                # After a piece comes one token, of a separator or of end-of-text.
                assert end - begin == tokens + 1
                ids = sequence["input_ids"][begin : end - 1]
                assert ids[:repeated] == ids_of[row][:repeated], "what is repeated is the title's own tokens"
                found.setdefault(row, {})[piece] = ids[repeated:]
        for row, parts in found.items():
            if not texts[row]["source"].startswith("general"):  # of general text the budget may use a part
                whole = [token for piece in sorted(parts) for token in parts[piece]]
                assert whole == ids_of[row], "a row that was cut loses no token"
    measures = json.loads((folder / "tokens/measures.json").read_text())["sources"]
    by_source: Counter[str] = Counter()
    for (row, _), (repeated, _) in pieces.items():
        by_source[texts[row]["source"]] += repeated
    assert by_source.total() > 0, "some long article has a title"
    for name, source in measures.items():
        assert sum(tally["repeated"] for tally in source["language"].values()) == by_source[name]


def test_training_order_is_a_permutation_of_the_packed_sequences(shop: Shop, tmp_path: Path) -> None:
    """And from any step on, what is read is the rest of it."""
    folder = pack(shop({"buckets": 3}), tmp_path / "runs", 2) / "sequences"
    measures = json.loads((folder / "measures.json").read_text())
    for arm, domain in (("separate", "domain-separate"), ("mixed", "domain-mixed"), ("domain-separate", "domain-separate")):
        order = pq.read_table(folder / "order" / f"{arm}.parquet").to_pylist()
        data = Sequences(folder / arm)
        assert len(order) == data.rows == measures["arms"][arm]["sequences"]
        packed: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for place in order:
            key = place["stream"], place["bucket"]
            if key not in packed:
                with pa.memory_map(str(folder / "packed" / key[0] / f"bucket-{key[1]:05d}.arrow")) as file:
                    packed[key] = pa.ipc.open_file(file).read_all().to_pylist()
        records = [packed[place["stream"], place["bucket"]][place["position"]] for place in order]
        assert [place["identity"] for place in order] == [record["identity"] for record in records]
        for start in (0, 1, len(order) // 2, len(order) - 1):
            rest = [data[number]["input_ids"].tolist() for number in range(start, len(order))]
            assert rest == [record["input_ids"] for record in records[start:]]
        places = [(place["bucket"], place["position"]) for place in order if place["stream"] == domain]
        assert len(set(places)) == len(places) == measures["streams"][domain]["sequences"], "the domain once, whole"
        assert places != sorted(places)


def test_without_some_rows_the_other_sequences_keep_bytes_and_order(shop: Shop, tmp_path: Path) -> None:
    """Two products' reviews are gone: most sequences are as they were, one after the other as they were."""
    general = [{"text": _page(i, 200)} for i in range(99)]
    first = shop()
    shutil.copytree(pack(first, tmp_path / "first") / "tokens/tokenizer", tmp_path / "tokenizer")
    tokenizer = {"path": str(tmp_path / "tokenizer/tokenizer.json"), "eos": "<|endoftext|>"}
    reviews = [json.loads(line) for line in (first.parent / "reviews.jsonl").read_text().splitlines()]
    # A line that is no review keeps the numbers of the others.
    less = [{} if row["product"] in ("P007", "P008") else row for row in reviews]
    settings = {"sequences.length": 256, "tokenizer": tokenizer, "blend.general_per_domain": 0.1, "evaluation.held_out": 0.0}
    arms = []
    for name, rows in (("before", reviews), ("after", less)):
        path = shop(settings, tables={"reviews": rows, "general_en": general})
        folder = pack(path, tmp_path / name)
        arms.append([tuple(one["input_ids"]) for one in datasets.load_from_disk(str(folder / "sequences/domain-separate"))])
    before, after = arms
    same = set(before) & set(after)
    assert 0.4 * len(before) < len(same) < len(before)
    assert [one for one in before if one in same] == [one for one in after if one in same]


def test_segments_are_whole_samples_that_end_with_end_of_text(shop: Shop, tmp_path: Path) -> None:
    folder = pack(shop(), tmp_path / "runs")
    eos = Tokenizer.from_file(str(folder / "tokens/tokenizer/tokenizer.json")).token_to_id("<|endoftext|>")
    texts = documents(folder)
    homes: dict[int, int] = {}
    for shard in (folder / "links/shards").glob("*.parquet"):
        table = pq.read_table(shard)
        homes |= dict(zip(table["row"].to_pylist(), table["home"].to_pylist(), strict=True))
    for sequence in datasets.load_from_disk(str(folder / "sequences/mixed")):
        ids, segments = sequence["input_ids"], sequence["segments"]
        assert segments[-1] == sequence["length"] == sequence["row_ends"][-1] <= len(ids)
        assert set(segments) <= set(sequence["row_ends"])
        assert [i + 1 for i, token in enumerate(ids[: sequence["length"]]) if token == eos] == segments
        assert set(ids[sequence["length"] :]) <= {eos}
        assert [LANGUAGES[code] for code in sequence["languages"]] == [texts[row]["language"] for row in sequence["rows"]]
        for begin, end in pairwise([0, *segments]):
            rows = [row for row, stop in zip(sequence["rows"], sequence["row_ends"], strict=True) if begin < stop <= end]
            assert len({homes[row] for row in rows}) == 1, "a sample is of one product"


def test_no_held_out_product_is_trained_on(shop: Shop, tmp_path: Path) -> None:
    folder = pack(shop({"evaluation.held_out": 0.3}), tmp_path / "runs")
    texts, fate = documents(folder), fates(folder)
    held = {key for row, document in texts.items() for key in document["keys"] if fate[row] == "held_out"}
    trained = {key for row, document in texts.items() for key in document["keys"] if fate[row] == "train"}
    products = {document["keys"][0] for document in texts.values() if document["source"] == "products"}
    held_products = {d["keys"][0] for row, d in texts.items() if d["source"] == "products" and fate[row] == "held_out"}
    assert held_products
    assert not held_products & trained
    assert held & products >= held_products
    rows = {row for arm in ("general", "mixed") for row, _ in spans(folder, arm)}
    assert all(fate[row] == "train" for row in rows)


@pytest.mark.parametrize("workers", [2, 3])
def test_bytes_do_not_depend_on_workers_or_folder(shop: Shop, tmp_path: Path, workers: int) -> None:
    recipe = shop({"buckets": 5})
    first = pack(recipe, tmp_path / "one")
    second = pack(recipe, tmp_path / "many", workers)
    assert digests(first) == digests(second)
    assert len(digests(first)) > 50


def test_the_number_of_buckets_changes_no_sample(shop: Shop, tmp_path: Path) -> None:
    samples = []
    for buckets in (1, 4):
        folder = pack(shop({"buckets": buckets}), tmp_path / f"{buckets}")
        plan = pads.dataset(folder / "mixture/plan").to_table().to_pylist()
        samples.append(sorted((line["sample"], line["row"], line["piece"]) for line in plan))
    assert samples[0] == samples[1]


def test_a_second_run_does_nothing_and_a_change_reruns_what_depends_on_it(shop: Shop, tmp_path: Path) -> None:
    runs, long = tmp_path / "runs", {"sequences.length": 1024}
    folder = pack(shop(long), runs)
    assert stages_run(folder) == ["survey", "ingest", "duplicates", "screen", "link", "tokenize", "mix", "pack"]
    pack(shop(long), runs)
    assert len(stages_run(folder)) == 8
    pack(shop(long | {"mixing.max_rows": 5}), runs)
    assert stages_run(folder)[8:] == ["link", "mix", "pack"], "homes depend on the size of clusters; here they stayed"
    pack(shop(long | {"mixing.max_rows": 5, "sources.qa.max_rejected": 0.9, "sources.qa.license": "x"}), runs)
    assert stages_run(folder)[11:] == ["tokenize"], "a label is repeated in the token table; no token changed"
    changed = [{"products": ["P001", "P003"], "title": "New", "text": "An entirely new page about two kettles."}]
    pack(shop(long | {"mixing.max_rows": 5, "sources.qa.license": "x"}, tables={"articles": changed}), runs)
    assert stages_run(folder)[12:] == ["survey", "ingest", "duplicates", "screen", "link", "tokenize", "mix", "pack"]


def test_touched_files_are_not_read_again_for_nothing(shop: Shop, tmp_path: Path) -> None:
    recipe = shop()
    folder = pack(recipe, tmp_path / "runs")
    for table in recipe.parent.glob("*.jsonl"):
        table.touch()
    pack(recipe, tmp_path / "runs")
    assert len(stages_run(folder)) == 8


def test_measures_of_the_mixture_are_those_of_its_plan(shop: Shop, tmp_path: Path) -> None:
    folder = pack(shop({"sequences.length": 1024}), tmp_path / "runs")
    measures = json.loads((folder / "mixture/measures.json").read_text())
    texts = documents(folder)
    plan = pads.dataset(folder / "mixture/plan").to_table().to_pylist()
    clusters: dict[int, list[int]] = {}
    for line in plan:
        if line["reason"] == "clustered":
            clusters.setdefault(line["sample"], []).append(line["row"])
    covered = [len({texts[row]["source"] for row in rows}) for rows in clusters.values()]
    assert measures["clusters"] == len(clusters)
    assert measures["coverage"]["value"] == sum(covered)
    assert measures["multi_source_rows"]["value"] == sum(len(r) for r, c in zip(clusters.values(), covered, strict=True) if c > 1)
    assert measures["cluster_size_histogram"] == {str(k): v for k, v in sorted(Counter(map(len, clusters.values())).items())}
    assert measures["duplicate_rows"] == 0
    assert measures["coverage"]["ratio"] == 1.0
    assert np.isclose(measures["mean_sources_per_sample"]["value"], np.mean(covered), atol=1e-6)


def test_rows_of_one_cluster_are_permuted(shop: Shop, tmp_path: Path) -> None:
    """The title is not always first, and another seed gives another order."""
    first = [p["row"] for p in pads.dataset(pack(shop(), tmp_path / "a") / "mixture/plan").to_table().to_pylist()]
    other = [p["row"] for p in pads.dataset(pack(shop({"seed": 18}), tmp_path / "b") / "mixture/plan").to_table().to_pylist()]
    assert first != sorted(first)
    assert first != other


def test_a_source_that_joins_nothing_is_refused(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sources\.reviews\.references: no row names a key of products"):
        pack(shop({"sources.reviews.references": [{"field": "text", "to": "products"}]}), tmp_path / "runs")


def links_of(folder: Path) -> dict[int, dict[str, Any]]:
    """Links of each row, with its source and products."""
    found = {}
    for shard in sorted((folder / "links/shards").glob("*.parquet")):
        rows = pq.read_table(folder / "documents/shards" / shard.name, columns=["source", "keys"]).to_pylist()
        for link, row in zip(pq.read_table(shard).to_pylist(), rows, strict=True):
            found[link["row"]] = link | row
    return found


def test_products_that_point_at_each_other_are_joined_and_keep_their_own_product(
    shop: Shop, shop_rows: Tables, tmp_path: Path
) -> None:
    # Products 0 to 9 have a title only; each was bought with one that has reviews.
    tables = shop_rows
    products = [row | {"bought": [f"P{number + 10:03d}"] if number < 10 else []} for number, row in enumerate(tables["products"])]
    reviews = [row for row in tables["reviews"] if row["product"] >= "P010"]
    settings: dict[str, Any] = {f"sources.{name}": None for name in ("facts", "qa", "articles")}
    settings |= {"evaluation.held_out": 0.0, "sequences.length": 512}
    shops = {
        name: shop(settings | {"sources.products.related": related}, {"products": products, "reviews": reviews}, folder=name)
        for name, related in (("alone", []), ("joined", [{"field": "bought", "to": "products"}]))
    }
    runs = {name: pack(recipe, tmp_path / "runs" / name) for name, recipe in shops.items()}
    alone, joined = (links_of(runs[name]) for name in ("alone", "joined"))
    assert all(link["home"] == link["product"] for link in alone.values())
    assert [link["product"] for link in alone.values()] == [link["product"] for link in joined.values()]
    homes = {link["keys"][0]: link["home"] for link in joined.values() if link["keys"]}
    for number in range(10):
        assert homes[f"products/P{number:03d}"] == homes[f"products/P{number + 10:03d}"]
    assert len(set(homes.values())) == 20
    facts = json.loads((runs["joined"] / "links/measures.json").read_text())["joined_products"]
    assert (facts["rows"], facts["rounds"][0]["joined"]) == (10, 10)
    counted = [json.loads((runs[name] / "mixture/measures.json").read_text())["rows"]["leftover"] for name in ("alone", "joined")]
    assert [leftover.get("too_few_rows", 0) for leftover in counted] == [10, 0]


def test_rows_of_one_brand_are_grouped_and_a_column_may_have_another_name(shop: Shop, shop_rows: Tables, tmp_path: Path) -> None:
    # Titles and reviews of different products: only the maker brings them together.
    tables = shop_rows
    products = [row | {"brand": f"maker {number % 10}"} for number, row in enumerate(tables["products"][:10])]
    reviews = [row | {"maker": f"maker {number}"} for number, row in enumerate(tables["reviews"][-10:])]
    settings: dict[str, Any] = {f"sources.{name}": None for name in ("facts", "qa", "articles")} | {"evaluation.held_out": 0.0}
    settings |= {
        "sources.products.related": [{"field": "brand", "as": "maker"}],
        "sources.reviews.related": [{"field": "maker"}],
    }
    # Some reviews name a product that exists, or nothing would join.
    reviews[0] |= {"product": "P000"}
    run = pack(shop(settings, {"products": products, "reviews": reviews}), tmp_path / "runs")
    groups: dict[int, set[str]] = {}
    for link in links_of(run).values():
        if link["home"] != link["product"]:
            groups.setdefault(link["home"], set()).add(link["source"])
    assert len(groups) >= 8
    assert all(sources == {"products", "reviews"} for sources in groups.values())
    hubs = json.loads((run / "links/measures.json").read_text())["groups"]["hubs_cut"]
    assert hubs == {"keys": 0, "ties": 0}


def test_general_text_in_one_language_and_nothing_else(shop: Shop, tmp_path: Path) -> None:
    names = ("facts", "reviews", "qa", "articles", "products", "general_zh")
    folder = pack(shop({f"sources.{name}": None for name in names} | {"training.arms": ["general"]}), tmp_path / "runs")
    measures = json.loads((folder / "sequences/measures.json").read_text())["arms"]["general"]
    assert measures["streams"]["general-en"]["repeats"] == 1.0
