"""datatrove's steps for what ecomct does to a short field: repair, mask, filter, signatures for near-duplicates.

    python datatrove_clean.py OUT ROWS LANGUAGE WORKERS      reads ROWS/*.jsonl

Filters come as its Chinese pipelines use them: words of the language, no least number of words, so that a row is measured
by all of them; its language filter is left out, as the model is downloaded at the first run.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter


def main(folder: str, rows: str, language: str, workers: int) -> None:
    """Run the steps, a task a file; every row goes through all of them."""
    executor = LocalPipelineExecutor(
        pipeline=[
            JsonlReader(rows),
            FTFYFormatter(),
            PIIFormatter(),
            GopherRepetitionFilter(language=language),
            GopherQualityFilter(
                language=language, min_doc_words=None, min_avg_word_length=None, max_avg_word_length=None,
                min_stop_words=None, max_non_alpha_words_ratio=0.5,
            ),
            JsonlWriter(f"{folder}/kept"),
            MinhashDedupSignature(f"{folder}/signatures", config=MinhashConfig(), language=language),
        ],
        tasks=len(list(Path(rows).glob("*.jsonl"))),
        workers=workers,
        logging_dir=f"{folder}/logs",
        start_method="spawn",
    )  # fmt: skip
    begin = time.perf_counter()
    executor.run()
    seconds = time.perf_counter() - begin
    kept = sum(gzip.decompress(path.read_bytes()).count(b"\n") for path in Path(folder, "kept").glob("*.gz"))
    Path(folder, "facts.json").write_text(json.dumps({"seconds": seconds, "kept": kept, "version": version("datatrove")}))


if __name__ == "__main__":
    out_folder, rows_folder, tongue, processes = sys.argv[1:]
    main(out_folder, rows_folder, tongue, int(processes))
