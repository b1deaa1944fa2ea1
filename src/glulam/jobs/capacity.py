"""How much of a machine a job asks for: Glue's worker types as cores and memory, and what that costs in DPUs.

One DPU is 4 vCPUs and 16 GB, by Glue's documentation of CreateJob, which is also the source of the table.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GIB = 1 << 30
_SHELL_DPU, _SPARK_DPU = 0.0625, 10.0
_CORES_PER_DPU, _GIB_PER_DPU = 4, 16


@dataclass(frozen=True, kw_only=True)
class WorkerType:
    cores: int
    memory_gib: int
    dpu: float


WORKER_TYPES: Mapping[str, WorkerType] = {
    "Standard": WorkerType(cores=4, memory_gib=16, dpu=1),
    "G.025X": WorkerType(cores=2, memory_gib=4, dpu=0.25),
    "G.1X": WorkerType(cores=4, memory_gib=16, dpu=1),
    "G.2X": WorkerType(cores=8, memory_gib=32, dpu=2),
    "G.4X": WorkerType(cores=16, memory_gib=64, dpu=4),
    "G.8X": WorkerType(cores=32, memory_gib=128, dpu=8),
    "G.12X": WorkerType(cores=48, memory_gib=192, dpu=12),
    "G.16X": WorkerType(cores=64, memory_gib=256, dpu=16),
    "R.1X": WorkerType(cores=4, memory_gib=32, dpu=1),
    "R.2X": WorkerType(cores=8, memory_gib=64, dpu=2),
    "R.4X": WorkerType(cores=16, memory_gib=128, dpu=4),
    "R.8X": WorkerType(cores=32, memory_gib=256, dpu=8),
    "Z.2X": WorkerType(cores=8, memory_gib=64, dpu=2),
}


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What one run may use."""

    workers: int
    cores: int
    """Of one worker."""
    memory_bytes: int
    """Of one worker."""
    dpu: float
    """Of all of them: what a second of the run costs in DPU seconds."""


def capacity_of(spec: Mapping[str, Any]) -> Capacity:
    """From a job's WorkerType and NumberOfWorkers, else its MaxCapacity."""
    kind = WORKER_TYPES.get(spec.get("WorkerType") or "")
    if kind is not None:
        number = max(1, int(spec.get("NumberOfWorkers") or 1))
        return Capacity(
            workers=number, cores=kind.cores, memory_bytes=kind.memory_gib * GIB, dpu=kind.dpu * number
        )
    dpu = max_capacity(spec)
    if command_name(spec) == "pythonshell":
        return Capacity(
            workers=1, cores=max(1, int(dpu * _CORES_PER_DPU)), memory_bytes=max(GIB, int(dpu * _GIB_PER_DPU * GIB)),
            dpu=dpu,
        )  # fmt: skip
    workers = max(1, int(dpu))
    return Capacity(workers=workers, cores=_CORES_PER_DPU, memory_bytes=_GIB_PER_DPU * GIB, dpu=dpu)


def max_capacity(spec: Mapping[str, Any]) -> float:
    """MaxCapacity as Glue answers it, whichever way the job says it."""
    kind = WORKER_TYPES.get(spec.get("WorkerType") or "")
    if kind is not None:
        return kind.dpu * max(1, int(spec.get("NumberOfWorkers") or 1))
    found = spec.get("MaxCapacity") or spec.get("AllocatedCapacity")
    return float(found or (_SHELL_DPU if command_name(spec) == "pythonshell" else _SPARK_DPU))


def memory_bytes() -> int:
    """Of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def command_name(spec: Mapping[str, Any]) -> str:
    return str(spec.get("Command", {}).get("Name") or "glueetl")
