"""Real instruction data under ECOMCT_SHARED as task folders in EcomInstruct form, written outside the project."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]
TYPES = {"HCCX": "商品", "HPPX": "品牌", "XH": "型号", "MISC": "其他"}
MATCHES = ["不匹配", "部分匹配", "完全匹配"]


def write_sets(bench: Path, out: Path, intents: int = 12) -> dict[str, Path]:
    """Write the three data sets that EcomInstruct has in training and whose data is here; return their folders.

    Product entities (E_commerce_ner), address matching (CCKS 2021: round 1 to learn from, round 2 to be asked) and
    the `intents` most frequent intents of JDDC (valid, test), each with train.json and test.json.
    """
    written = {
        "ner": _write(
            out / "ZH-E_commerce_ner-NER-NER",
            "named entity recognition",
            "Extract all named entity with type about {label_set} in the sentence.",
            list(TYPES.values()),
            {part: list(_entities(bench / f"ecommerce_ner/{part}.txt")) for part in ("train", "test")},
        ),
        "adm": _write(
            out / "ZH-ccks2021_address-CLS-address_matching",
            "address matching",
            "Determine whether the two addresses match. Candidate: {label_set}.",
            MATCHES,
            {
                "train": list(_addresses(bench / "ccks2021_address/round1_fold0_dev.tsv")),
                "test": list(_addresses(bench / "ccks2021_address/round2_train_pairs.tsv")),
            },
        ),
    }
    asked = {part: list(_intents(bench / "jddc_intent", part)) for part in ("valid", "test")}
    known = [label for label, _ in Counter(label for _, label in asked["valid"]).most_common(intents)]
    kept = {part: [_choice(text, label) for text, label in rows if label in known] for part, rows in asked.items()}
    written["itu"] = _write(
        out / "ZH-JDDC-CLS-intent_dection",
        "intent detection",
        "Select the intent of the customer. Candidate: {label_set}.",
        known,
        {"train": kept["valid"], "test": kept["test"]},
    )
    return written


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
