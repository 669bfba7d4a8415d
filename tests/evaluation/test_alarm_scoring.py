"""Figures of alarms against truth, worked out by hand, and the reference spans of hand-made annotations."""

import numpy as np
import pytest

from biosig.evaluation.alarm_reference import abnormal_spans, reference_spans
from biosig.evaluation.alarms import Span, evaluate_alarms, pool
from biosig.records.recording import Annotations

HOUR_S = 3600.0


def vt(start_s: float, stop_s: float) -> Span:
    return Span("ventricular-tachycardia", start_s, stop_s)


def marks(*pairs: tuple[float, str], aux: dict[float, str] | None = None) -> Annotations:
    times = [time_s for time_s, _ in pairs]
    notes = tuple((aux or {}).get(time_s, "") for time_s in times)
    n = len(pairs)
    return Annotations(
        np.array(times, dtype=np.float64), np.zeros(n), tuple(label for _, label in pairs), notes, np.full(n, -1)
    )


def rhythm(labels: str, rr_s: float = 0.8, start_s: float = 0.5) -> Annotations:
    return marks(*((round(start_s + rr_s * i, 6), label) for i, label in enumerate(labels)))


def spans(annotations: Annotations, kind: str, duration_s: float = 60.0) -> list[tuple[float, float]]:
    found = reference_spans(annotations, duration_s=duration_s)
    return [(round(span.start_s, 3), round(span.stop_s, 3)) for span in found if span.kind == kind]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("NNNVVVNNNNNN", []),
        ("NNNVVVVNNNNN", [(2.9, 5.3)]),
        ("NNVVNVVNNNNN", [(2.1, 5.3)]),
        ("NNVVVVVVVNNN", [(2.1, 6.9)]),
        ("NNSSVFNNNVVVV", [(2.1, 4.5), (7.7, 10.1)]),
    ],
)
def test_abnormal_stretches_hold_four_odd_beats_of_five(labels: str, expected: list[tuple[float, float]]) -> None:
    found = abnormal_spans(rhythm(labels), "anomaly", 4, 5, duration_s=60.0)
    assert [(round(span.start_s, 3), round(span.stop_s, 3)) for span in found] == expected
    assert {span.kind for span in found} <= {"anomaly"}


def test_beats_of_another_rhythm_than_sinus_are_abnormal_and_so_is_flutter() -> None:
    beats = [(float(second), "N") for second in range(1, 40)]
    noted = marks(*sorted([*beats, (10.5, "+"), (20.5, "+")]), aux={10.5: "(AFIB", 20.5: "(N"})
    assert [span[1:] for span in abnormal_spans(noted, "anomaly", 8, 10, duration_s=60.0)] == [(11.0, 20.0)]
    flutter = marks(*beats, (40.5, "["), (50.5, "]"))
    assert [span[1:] for span in abnormal_spans(flutter, "anomaly", 8, 10, duration_s=60.0)] == [(40.5, 50.5)]


def test_figures_are_those_worked_out_by_hand() -> None:
    reference = [vt(100.0, 105.0), vt(1000.0, 1004.0), vt(2000.0, 2003.0)]
    alarms = [vt(102.0, 110.0), vt(1012.0, 1020.0), vt(1500.0, 1510.0), vt(2200.0, 2210.0)]
    report = evaluate_alarms(reference, alarms, duration_s=2 * HOUR_S)
    figures = report["kinds"]["ventricular-tachycardia"]
    assert figures == {
        "events": 3,
        "found": 2,
        "sensitivity": 2 / 3,
        "delay_s": {"median": 7.0, "max": 12.0, "each": [2.0, 12.0]},
        "alarms": 4,
        "false_alarms": 2,
        "false_alarms_per_hour": 1.0,
        "ppv": 0.5,
        "share_of_time": pytest.approx(36.0 / 7200.0),
    }
    assert report["false_alarms_per_hour"] == 1.0
    assert report["false_alarms_per_patient_day"] == 24.0
    assert report["alarms_per_hour"] == 2.0
    assert report["hours"] == 2.0


def test_an_alarm_later_than_the_tolerance_misses_the_event_and_is_false() -> None:
    for raise_s, found in ((115.0, 1), (115.1, 0), (99.9, 0)):
        figures = evaluate_alarms([vt(100.0, 105.0)], [vt(raise_s, 200.0)], duration_s=HOUR_S)["kinds"]
        assert figures["ventricular-tachycardia"]["found"] == (1 if raise_s == 99.9 else found)
        assert figures["ventricular-tachycardia"]["false_alarms"] == 1 - found


