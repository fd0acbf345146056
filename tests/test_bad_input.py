"""Bad input: one line that names the place and what to do, exit code 2, no traceback.

The table of this file is docs/bad-input.md: `ECOMCT_WRITE_DOCS=1 pytest tests/test_bad_input.py` writes it.
"""

# ruff: noqa: E501  (lines are what is printed, whole)

from __future__ import annotations

import fcntl
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from tokenizers import Tokenizer, models

from ecomct import cli
from ecomct.check import check_recipe
from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe

Shop = Callable[..., Path]
DOCS = Path(__file__).parent.parent / "docs" / "bad-input.md"
RUN = ("run", "recipe.yaml", "--workers", "1", "--until")


@dataclass(frozen=True)
class Case:
    """What is wrong, how it is made, the command, and the line it prints after `error: `.

    `make` changes the shop's folder; a file descriptor it returns stays open while the command runs.
    """

    what: str
    line: str
    overrides: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    make: Callable[[Path], Any] | None = None
    command: tuple[str, ...] = (*RUN, "ingest")


def source(name: str, **settings: Any) -> dict[str, Any]:
    return {f"sources.{name}.{key}": value for key, value in settings.items()}


def put(name: str, data: bytes | str) -> Callable[[Path], None]:
    def make(home: Path) -> None:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data.encode() if isinstance(data, str) else data)

    return make


def edit(old: str, new: str) -> Callable[[Path], None]:
    def make(home: Path) -> None:
        text = (home / "recipe.yaml").read_text(encoding="utf-8")
        assert old in text
        (home / "recipe.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")

    return make


def with_tokenizer(eos: str | None) -> Callable[[Path], None]:
    def make(home: Path) -> None:
        Tokenizer(models.WordLevel({"<end>": 0, "a": 1}, unk_token="<end>")).save(str(home / "tokenizer.json"))
        if eos is not None:
            (home / "tokenizer_config.json").write_text(json.dumps({"eos_token": eos}))

    return make


def torn_parquet(home: Path) -> None:
    pq.write_table(pa.table({"product": ["P000"], "question": ["q"], "answer": ["a"]}), home / "qa.parquet")
    (home / "qa.parquet").write_bytes((home / "qa.parquet").read_bytes()[:-30])


def held_lock(home: Path) -> Any:
    (home / "runs" / "shop").mkdir(parents=True)
    handle = open(home / "runs" / "shop" / ".lock", "w")  # noqa: SIM115  # held while the command runs
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


PACKED: list[Path] = []  # the run of the plain shop, made by the first case that needs one


def packed(home: Path) -> None:
    if not PACKED:
        PACKED.append(run_recipe(load_recipe(home / "recipe.yaml"), Path(tempfile.mkdtemp()), "pack").folder)
    shutil.copytree(PACKED[0], home / "runs/shop")


def task(name: str, test: str) -> Callable[[Path], None]:
    def make(home: Path) -> None:
        meta = {
            "defi": "x",
            "test_prompt": {"instruction": "{sentences} {label_set}"},
            "label_set": {"k": ["yes", "no"]},
            "label_key": "k",
        }
        put(f"{name}/meta-info.json", json.dumps(meta))(home)
        put(f"{name}/test.json", test)(home)

    return make


CLS, GEN = "EN-X-CLS-task", "EN-X-Generate-task"
ROW = '{"product": "P000", "question": "q", "answer": "a"}\n'
CHECK = ("check", "recipe.yaml")
NO_RUN = "no finished run of this recipe; `ecomct run RECIPE --until pack` makes or finishes it"
NO_GENERAL = {"sources.general_en.role": "domain", "sources.general_zh.role": "domain"}
ONE_ARM = {"training.arms": ["domain-separate"]}

