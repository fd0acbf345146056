"""Data-Juicer with a light recipe, then `group_texts` as in the run_clm example of transformers.

    python data_juicer_sequences.py OUT ROWS TOKENIZER LENGTH WORKERS      reads ROWS/*.jsonl

`group_texts` concatenates each batch of 1,000 rows, cuts it every LENGTH tokens and drops the rest.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from data_juicer.config import init_configs
from data_juicer.core import DefaultExecutor
from datasets import load_dataset
from transformers import PreTrainedTokenizerFast

OPERATORS: list[dict[str, Any]] = [
    {"fix_unicode_mapper": {}},
    {"whitespace_normalization_mapper": {}},
    {"text_length_filter": {"min_len": 1}},
    {"document_deduplicator": {}},
]


def refine(rows: str, out: Path, workers: int) -> Path:
    """Run the recipe; the file it exports."""
    recipe = {"dataset_path": rows, "export_path": str(out / "refined/rows.jsonl"), "np": workers, "process": OPERATORS}
    (out / "recipe.yaml").write_text(yaml.safe_dump(recipe | {"project_name": "light"}))
    DefaultExecutor(init_configs(["--config", str(out / "recipe.yaml")])).run()
    return out / "refined/rows.jsonl"


def main(folder: str, rows: str, tokenizer_file: str, length: int, workers: int) -> None:
    """Refine, tokenise, group."""
    out = Path(folder)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=tokenizer_file)

    def tokenize(examples: dict[str, list[Any]]) -> Any:
        return tokenizer(examples["text"])

    def group_texts(examples: dict[str, list[Any]]) -> dict[str, list[Any]]:
        joined = {name: list(chain(*examples[name])) for name in examples}
        total = len(joined["input_ids"]) // length * length
        result = {name: [t[i : i + length] for i in range(0, total, length)] for name, t in joined.items()}
        result["labels"] = result["input_ids"].copy()
        return result

    times = [time.perf_counter()]
    refined = refine(rows, out, workers)
    times.append(time.perf_counter())
    texts = load_dataset("json", data_files=str(refined), split="train", cache_dir=str(out / "cache"))
    tokens = texts.map(tokenize, batched=True, num_proc=workers, remove_columns=texts.column_names)
    times.append(time.perf_counter())
    tokens.map(group_texts, batched=True, num_proc=workers).save_to_disk(str(out / "sequences"))
    times.append(time.perf_counter())

    np.save(out / "ids.npy", np.array([int(row) for row in texts["id"]], dtype=np.uint64))
    np.save(out / "lengths.npy", np.array([len(ids) for ids in tokens.with_format("numpy")["input_ids"]], dtype=np.int64))
    parts = dict(zip(("refine", "tokenize", "group"), np.diff(times).tolist(), strict=True))
    facts = {"seconds": times[-1] - times[0], "parts": parts, "version": version("py-data-juicer")}
    (out / "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    out_folder, rows_folder, tokenizer_path, sequence, processes = sys.argv[1:]
    main(out_folder, rows_folder, tokenizer_path, int(sequence), int(processes))
