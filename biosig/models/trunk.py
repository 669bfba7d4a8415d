"""What one network can take over from another: its trunk, everything before the head."""

from __future__ import annotations

from torch import Tensor, nn

from biosig.models.contract import HEAD, Staged

__all__ = ["take_trunk", "trunk_shapes"]

SHOWN = 4


def take_trunk(model: nn.Module, other: nn.Module) -> None:
    """Copy every weight and buffer of ``other`` before its head into ``model``; the head of ``model`` stays fresh.

    Buffers (batch statistics, the scale of the features) go along. A stage that ``model`` counts among its ``extras``
    stays fresh too where ``other`` has none.
    ``ValueError`` naming what differs where the trunks have not the same tensors, or one network has no stages.
    """
    if not (isinstance(model, Staged) and isinstance(other, Staged)):
        name = type(other if isinstance(model, Staged) else model).__name__
        raise ValueError(f"a trunk needs a network of stages, {name} has none")
    wanted, there = trunk_shapes(model), trunk_shapes(other)
    extra = tuple(f"{stage}." for stage in model.extras if stage not in other.stages())
    wanted = {name: shape for name, shape in wanted.items() if not name.startswith(extra)}
    different = [
        f"{name} is {there.get(name, 'missing')} there, {wanted.get(name, 'missing')} here"
        for name in dict.fromkeys([*wanted, *there])
        if wanted.get(name) != there.get(name)
    ]
    if different:
        more = f", and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
        raise ValueError(f"trunks do not fit: {'; '.join(different[:SHOWN])}{more}")
    model.load_state_dict(_trunk(other), strict=False)


def trunk_shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of every weight and buffer before the head, by name."""
    return {name: tuple(value.shape) for name, value in _trunk(model).items()}


def _trunk(model: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in model.state_dict().items() if not name.startswith(f"{HEAD}.")}
