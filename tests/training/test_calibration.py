"""Calibrated probabilities mean what they say; the network's answers keep their order."""

import numpy as np
import pytest
import torch
from torch import nn

from biosig.training.calibration import fit_calibration


def softmax(logits):
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def drawn(n=4000, seed=0):
    """Logits, and labels that were drawn by their probabilities."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=2.0, size=(n, 3))
    label = (softmax(logits).cumsum(axis=1) < generator.random((n, 1))).sum(axis=1)
    return logits, np.minimum(label, 2)


def test_what_was_done_to_logits_is_found_and_undone():
    logits, label = drawn()
    offset = np.array([0.5, -0.75, 0.25])
    found = fit_calibration(softmax((logits - offset) * 2.5), label)
    assert found.temperature == pytest.approx(2.5, rel=0.1)
    np.testing.assert_allclose(found.offset, offset, atol=0.15)
    assert found.n_windows == len(label)


def test_a_calibrated_network_stays_as_it_is():
    logits, label = drawn()
    found = fit_calibration(softmax(logits), label)
    assert found.temperature == pytest.approx(1.0, rel=0.05)
    np.testing.assert_allclose(found.offset, 0, atol=0.1)


def test_the_last_layer_gives_the_calibrated_logits():
    logits, label = drawn(500)
    found = fit_calibration(softmax(2 * logits), label)
    head = nn.Linear(4, 3)
    features = torch.randn(6, 4)
    before = head(features).detach().numpy()
    found.apply(head)
    after = head(features).detach().numpy()
    np.testing.assert_allclose(after, before / found.temperature + found.offset, atol=1e-5)


def test_windows_that_are_all_told_apart_make_nobody_infinitely_sure():
    certain = np.repeat([[0.9, 0.1], [0.1, 0.9]], 20, axis=0)
    found = fit_calibration(certain, np.repeat([0, 1], 20))
    assert 0.1 < found.temperature < 1.0


def test_without_windows_nothing_can_be_calibrated():
    with pytest.raises(ValueError, match="labelled windows held out of training, got none"):
        fit_calibration(np.zeros((0, 2)), np.zeros(0, dtype=int))
