"""The records of a run in TensorBoard, trackio or Weights & Biases, beside metrics.jsonl."""

from __future__ import annotations

import importlib.util
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from ecomct.errors import InputError

Name = Literal["tensorboard", "trackio", "wandb"]
_INSTALL = {"tensorboard": 'pip install "ecomct[log]"', "trackio": "pip install trackio", "wandb": "pip install wandb"}


class Tracker(Protocol):
    """Takes the numbers of a step."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Note `values` at `step`."""

    def close(self) -> None:
        """Write what is held back."""


def check_trackers(names: Sequence[Name]) -> None:
    """Raise InputError where a tracker of `training.log_to` is not installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise InputError(f"training.log_to: {name} is not installed; {_INSTALL[name]}, or take it out of the list")


def open_trackers(names: Sequence[Name], folder: Path, project: str, run: str, step: int) -> list[Tracker]:
    """Open the trackers of a run that goes on after `step` (0: a new one); what they know of later steps is dropped.

    All write under `folder`, offline unless the user's environment says otherwise (WANDB_MODE). TensorBoard is
    told to purge later steps; trackio's and wandb's run is resumed by name, and of a step that is made again
    they keep the first value, which is the same.

    Raises InputError as `check_trackers`.
    """
    check_trackers(names)
    makers: dict[Name, Any] = {"tensorboard": TensorBoard, "trackio": Trackio, "wandb": Wandb}
    return [makers[name](folder / name, project, run, step) for name in names]


class TensorBoard:
    """One event file a launch in one folder; a launch marks the steps from its first one on as void in the older files."""

    def __init__(self, folder: Path, project: str, run: str, step: int) -> None:
        """Go on after `step`."""
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"train/{name}", value, step)

    def close(self) -> None:
        self._writer.close()


class _Once(ABC):
    """Passes each step on once: these trackers cannot take a step back, so the last one is kept in a file."""

    def __init__(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._mark = folder / "last-step"
        if step == 0:
            self._mark.unlink(missing_ok=True)
        self._last = int(self._mark.read_text() or 0) if self._mark.is_file() else 0

    def log(self, step: int, values: Mapping[str, float]) -> None:
        if step > self._last:
            self._send(step, values)
            self._last = step
            self._mark.write_text(str(step))

    @abstractmethod
    def _send(self, step: int, values: Mapping[str, float]) -> None:
        """Hand a step to the tracker."""


class Trackio(_Once):
    """A run of a project in trackio's local database."""

    def __init__(self, folder: Path, project: str, run: str, step: int) -> None:
        """Go on after `step`."""
        super().__init__(folder, step)
        # Read when trackio is imported.
        os.environ.setdefault("TRACKIO_DIR", str(folder))
        import trackio

        self._trackio: Any = trackio
        trackio.init(project=project, name=run, resume="allow" if step else "never", embed=False)

    def _send(self, step: int, values: Mapping[str, float]) -> None:
        self._trackio.log(dict(values), step=step)

    def close(self) -> None:
        self._trackio.finish()


class Wandb(_Once):
    """A run of Weights & Biases; offline unless WANDB_MODE says otherwise."""

    def __init__(self, folder: Path, project: str, run: str, step: int) -> None:
        """Go on after `step`."""
        super().__init__(folder, step)
        import wandb

        self._run: Any = wandb.init(
            project=project,
            name=run,
            id=f"{project}-{run}",
            dir=str(folder),
            resume="allow",
            mode=os.environ.get("WANDB_MODE", "offline"),
        )

    def _send(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish()
