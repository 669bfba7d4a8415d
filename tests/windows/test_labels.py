"""Symbols, classes and spans, against the tables of EC57 and de Chazal 2004 and marks placed by hand."""

from pathlib import Path

import numpy as np
import pytest

from biosig.records.recording import Annotations
from biosig.records.wfdb_annotations import Marks, read_marks
from biosig.windows.labels import (
    AAMI_CLASSES,
    BEAT_SYMBOLS,
    NON_BEAT_SYMBOLS,
    Rhythm,
    aami_class,
    aami_classes,
    is_beat,
    rhythms,
    unreadable_spans,
    vf_spans,
)


def marks(*events: tuple[float, str]) -> Annotations:
    return Annotations.at(np.array([onset for onset, _ in events], dtype=float), [label for _, label in events])


def test_classes_are_those_of_de_chazal_2004() -> None:
    table = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
    assert {label: "".join(s for s in symbols if aami_class(s) == label) for label, symbols in table.items()} == table


def test_ec57_counts_escape_beats_as_supraventricular() -> None:
    assert [aami_class(symbol, "ec57") for symbol in "ejn"] == ["S", "S", "S"]
    differs = {s for s in BEAT_SYMBOLS if aami_class(s) != aami_class(s, "ec57")}
    assert differs == {"e", "j"}


def test_every_wfdb_symbol_is_a_beat_or_is_not() -> None:
    from wfdb.io.annotation import ann_label_table

    known = set(ann_label_table["symbol"]) - {" "}
    assert not BEAT_SYMBOLS & NON_BEAT_SYMBOLS
    assert known <= BEAT_SYMBOLS | NON_BEAT_SYMBOLS


@pytest.mark.parametrize("symbol", ["~", "+", "[", "]", "!", "x", "|", "", "eyes open"])
def test_marks_that_are_not_beats_have_no_class(symbol: str) -> None:
    assert aami_class(symbol) is None
    assert not is_beat(symbol)


def test_a_sequence_maps_to_an_array_with_empty_strings_for_marks() -> None:
    classes = aami_classes(["N", "+", "a", "!", "E", "F", "f"])
    assert classes.tolist() == ["N", "", "S", "", "V", "F", "Q"]
    assert aami_classes([]).shape == (0,)
    assert set(AAMI_CLASSES) == {"N", "S", "V", "F", "Q"}


def test_unknown_convention_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"de-chazal, ec57, got 'aha'"):
        aami_class("N", "aha")  # type: ignore[arg-type]


def test_vf_runs_from_opening_to_closing_bracket() -> None:
    spans = vf_spans(marks((1, "N"), (2, "["), (2.5, "!"), (3, "]"), (4, "N"), (5, "["), (9, "]")))
    assert spans.tolist() == [[2, 3], [5, 9]]


def test_vf_that_never_ends_runs_to_infinity() -> None:
    assert vf_spans(marks((1, "N"), (2, "["), (3, "["))).tolist() == [[2, np.inf]]


def test_vf_cut_at_its_beginning_counts_from_zero() -> None:
    assert vf_spans(marks((0.2, "!"), (3, "]"), (4, "N"))).tolist() == [[0, 3]]


def test_stray_closing_bracket_after_beats_opens_nothing() -> None:
    assert vf_spans(marks((1, "N"), (3, "]"), (4, "["), (5, "]"), (6, "]"))).tolist() == [[4, 5]]


def test_no_marks_give_no_spans() -> None:
    assert vf_spans(Annotations()).shape == (0, 2)
    assert rhythms(Annotations()) == ()


def test_rhythm_lasts_until_the_next_rhythm() -> None:
    annotations = Annotations(
        onset_s=np.array([0.5, 1.0, 4.0, 5.0, 7.0]),
        duration_s=np.zeros(5),
        label=("+", "N", "+", "+", "+"),
        aux=("(N\x00", "", "(VT", "MISSB\x00", "(AFIB"),
        channel=np.full(5, -1),
    )
    assert rhythms(annotations, stop_s=9.0) == (
        Rhythm(0.5, 4.0, "N"),
        Rhythm(4.0, 7.0, "VT"),
        Rhythm(7.0, 9.0, "AFIB"),
    )


def stored(*events: tuple[int, str, int]) -> Marks:
    n = len(events)
    return Marks(
        sample=np.array([at for at, _, _ in events], dtype=np.int64),
        symbol=tuple(symbol for _, symbol, _ in events),
        subtype=np.array([subtype for _, _, subtype in events], dtype=np.int64),
        chan=np.zeros(n, dtype=np.int64),
        num=np.zeros(n, dtype=np.int64),
        aux=("",) * n,
    )


def test_unreadable_signal_runs_from_noise_on_all_leads_to_the_next_noise_mark() -> None:
    marks = stored((100, "N", 0), (200, "~", 0x30), (500, "~", 0x10), (600, "N", 0), (700, "~", -1), (800, "~", 0))
    assert unreadable_spans(marks, 100.0).tolist() == [[2, 5], [7, 8]]


def test_noise_on_some_leads_is_readable() -> None:
    assert unreadable_spans(stored((200, "~", 1), (300, "~", 0x20), (400, "~", 0)), 100.0).shape == (0, 2)


def test_a_lone_unreadable_mark_lies_between_its_neighbours() -> None:
    marks = stored((100, "N", 0), (150, "~", -1), (300, "N", 0), (310, "~", -1), (320, "N", 0))
    assert unreadable_spans(marks, 100.0) == pytest.approx(np.array([[1.15, 2.85], [3.05, 3.05]]))


def test_unreadable_signal_that_never_ends_runs_to_infinity() -> None:
    assert unreadable_spans(stored((100, "N", 0), (200, "~", 0x33)), 100.0).tolist() == [[2, np.inf]]


@pytest.mark.data
def test_three_records_of_the_first_half_of_mitdb_have_unreadable_signal(data_dir: Path) -> None:
    records = ["101", "106", "203", "207", "208"]
    found = {name: unreadable_spans(read_marks(data_dir / "mitdb" / f"{name}.atr"), 360.0) for name in records}
    assert {name: len(spans) for name, spans in found.items()} == {"101": 1, "106": 0, "203": 1, "207": 0, "208": 1}
