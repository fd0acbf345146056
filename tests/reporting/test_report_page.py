"""The page, built from a small run folder in the real formats, with hostile text wherever text can be."""

from __future__ import annotations

import csv
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Features, List, Value

from ecomct.errors import InputError
from ecomct.recipe.decontamination import Decontamination
from ecomct.recipe.model import Recipe
from ecomct.reporting import write_report
from ecomct.reporting.artefacts import read_run
from ecomct.reporting.charts import charts
from ecomct.reporting.samples import SHOWN_CHARACTERS, read_samples

EVIL = "<script>alert(1)</script>"
ATTACK = "\"><img src=http://evil.example/x onerror=alert(1)> '<b>"
SOURCES = [("titles", "domain", "zh"), ("reviews", "domain", "zh"), ("qa", "domain", "en"), ("web", "general", "en")]
LENGTH = 64


def recipe(samples: int = 6) -> Recipe:
    sources = {name: {"path": "x", "kind": "review", "role": role, "license": EVIL} for name, role, _ in SOURCES}
    return Recipe.model_validate(
        {
            "name": "small",
            "sources": sources,
            "tokenizer": {"train_vocab": 300},
            "model": {"config": {"model_type": "bloom"}},
            "training": {"arms": ["separate", "mixed"]},
            "sequences": {"length": LENGTH},
            "report": {"samples": samples},
        }
    )


def row_id(source: int, line: int) -> int:
    return source << 52 | line


def text_of(source: int, line: int) -> str:
    if line == 1:
        return f"{EVIL} {ATTACK} row {source}"
    return f"文本 {SOURCES[source][0]} {line}" + ("长" * 3000 if line == 2 else "")


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def counts(rows_in: int, kept: int, **rest: Any) -> dict[str, Any]:
    return {"rows_in": rows_in, "kept": kept, "rejected": {}, "duplicates": 0, "leftovers": {}, **rest}


