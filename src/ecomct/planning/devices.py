"""Devices that a training can be planned for, and how the command line names them."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

import psutil

from ecomct.errors import InputError
from ecomct.training.speed import PEAKS

GIB = 1 << 30


@dataclass(frozen=True)
class Device:
    """One kind of device. `memory` in bytes as the driver gives it out; `peak` in dense bfloat16 operations a second.

    `on_host`: its memory is the host's. `peak` is None where nobody can say it beforehand.
    """

    name: str
    memory: int
    peak: float | None
    on_host: bool = False


@dataclass(frozen=True)
class Cluster:
    """`nodes` machines with `a_node` equal devices each; one process a device."""

    device: Device
    a_node: int
    nodes: int = 1

    @property
    def world(self) -> int:
        """Processes in all."""
        return self.a_node * self.nodes

    def __str__(self) -> str:
        return f"{self.a_node}x{self.device.name}" + ("" if self.nodes == 1 else f", {self.nodes} nodes")


# Memory: what `torch.cuda.get_device_properties().total_memory` reports, a little under the name's gigabytes.
DEVICES = {
    device.name: device
    for device in (
        Device("A100-40G", int(39.4 * GIB), PEAKS["A100"]),
        Device("A100-80G", int(79.2 * GIB), PEAKS["A100"]),
        Device("H100-80G", int(79.1 * GIB), PEAKS["H100"]),
        Device("H200-141G", int(139.8 * GIB), PEAKS["H200"]),
        Device("L40S-48G", int(44.4 * GIB), PEAKS["L40S"]),
        Device("A10-24G", int(22.1 * GIB), PEAKS["A10"]),
        Device("RTX4090-24G", int(23.5 * GIB), PEAKS["RTX 4090"]),
    )
}

_GPUS = re.compile(r"(?:(\d+)x)?([A-Za-z0-9][A-Za-z0-9._-]*(?::[^:]*:[^:]*)?)")


def parse_gpus(text: str, nodes: int = 1) -> Cluster:
    """Read `4xA100-80G`, `H200-141G`, `cpu`, or an unknown device as `2xNAME:GiB:TFLOPs`.

    `cpu` is this machine's memory, shared by its processes; its speed is not known beforehand.

    Raises:
        InputError: no such device, or not of this form.
    """
    match = _GPUS.fullmatch(text)
    if match is None:
        raise InputError(f"--gpus {text!r}: write COUNTxDEVICE, as in 4xA100-80G, or COUNTxNAME:GiB:TFLOPs")
    count, name = int(match[1] or 1), match[2]
    if not 1 <= count <= 1024:
        raise InputError(f"--gpus {text}: {count} devices a node; give 1 to 1024")
    return Cluster(_device(text, name), count, nodes)


def _device(text: str, name: str) -> Device:
    if name == "cpu":
        return Device("cpu", psutil.virtual_memory().total, None, on_host=True)
    if ":" in name:
        label, memory, peak = name.split(":")
        try:
            gib, tera = float(memory), float(peak)
        except ValueError:
            gib = tera = 0.0
        if not (0 < gib < 1e5 and 0 < tera < 1e6):
            raise InputError(f"--gpus {text}: memory and speed are numbers over 0, as in {label}:48:300 (GiB, bfloat16 TFLOPs)")
        return Device(label, int(gib * GIB), tera * 1e12)
    if name not in DEVICES:
        near = difflib.get_close_matches(name.upper(), DEVICES, 1, 0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(
            f"--gpus {text}: no device {name!r} is known{hint} Known: {', '.join(DEVICES)}, cpu; others as NAME:GiB:TFLOPs"
        )
    return DEVICES[name]
