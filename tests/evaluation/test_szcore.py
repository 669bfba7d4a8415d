"""SzCORE figures against the framework's own library, ``timescoring``, and against cases counted by hand."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from timescoring import annotations, scoring

from biosig.evaluation.szcore import Detected, EventRule, score_events, score_samples, szcore_report

HOUR_S = 3600.0


def spans(*events):
    return np.array(events, dtype=np.float64).reshape(-1, 2)


@st.composite
def events(draw):
    """Events in order that may touch, overlap or lie just under or over 90 s apart, on a grid that floats hold exactly
    (the oracle works on 10 Hz masks and would round anything finer)."""
    gaps = draw(st.lists(st.sampled_from([-10, 0, 0.5, 29.5, 30, 30.5, 60, 89.5, 90, 90.5, 150, 400]), max_size=6))
    lengths = draw(
        st.lists(
            st.sampled_from([0.5, 10, 45, 299.5, 300, 300.5, 600, 601, 900]), min_size=len(gaps), max_size=len(gaps)
        )
    )
    found, end = [], draw(st.sampled_from([10.0, 40.0, 100.0, 700.0]))
    for gap, length in zip(gaps, lengths, strict=True):
        onset = end + gap
        if onset < (found[-1][0] if found else 0.0) or onset + length > HOUR_S or (found and onset + length <= end):
            break
        found.append((onset, onset + length))
        end = onset + length
    return found


def by_oracle(reference, detected, duration_s=HOUR_S):
    ref, hyp = (annotations.Annotation(list(one), 10, int(duration_s * 10)) for one in (reference, detected))
    return scoring.EventScoring(ref, hyp), scoring.SampleScoring(ref, hyp)


def agree(ours, theirs):
    """Undefined is None here, NaN there."""
    return np.isnan(theirs) if ours is None else ours == pytest.approx(theirs, abs=1e-9)


@given(events(), events())
@example([], [])
@example([], [(5.0, 6.0)])
@example([(5.0, 6.0)], [])
@example([(0.0, 3600.0)], [(0.0, 3600.0)])
@example([(100.0, 700.0)], [(380.0, 390.0)])
@example([(100.0, 130.0)], [(69.5, 70.0), (190.0, 190.5)])
@example([(100.0, 130.0)], [(69.5, 70.5), (189.5, 190.5)])
def test_figures_are_those_of_the_frameworks_own_library(reference, detected):
    event_oracle, sample_oracle = by_oracle(reference, detected)
    given = {"a": Detected("a", spans(*reference), spans(*detected), HOUR_S)}
    report = szcore_report(given, draws=2)
    for part, oracle in (("events", event_oracle), ("samples", sample_oracle)):
        figures = report[part]
        assert (figures["references"], figures["found"], figures["false_alarms"]) == (
            oracle.refTrue,
            oracle.tp,
            oracle.fp,
        )
        assert agree(figures["sensitivity"], oracle.sensitivity)
        assert agree(figures["precision"], oracle.precision)
        assert agree(figures["f1"], oracle.f1)
    assert report["events"]["false_alarms_per_day"] == pytest.approx(event_oracle.fpRate)


def test_an_event_inside_another_does_not_shorten_it():
    # The oracle takes the end of the later event when it merges: 100-500 s and 200-210 s become 100-210 s, and the
    # detection at 400 s a false alarm. The published rule has no such case; here the union counts.
    reference, detected = [(100.0, 500.0), (200.0, 210.0)], [(400.0, 410.0)]
    theirs, _ = by_oracle(reference, detected)
    assert (theirs.refTrue, theirs.tp, theirs.fp) == (1, 0, 1)
    assert score_events(spans(*reference), spans(*detected), duration_s=HOUR_S)[:3] == (2, 2, 0)


def test_events_need_no_order():
    # The oracle merges whatever stands next in the list, so that order changes its figures.
    reference = [(2000.0, 2030.0), (100.0, 130.0)]
    detected = [(110.0, 120.0), (2010.0, 2020.0)]
    assert by_oracle(reference, detected)[0].refTrue == 1
    assert score_events(spans(*reference), spans(*detected), duration_s=HOUR_S)[:3] == (2, 2, 0)


def test_rounding_makes_no_event_of_nothing():
    # 600.2 s - 300.2 s is 6e-14 s more than 300 s in floating point: the oracle splits off an empty third event.
    reference = [(0.2, 600.2)]
    assert by_oracle(reference, reference)[0].refTrue == 3
    assert score_events(spans(*reference), spans(*reference), duration_s=HOUR_S)[:3] == (2, 2, 0)


def test_what_lies_outside_the_recording_does_not_count():
    # The oracle counts such a detection as a false alarm, as its mask of it is empty.
    assert by_oracle([], [(4000.0, 4010.0)])[0].fp == 1
    assert score_events(spans(), spans((4000, 4010), (-20, -10)), duration_s=HOUR_S)[:3] == (0, 0, 0)


def test_a_detection_within_the_tolerance_finds_and_one_that_only_touches_it_does_not():
    seizure = spans((1000, 1050))
    assert score_events(seizure, spans((970.5, 971)), duration_s=HOUR_S)[:3] == (1, 1, 0)
    assert score_events(seizure, spans((960, 970)), duration_s=HOUR_S)[:3] == (1, 0, 1)
    assert score_events(seizure, spans((1109, 1120)), duration_s=HOUR_S)[:3] == (1, 1, 0)
    assert score_events(seizure, spans((1110, 1120)), duration_s=HOUR_S)[:3] == (1, 0, 1)


def test_detections_less_than_90_s_apart_are_one_false_alarm_and_long_ones_several():
    assert score_events(spans(), spans((10, 20), (109, 120)), duration_s=HOUR_S).false == 1
    assert score_events(spans(), spans((10, 20), (110, 120)), duration_s=HOUR_S).false == 2
    assert score_events(spans(), spans((10, 1510)), duration_s=HOUR_S).false == 5


def test_seconds_count_each_for_itself():
    tally = score_samples(spans((10, 20)), spans((15, 30)), duration_s=100)
    assert tally[:3] == (10, 5, 10)


def test_figures_are_sums_over_recordings_and_means_over_subjects():
    # a: 2 of 2 found in 24 h with 1 false alarm; b: 0 of 2 in 24 h with 3.
    day_s = 86_400.0
    recordings = {
        "a1": Detected("a", spans((1000, 1030)), spans((1000, 1030), (5000, 5010)), day_s / 2),
        "a2": Detected("a", spans((1000, 1030)), spans((1010, 1020)), day_s / 2),
        "b1": Detected("b", spans((1000, 1030), (2000, 2030)), spans((5000, 5001), (6000, 6001), (7000, 7001)), day_s),
    }
    events = szcore_report(recordings)["events"]
    assert (events["references"], events["found"], events["false_alarms"]) == (4, 2, 4)
    assert events["sensitivity"] == 0.5
    assert events["precision"] == pytest.approx(2 / 6)
    assert events["f1"] == pytest.approx(4 / 10)
    assert events["false_alarms_per_day"] == pytest.approx(2.0)
    assert events["subject_mean"]["sensitivity"] == {"mean": 0.5, "sd": pytest.approx(0.5**0.5), "n": 2}
    assert events["subject_mean"]["false_alarms_per_day"]["mean"] == pytest.approx(2.0)
    assert events["ci95"]["sensitivity"] == [0.0, 1.0]
    assert events["ci95"]["false_alarms_per_day"] == pytest.approx([1.0, 3.0])


def test_what_is_undefined_is_none_and_one_subject_has_no_interval():
    report = szcore_report({"quiet": Detected("a", spans(), spans(), HOUR_S)})
    assert report["hours"] == 1.0
    figures = report["events"]
    assert (figures["sensitivity"], figures["precision"], figures["f1"]) == (None, None, None)
    assert figures["false_alarms_per_day"] == 0.0
    assert figures["ci95"]["false_alarms_per_day"] is None
    assert report["subjects"]["a"]["false_alarms"] == 0


def test_mistaken_spans_and_rules_are_refused():
    with pytest.raises(ValueError, match="reference event 2 must end after its onset, got 9 to 5 s"):
        score_events(spans((1, 2), (9, 5)), spans(), duration_s=10)
    with pytest.raises(ValueError, match="duration_s must be a positive number of seconds, got 0"):
        score_events(spans(), spans(), duration_s=0)
    with pytest.raises(ValueError, match="split_s must be a positive number"):
        EventRule(split_s=0)
    with pytest.raises(ValueError, match="at least one recording"):
        szcore_report({})