def build(run: Path, lines: int = 40) -> Path:
    """A whole run of four sources with `lines` rows each."""
    schema = pa.schema(
        [
            ("row", pa.uint64()),
            ("source", pa.string()),
            ("file", pa.string()),
            ("line", pa.int64()),
            ("keys", pa.list_(pa.string())),
            ("language", pa.string()),
            ("text", pa.string()),
        ]
    )
    shards = run / "documents" / "shards"
    shards.mkdir(parents=True)
    for index, (name, role, language) in enumerate(SOURCES):
        rows = [
            {
                "row": row_id(index, line),
                "source": name,
                "file": f"{EVIL}.jsonl" if line % 2 else f"/home/someone/{name}.jsonl",
                "line": line,
                "keys": [f"titles/{line}{ATTACK}"] if role == "domain" else [],
                "language": language,
                "text": text_of(index, line),
            }
            for line in range(1, lines + 1)
        ]
        pq.write_table(pa.Table.from_pylist(rows, schema), shards / f"{index:05d}.parquet", row_group_size=8)
    for arm in ("separate", "mixed"):
        write_arm(run / "sequences" / arm, arm, lines)
    ingest = {name: counts(lines + 7, lines, rejected={EVIL: 2, "too_short": 1}, duplicates=4) for name, _, _ in SOURCES}
    link = {name: counts(lines, lines - 1, leftovers={f"held out {ATTACK}": 1}) for name, _, _ in SOURCES}
    link["reviews"] = counts(lines, lines - 6, leftovers={"contaminated": 6})
    link["qa"] = counts(lines, lines - 3, duplicates=3)
    stages = {"ingest": ingest, "link": link, "mix": {"titles": counts(lines - 1, lines - 1)}}
    write(run / "ledger.json", {"stages": stages | {"pack": {"mixed": {"titles": counts(39, 39)}}}})
    leaks = {"items": 40, "items_found": 3, "sources": {"reviews": {"rows": 5, "how": {"exact": 2, "id": 3}}, EVIL: {"rows": 1}}}
    clean = {"items": 7, "items_found": 0, "sources": {}}
    measures = {"tasks": {f"agnews {ATTACK}": leaks, "ocnli": clean}, "common_phrases": {"texts": 2, "examples": [EVIL]}}
    write(run / "screen" / "measures.json", measures)
    write(run / "duplicates" / "measures.json", {"sources": {"qa": {"exact": 1, "near": 2}}})
    volume = {"documents": lines, "tokens": 1000, "characters": 1600}
    tokens = {n: {"role": r, "kind": "review", "language": {lang: volume}, "license": EVIL} for n, r, lang in SOURCES}
    tokens["titles"]["language"] = {"en": volume, "zh": volume}
    tokens["empty"] = {"role": "general", "kind": "web", "language": {}, "license": "x"}
    write(run / "tokens" / "measures.json", {"vocab_size": 300, "sources": tokens})
    write(
        run / "mixture" / "measures.json",
        {
            "products": 40,
            "clusters": 20,
            "rows": {"clustered": 80, "leftover": {EVIL: 3}},
            "coverage": {"value": 57, "bound": 60, "ratio": 0.95},
            "mean_sources_per_sample": {"value": 2.85, "bound": 3.0, "ratio": 0.95},
            "multi_source_tokens": {"value": 900, "share": 0.9},
            "duplicate_rows": 0,
            "product_coverage": {"any": 0.9, "two_or_more_sources": 0.8},
            "cluster_size_histogram": {"2": 4, "10": 1},
            "sources_histogram": {"2": 3, "3": 17},
        },
    )
    measures = {
        "sequences": 20,
        "tokens": 1200,
        "padding": 80,
        "fill": 0.9375,
        "samples": 60,
        "streams": {"domain-mixed": {"sequences": 8, "tokens": 480, "repeats": 1.0}, EVIL: {"sequences": 12, "tokens": 720}},
        "ratio": {"general_per_domain": {"wanted": 2.0, "got": 1.98, "largest_prefix_error_sequences": 0.5}},
        "sources": {"titles": 400, EVIL: 80},
    }
    write(run / "sequences" / "measures.json", {"length": LENGTH, "arms": {"separate": measures, "mixed": measures}})
    for arm in ("separate", "mixed"):
        steady = {"learning_rate": 1e-4, "grad_norm": 1.0}
        points = [{"step": step, "tokens": step * 100, "loss": 5 - 0.1 * step} | steady for step in range(1, 21)]
        path = run / "training" / arm / "metrics.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("".join(json.dumps(point) + "\n" for point in points))
        of = {"titles": {"zh": [4.5, 60], "en": [3.5, 20]}, EVIL: {"zh": [None, 20]}}
        path.with_name("losses.jsonl").write_text("".join(json.dumps({"step": n, "losses": of}) + "\n" for n in range(1, 21)))
    models = [
        {
            "model": name,
            "arm": arm,
            "step": step,
            "held_out": {"titles": {"zh": {"loss": loss, "stderr": 0.05, "tokens": 90, "documents": 9}}},
            "held_out_by_language": {lang: {"loss": loss, "stderr": 0.05, "tokens": 90, "documents": 9} for lang in ("zh", "en")},
            "tasks": {"tam": {"metric": "accuracy", "value": value, "stderr": 0.05, "items": 50, "predicted": {EVIL: 1.0}}},
        }
        for name, arm, step, loss, value in [
            ("mixed@20", "mixed", 20, 3.0, 0.52),
            ("base", "base", 0, 5.0, 0.5),
            ("separate@20", "separate", 20, 3.2, 0.51),
        ]
    ]
    majority = {f"majority ({EVIL})": {"metric": "accuracy", "value": 0.6, "stderr": 0.05, "items": 50}}
    task = {"scorer": "choice", "name": "tam", "items": 50, "digest": "d"}
    write(
        run / "evaluation" / "scores.json",
        {
            "models": models,
            "baselines": {"tam": majority},
            "differences": {"models": compared("base"), "baselines": compared(f"majority ({EVIL})")[2:]},
            "tasks": {"tam": task},
            "notes": [f"note {ATTACK}"],
        },
    )
    return run


def compared(against: str) -> list[dict[str, Any]]:
    """The comparisons of mixed@20: two losses that it carries, and an accuracy that it does not."""
    entry = {"model": "mixed@20", "against": against, "test": "randomisation", "items": 9, "detectable": 0.04}
    losses = {"measure": "loss", "value": -2.0, "low": -2.1, "high": -1.9, "p": 0.0001, "p_adjusted": 0.0003, "verdict": "better"}
    answers = {"measure": "accuracy", "of": "tam", "value": 0.02, "low": -0.05, "high": 0.09, "p": 0.6, "p_adjusted": 0.6}
    last = {"test": "McNemar", "items": 50, "detectable": 0.1, "verdict": "no evidence of a difference"}
    return [entry | losses | {"of": "zh"}, entry | losses | {"of": "en"}, entry | answers | last]


