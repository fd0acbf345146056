"""The exponential moving average of a run's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import PreTrainedModel, TrainerCallback

from ecomct.recipe.training import Training
from ecomct.training.model import save_weights

FOLDER = "ema"
_WEIGHTS = "model.safetensors"


class MovingAverage:
    """average <- decay x average + (1 - decay) x weights after each update, in float32, from the weights at the start.

    It looks back over about 1 / (1 - decay) updates; in shorter runs much of the starting weights is left.
    Memory: one float32 copy of the weights beside them. Shards of a distributed tensor are averaged where they are.
    """

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        """Start at the weights of `model`; a tied weight is kept once."""
        self._decay = decay
        self._weights = dict(model.named_parameters())
        self._average = {name: weight.detach().to(torch.float32, copy=True) for name, weight in self._weights.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the present weights in."""
        for name, weight in self._weights.items():
            _local(self._average[name]).lerp_(_local(weight).float(), 1.0 - self._decay)

    def tensors(self, keep: bool = True) -> dict[str, torch.Tensor]:
        """Return the average by parameter name, on the CPU; every process has to ask, those with `keep` get it."""
        found = {}
        for name, average in self._average.items():
            whole = average.full_tensor() if hasattr(average, "full_tensor") else average
            if keep:
                found[name] = whole.cpu()
        return found

    @torch.no_grad()
    def restore(self, folder: Path) -> None:
        """Go on from the average that a checkpoint holds in `folder`, bit for bit."""
        with safe_open(folder / _WEIGHTS, framework="pt") as saved:
            kept: Any
            for name, kept in self._average.items():
                whole = saved.get_tensor(name).to(kept.device)
                if hasattr(kept, "device_mesh"):
                    from torch.distributed.tensor import distribute_tensor

                    whole = distribute_tensor(whole, kept.device_mesh, kept.placements)
                kept.copy_(whole)


def _local(tensor: Any) -> torch.Tensor:
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


class Averaging(TrainerCallback):
    """Keeps a moving average beside a Trainer's weights and in its checkpoints; steps that were left out do not count."""

    def __init__(self, decay: float) -> None:
        """Start with the weights at the begin of training, unless `load` comes first."""
        self._decay = decay
        self._average: MovingAverage | None = None
        self.trainer: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._average is None:
            self._average = MovingAverage(self._model(), self._decay)

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        assert self._average is not None, "training has begun"
        if not self.trainer.left_out:
            self._average.update()

    def save(self, stage: Path) -> None:
        """Write the average as a model folder `ema` in a staged checkpoint; every process calls, the first one writes."""
        assert self._average is not None, "training has begun"
        first = self.trainer.is_world_process_zero()
        tensors = self._average.tensors(keep=first)
        if first:
            save_average(self._model(), tensors, stage / FOLDER)

    def load(self, checkpoint: Path) -> None:
        """Go on from the average in a checkpoint."""
        self._average = MovingAverage(self._model(), self._decay)
        self._average.restore(checkpoint / FOLDER)

    def _model(self) -> PreTrainedModel:
        model: PreTrainedModel = self.trainer.accelerator.unwrap_model(self.trainer.model)
        return model


def averaging_of(training: Training) -> list[Averaging]:
    """Return the average that the recipe asks for, none where it asks for none."""
    return [Averaging(training.average_decay)] if training.average == "ema" else []


def save_average(model: PreTrainedModel, tensors: dict[str, torch.Tensor], folder: Path) -> None:
    """Write `tensors` in the place of the weights of `model`: a model folder that opens like any other."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    # Every name of a tied weight; buffers stay as they are.
    everywhere = {name: tensors[names[id(weight)]] for name, weight in model.named_parameters(remove_duplicate=False)}
    save_weights(model, folder, {**model.state_dict(), **everywhere})