CASES: dict[str, list[Case]] = {
    "Recipe file": [
        Case("no such file", "other.yaml: no such recipe file", command=("run", "other.yaml")),
        Case("a folder", ".: is a folder; name the recipe file inside it", command=("run", ".")),
        Case(
            "not YAML",
            "recipe.yaml:2: not valid YAML: expected ',' or ']', but got ':'",
            make=put("recipe.yaml", "name: [shop\nseed: 1\n"),
        ),
        Case(
            "not UTF-8",
            "recipe.yaml: cannot be read as UTF-8 text ('utf-8' codec can't decode byte 0xb5 in position 6: invalid start byte); save it as UTF-8",
            make=put("recipe.yaml", "name: 店".encode("gb18030")),
        ),
        Case(
            "a list",
            "recipe.yaml: a recipe is a mapping of settings (see docs/recipe.md), this is a list",
            make=put("recipe.yaml", "- name: shop\n"),
        ),
        Case(
            "empty",
            "recipe.yaml: a recipe is a mapping of settings (see docs/recipe.md), this is empty",
            make=put("recipe.yaml", ""),
        ),
        Case(
            "a key twice",
            "recipe.yaml:2: not valid YAML: key 'name' appears twice; remove one",
            make=edit("name: shop", "name: shop\nname: shop2"),
        ),
        Case(
            "an anchor that holds itself",
            "recipe.yaml: an anchor holds itself; a recipe is a tree",
            make=put("recipe.yaml", "sources: &x [*x]\n"),
        ),
    ],
    "Settings": [
        Case("unknown key", "mixing.max_row: unknown key; did you mean max_rows?", {"mixing.max_row": 8}),
        Case(
            "wrong type",
            "training.learning_rate: input should be a valid number, unable to parse string as a number, got 'fast'",
            {"training.learning_rate": "fast"},
        ),
        Case(
            "YAML's yes where a number belongs",
            "training.max_steps: a true or false does not belong here; quote a word such as 'no' or 'on'",
            make=edit("max_steps: 3", "max_steps: yes"),
        ),
        Case(
            "number out of range",
            "sources.qa.max_rejected: input should be less than or equal to 1, got 1.5",
            source("qa", max_rejected=1.5),
        ),
        Case(
            "unknown choice",
            "sources.qa.kind: input should be 'title', 'attributes', 'description', 'review', 'qa', 'article', 'dialogue' or 'web', got 'faq'",
            source("qa", kind="faq"),
        ),
        Case("no such setting given at all", "model: missing; this setting has no default", {"model": None}),
        Case(
            "environment variable not set",
            "sources.qa.path: environment variable ECOMCT_NOT_SET is not set; export it",
            source("qa", path="${ECOMCT_NOT_SET}/qa.jsonl"),
        ),
        Case(
            "source name with a slash",
            "sources.a/b: a name has letters, digits, '.', '_' and '-' and begins with a letter or digit, got 'a/b'",
            {"sources.a/b": {"path": "qa.jsonl", "kind": "web", "fields": {"text": "answer"}}},
        ),
        Case(
            "run name that leaves the folder",
            "name: a name has letters, digits, '.', '_' and '-' and begins with a letter or digit, got '../shop'",
            {"name": "../shop"},
        ),
        Case(
            "min_rows over max_rows",
            "mixing: min_rows (9) is larger than max_rows (8)",
            {"mixing": {"min_rows": 9, "max_rows": 8}},
        ),
        Case(
            "min_tokens over max_tokens",
            "mixing: min_tokens (90) is larger than max_tokens (80)",
            {"mixing": {"min_tokens": 90, "max_tokens": 80}},
        ),
        Case(
            "clusters longer than a sequence",
            "mixing.max_tokens: 128 does not fit sequences.length (128) less its end-of-text token",
            {"mixing": {"max_tokens": 128}},
        ),
        Case(
            "batch not a multiple of the micro batch",
            "training: batch_size (4) is not a multiple of micro_batch_size (3)",
            {"training.micro_batch_size": 3},
        ),
        Case(
            "sequences too short",
            "sequences.length: input should be greater than or equal to 64, got 32",
            {"sequences.length": 32},
        ),
        Case(
            "both a tokenizer and a vocabulary to train",
            "tokenizer: give exactly one of path and train_vocab",
            {"tokenizer.path": "tokenizer.json"},
        ),
        Case("neither", "tokenizer: give exactly one of path and train_vocab", {"tokenizer": {}}),
        Case(
            "model configuration without its type",
            "model: config needs model_type (for example bloom, llama, qwen3)",
            {"model.config": {"n_layer": 1}},
        ),
        Case(
            "several faults",
            "seed: input should be greater than or equal to 0, got -1 (and 2 more: run `ecomct check recipe.yaml`)",
            {"mixing.max_row": 8, "seed": -1, "nmae": "x"},
        ),
    ],
    "Sources and references": [
        Case(
            "reference to no source",
            "sources.qa.references[0].to: no source is named 'prodcts'; did you mean products?",
            source("qa", references=[{"field": "product", "to": "prodcts"}]),
        ),
        Case(
            "reference to a source without primary_key",
            "sources.qa.references[0].to: source reviews has no primary_key to refer to; set it",
            source("qa", references=[{"field": "product", "to": "reviews"}]),
        ),
        Case(
            "reference without a field",
            "sources.qa.references[0].field: missing; name the column that holds the key of products",
            source("qa", references=[{"to": "products"}]),
        ),
        Case(
            "related to no source",
            "sources.products.related[0].to: no source is named 'prodcts'; did you mean products?",
            source("products", related=[{"field": "bought", "to": "prodcts"}]),
        ),
        Case(
            "related to a source without primary_key",
            "sources.products.related[0].to: source reviews has no primary_key to refer to; set it",
            source("products", related=[{"field": "bought", "to": "reviews"}]),
        ),
        Case(
            "related by key and by value",
            "sources.products.related[0].as: keys of products have a name already; leave out as or to",
            source("products", related=[{"field": "bought", "to": "products", "as": "item"}]),
        ),
        Case(
            "related rows without a product",
            "sources.general_en.related[0]: rows of general_en belong to no product and are not mixed; "
            "give references, or leave it out",
            source("general_en", related=[{"field": "text"}]),
        ),
        Case(
            "missing slot",
            "sources.qa.fields: kind qa needs {answer, question}, got {question}",
            source("qa", fields={"question": "question"}),
        ),
        Case(
            "unknown slot",
            "sources.qa.fields.reply: kind qa has no such slot (it has answer, question)",
            source("qa", fields={"question": "question", "answer": "answer", "reply": "answer"}),
        ),
        Case(
            "template with an unknown field",
            "sources.qa.template: uses {reply}, which fields does not define",
            source("qa", template="{question} {reply}"),
        ),
        Case(
            "adapter without that kind",
            "sources.qa.adapter: adapter wudao has no kind qa (it has web)",
            source("qa", adapter="wudao"),
        ),
        Case(
            "unknown encoding",
            "sources.qa.encoding: 'utf-88' is no text encoding; known are utf-8, gb18030, big5, latin-1 and others",
            source("qa", encoding="utf-88"),
        ),
        Case(
            "encoding that has no lines",
            "sources.qa.encoding: 'utf-16' cannot be read line by line; convert the files to utf-8",
            source("qa", encoding="utf-16"),
        ),
        Case(
            "arm without general sources",
            "training.arms[0]: arm mixed needs a source with role general, the recipe has none; add one or leave the arm out",
            {**NO_GENERAL, "training.arms": ["mixed"]},
        ),
    ],
    "Files": [
        Case(
            "glob without match", "sources.qa.path: nothing found at none*.jsonl; mend the path", source("qa", path="none*.jsonl")
        ),
        Case("missing file", "sources.qa.path: nothing found at qa.jsonl; mend the path", tables={"qa": None}),
        Case(
            "unknown suffix",
            "sources.qa.format: unknown format of qa.txt; set format: jsonl, csv, tsv or parquet",
            source("qa", path="qa.txt"),
            make=put("qa.txt", ROW),
        ),
        Case("empty file", "sources.qa: no rows in qa.jsonl; remove the source or mend the path", tables={"qa": b""}),
        Case(
            "one JSON array",
            "sources.qa: qa.jsonl is one JSON document; write one object a line, as `jq -c .[] FILE > FILE.jsonl` does",
            tables={"qa": b'[{"product": "P000"},\n {"product": "P001"}]\n'},
        ),
        Case(
            "torn gzip",
            "sources.qa: qa.jsonl.gz cannot be read to its end (Compressed file ended before the end-of-stream marker was reached); repair or remove it",
            source("qa", path="qa.jsonl.gz"),
            make=put("qa.jsonl.gz", gzip.compress(ROW.encode() * 99)[:-9]),
        ),
        Case(
            "torn zst",
            "sources.qa: qa.jsonl.zst cannot be read to its end (the file is cut off inside a zstd frame); repair or remove it",
            source("qa", path="qa.jsonl.zst"),
            make=put("qa.jsonl.zst", zstandard.compress(ROW.encode() * 99)[:-9]),
        ),
        Case(
            "broken Parquet",
            "sources.qa: qa.parquet is not a readable Parquet file (Parquet magic bytes not found in footer. Either the file is corrupted or this is not a parquet file.); write it anew",
            source("qa", path="qa.parquet"),
            make=torn_parquet,
        ),
        Case(
            "CSV that names a column twice",
            "sources.qa: qa.csv:1 names the column 'answer' twice; rename one",
            source("qa", path="qa.csv"),
            make=put("qa.csv", "product,question,answer,answer\nP000,q,a,b\n"),
        ),
        Case(
            "wrong column names",
            "sources.qa: 60 of 60 rows rejected, max_rejected is 20%; most often missing_field, as in qa.jsonl:1 (no column ask, reply; the row has product, question, answer); mend the source or raise max_rejected",
            source("qa", fields={"question": "ask", "answer": "reply"}),
        ),
        Case(
            "too many bad rows",
            "sources.qa: 1 of 4 rows rejected, max_rejected is 20%; most often malformed_json, as in qa.jsonl:4 (unexpected control character in string: line 1 column 7 (char 6)); mend the source or raise max_rejected",
            tables={"qa": (ROW * 3 + '{"torn\n').encode()},
        ),
        Case(
            "wrong encoding",
            "sources.qa: 1 of 1 rows rejected, max_rejected is 20%; most often bad_encoding, as in qa.jsonl:1 (not utf-8; name the file's encoding); mend the source or raise max_rejected",
            tables={"qa": '{"product": "P000", "question": "多重？", "answer": "一斤"}\n'.encode("gb18030")},
        ),
    ],
    "Tokenizer, model and tasks": [
        Case(
            "no tokenizer there",
            "tokenizer.path: no tokenizer.json at tok",
            {"tokenizer": {"path": "tok"}},
            command=(*RUN, "tokenize"),
        ),
        Case(
            "not a tokenizer",
            "tokenizer.path: t.json is no tokenizer.json of tokenizers 0.23.3 (Model missing. at line 1 column 2)",
            {"tokenizer": {"path": "t.json"}},
            make=put("t.json", "{}"),
            command=(*RUN, "tokenize"),
        ),
        Case(
            "tokenizer that names no end of text",
            "tokenizer.eos: tokenizer.json does not name its end-of-text token; set eos, for example '<|endoftext|>'",
            {"tokenizer": {"path": "tokenizer.json"}},
            make=with_tokenizer(None),
            command=(*RUN, "tokenize"),
        ),
        Case(
            "end of text that the tokenizer lacks",
            "tokenizer.eos: the tokenizer has no token '</s>'; name its end-of-text token",
            {"tokenizer": {"path": ".", "eos": "</s>"}},
            make=with_tokenizer("<end>"),
            command=(*RUN, "tokenize"),
        ),
        Case(
            "no row left to train on",
            "sources: no row is left to train on; see documents/rejected and evaluation.held_out",
            {"evaluation.held_out": 0.999999},
            command=(*RUN, "pack"),
        ),
        Case(
            "unknown model type",
            "model.config.model_type: transformers knows no 'bluum'; did you mean 'bloom'?",
            {"model.config": {"model_type": "bluum"}, **ONE_ARM},
            command=(*RUN, "train"),
        ),
        Case(
            "no model folder",
            "model.path: no folder weights (a model is never downloaded: give a folder on disk)",
            {"model": {"path": "weights"}, **ONE_ARM},
            command=(*RUN, "train"),
        ),
        Case(
            "no model folder, checked",
            "model.path: no folder weights (a model is never downloaded: give a folder on disk)",
            {"model": {"path": "weights"}},
            command=CHECK,
        ),
        Case(
            "no task folder",
            "evaluation.tasks.t.path: EN-X-CLS-task/meta-info.json: cannot be read (No such file or directory); a task folder needs meta-info.json and test.json",
            {"evaluation.tasks": {"t": {"path": CLS, "scorer": "choice"}}},
            command=CHECK,
        ),
        Case(
            "task with a malformed line",
            "evaluation.tasks.t.path: EN-X-CLS-task/test.json:2: label 'maybe' is not in the label set of meta-info.json",
            {"evaluation.tasks": {"t": {"path": CLS, "scorer": "choice"}}},
            make=task(CLS, '{"sentences": "a", "labels": {"k": ["yes"]}}\n{"sentences": "b", "labels": {"k": ["maybe"]}}\n'),
            command=CHECK,
        ),
        Case(
            "scorer that does not fit the task",
            "evaluation.tasks.t.scorer: spans cannot judge a task of type Generate; use rouge",
            {"evaluation.tasks": {"t": {"path": GEN, "scorer": "spans"}}},
            make=task(GEN, '{"sentences": "a", "spans": [{"term": "x"}]}\n'),
            command=CHECK,
        ),
        Case(
            "no reference joins",
            "sources.qa: no answer is a key of products, for example 'Yes, it is red all over.', 'About 200 grams.', '是的,整体都是红色。'; mend references",
            source("qa", references=[{"field": "answer", "to": "products"}]),
            command=CHECK,
        ),
        Case(
            "no further key joins",
            "sources.products: no color is a key of products, for example 'red', '红色', 'red'; mend related",
            source("products", related=[{"field": "color", "to": "products"}]),
            command=CHECK,
        ),
        Case(
            "no row has a further key",
            "sources.products: no row has a column brand; mend fields, primary_key, references or related",
            source("products", related=[{"field": "brand"}]),
            command=CHECK,
        ),
    ],
    "Command line and run folder": [
        Case(
            "--arm unknown",
            "--arm mixd: the recipe trains general, domain-separate, separate, mixed",
            command=(*RUN, "pack", "--arm", "mixd"),
        ),
        Case(
            "--until unknown",
            "--until pakc: the stages are survey, ingest, duplicates, screen, link, tokenize, mix, pack, train, tune, evaluate, report",
            command=(*RUN, "pakc"),
        ),
        Case(
            "a file where the run folder goes",
            "runs/shop: File exists; mend it and run again to continue",
            make=put("runs/shop", "x"),
        ),
        Case("a file where the runs go", "runs/shop: Not a directory; mend it and run again to continue", make=put("runs", "x")),
        Case("trace before a run", f"runs/shop: {NO_RUN}", command=("trace", "recipe.yaml", "qa.jsonl:1")),
        Case("explain before a run", f"runs/shop: {NO_RUN}", command=("explain", "recipe.yaml", "0")),
        Case("forget before a run", f"runs/shop: {NO_RUN}", command=("forget", "recipe.yaml", "P001")),
        Case(
            "row that is not there",
            "qa.jsonl:999: the run has no such row; name a row number, FILE:LINE or source/key",
            make=packed,
            command=("trace", "recipe.yaml", "qa.jsonl:999"),
        ),
        Case(
            "sample that is no number",
            "first: a sample is SEQUENCE, SEQUENCE:SEGMENT or a sample number of the plan",
            make=packed,
            command=("explain", "recipe.yaml", "first"),
        ),
        Case(
            "arm that is not packed",
            "--arm mixd: the run has general, domain-separate, separate, mixed",
            make=packed,
            command=("explain", "recipe.yaml", "0", "--arm", "mixd"),
        ),
        Case(
            "keys that no row has",
            "forget: no row has the key P777 or products/P888; keys are those of products",
            make=packed,
            command=("forget", "recipe.yaml", "P777", "products/P888"),
        ),
        Case(
            "nothing to forget",
            "forget: name a key, as in products/SKU123, or a file of keys with --from",
            command=("forget", "recipe.yaml"),
        ),
        Case(
            "no file of keys",
            "--from: no file keys.txt",
            command=("forget", "recipe.yaml", "--from", "keys.txt"),
        ),
        Case(
            "forget list that is no text",
            "recipe.forget: cannot be read as UTF-8 text ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte); write one key a line",
            make=put("recipe.forget", b"\xff\xfeP\x00"),
        ),
        Case("two runs at once", "runs/shop: another ecomct is running this recipe; wait for it or stop it", make=held_lock),
    ],
}
ALL = [case for cases in CASES.values() for case in cases]