def write_arm(folder: Path, arm: str, lines: int) -> None:
    """Sequences of two samples: one of three domain rows (in `mixed`; of one row elsewhere), one of a general row."""
    records = []
    for line in range(1, lines + 1):
        rows = [row_id(0, line), row_id(2, line), row_id(1, line)] if arm == "mixed" else [row_id(1, line)]
        ends = [10 * (at + 1) for at in range(len(rows))]
        # The general row is split into two pieces that stand next to each other.
        rows, ends, segments = [*rows, row_id(3, line), row_id(3, line)], [*ends, 50, 60], [ends[-1], 60]
        records.append({"input_ids": [0] * LENGTH, "length": 60, "segments": segments, "rows": rows, "row_ends": ends})
    features = Features(
        {
            "input_ids": List(Value("int32"), LENGTH),
            "length": Value("int32"),
            "segments": List(Value("int32")),
            "rows": List(Value("uint64")),
            "row_ends": List(Value("int32")),
        }
    )
    Dataset.from_list(records, features).save_to_disk(str(folder))


class Page(HTMLParser):
    """The page as a browser's parser sees it."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside.append(tag)
        self.text += " " if tag == "small" else ""

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass
        # Cells stand apart on the page though nothing stands between them in the source.
        if tag in ("td", "th", "li", "p", "dt", "dd", "small"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        if "style" not in self._inside:
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished report of a whole run; tests only read it."""
    run = build(tmp_path_factory.mktemp("whole") / "run")
    facts = write_report(recipe(), run, run / "report")
    assert facts == {"figures": 7, "samples": 6, "missing": [], "ledger_closes": True}
    return run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return build(tmp_path / "run")


def test_hostile_text_stays_text(whole: Path) -> None:
    page = Page(whole / "report" / "index.html")
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object", "embed", "base", "form", "foreignobject"}
    assert not [attrs for _, attrs in page.elements if any(name.startswith("on") for name in attrs)]
    assert page.text.count(EVIL) > 20
    assert ATTACK in page.text
    # Files and keys stand in the hover text, whole, as one attribute.
    titles = [attrs["title"] or "" for tag, attrs in page.elements if tag == "div" and "title" in attrs]
    assert any(f"{EVIL}.jsonl:" in title and ATTACK in title for title in titles)


