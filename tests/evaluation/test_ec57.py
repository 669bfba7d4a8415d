"""EC57 comparison against cases worked by hand; times in samples of 100 Hz, match window 15 samples."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from biosig.evaluation.ec57 import COLUMNS, ROWS, BeatComparison, RecordsComparison, compare_beats, compare_records
from biosig.records import read
from biosig.records.recording import Annotations

FS = 100.0


def beats(text: str) -> Annotations:
    """``"100N 205V"`` -> marks at samples 100 and 205."""
    marks = [(int(word.rstrip(SYMBOLS)), word.lstrip("0123456789")) for word in text.split()]
    return Annotations.at(np.array([at for at, _ in marks], dtype=float) / FS, [symbol for _, symbol in marks])


SYMBOLS = "NLRBAaJSVrFejnE/fQ?[]!+~x|"


def cells(comparison: BeatComparison) -> dict[str, int]:
    """``{"Nn": 2, "Vo": 1}`` of the cells that are not 0."""
    return {
        ROWS[i] + COLUMNS[j]: int(comparison.matrix[i, j]) for i, j in zip(*np.nonzero(comparison.matrix), strict=True)
    }


def compare(reference: str, test: str, *, start: int = 0, stop: int | None = None, **rules: object) -> BeatComparison:
    return compare_beats(
        beats(reference),
        beats(test),
        fs=FS,
        start_s=start / FS,
        stop_s=None if stop is None else stop / FS,
        **rules,  # type: ignore[arg-type]
    )


def test_a_record_compared_with_itself_is_perfect() -> None:
    text = "100N 180A 260V 340F 420/ 500+ 520N"
    result = compare(text, text)
    assert cells(result) == {"Nn": 2, "Ss": 1, "Vv": 1, "Ff": 1, "Qq": 1}
    assert (result.qrs.sensitivity, result.qrs.positive_predictivity) == (1.0, 1.0)
    assert result.pairs.tolist() == [[0, 0], [1, 1], [2, 2], [3, 3], [4, 4], [6, 6]]


def test_missed_extra_and_confused_beats_land_in_their_cells() -> None:
    result = compare("100N 200V 300N 400A 500F", "101N 198N 350V 402S 501V")
    assert cells(result) == {"Nn": 1, "Vn": 1, "No": 1, "Ov": 1, "Ss": 1, "Fv": 1}
    assert result.pairs.tolist() == [[0, 0], [1, 1], [2, -1], [-1, 2], [3, 3], [4, 4]]


def test_second_detection_of_one_beat_is_extra() -> None:
    assert cells(compare("100N 200N", "98V 108N 200N")) == {"Nv": 1, "On": 1, "Nn": 1}
    assert cells(compare("100N 200N", "92V 104N 200N")) == {"Ov": 1, "Nn": 2}


def test_of_two_equally_near_detections_the_second_is_the_match() -> None:
    assert cells(compare("100N", "92V 108N")) == {"Ov": 1, "Nn": 1}


@pytest.mark.parametrize(
    ("reference", "test", "expected"),
    [
        pytest.param("30000N", "30002N", {"Nn": 1}, id="reference beat at 5:00 counts"),
        pytest.param("29999N 30100N", "30099N", {"Nn": 1}, id="reference beat one sample earlier does not"),
        pytest.param("30003N 30100N", "29995N 30100N", {"Nn": 2}, id="last test beat before 5:00 pairs across it"),
        pytest.param("30003N", "29987N", {"No": 1}, id="but not from outside the window"),
        pytest.param("30003N", "29990N 30008N", {"Nn": 1}, id="nor where the next is nearer"),
        pytest.param("29995N 30090N", "30004N 30090N", {"Nn": 1}, id="left-over of the learning period is no extra"),
        pytest.param("30090N", "30016N 30090N", {"On": 1, "Nn": 1}, id="one window after 5:00 the excuse ends"),
        pytest.param("30090N", "30015N 30090N", {"Nn": 1}, id="at exactly one window it holds"),
        pytest.param("30010N", "29000N 30008N 30016N", {"Nn": 1, "On": 1}, id="a true match is not passed over"),
    ],
)
def test_learning_period_of_five_minutes(reference: str, test: str, expected: dict[str, int]) -> None:
    assert cells(compare(reference, test, start=30000)) == expected


def test_without_a_learning_period_every_beat_counts() -> None:
    assert cells(compare("90N", "4N 90N")) == {"On": 1, "Nn": 1}


def test_the_default_learning_period_is_five_minutes() -> None:
    result = compare_beats(beats("100N 29999N 30000N"), beats("100N 29999N 30000N"), fs=FS)
    assert result.pairs.tolist() == [[2, 2]]


def test_beats_after_the_stop_count_only_as_partners() -> None:
    assert cells(compare("100N 190N 300N", "100N 204N 310V", stop=200)) == {"Nn": 2}
    assert cells(compare("100N 204N", "100N 190N", stop=200)) == {"Nn": 2}
    assert cells(compare("100N 200N", "100N", stop=200)) == {"Nn": 1, "No": 1}


def test_beats_in_ventricular_fibrillation_are_not_counted() -> None:
    reference = "100N 200[ 230! 300] 400N"
    result = compare(reference, "100N 200V 250V 300N 320V 400N")
    assert cells(result) == {"Nn": 2, "Ov": 1}
    assert [-1, 4] in result.pairs.tolist()


def test_reference_beats_in_ventricular_fibrillation_are_not_missed() -> None:
    assert cells(compare("100N 200[ 230V 300] 400N", "100N 400N")) == {"Nn": 2}


def test_a_detection_just_inside_fibrillation_still_pairs_with_the_beat_before_it() -> None:
    assert cells(compare("100N 195N 200[ 300] 400N", "100N 202N 400N")) == {"Nn": 3}


def test_fibrillation_that_began_in_the_learning_period_reaches_over_its_end() -> None:
    assert cells(compare("100N 29900[ 30200] 30300N", "100N 30100V 30300N", start=30000)) == {"Nn": 1}


def test_fibrillation_that_began_before_the_recording_is_not_counted() -> None:
    assert cells(compare("50] 100N", "20V 100N")) == {"Nn": 1}


def test_fibrillation_that_never_ends_reaches_to_the_end() -> None:
    assert cells(compare("100N 200[", "100N 250V 999V")) == {"Nn": 1}


def test_what_a_test_annotator_calls_fibrillation_it_misses() -> None:
    assert cells(compare("100N 200N 300N", "100N 150[ 210N 250] 300N")) == {"Nn": 2, "No": 1}


def test_unreadable_and_shut_down_spans_go_to_x_and_count_alike() -> None:
    plain = compare("100N 200V 400N", "100N 300V 400N")
    marked = compare("100N 200V 400N", "100N 300V 400N", unreadable_s=([(2.5, 3.5)], [(1.5, 2.5)]))
    assert cells(plain) == {"Nn": 2, "Vo": 1, "Ov": 1}
    assert cells(marked) == {"Nn": 2, "Vx": 1, "Xv": 1}
    assert (marked.qrs, marked.veb, marked.sveb) == (plain.qrs, plain.veb, plain.sveb)


def test_marks_that_are_no_beats_are_ignored() -> None:
    assert cells(compare("90+ 100N 105~ 110x 200N", "100N 150| 200N")) == {"Nn": 2}


def test_escape_beats_are_normal_in_the_literature_and_supraventricular_in_the_standard() -> None:
    assert cells(compare("100e 200j", "100N 200S")) == {"Nn": 1, "Ns": 1}
    assert cells(compare("100e 200j", "100N 200S", convention="ec57")) == {"Sn": 1, "Ss": 1}


# Rows N S V F Q O X, columns n s v f q o x. Every cell is distinct, so that a wrong cell shows in the sums.
WORKED = np.array(
    [
        [9000, 31, 23, 5, 2, 11, 1],
        [40, 300, 17, 3, 6, 8, 12],
        [50, 9, 700, 14, 4, 16, 10],
        [60, 7, 90, 80, 13, 15, 18],
        [19, 21, 22, 24, 70, 25, 26],
        [27, 28, 29, 30, 32, 0, 0],
        [33, 34, 35, 36, 37, 0, 0],
    ]
)


def test_statistics_add_the_cells_that_the_standard_names() -> None:
    result = BeatComparison(WORKED)
    assert result.qrs.true_positives == 9061 + 366 + 777 + 250 + 156
    assert result.qrs.false_negatives == (11 + 1) + (8 + 12) + (16 + 10) + (15 + 18) + (25 + 26)
    assert result.qrs.false_positives == (27 + 28 + 29 + 30 + 32) + (33 + 34 + 35 + 36 + 37)
    assert result.veb.true_positives == 700
    assert result.veb.false_negatives == 50 + 9 + 14 + 4 + 16 + 10
    assert result.veb.false_positives == 23 + 17 + 29 + 35  # Nv Sv Ov Xv, not Fv (90), not Qv (22)
    assert result.veb.true_negatives == 9038 + 349 + 160 + 134 + 117 + 140  # N S F Q O X in n s f q
    assert result.sveb.true_positives == 300
    assert result.sveb.false_negatives == 40 + 17 + 3 + 6 + 8 + 12
    assert result.sveb.false_positives == 31 + 9 + 7 + 28 + 34  # Ns Vs Fs Os Xs, not Qs (21)
    assert result.sveb.true_negatives == 9030 + 768 + 243 + 135 + 118 + 141  # N V F Q O X in n v f q


def test_fractions_follow_from_the_counts() -> None:
    veb = BeatComparison(WORKED).veb
    assert veb.sensitivity == 700 / 803
    assert veb.positive_predictivity == 700 / 804
    assert veb.false_positive_rate == 104 / (104 + 9938)


def test_nothing_over_nothing_is_none() -> None:
    result = compare("100N", "100N")
    assert (result.sveb.sensitivity, result.sveb.positive_predictivity) == (None, None)
    assert result.sveb.false_positive_rate == 0.0
    assert result.qrs.false_positive_rate is None
    empty = compare("", "")
    assert (empty.qrs.sensitivity, empty.veb.false_positive_rate) == (None, None)
    assert empty.pairs.shape == (0, 2)


def test_gross_weighs_beats_and_average_weighs_records() -> None:
    records = {
        "a": (beats("100V 200V 300V 400N"), beats("100V 200V 300N 400N"), FS),
        "b": (beats("100V 200N"), beats("150N 200N"), FS),
        "c": (beats("100N"), beats("100N"), FS),
    }
    result = compare_records(records, start_s=0.0)
    assert result.gross.veb.sensitivity == 2 / 4
    assert result.average["veb"]["sensitivity"] == pytest.approx((2 / 3 + 0) / 2)
    assert result.gross.qrs.sensitivity == 6 / 7
    assert result.average["qrs"]["sensitivity"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert result.average["sveb"]["sensitivity"] is None


def test_results_are_plain_json_without_nan() -> None:
    result = compare_records({"a": (beats("100N"), beats("100N 150V"), FS)}, start_s=0.0)
    loaded = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert loaded["records"]["a"]["matrix"]["counts"][5][2] == 1
    assert loaded["gross"]["qrs"]["positive_predictivity"] == 0.5
    assert loaded["average"]["sveb"]["sensitivity"] is None


def test_tables_carry_labels_and_percentages() -> None:
    one = compare("100N 200V", "100N")
    assert one.table().loc["V", "o"] == 1
    table = RecordsComparison({"a": one}).table()
    assert table.index.tolist() == ["a", "gross", "average"]
    assert table.loc["gross", ["beats", "missed", "extra"]].tolist() == [2, 1, 0]
    assert table.loc["average", "QRS Se"] == 50.0
    assert math.isnan(table.loc["gross", "VEB +P"])
    assert "QRS FPR" not in table.columns


def test_the_window_is_150_ms_rounded_down_to_samples() -> None:
    reference = Annotations.at(np.array([10.0]), ["N"])
    for extra, partner in ((37, 0), (38, -1)):
        late = Annotations.at(np.array([10.0 + extra / 250]), ["N"])
        assert compare_beats(reference, late, fs=250.0, start_s=0.0).pairs[0].tolist() == [0, partner]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"fs": 0.0}, "fs must be a positive number of Hz"),
        ({"fs": FS, "match_s": -0.1}, "match_s and start_s must be finite and not negative"),
        ({"fs": FS, "start_s": 300.0, "stop_s": 300.0}, r"stop_s must lie after start_s=300 s, got 300; lower start_s"),
        ({"fs": FS, "convention": "aha"}, "convention must be one of"),
    ],
)
def test_impossible_rules_are_refused(rules: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_beats(beats("1N"), beats("1N"), **rules)  # type: ignore[arg-type]


def test_a_comparison_of_no_records_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one record"):
        compare_records({})


DS1 = [
    "101",
    "106",
    "108",
    "109",
    "112",
    "114",
    "115",
    "116",
    "118",
    "119",
    "122",
    "124",
    "201",
    "203",
    "205",
    "207",
    "208",
    "209",
    "215",
    "220",
    "223",
    "230",
]


@pytest.mark.data
def test_reference_beats_of_ds1_compared_with_themselves_are_perfect(data_dir: Path) -> None:
    recordings = {name: read(data_dir / "mitdb" / name) for name in DS1}
    result = compare_records({name: (one.annotations, one.annotations, one.fs) for name, one in recordings.items()})
    assert cells(result.gross) == {"Nn": 38012, "Ss": 894, "Vv": 3214, "Ff": 335, "Qq": 8}


@pytest.mark.data
def test_what_gqrs_detects_in_the_flutter_of_207_is_not_counted(data_dir: Path) -> None:
    from wfdb.processing import gqrs_detect

    recording = read(data_dir / "mitdb" / "207")
    at = gqrs_detect(sig=recording.data[0].astype(np.float64), fs=recording.fs, adc_gain=200, adc_zero=1024)
    found = Annotations.at(at / recording.fs, ["N"] * len(at))
    result = compare_beats(recording.annotations, found, fs=recording.fs)
    in_flutter = ((at >= 1540.783 * 360) & (at <= 1638.683 * 360)).sum()
    assert in_flutter > 100
    assert (result.qrs.true_positives, result.qrs.false_negatives, result.qrs.false_positives) == (1591, 1, 9)