def prepare(case: Case, shop: Shop) -> tuple[Path, Any]:
    home = shop(case.overrides, case.tables).parent
    return home, case.make(home) if case.make is not None else None


def fault_of(stderr: str, home: Path) -> str:
    """The one line of fault, without the place of the test; everything else there is a stage's name."""
    lines = stderr.splitlines()
    faults = [line for line in lines if line.startswith("error: ")]
    assert len(faults) == 1, stderr
    assert lines[-1] == faults[0]
    assert all(line.endswith(" ...") for line in lines[:-1]), stderr
    return faults[0].removeprefix("error: ").replace(f"{home}/", "").replace(str(home), ".")


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run the command line here, in the shop's folder; return its exit code and what it wrote to stderr."""

    def run(home: Path, *command: str) -> tuple[int, str]:
        monkeypatch.chdir(home)
        monkeypatch.setattr(sys, "argv", ["ecomct", *command])
        monkeypatch.delenv("ECOMCT_NOT_SET", raising=False)
        capsys.readouterr()
        code = cli._guarded(cli.app)
        return code, capsys.readouterr().err

    return run


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.what.replace(" ", "-"))
def test_one_line_says_what_is_wrong(case: Case, shop: Shop, in_process: Callable[..., tuple[int, str]]) -> None:
    home, held = prepare(case, shop)
    code, stderr = in_process(home, *case.command)
    assert (code, fault_of(stderr, home)) == (2, case.line)
    del held


