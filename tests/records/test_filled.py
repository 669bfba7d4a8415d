"""Channels that a recording lacks, as channels that were not recorded."""

import numpy as np
import pytest

from biosig.errors import RecordError
from biosig.records.recording import Layout, Recording


def recording(*channels: str) -> Recording:
    data = np.arange(len(channels) * 10, dtype=np.float32).reshape(len(channels), 10)
    return Recording.from_array(data, Layout(channels, 100.0, ("uV",) * len(channels)))


def test_what_is_missing_is_not_recorded() -> None:
    filled = recording("Fz", "T3").fill(["T7", "Cz", "Fz"])
    assert filled.layout == Layout(("T7", "Cz", "Fz"), 100.0, ("uV",) * 3)
    np.testing.assert_array_equal(filled.data[[0, 2]], recording("Fz", "T3").data[[1, 0]])
    assert np.isnan(filled.data[1]).all()
    np.testing.assert_array_equal(filled.pick(["Cz", "T7"]).data[1], filled.data[0])
    assert filled.crop(0.02, 0.05).data.shape == (3, 3)


def test_picking_what_is_missing_is_still_an_error() -> None:
    with pytest.raises(RecordError, match="lead 'Cz' not found"):
        recording("Fz").pick(["Cz"])


def test_a_layout_finds_a_site_by_either_name() -> None:
    layout = recording("Fz", "T3").layout
    assert [layout.find(name) for name in ("T7", "T3", "Fz", "T8")] == [1, 1, 0, -1]
