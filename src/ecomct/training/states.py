"""The state of a run beside its weights, whole and by parameter name: the same files for every strategy and process count.

Whatever shares the optimizer's state between processes (nothing, FSDP2, ZeRO-2) it is gathered tensor by
tensor and written by the first process; every process takes its part of the whole when it resumes. So any
number of processes, under any strategy, continues what any other left, and nothing is pickled.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.distributed.tensor import DTensor, distribute_tensor

from ecomct.atomic import write_json
from ecomct.training.parallel import Group
from ecomct.training.tensor_files import TensorReader, TensorWriter, disk_error

_MOMENTS = ("exp_avg", "exp_avg_sq")


def whole_weight(parameter: torch.nn.Parameter) -> torch.Tensor:
    """Return a parameter whole, on the CPU: ZeRO's float32 master, FSDP's shards together. Every process must call."""
    if hasattr(parameter, "_hp_mapping"):
        from deepspeed.utils import safe_get_full_fp32_param

        return _on_cpu(safe_get_full_fp32_param(parameter))
    return _on_cpu(parameter)


def whole_weights(model: torch.nn.Module, group: Group) -> dict[str, torch.Tensor]:
    """Return all parameters and saved buffers whole in the first process, nothing in the others. Every process must call."""
    whole = {}
    for name, parameter in model.named_parameters():
        tensor = whole_weight(parameter)
        if group.is_first:
            whole[name] = tensor
    if group.is_first:
        # A tied weight has one parameter and several names.
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        for name, parameter in model.named_parameters(remove_duplicate=False):
            whole.setdefault(name, whole[names[id(parameter)]])
        for name, tensor in model.state_dict().items():
            if name not in whole:
                whole[name] = _on_cpu(tensor)
    return whole


def save_states(folder: Path, model: torch.nn.Module, optimizer: Any, schedule: Any, group: Group) -> OSError | None:
    """Write optimizer, schedule and random states to `folder`. Every process must call, the first one writes.

    Returns:
        What the disk refused (first process), for the caller to raise when all processes are out of the collectives.
    """
    writer = TensorWriter(folder, "optimizer", group.is_first)
    steps = {}
    for name, parameter, state in _states(model, optimizer):
        for key in _MOMENTS:
            writer.add(f"{name}/{key}", _whole_moment(parameter, state, key))
        steps[name] = float(state["step"])
    writer.flush()
    states = group.collect(_random_state())
    if group.is_first and writer.error is None:
        assert states is not None
        try:
            flat = {f"{rank}/{name}": tensor for rank, state in enumerate(states) for name, tensor in state.items()}
            save_file(flat, folder / "random.safetensors")
            write_json(folder / "optimizer.json", {"steps": steps, "schedule": schedule.state_dict()})
        except SafetensorError as error:
            writer.error = disk_error(error, folder)
        except OSError as error:
            writer.error = error
    return writer.error


def load_states(folder: Path, model: torch.nn.Module, optimizer: Any, schedule: Any) -> None:
    """Give optimizer and schedule the state that `save_states` left. No communication; each process reads its part."""
    recorded = json.loads((folder / "optimizer.json").read_bytes())
    moments = TensorReader(folder, "optimizer")
    if hasattr(optimizer, "single_partition_of_fp32_groups"):
        _load_zero(optimizer, model, recorded["steps"], moments)
        groups = optimizer.optimizer.param_groups
    else:
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        state: dict[int, Any] = {}
        index = 0
        for part in optimizer.param_groups:
            for parameter in part["params"]:
                name = names[id(parameter)]
                if name in recorded["steps"]:
                    state[index] = {"step": torch.tensor(recorded["steps"][name])}
                    state[index] |= {key: _like(moments[f"{name}/{key}"], parameter) for key in _MOMENTS}
                index += 1
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        groups = optimizer.param_groups
    schedule.load_state_dict(recorded["schedule"])
    for part, rate in zip(groups, recorded["schedule"]["_last_lr"], strict=True):
        part["lr"] = rate


def set_masters(model: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Give ZeRO's float32 masters the exact `weights`; it makes them from the bf16 ones, which are rounded."""
    from deepspeed.utils import safe_set_full_fp32_param

    for name, parameter in model.named_parameters():
        safe_set_full_fp32_param(parameter, weights[name].to(parameter.device))