def test_check_says_every_fault_on_its_own_line(shop: Shop, in_process: Callable[..., tuple[int, str]]) -> None:
    overrides = {
        **source("qa", path="none.jsonl"),
        **source("reviews", fields={"text": "words", "rating": "stars"}),
        "tokenizer": {"path": "tok"},
        "model": {"path": "weights"},
        "evaluation.tasks": {"t": {"path": "task", "scorer": "choice"}},
    }
    code, stderr = in_process(shop(overrides).parent, *CHECK)
    assert code == 2
    places = [line.split(": ")[1] for line in stderr.splitlines()]
    assert places == ["tokenizer.path", "model.path", "evaluation.tasks.t.path", "sources.reviews", "sources.qa.path"]
    assert all(line.startswith("error: ") for line in stderr.splitlines())


def test_check_warns_where_a_run_goes_on_and_stops_where_it_would_stop(
    shop: Shop, in_process: Callable[..., tuple[int, str]]
) -> None:
    tables = {"qa": (ROW * 9 + "{torn\n").encode()}
    home = shop(tables=tables).parent
    code, stderr = in_process(home, *CHECK)
    assert (code, stderr) == (0, "")
    code, stderr = in_process(shop(source("qa", max_rejected=0.05), tables).parent, *CHECK)
    assert code == 2
    assert stderr.startswith(
        "error: sources.qa: 1 of 10 rows cannot be read and will be rejected; the first is malformed_json in qa.jsonl:10"
    )