def test_the_page_needs_nothing_beside_it(whole: Path) -> None:
    page = Page(whole / "report" / "index.html")
    for tag, attrs in page.elements:
        assert tag not in ("link", "script", "img")
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            value = attrs.get(name)
            assert value is None or value.startswith("#"), (tag, attrs)
    source = (whole / "report" / "index.html").read_text(encoding="utf-8")
    style = source[source.index("<style>") : source.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_every_id_is_used_once(whole: Path) -> None:
    ids = [attrs["id"] for _, attrs in Page(whole / "report" / "index.html").elements if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_no_absolute_path_and_no_time(whole: Path) -> None:
    source = (whole / "report" / "index.html").read_text(encoding="utf-8")
    assert str(whole) not in source
    assert "/home/someone" not in source


def test_two_calls_write_equal_bytes(whole: Path, tmp_path: Path) -> None:
    write_report(recipe(), whole, tmp_path / "again")
    moved = shutil.copytree(whole, tmp_path / "elsewhere" / "other-name", ignore=shutil.ignore_patterns("report"))
    write_report(recipe(), moved, tmp_path / "moved")
    first = {path.relative_to(whole / "report"): path.read_bytes() for path in (whole / "report").rglob("*") if path.is_file()}
    assert len(first) == 15
    for folder in (tmp_path / "again", tmp_path / "moved"):
        assert {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first


def test_csv_files_are_the_data_of_the_figures(whole: Path) -> None:
    drawn = charts(read_run(whole))
    assert sorted(drawn) == sorted(path.stem for path in (whole / "report" / "data").glob("*.csv"))
    assert sorted(drawn) == sorted(path.stem for path in (whole / "report" / "figures").glob("*.svg"))
    for name, chart in drawn.items():
        with (whole / "report" / "data" / f"{name}.csv").open(newline="", encoding="utf-8") as handle:
            header, *rows = csv.reader(handle)
        assert tuple(header) == chart.columns
        assert rows == [["" if value is None else str(value) for value in row] for row in chart.rows]
    losses = [float(row[3]) for row in csv.reader((whole / "report" / "data" / "training-loss.csv").open()) if row[0] == "mixed"]
    assert losses == [5 - 0.1 * step for step in range(1, 21)]


def test_losses_by_source_are_token_means_over_blocks(tmp_path: Path) -> None:
    def line(step: int, losses: dict[str, Any]) -> str:
        return json.dumps({"step": step, "losses": losses}) + "\n"

    folder = tmp_path / "training" / "mixed"
    folder.mkdir(parents=True)
    # 80 steps make blocks of two; nine sources, of which the smallest has no curve.
    small = {f"s{index}": {"en": [2.0, 100 - index]} for index in range(7)}
    odd = {"web": {"en": [1.0, 300], "zh": [4.0, 100]}, "tiny": {"en": [9.0, 1]}}
    even = {"web": {"en": [3.0, 100]}, "s0": {"en": [None, 5]}}
    steps = [line(step, small | (odd if step % 2 else even)) for step in range(1, 81)]
    (folder / "losses.jsonl").write_text("".join(steps))
    chart = charts(read_run(tmp_path))["training-loss-by-source"]
    assert chart.rows[:2] == [("mixed", "web", "zh", 2, 100, 4.0), ("mixed", "web", "zh", 4, 100, 4.0)]
    assert chart.rows[40] == ("mixed", "web", "en", 2, 400, 1.5)
    assert {row[1] for row in chart.rows} == {"web", *small}
    broken = [row[5] for row in chart.rows if row[1] == "s0"]
    assert len(broken) == 40
    assert all(loss != loss for loss in broken), "a mean that is not finite is a gap"


def test_tokens_of_a_source_in_two_languages_are_summed_once(whole: Path) -> None:
    words = Page(whole / "report" / "index.html").words
    # rows read 47 a source; documents 40, tokens 1,000 and 1,600 characters a source and language
    assert "domain, zh 80 2,000 1.60" in words
    assert "domain, en 80 2,000 1.60" in words
    assert "domain, all languages 141 160 4,000 1.60" in words
    assert "general, all languages 47 40 1,000 1.60" in words
    assert "everything 188 200 5,000 1.60" in words
    assert "empty web general – – 0 0 – – x" in words


def test_a_closed_ledger_says_so_and_shows_how_to_read_it(whole: Path) -> None:
    page = Page(whole / "report" / "index.html")
    assert "✓ All 10 lines close." in page.words
    assert "does not close" not in page.text
    assert not [attrs for _, attrs in page.elements if attrs.get("role") == "alert"]
    assert f"47 rows of titles came into ingest: 40 went on, 2 were rejected ({EVIL}), 1 were rejected (too short)" in page.words
    assert "40 + 2 + 1 + 4 = 47" in page.words
    assert "Rows to train on 149 79.3 % of 188 read" in page.words


@pytest.mark.parametrize(
    ("change", "said"),
    [({"kept": 30}, "✗ 10 missing"), ({"kept": 43}, "✗ 3 too many"), ({"kept": 50, "duplicates": -6}, "✗ a count below zero")],
)
def test_a_ledger_that_does_not_close_is_loud(run: Path, change: dict[str, int], said: str) -> None:
    ledger = json.loads((run / "ledger.json").read_text())
    ledger["stages"]["ingest"]["qa"] |= change
    write(run / "ledger.json", ledger)
    facts = write_report(recipe(0), run, run / "report")
    page = Page(run / "report" / "index.html")
    assert facts["ledger_closes"] is False
    assert [attrs for _, attrs in page.elements if attrs.get("role") == "alert"]
    assert "⚠ The ledger does not close. 1 line loses or invents rows: ingest / qa: 47 came in" in page.words
    assert "✗ 1 of 10 lines do not close." in page.words
    assert said in page.words


def test_a_lost_row_in_one_arm_is_found_and_shown(run: Path) -> None:
    ledger = json.loads((run / "ledger.json").read_text())
    ledger["stages"]["pack"]["mixed"]["titles"]["kept"] -= 1
    write(run / "ledger.json", ledger)
    write_report(recipe(0), run, run / "report")
    assert "pack / mixed / titles: 39 came in, 38 are accounted for" in Page(run / "report" / "index.html").words


def test_scores_claim_only_what_the_comparisons_carry(whole: Path) -> None:
    page = Page(whole / "report" / "index.html")
    best = [attrs for tag, attrs in page.elements if tag == "td" and attrs.get("class") == "score best"]
    assert len(best) == 2  # the two held-out losses; accuracy 52.0 against 50.0 is nothing
    assert "no evidence of a difference" in page.words
    assert "no model is over the strongest trivial baseline" in page.words
    assert f"60.0 ± 5.0 majority ({EVIL})" in page.words
    assert "held-out loss, zh 9 documents mixed@20 base -2.000 -2.100 to -1.900 0.0001 0.0003 ▲ better 0.040" in page.words
    assert "mixed@20 base +2.0 -5.0 to +9.0 0.600 0.600 no evidence of a difference 10.0" in page.words
    assert f"mixed@20 majority ({EVIL}) +2.0" in page.words
    assert "base: zh 5.000 · en 5.000" in page.words


def test_what_was_taken_out_is_counted_by_rule_and_source(whole: Path) -> None:
    page = Page(whole / "report" / "index.html")
    # Rows read, left, share left, two reasons of ingest (the most frequent first), equal, nearly equal, in a benchmark.
    assert "reviews 47 38 80.9 % 2 1 6" in page.words
    assert "qa 47 41 87.2 % 2 1 1 2" in page.words
    assert "all sources 188 167 88.8 % 8 4 1 2 6" in page.words
    assert "167 of 188 rows are left" in page.words


def test_what_would_have_leaked_is_listed(whole: Path, run: Path) -> None:
    page = Page(whole / "report" / "index.html")
    assert f"agnews {ATTACK} 40 3 reviews 5 2 3 {EVIL} 1" in page.words
    assert "Nothing was found of ocnli." in page.words
    assert "2 texts of items stand in so many rows that they are phrases" in page.words
    assert "they were taken out" in page.words
    kept = recipe(0).model_copy(update={"decontamination": Decontamination(policy="report")})
    write_report(kept, run, run / "report")
    assert "These rows were only reported and may have been trained on" in Page(run / "report" / "index.html").words


def test_edits_are_shown_by_source_and_kind(run: Path) -> None:
    facts = {"edits": {"qa": {"mask:phone": 1234, EVIL: 1}, "titles": {}}, "ledger": {"ingest": {}}}
    write(run / "documents" / "manifest.json", {"facts": facts, "inputs": {"order": [name for name, _, _ in SOURCES]}})
    write_report(recipe(0), run, run / "report")
    words = Page(run / "report" / "index.html").words
    assert f"Source mask:phone {EVIL} qa 1,234 1 " in words


def test_a_diverged_arm_is_loud(run: Path) -> None:
    path = run / "training" / "mixed" / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 21, "tokens": 2100, "loss": NaN}\n{"step": 22, "tokens": 2200, "loss": null}\n')
    write_report(recipe(0), run, run / "report")
    assert "⚠ Arm mixed: 2 logged losses are not finite." in Page(run / "report" / "index.html").words


def test_each_missing_stage_is_named(run: Path) -> None:
    """Take away what a run stopped early has not made, last stage first."""
    steps = [
        ("evaluate", run / "evaluation"),
        ("train", run / "training"),
        ("pack", run / "sequences"),
        ("mix", run / "mixture"),
        ("tokenize", run / "tokens"),
    ]
    missing: list[str] = []
    for stage, folder in steps:
        shutil.rmtree(folder)
        missing.insert(0, stage)
        facts = write_report(recipe(), run, run / "report")
        words = Page(run / "report" / "index.html").words
        assert facts["missing"] == sorted(missing, key=["tokenize", "mix", "pack", "train", "evaluate"].index)
        for name in missing:
            assert f"the stage {name} has not run" in words
    (run / "ledger.json").unlink()
    facts = write_report(recipe(), run, run / "report")
    assert facts["ledger_closes"] is None
    assert facts["missing"][:2] == ["ingest", "link"]
    assert "the stage ingest has not run" in Page(run / "report" / "index.html").words
    # Figures of the earlier, fuller pages are gone.
    assert [path for path in (run / "report").rglob("*") if path.is_file()] == [run / "report" / "index.html"]


def test_an_empty_run_folder_has_a_page(tmp_path: Path) -> None:
    facts = write_report(recipe(), tmp_path / "nothing", tmp_path / "report")
    assert facts["figures"] == 0
    assert Page(tmp_path / "report" / "index.html").words.count("not run") >= 10


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("tokens/measures.json", "{", "tokens/measures.json: not valid JSON"),
        ("mixture/measures.json", '{"products": 1}', "mixture/measures.json: clusters: Field required"),
        ("training/mixed/metrics.jsonl", '{"step": 1, "loss": 2.0}\n{"st', "training/mixed/metrics.jsonl:2: not valid JSON"),
        ("ledger.json", '{"stages": {"ingest": {"qa": {"rows_in": 1}}}}', "ledger.json: stages.ingest.qa: kept: Field required"),
    ],
)
def test_a_damaged_artefact_is_named(run: Path, name: str, text: str, place: str) -> None:
    (run / name).write_text(text)
    with pytest.raises(InputError) as error:
        write_report(recipe(), run, run / "report")
    assert place in str(error.value)
    assert str(run) not in str(error.value)


