"""datatrove as its documentation has it: read, repair text, keep what is not empty, tokenise, shuffle.

    python datatrove_sequences.py OUT ROWS TOKENIZER EOS WORKERS      reads ROWS/*.jsonl

Its loader reads sequences as consecutive windows of the shuffled files, so that none has to be written. The filters of
its English web recipes are left out because they drop short rows. Row ids are noted beside the tokens, to count later.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.formatters import FTFYFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.tokens import DocumentTokenizer

SEED = 0


class NoteIds:
    """A step that notes the ids of the documents that pass, a file for each task."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, data: Iterable[Any], rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        with open(f"{self.folder}/ids-{rank:05d}", "w") as file:
            for document in data:
                file.write(f"{document.id}\n")
                yield document


def main(out: str, rows: str, tokenizer: str, eos: str, workers: int) -> None:
    """Run the pipeline, a task a file."""
    executor = LocalPipelineExecutor(
        pipeline=[
            JsonlReader(rows),
            FTFYFormatter(),
            LambdaFilter(lambda document: bool(document.text.strip())),
            NoteIds(out),
            DocumentTokenizer(f"{out}/tokens", tokenizer, eos_token=eos, seed=SEED),
        ],
        tasks=len(list(Path(rows).glob("*.jsonl"))),
        workers=workers,
        logging_dir=f"{out}/logs",
        start_method="spawn",  # its processes are this one's children then, and their processor time is counted
    )
    begin = time.perf_counter()
    executor.run()
    facts = {"seconds": time.perf_counter() - begin, "seed": SEED, "version": version("datatrove")}
    Path(out, "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    out_folder, rows_folder, tokenizer_path, end_of_text, processes = sys.argv[1:]
    main(out_folder, rows_folder, tokenizer_path, end_of_text, int(processes))