def test_check_warns_of_text_columns_that_hold_personal_data(shop: Shop) -> None:
    fields = {"columns": ["color", "user.level", "buyer_phone", "details.手机", "手机型号"]}
    warnings = check_recipe(load_recipe(shop(source("facts", fields=fields)))).warnings
    assert [warning.split(";")[0] for warning in warnings if "person" in warning] == [
        f"sources.facts.fields: {column} holds a person's data by its name"
        for column in ("user.level", "buyer_phone", "details.手机")
    ]


def test_a_file_without_rights(shop: Shop, in_process: Callable[..., tuple[int, str]]) -> None:
    home = shop().parent
    (home / "qa.jsonl").chmod(0)
    if os.access(home / "qa.jsonl", os.R_OK):
        pytest.skip("this user may read everything")
    for command in (CHECK, (*RUN, "ingest")):
        code, stderr = in_process(home, *command)
        assert code == 2
        assert "qa.jsonl" in fault_of(stderr, home)
        assert "Permission denied" in fault_of(stderr, home)


def test_a_run_folder_without_rights(shop: Shop, in_process: Callable[..., tuple[int, str]]) -> None:
    home = shop().parent
    (home / "runs").mkdir(mode=0o500)
    if os.access(home / "runs", os.W_OK):
        pytest.skip("this user may write everywhere")
    code, stderr = in_process(home, *RUN, "ingest")
    assert (code, fault_of(stderr, home)) == (2, "runs/shop: Permission denied; mend it and run again to continue")