def test_samples_are_of_several_sources_and_of_the_right_rows(whole: Path) -> None:
    arm, samples = read_samples(recipe(6), whole)
    assert arm == "mixed"
    assert len({sample.place.sequence for sample in samples}) == 6
    # Spread: one in each sixth of the arm.
    assert sorted(6 * sample.place.sequence // 40 for sample in samples) == list(range(6))
    for sample in samples:
        line = sample.place.sequence + 1
        assert [piece.source for piece in sample.pieces] == ["titles", "qa", "reviews"]
        assert [piece.tokens for piece in sample.pieces] == [10, 10, 10]
        for piece in sample.pieces:
            whole_text = text_of([name for name, _, _ in SOURCES].index(piece.source), line)
            assert piece.text == whole_text[:SHOWN_CHARACTERS]
            assert piece.cut == max(0, len(whole_text) - SHOWN_CHARACTERS)
            assert piece.keys == (f"titles/{line}{ATTACK}",)


def test_other_seeds_show_other_samples(whole: Path) -> None:
    def places(seed: int) -> list[int]:
        return [sample.place.sequence for sample in read_samples(recipe(6).model_copy(update={"seed": seed}), whole)[1]]

    assert places(17) == places(17)
    assert places(17) != places(18)


def test_more_samples_than_sequences_are_not_repeated(tmp_path: Path) -> None:
    run = build(tmp_path / "run", lines=3)
    _, samples = read_samples(recipe(9), run)
    # Three sequences with one domain sample each; the general ones are not what the page is about.
    assert [(sample.place.sequence, sample.place.segment) for sample in samples] == [(0, 0), (1, 0), (2, 0)]


def test_without_mixed_the_first_arm_with_domain_rows_is_shown(run: Path) -> None:
    shutil.rmtree(run / "sequences" / "mixed")
    arm, samples = read_samples(recipe(4), run)
    assert arm == "separate"
    assert {piece.source for sample in samples for piece in sample.pieces} == {"reviews"}


def test_a_row_that_left_the_documents_is_said_to_be_gone(run: Path) -> None:
    shutil.rmtree(run / "documents")
    write_report(recipe(2), run, run / "report")
    page = Page(run / "report" / "index.html")
    assert page.words.count("is no longer in documents/shards") == 6
    assert "qa" in page.words


def test_only_row_groups_with_a_wanted_row_are_decoded(run: Path) -> None:
    """Memory is bounded by one row group: texts of all others may as well be damaged."""
    before = read_samples(recipe(2), run)
    wanted = {piece.row for sample in before[1] for piece in sample.pieces}
    damaged = 0
    for path in sorted((run / "documents" / "shards").glob("*.parquet")):
        data, file = bytearray(path.read_bytes()), pq.ParquetFile(path)
        text = file.schema_arrow.names.index("text")
        for number in range(file.num_row_groups):
            if wanted & set(file.read_row_group(number, columns=["row"])["row"].to_pylist()):
                continue
            chunk = file.metadata.row_group(number).column(text)
            assert chunk.path_in_schema == "text"
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
            damaged += 1
        path.write_bytes(data)
    assert damaged >= 14  # of 20; six rows lie in at most six
    with pytest.raises(OSError, match=r".+"):
        pq.read_table(path, columns=["text"])
    assert read_samples(recipe(2), run) == before