def test_an_alarm_already_on_finds_an_event_without_a_delay() -> None:
    reference = [vt(100.0, 105.0), vt(108.0, 112.0)]
    figures = evaluate_alarms(reference, [vt(102.0, 120.0)], duration_s=HOUR_S)["kinds"]["ventricular-tachycardia"]
    assert (figures["found"], figures["delay_s"]["max"]) == (2, 2.0)


def test_a_more_urgent_alarm_finds_what_it_hides_and_is_not_made_true_by_it() -> None:
    asystole = Span("asystole", 100.0, 110.0)
    flutter = Span("ventricular-fibrillation", 104.0, 120.0)
    alone = evaluate_alarms([asystole], [flutter], duration_s=HOUR_S)["kinds"]
    assert (alone["asystole"]["found"], alone["ventricular-fibrillation"]["false_alarms"]) == (0, 1)
    covered = {"asystole": ["ventricular-fibrillation"]}
    kinds = evaluate_alarms([asystole], [flutter], duration_s=HOUR_S, covered_by=covered)["kinds"]
    assert (kinds["asystole"]["found"], kinds["ventricular-fibrillation"]["false_alarms"]) == (1, 1)


def test_a_long_event_found_once_is_one_event_found() -> None:
    report = evaluate_alarms([vt(100.0, 3000.0)], [vt(2900.0, 2901.0)], duration_s=HOUR_S)
    figures = report["kinds"]["ventricular-tachycardia"]
    assert (figures["found"], figures["events"], figures["delay_s"]["max"]) == (1, 1, 2800.0)
    assert report["share_of_time"] == pytest.approx(1.0 / 3600.0)


def test_time_in_alarm_counts_overlapping_alarms_once() -> None:
    alarms = [vt(0.0, 1800.0), Span("pause", 900.0, 2700.0), Span("pause", 3500.0, 4000.0)]
    assert evaluate_alarms([], alarms, duration_s=HOUR_S)["share_of_time"] == pytest.approx(2800.0 / 3600.0)


def test_the_2015_score_counts_segments_of_five_minutes_and_kinds() -> None:
    reference = [vt(10.0, 15.0), vt(700.0, 705.0), vt(1300.0, 2000.0)]
    alarms = [vt(12.0, 20.0), vt(400.0, 410.0), vt(1305.0, 1310.0), Span("asystole", 450.0, 460.0)]
    score = evaluate_alarms(reference, alarms, duration_s=HOUR_S)["challenge_2015"]
    # 12 segments x 5 kinds; VT: TP in 0 and 4, FP in 1, FN in 2, no items 5 and 6; asystole: FP in 1.
    assert (score["tp"], score["fp"], score["fn"], score["tn"]) == (2, 2, 1, 60 - 2 - 2 - 1 - 2)
    assert score["score"] == pytest.approx((2 + 53) / (2 + 53 + 2 + 5 * 1))
    assert score["counted"] == "per kind and 300 s segment"


def test_kinds_outside_the_challenge_do_not_enter_its_score() -> None:
    score = evaluate_alarms([], [Span("couplet", 1.0, 2.0)], duration_s=HOUR_S)["challenge_2015"]
    assert (score["fp"], score["tn"], score["score"]) == (0, 60, 1.0)


