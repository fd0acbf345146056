"""Real instruction data under ECOMCT_SHARED as task folders in EcomInstruct form, written outside the project."""

from __future__ import annotations

import ast
import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]
TYPES = {"HCCX": "商品", "HPPX": "品牌", "XH": "型号", "MISC": "其他"}
MATCHES = ["不匹配", "部分匹配", "完全匹配"]


SETS = ("ner", "adm", "itu", "news")
TOPICS = ["World", "Sports", "Business", "Sci/Tech"]


def write_sets(bench: Path, out: Path, names: Sequence[str] = SETS, intents: int = 8) -> dict[str, Path]:
    """Write the sets `names`, each with train.json and test.json; return their folders.

    Three that EcomInstruct has in training and whose data is here: product entities (E_commerce_ner), address matching
    (CCKS 2021: round 1 to learn from, round 2 to be asked) and the `intents` most frequent intents of JDDC (valid, test).
    And the topics of AG News.
    """
    makers = {
        "ner": _write_ner,
        "adm": _write_adm,
        "itu": lambda bench, out: _write_itu(bench, out, intents),
        "news": _write_news,
    }
    return {name: makers[name](bench, out) for name in names}


def _write_ner(bench: Path, out: Path) -> Path:
    return _write(
        out / "ZH-E_commerce_ner-NER-NER",
        "named entity recognition",
        "Extract all named entity with type about {label_set} in the sentence.",
        list(TYPES.values()),
        {part: list(_entities(bench / f"ecommerce_ner/{part}.txt")) for part in ("train", "test")},
    )


def _write_adm(bench: Path, out: Path) -> Path:
    files = {"train": "round1_fold0_dev.tsv", "test": "round2_train_pairs.tsv"}
    return _write(
        out / "ZH-ccks2021_address-CLS-address_matching",
        "address matching",
        "Determine whether the two addresses match. Candidate: {label_set}.",
        MATCHES,
        {part: list(_addresses(bench / "ccks2021_address" / file)) for part, file in files.items()},
    )


def _write_itu(bench: Path, out: Path, intents: int) -> Path:
    asked = {part: list(_intents(bench / "jddc_intent", part)) for part in ("valid", "test")}
    known = [label for label, _ in Counter(label for _, label in asked["valid"]).most_common(intents)]
    kept = {part: [_choice(text, label) for text, label in rows if label in known] for part, rows in asked.items()}
    return _write(
        out / "ZH-JDDC-CLS-intent_dection",
        "intent detection",
        "Select the intent of the customer. Candidate: {label_set}.",
        known,
        {"train": kept["valid"], "test": kept["test"]},
    )


def _write_news(bench: Path, out: Path) -> Path:
    files = [bench / "agnews" / name for name in ("train_5000.csv", "test.csv")]
    train = [line.rsplit(",", 1) for line in files[0].read_text(encoding="utf-8").splitlines()[1:]]
    with open(files[1], encoding="utf-8", newline="") as handle:
        test = [(f"{title} {text}", int(topic) - 1) for topic, title, text in csv.reader(handle)]
    return _write(
        out / "EN-AGNews-CLS-topic",
        "topic classification",
        "Select the topic of the news. Candidate: {label_set}.",
        TOPICS,
        {
            "train": [_choice(text, TOPICS[int(topic)]) for text, topic in train if topic.strip().isdecimal()],
            "test": [_choice(text, TOPICS[topic]) for text, topic in test],
        },
    )


def _write(folder: Path, defi: str, wording: str, labels: list[str], parts: dict[str, Rows]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    instruction = "### Instruction:\n{sentences}\n" + wording + " \n### Response:"
    meta = {"task": folder.name, "defi": defi, "label_set": {"zh": labels}, "label_key": "zh", "label_sep": ", "}
    (folder / "meta-info.json").write_text(json.dumps(meta | {"test_prompt": {"instruction": instruction}}, ensure_ascii=False))
    for name, rows in parts.items():
        (folder / f"{name}.json").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return folder


def _choice(text: str, label: str) -> dict[str, Any]:
    return {"sentences": text, "labels": {"zh": [label]}}


def _entities(file: Path) -> Iterator[dict[str, Any]]:
    """CoNLL: a character and a tag a line, sentences parted by empty lines."""
    for block in file.read_text(encoding="utf-8").replace("\r\n", "\n").split("\n\n"):
        pairs = [(line[:1], line[1:].strip()) for line in block.split("\n") if line.strip()]
        text = "".join(character for character, _ in pairs)
        spans: list[dict[str, Any]] = []
        for at, (character, tag) in enumerate(pairs):
            if tag.startswith("B-"):
                spans.append({"start": at, "end": at + 1, "type": TYPES[tag[2:]], "term": character})
            elif tag.startswith("I-") and spans and spans[-1]["end"] == at:
                spans[-1] |= {"end": at + 1, "term": spans[-1]["term"] + character}
        spans = [span | {"term": span["term"].strip()} for span in spans if span["term"].strip()]
        if text.strip() and spans:
            yield {"sentences": text, "spans": spans}


def _addresses(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        cells = line.split("\t")
        if len(cells) == 3 and cells[2].strip().isdecimal():
            yield _choice(f"地址一: {cells[0]}\n地址二: {cells[1]}", MATCHES[int(cells[2])])


def _intents(folder: Path, part: str) -> Iterator[tuple[str, str]]:
    """What the user says last and its intent; rows without one, and those of the whole dialogue, are no question."""
    lines = (folder / "act_jddc.txt").read_text(encoding="utf-8").splitlines()
    names = {int(number): name.strip() for number, _, name in (line.partition("\t") for line in lines) if number.isdecimal()}
    for line in (folder / f"{part}_jddc.txt").read_text(encoding="utf-8").splitlines():
        context, labels, _ = line.split("\t")
        said, label = str(ast.literal_eval(context)[-1]).partition("|||")[0], names.get(ast.literal_eval(labels)[-1], "")
        if said.strip() and label and label not in ("OTHER",):
            yield said, label


def shop_texts(bench: Path, count: int) -> Iterable[str]:
    """Descriptions of clothes (AdvertiseGen) to learn the language from, before any instruction."""
    data = (bench / "advertisegen/dev.json").read_text(encoding="utf-8")
    return [json.loads(line)["content"] for line in data.splitlines()[:count]]
