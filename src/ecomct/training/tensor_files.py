"""Named tensors in numbered safetensors files, written and read with little memory."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

# Bytes held in memory before they go to disk.
_SHARD = 2 << 30


def disk_error(error: SafetensorError, path: Path) -> OSError:
    """Return what safetensors says about the disk as the error of the operating system that it was."""
    found = re.search(r"os error (\d+)", str(error))
    number = int(found[1]) if found else errno.EIO
    return OSError(number, os.strerror(number), str(path))


class TensorWriter:
    """Writes named tensors to STEM-N.safetensors, a bounded number of bytes at a time.

    After the first refusal of the disk it only drops what it is given: the other processes are in the
    middle of gathering and must not be left waiting.
    """

    def __init__(self, folder: Path, stem: str, writes: bool) -> None:
        self._folder, self._stem, self._writes = folder, stem, writes
        self._held: dict[str, torch.Tensor] = {}
        self._count = self._bytes = 0
        self.error: OSError | None = None

    def add(self, name: str, tensor: torch.Tensor) -> None:
        """Take a tensor; it must not change before the next `flush`."""
        if not self._writes or self.error is not None:
            return
        self._held[name] = tensor
        self._bytes += tensor.nbytes
        if self._bytes >= _SHARD:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        if self._held and self.error is None:
            path = self._folder / f"{self._stem}-{self._count:05}.safetensors"
            try:
                save_file(self._held, path)
            except SafetensorError as error:
                self.error = disk_error(error, path)
            except OSError as error:
                self.error = error
        self._held, self._bytes, self._count = {}, 0, self._count + 1


class TensorReader:
    """Reads single tensors back, mapped from disk."""

    def __init__(self, folder: Path, stem: str) -> None:
        self._files = [safe_open(path, "pt") for path in sorted(folder.glob(f"{stem}-*.safetensors"))]
        self._places = {name: file for file in self._files for name in list(file.keys())}

    def __getitem__(self, name: str) -> torch.Tensor:
        tensor: torch.Tensor = self._places[name].get_tensor(name)
        # A copy: the file goes when the next checkpoint comes, and the optimizer writes into its state.
        return tensor.clone()
