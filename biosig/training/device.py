"""Where tensors live: the only place that names an accelerator."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

__all__ = ["autocast", "choose_device", "describe_device"]


def choose_device(name: str = "auto") -> torch.device:
    """The device for ``auto``, ``cpu`` or ``cuda``; ``ValueError`` where it is not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda: this torch sees no CUDA GPU; use --device cpu, or install a CUDA build of torch")
    found = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(found if name == "auto" else name)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """bfloat16 autocast on a GPU unless ``precision`` is ``float32``; nothing on the CPU."""
    if device.type == "cuda" and precision == "auto":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def describe_device(device: torch.device) -> str:
    """A line for people and manifests: the GPU's name, or CPU with its number of threads."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)"