def load_random(folder: Path, rank: int) -> bool:
    """Set the generators of this process to what `rank` left; False where fewer processes ran."""
    with safe_open(folder / "random.safetensors", "pt") as opened:
        state = {name.split("/")[1]: opened.get_tensor(name) for name in list(opened.keys()) if name.split("/")[0] == str(rank)}
    if not state:
        return False
    keys, (position, has_gauss, gauss) = state["python"].tolist(), state["numpy_rest"].tolist()
    random.setstate((3, tuple(keys), None if torch.isnan(state["python_gauss"]) else float(state["python_gauss"])))
    np.random.set_state(("MT19937", state["numpy"].numpy().astype(np.uint32), int(position), int(has_gauss), gauss))
    torch.random.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
    return True


def _random_state() -> dict[str, torch.Tensor]:
    """The generators of this process as tensors."""
    _, keys, gauss = random.getstate()
    _, words, *rest = np.random.get_state(legacy=True)
    state = {
        "python": torch.tensor(keys),
        "python_gauss": torch.tensor(float("nan") if gauss is None else gauss, dtype=torch.float64),
        "numpy": torch.from_numpy(np.asarray(words).astype(np.int64)),
        "numpy_rest": torch.tensor([float(number) for number in rest], dtype=torch.float64),
        "torch": torch.random.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _on_cpu(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor whole and on the CPU."""
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().cpu().contiguous()


def _like(whole: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """This process's part of `whole`, placed as `parameter` is."""
    if isinstance(parameter, DTensor):
        device = parameter.to_local().device
        return distribute_tensor(whole.to(device), parameter.device_mesh, parameter.placements, src_data_rank=None)
    return whole.to(parameter.device)


def _states(model: torch.nn.Module, optimizer: Any) -> Iterator[tuple[str, torch.nn.Parameter, dict[str, Any]]]:
    """Yield each optimised parameter with its name and state, in the same order in every process."""
    if hasattr(optimizer, "single_partition_of_fp32_groups"):
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        for index, parameters in enumerate(optimizer.bit16_groups):
            state = optimizer.optimizer.state[optimizer.single_partition_of_fp32_groups[index]]
            _link(optimizer, index)
            for parameter in parameters:
                yield names[id(parameter)], parameter, state
        return
    for name, parameter in model.named_parameters():
        if state := optimizer.state.get(parameter):
            yield name, parameter, state


def _whole_moment(parameter: torch.nn.Parameter, state: dict[str, Any], key: str) -> torch.Tensor:
    if hasattr(parameter, "_hp_mapping"):
        from deepspeed.utils import safe_get_full_optimizer_state

        return _on_cpu(safe_get_full_optimizer_state(parameter, key))
    return _on_cpu(state[key])


def _load_zero(zero: Any, model: torch.nn.Module, steps: dict[str, float], moments: TensorReader) -> None:
    """Make the flat state that ZeRO's first step would make, and fill this process's fragments of it."""
    from deepspeed.utils import safe_set_full_optimizer_state

    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for index, parameters in enumerate(zero.bit16_groups):
        flat = zero.single_partition_of_fp32_groups[index]
        done = steps[names[id(parameters[0])]]
        # DeepSpeedCPUAdam counts in an int, torch's AdamW in a tensor.
        counted: Any = torch.tensor(done) if isinstance(zero.optimizer, torch.optim.AdamW) else int(done)
        if isinstance(counted, torch.Tensor) and zero.optimizer.param_groups[0].get("fused"):
            counted = counted.to(flat.device)
        zero.optimizer.state[flat] = {"step": counted, **{key: torch.zeros_like(flat) for key in _MOMENTS}}
        _link(zero, index)
        for parameter in parameters:
            if parameter._hp_mapping is not None:
                for key in _MOMENTS:
                    safe_set_full_optimizer_state(parameter, moments[f"{names[id(parameter)]}/{key}"], key)


def _link(zero: Any, index: int) -> None:
    """Tell the parameters of a group which fragment of its flat state is theirs.

    DeepSpeed 0.19 does so after the first group's first step, when the other groups have no state yet.
    """
    flat = zero.single_partition_of_fp32_groups[index]
    for parameter in zero.bit16_groups[index]:
        if parameter._hp_mapping is not None:
            parameter._hp_mapping.set_optim_state_fragment(flat, zero.optimizer.state[flat])
