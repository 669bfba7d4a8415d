"""The classes of WFDB beat symbols, against de Chazal's table and the labels models are trained on."""

import wfdb.io.annotation

from biosig.records.symbols import AAMI_CLASS, BEAT_SYMBOLS, aami_class
from biosig.windows import labels


def test_classes_are_those_of_de_chazal():
    assert {symbol: aami_class(symbol) for symbol in "NLRejAaJSVEF/fQ"} == dict(
        zip("NLRejAaJSVEF/fQ", "NNNNNSSSSVVFQQQ", strict=True)
    )


def test_marks_that_are_no_beat_have_no_class():
    assert [aami_class(symbol) for symbol in '+~|"[]!xpt()'] == [None] * 12


def test_every_beat_symbol_is_one_that_wfdb_knows():
    assert set(wfdb.io.annotation.ann_label_table["symbol"]) >= BEAT_SYMBOLS


def test_pages_colour_a_beat_by_the_class_it_is_trained_as():
    assert {symbol: labels.aami_class(symbol) for symbol in labels.BEAT_SYMBOLS} == AAMI_CLASS