@pytest.mark.parametrize(
    ("what", "command"),
    [
        ("no such file", None),
        ("unknown key", None),
        ("wrong encoding", None),
        ("torn gzip", ("run", "recipe.yaml", "--workers", "2", "--until", "ingest")),
        ("no reference joins", None),
    ],
)
def test_the_program_itself_prints_the_same_line(shop: Shop, what: str, command: tuple[str, ...] | None) -> None:
    """As a user starts it, with worker processes too: one line, no traceback, code 2."""
    [case] = [case for case in ALL if case.what == what]
    overrides, tables = dict(case.overrides), dict(case.tables)
    home = shop(overrides, tables).parent
    if case.make is not None:
        case.make(home)
    if command is not None:
        # Two units, so that two workers are started.
        (home / "more.jsonl.gz").write_bytes(gzip.compress(ROW.encode()))
        edit("path: qa.jsonl.gz", "path: [more.jsonl.gz, qa.jsonl.gz]")(home)
    environment = {key: value for key, value in os.environ.items() if key != "ECOMCT_NOT_SET"}
    done = subprocess.run(
        [sys.executable, "-m", "ecomct", *(command or case.command)],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, fault_of(done.stderr, home)) == (2, case.line)
    assert "Traceback" not in done.stdout + done.stderr


