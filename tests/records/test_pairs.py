"""Bipolar derivations of recordings that hold electrodes, pairs, or both."""

from dataclasses import replace

import numpy as np
import pytest

from biosig.errors import RecordError
from biosig.records.pairs import as_pairs
from biosig.records.recording import Layout, Recording

DATA = np.arange(20, dtype=np.float32).reshape(4, 5) ** 2


def recording(*channels: str, units: tuple[str, ...] = ("uV",) * 4) -> Recording:
    return Recording.from_array(DATA, Layout(channels, 100.0, units), name="r")


def test_stored_pairs_stay_and_others_are_made_of_their_electrodes():
    found = as_pairs(recording("Fp1", "F7", "F7-T7", "Cz"), ["F7-T7", "Fp1-F7"])
    assert found.layout.channels == ("F7-T7", "Fp1-F7")
    np.testing.assert_array_equal(found.data, [DATA[2], DATA[0] - DATA[1]])
    np.testing.assert_array_equal(found.pick(["Fp1-F7"]).samples.read(1, 3), [(DATA[0] - DATA[1])[1:3]])


def test_electrodes_are_found_under_either_name_of_their_site_and_against_their_reference():
    found = as_pairs(recording("T3", "P7-CS2", "FP1-CS2", "F7"), ["T7-P7", "Fp1-F7"], reference="CS2")
    np.testing.assert_array_equal(found.data, [DATA[0] - DATA[1], DATA[2] - DATA[3]])


def test_where_one_side_was_not_recorded_there_is_no_difference():
    gap = DATA.copy()
    gap[1, 2] = np.nan
    one = Recording.from_array(gap, Layout(("A1", "A2", "C3", "C4"), 100.0, ("uV",) * 4))
    assert np.isnan(as_pairs(one, ["A1-A2"]).data[0]).tolist() == [False, False, True, False, False]


def test_what_cannot_be_made_is_named():
    with pytest.raises(RecordError, match="r: neither 'O1-O2' nor both its electrodes found, has O1, C3, C4, Cz"):
        as_pairs(recording("O1", "C3", "C4", "Cz"), ["O1-O2"])
    with pytest.raises(RecordError, match="r: C3-C4 needs one unit, has uV and mV"):
        as_pairs(recording("C3", "C4", "O1", "O2", units=("uV", "mV", "uV", "uV")), ["C3-C4"])


def test_channels_stored_at_a_lower_rate_are_refused():
    mixed = replace(recording("C3", "C4", "O1", "O2"), channel_fs=(100.0, 100.0, 100.0, 50.0))
    assert as_pairs(mixed, ["C3-C4"]).channel_fs == ()
    with pytest.raises(RecordError, match="r: O1-O2 needs samples at 100 Hz, O2 has fewer"):
        as_pairs(mixed, ["O1-O2"])
