"""Flat lines and saturation, worked out by hand and against a plain loop."""

from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from biosig.records.recording import Layout
from biosig.signal.quality import Quality
from biosig.signal.stream import Chunk

TEN_HZ = Layout(("I",), 10.0, ("mV",))
X = np.nan


def marks(step: Quality, *samples: float) -> str:
    """Marks as a string of + (good) and - (bad)."""
    good = step.open(TEN_HZ).process(Chunk.of(np.array([samples]))).good[0]
    return "".join("+" if g else "-" for g in good)


def test_a_flat_line_is_marked_from_flat_s_after_it_began() -> None:
    assert marks(Quality(flat_s=0.3), 1, 2, 2, 2, 2, 2, 3, 2) == "++++--++"


def test_a_slow_drift_within_the_range_is_flat() -> None:
    assert marks(Quality(flat_s=0.2, flat_range=0.25), 0.0, 0.1, 0.2, 0.3, 0.9, 1.0) == "++--++"


def test_a_recording_may_begin_flat() -> None:
    assert marks(Quality(flat_s=0.2), 7, 7, 7, 7) == "++--"


def test_a_gap_is_bad_and_does_not_count_as_still() -> None:
    assert marks(Quality(flat_s=0.2), 5, X, 5, 5, 5) == "+-++-"


def test_samples_at_the_limit_are_saturated() -> None:
    assert marks(Quality(limit=5.1), 5.0, 5.1, 5.2, -5.1, -5.0) == "+---+"


def test_infinite_samples_are_bad_without_a_limit() -> None:
    assert marks(Quality(), 1, np.inf, -np.inf, 2) == "+--+"


def test_samples_pass_untouched_missing_ones_too() -> None:
    chunk = Chunk.of(np.array([[1.0, X, 9.0]]))
    assert Quality(limit=5.0).open(TEN_HZ).process(chunk).data is chunk.data


@settings(max_examples=200, deadline=None)
@given(
    samples=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.0, 1.0, 3.0, X]), min_size=1, max_size=120),
    n=st.integers(1, 40),
    flat_range=st.sampled_from([0.0, 1.0]),
)
def test_flat_is_what_a_plain_loop_says(samples: list[float], n: int, flat_range: float) -> None:
    flat = []
    for end in range(len(samples)):
        last = np.array(samples[max(0, end - n) : end + 1])
        flat.append(len(last) == n + 1 and bool(last.max() - last.min() <= flat_range))
    bad = [f or np.isnan(s) for f, s in zip(flat, samples, strict=True)]
    assert marks(Quality(flat_s=n / 10, flat_range=flat_range), *samples) == "".join("-" if b else "+" for b in bad)


def test_designs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="flat_s must be a positive number of seconds, got 0"):
        Quality(flat_s=0.0)
    with pytest.raises(ValueError, match="flat_range must be a finite number >= 0, got -1"):
        Quality(flat_range=-1.0)
    with pytest.raises(ValueError, match="limit must be a positive amplitude, got nan"):
        Quality(limit=float("nan"))


@pytest.mark.data
def test_real_ecg_is_not_flat_and_the_rails_of_mitdb_116_are_found(data_dir: Path) -> None:
    bad = {}
    for name in ("101", "116", "203"):
        samples = wfdb.rdrecord(str(data_dir / "mitdb" / name)).p_signal.T
        layout = Layout(("a", "b"), 360.0, ("mV", "mV"))
        bad[name] = (~Quality(limit=5.1).open(layout).process(Chunk.of(samples)).good).sum(axis=1)
    assert bad["101"].tolist() == [0, 0]
    assert bad["203"].tolist() == [0, 0]
    assert bad["116"][1] == 0
    assert 100 < bad["116"][0] < 2000