def test_nothing_at_all_has_no_undefined_figures_but_none() -> None:
    report = evaluate_alarms([vt(5.0, 6.0)], [], duration_s=HOUR_S)
    figures = report["kinds"]["ventricular-tachycardia"]
    assert (figures["ppv"], figures["delay_s"]["median"], figures["sensitivity"]) == (None, None, 0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"duration_s": 0.0}, "duration_s must be a positive number"),
        ({"duration_s": 10.0, "segment_s": -1.0}, "segment_s must be a positive number"),
    ],
)
def test_impossible_lengths_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_alarms([], [], **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must not end before it starts"):
        evaluate_alarms([vt(2.0, 1.0)], [], duration_s=10.0)


@pytest.mark.parametrize(
    ("kind", "labels", "rr_s", "expected"),
    [
        ("ventricular-run", "NVVN", 0.8, []),
        ("ventricular-run", "NVVVN", 0.8, [(1.3, 2.9)]),
        ("couplet", "NVVN", 0.8, [(1.3, 2.1)]),
        ("couplet", "NVVVN", 0.8, []),
        ("bigeminy", "NVNVN", 0.8, []),
        ("bigeminy", "NVNVNVN", 0.8, [(1.3, 4.5)]),
        ("trigeminy", "VNNVNNVNN", 0.8, [(0.5, 5.3)]),
        ("ventricular-tachycardia", "NVVVVN", 0.4, []),
        ("ventricular-tachycardia", "NVVVVVN", 0.4, [(0.9, 2.5)]),
        ("ventricular-tachycardia", "NVVVVVN", 0.6, []),
        ("extreme-bradycardia", "NNNN", 1.6, []),
        ("extreme-bradycardia", "NNNNNN", 1.6, [(0.5, 8.5)]),
        ("extreme-tachycardia", "N" * 16, 0.4, []),
        ("extreme-tachycardia", "N" * 18, 0.4, [(0.5, 7.3)]),
    ],
)
def test_events_of_beats_follow_their_definitions(
    kind: str, labels: str, rr_s: float, expected: list[tuple[float, float]]
) -> None:
    assert spans(rhythm(labels, rr_s), kind) == expected


def test_gaps_are_asystole_from_four_seconds_and_a_pause_from_less() -> None:
    gaps = marks((0.5, "N"), (4.49, "N"), (8.49, "N"), (10.98, "N"))
    assert spans(gaps, "asystole", 12.0) == [(4.49, 8.49)]
    assert spans(gaps, "pause", 12.0) == [(0.5, 4.49), (4.49, 8.49)]
    assert spans(marks(), "asystole", 12.0) == [(0.0, 12.0)]


def test_flutter_and_fibrillation_come_from_their_marks_and_no_beats_event_reaches_across() -> None:
    annotations = marks((0.5, "N"), (1.3, "V"), (1.5, "["), (3.0, "!"), (7.0, "]"), (7.2, "V"), (8.0, "V"), (8.8, "N"))
    assert spans(annotations, "ventricular-fibrillation", 10.0) == [(1.5, 7.0)]
    assert spans(annotations, "asystole", 10.0) == []
    assert spans(annotations, "ventricular-run", 10.0) == []
    assert spans(marks((1.5, "["), (5.4, "]")), "ventricular-fibrillation", 10.0) == []


def test_atrial_fibrillation_is_irregular_rhythm() -> None:
    annotations = marks((1.0, "+"), (9.0, "+"), aux={1.0: "(AFIB\x00", 9.0: "(N"})
    assert spans(annotations, "irregular-rhythm") == [(1.0, 9.0)]


def test_recordings_are_pooled_by_counts_and_hours() -> None:
    first = evaluate_alarms([vt(100.0, 105.0), vt(1000.0, 1004.0)], [vt(102.0, 462.0)], duration_s=HOUR_S)
    second = evaluate_alarms([vt(50.0, 60.0)], [vt(56.0, 60.0), vt(900.0, 905.0)], duration_s=3 * HOUR_S)
    quiet = evaluate_alarms([], [Span("couplet", 1.0, 2.0)], duration_s=4 * HOUR_S)
    gross = pool([first, second, quiet])
    tachycardia = gross["kinds"]["ventricular-tachycardia"]
    assert (tachycardia["events"], tachycardia["found"], tachycardia["sensitivity"]) == (3, 2, 2 / 3)
    assert tachycardia["delay_s"] == {"median": 4.0, "max": 6.0, "each": [2.0, 6.0]}
    assert (tachycardia["alarms"], tachycardia["false_alarms"], tachycardia["ppv"]) == (3, 1, 2 / 3)
    assert tachycardia["false_alarms_per_hour"] == 1 / 8
    assert tachycardia["share_of_time"] == pytest.approx(369.0 / (8 * HOUR_S))
    assert gross["hours"] == 8.0
    assert gross["false_alarms_per_patient_day"] == 6.0
    assert gross["alarms_per_hour"] == 0.5
    assert {name: gross["challenge_2015"][name] for name in ("tp", "fp", "fn")} == {"tp": 2, "fp": 1, "fn": 1}
    good = 2 + gross["challenge_2015"]["tn"]
    assert gross["challenge_2015"]["score"] == good / (good + 1 + 5)


def test_one_recording_pooled_is_itself() -> None:
    report = evaluate_alarms([vt(100.0, 105.0)], [vt(102.0, 110.0), vt(1500.0, 1510.0)], duration_s=HOUR_S)
    assert pool([report]) == report


def test_reports_that_do_not_count_alike_are_not_pooled() -> None:
    reports = [evaluate_alarms([], [], duration_s=HOUR_S, segment_s=segment_s) for segment_s in (300.0, 60.0)]
    with pytest.raises(ValueError, match="count alike, got per kind and 300 s segment and per kind and 60 s segment"):
        pool(reports)
    with pytest.raises(ValueError, match="got none"):
        pool([])
