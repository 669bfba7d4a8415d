"""A trunk goes over whole, the head stays fresh, and what does not fit is named."""

import pytest
import torch
from torch import nn

from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.models.trunk import take_trunk

OPTIONS = {"stem": [8], "hidden": 4, "feature_hidden": 8, "context_hidden": 8}


def built(seed: int, n_classes: int = 4, context: int = 6, **options: object) -> nn.Module:
    torch.manual_seed(seed)
    return build_model("recurrent", OPTIONS | options, InputShape(2, 64, 5, context), n_classes)


def test_everything_but_the_head_is_taken_over() -> None:
    source, target = built(0), built(1, n_classes=3, context=60, answer_from="mean")
    source.fit_scale(torch.randn(50, 5) * 3 + 1)  # type: ignore[operator]
    head = target.head.weight.clone()  # type: ignore[union-attr]
    take_trunk(target, source)
    samples, features = torch.randn(7, 2, 64), torch.randn(7, 5)
    source.eval(), target.eval()
    torch.testing.assert_close(target.embed(samples, features), source.embed(samples, features))  # type: ignore[operator]
    assert torch.equal(target.outer.weight_hh_l0, source.outer.weight_hh_l0)  # type: ignore[union-attr]
    assert torch.equal(target.head.weight, head)  # type: ignore[union-attr]
    assert target.head.weight.shape[0] == 3  # type: ignore[union-attr]


def test_a_stage_beside_the_trunk_stays_fresh_where_the_source_has_none() -> None:
    source, target = built(0), built(1)
    torch.manual_seed(2)
    beside = build_model("recurrent", OPTIONS | {"portrait": 3}, InputShape(2, 64, 8, 6), 4)
    drawn = beside.portrait.layer.weight.clone()  # type: ignore[union-attr]
    take_trunk(beside, source)
    assert torch.equal(beside.outer.weight_hh_l0, source.outer.weight_hh_l0)  # type: ignore[union-attr]
    assert torch.equal(beside.portrait.layer.weight, drawn)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match=r"portrait\.edges is \(3, 9\) there, missing here"):
        take_trunk(target, beside)


def test_the_source_does_not_learn_with_the_target() -> None:
    source, target = built(0), built(1)
    take_trunk(target, source)
    with torch.no_grad():
        target.outer.weight_hh_l0.add_(1.0)  # type: ignore[union-attr]
    assert not torch.equal(target.outer.weight_hh_l0, source.outer.weight_hh_l0)  # type: ignore[union-attr]


def test_tensors_that_differ_are_named_with_their_shapes() -> None:
    with pytest.raises(ValueError, match=r"features.layer.weight is \(8, 5\) there, \(16, 5\) here"):
        take_trunk(built(0, feature_hidden=16), built(0))
    with pytest.raises(ValueError, match=r"samples.stem.0.weight is \(8, 2, 7\) there, missing here"):
        take_trunk(built(0, stem=[], hidden=0), built(0))
    with pytest.raises(ValueError, match="and 16 more"):
        take_trunk(built(0, stem=[8, 8], hidden=8, context_hidden=16), built(0))
    with pytest.raises(ValueError, match="network of stages, Linear has none"):
        take_trunk(nn.Linear(1, 1), built(0))
