"""Figures as places among those of training."""

import numpy as np
import pytest
import torch

from biosig.models.binned import BINS, BinnedReader


def reader(column: list[float]) -> BinnedReader:
    torch.manual_seed(0)
    made = BinnedReader(1, 4, 0.3)
    made.fit_scale(torch.tensor(column)[:, None])
    return made.eval()


def test_edges_are_the_quantiles_that_numpy_finds():
    drawn = np.random.default_rng(0).lognormal(size=997)
    found = reader(drawn.tolist()).edges[0].numpy()
    np.testing.assert_allclose(found, np.quantile(drawn, np.linspace(0, 1, BINS + 1)), rtol=1e-5)


def test_a_figure_is_1_beyond_a_bin_minus_1_before_it_and_between_inside():
    made = reader([float(value) for value in range(BINS + 1)])
    row = made.encode(torch.tensor([[2.25]]))[0]
    assert row.tolist() == pytest.approx([1.0, 1.0, -0.5] + [-1.0] * (BINS - 3))
    assert made.encode(torch.tensor([[-9.0]]))[0].tolist() == [-1.0] * BINS
    assert made.encode(torch.tensor([[99.0]]))[0].tolist() == [1.0] * BINS


def test_a_figure_not_known_is_nothing_and_moves_no_quantile():
    made = reader([0.0, 1.0, 2.0, float("nan"), 3.0, 4.0])
    assert made.encode(torch.tensor([[float("nan")]]))[0].tolist() == [0.0] * BINS
    assert torch.equal(made.edges, reader([0.0, 1.0, 2.0, 3.0, 4.0]).edges)


def test_counts_that_are_mostly_zero_are_told_from_zero():
    made = reader([0.0] * 90 + [1.0] * 5 + [2.0] * 5)
    none, one = made.encode(torch.tensor([[0.0], [1.0]]))
    assert not torch.equal(none, one)
    assert torch.isfinite(one).all()


def test_a_column_never_known_stays_as_it_is():
    made = reader([float("nan")] * 5)
    assert torch.isfinite(made(torch.tensor([[3.0], [float("nan")]]))).all()
