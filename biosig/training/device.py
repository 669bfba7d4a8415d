"""Where tensors live: the only place that names an accelerator."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from threadpoolctl import threadpool_limits

__all__ = ["autocast", "choose_device", "describe_device", "on_one_thread", "one_worker"]


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


@contextmanager
def on_one_thread() -> Iterator[None]:
    """The CPU computes on one thread: in streams, operations are so small that threads mostly wait for each other.

    With two threads on two busy cores, an hour of signal through two bundles took 34 s of CPU instead of 9, and a
    second of 1,000 patients 1.49 s instead of 1.17: numpy's and scipy's matrix products have threads of their own.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def one_worker() -> ThreadPoolExecutor:
    """A thread beside this one for networks: on the CPU it computes by itself. Within :func:`on_one_thread`."""
    # torch's number of threads is each thread's own
    return ThreadPoolExecutor(1, thread_name_prefix="biosig-worker", initializer=torch.set_num_threads, initargs=(1,))


def describe_device(device: torch.device) -> str:
    """A line for people and manifests: the GPU's name, or CPU with its number of threads."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)"
