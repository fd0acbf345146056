"""Settings of the whole process that training borrows and gives back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import datasets
import torch
import transformers
from transformers.utils import logging as library_logging

# A module that torch replaces by an object with this property.
deterministic: Any = torch.utils.deterministic


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the bars and remarks of transformers, datasets and DeepSpeed; errors still show."""
    if not torch.cuda.is_available():
        # Trainer imports DeepSpeed where it is installed, which then says that it found no GPU.
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    verbosity = library_logging.get_verbosity()
    model_bars, table_bars = library_logging.is_progress_bar_enabled(), datasets.are_progress_bars_disabled()
    library_logging.set_verbosity_error()
    library_logging.disable_progress_bar()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        library_logging.set_verbosity(verbosity)
        if model_bars:
            library_logging.enable_progress_bar()
        if not table_bars:
            datasets.enable_progress_bars()


@contextmanager
def reproducible(seed: int, threads: int | None) -> Iterator[None]:
    """Seed every generator, fix the thread count and choose deterministic kernels.

    On a CPU equal inputs, threads and machine kind then give equal bytes. On CUDA a few kernels
    have no deterministic form; torch uses the other form there and warns, it does not stop.
    """
    # numpy takes 32 bits; the folding keeps every smaller seed as it is.
    folded = seed % (1 << 32)
    threads_before, strict, warn_only = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    fill_before = deterministic.fill_uninitialized_memory
    # cuBLAS reads this when its first handle is made.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        transformers.set_seed(folded)
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Filling fresh memory only uncovers reads of it; nothing here reads what it has not written.
        deterministic.fill_uninitialized_memory = False
        if threads is not None:
            torch.set_num_threads(threads)
        yield
    finally:
        torch.set_num_threads(threads_before)
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)
        deterministic.fill_uninitialized_memory = fill_before