def test_a_sequence_or_segment_beyond_the_end(shop: Shop, in_process: Callable[..., tuple[int, str]]) -> None:
    home = shop().parent
    packed(home)
    for sample, said in (
        ("99999", r"99999: arm mixed has sequences 0 to \d+, and no sample has this number"),
        ("0:99", r"0:99: sequence 0 of arm mixed has segments 0 to \d+"),
    ):
        code, stderr = in_process(home, "explain", "recipe.yaml", sample)
        assert code == 2
        assert re.fullmatch(said, fault_of(stderr, home))


def test_a_second_run_after_mending_goes_through(shop: Shop, in_process: Callable[..., tuple[int, str]]) -> None:
    home = shop(tables={"qa": b"{torn\n"}).parent
    assert in_process(home, *RUN, "ingest")[0] == 2
    shop()
    assert in_process(home, *RUN, "ingest")[0] == 0


def rendered() -> str:
    """The table as docs/bad-input.md."""
    lines = [
        "# Bad input",
        "",
        "Whatever is wrong with a recipe or its files, ecomct prints one line that begins with `error:`, names the place and says",
        "what to do, and ends with exit code 2; `ecomct check` prints one such line for each fault. A traceback is a bug in ecomct.",
        "Nothing is half written: mend the fault and run again. The tests print every line below.",
    ]
    for title, cases in CASES.items():
        lines += ["", f"## {title}", "", "| what is wrong | what ecomct says |", "|---|---|"]
        for case in cases:
            quote = "``" if "`" in case.line else "`"
            shown = case.line.replace("|", "\\|")
            lines.append(f"| {case.what} | {quote}{shown}{quote} |")
    return "\n".join(lines) + "\n"


def test_the_documented_lines_are_these() -> None:
    if os.environ.get("ECOMCT_WRITE_DOCS"):
        DOCS.parent.mkdir(exist_ok=True)
        DOCS.write_text(rendered(), encoding="utf-8")
    assert len(ALL) >= 30
    assert DOCS.read_text(encoding="utf-8") == rendered()
