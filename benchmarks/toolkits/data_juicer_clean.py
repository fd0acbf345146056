"""Data-Juicer's operators for what ecomct does to a short field: repair, clean, mask, filter, deduplicate.

    python data_juicer_clean.py OUT ROWS WORKERS      reads ROWS/*.jsonl; notes how many rows stay after each operator

Thresholds of the filters are those of its recipe for Chinese (alpaca-cot-zh-refine), the default recipe drops nearly all.
Its language filter is left out: the model is downloaded at the first run.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from data_juicer.config import init_configs
from data_juicer.core import DefaultExecutor

OPERATORS: list[dict[str, Any]] = [
    {"fix_unicode_mapper": {"normalization": "NFKC"}},
    {"whitespace_normalization_mapper": {}},
    {"clean_html_mapper": {}},
    {"clean_email_mapper": {"repl": "[EMAIL]"}},
    {"clean_ip_mapper": {"repl": "[IP]"}},
    {"text_length_filter": {"min_len": 2}},
    {"alphanumeric_filter": {"tokenization": False, "min_ratio": 0.1}},
    {"character_repetition_filter": {"rep_len": 10, "max_ratio": 0.6}},
    {"special_characters_filter": {"max_ratio": 0.6}},
    {"document_deduplicator": {"lowercase": True}},
]


def main(folder: str, rows: str, workers: int) -> None:
    """Run the recipe on all rows at once."""
    out = Path(folder)
    recipe = {"dataset_path": rows, "export_path": str(out / "refined/rows.jsonl"), "np": workers, "process": OPERATORS}
    (out / "recipe.yaml").write_text(yaml.safe_dump(recipe | {"project_name": "clean"}))
    begin = time.perf_counter()
    DefaultExecutor(init_configs(["--config", str(out / "recipe.yaml")])).run()
    seconds = time.perf_counter() - begin
    with open(out / "refined/rows.jsonl", encoding="utf-8") as file:
        kept = sum(1 for _ in file)
    facts = {"seconds": seconds, "kept": kept, "version": version("py-data-juicer")}
    (out / "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    out_folder, rows_folder, processes = sys.argv[1:]
    main(out_folder, rows_folder, int(processes))
